package mysql

import (
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/schemas"
)

// value is what a column's DEFAULT says to a reader of the topic: a constant is
// itself, an expression says nothing. It is read as the column's rows are, so
// that it means the same.
func (d *dialect) value(c *columnInfo, how *column) *schemas.Value {
	if !c.def.Valid || c.generated || how.isLabels() && len(how.labels) == 0 {
		return nil
	}
	text := c.def.String
	quoted := false
	if d.maria {
		if text == "NULL" {
			return nil
		}
		if quoted = strings.HasPrefix(text, "'"); quoted {
			text = strings.ReplaceAll(strings.Trim(text, "'"), "''", "'")
		}
	}
	var a schemas.Arena
	var v schemas.Value
	switch how.kind {
	case gomysql.MYSQL_TYPE_TINY, gomysql.MYSQL_TYPE_SHORT, gomysql.MYSQL_TYPE_INT24, gomysql.MYSQL_TYPE_LONG, gomysql.MYSQL_TYPE_LONGLONG,
		gomysql.MYSQL_TYPE_FLOAT, gomysql.MYSQL_TYPE_DOUBLE, gomysql.MYSQL_TYPE_NEWDECIMAL,
		gomysql.MYSQL_TYPE_DATE, gomysql.MYSQL_TYPE_TIME2, gomysql.MYSQL_TYPE_DATETIME2, gomysql.MYSQL_TYPE_TIMESTAMP2:
		f := gomysql.NewFieldValue(gomysql.FieldValueTypeString, 0, []byte(text))
		if how.fromField(&v, &f, &a) != nil {
			return nil // an expression, such as CURRENT_TIMESTAMP
		}
	case gomysql.MYSQL_TYPE_ENUM:
		v = schemas.TextOf([]byte(text))
	case gomysql.MYSQL_TYPE_STRING, gomysql.MYSQL_TYPE_VARCHAR:
		if how.typ.Name != schemas.StringType || d.maria && !quoted {
			return nil
		}
		v = schemas.TextOf([]byte(text))
	default:
		return nil
	}
	v = v.Clone()
	return &v
}
