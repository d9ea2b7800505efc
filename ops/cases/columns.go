package cases

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sluice/schemas"
)

// sqlTypes are the names of types of PostgreSQL, MySQL and MariaDB, without what
// stands in parentheses, as a capture brings them.
var sqlTypes = map[string]schemas.TypeName{
	"bool": schemas.BoolType, "boolean": schemas.BoolType,
	"tinyint": schemas.Int16Type, "smallint": schemas.Int16Type, "int2": schemas.Int16Type, "smallserial": schemas.Int16Type, "year": schemas.Int32Type,
	"int": schemas.Int32Type, "integer": schemas.Int32Type, "int4": schemas.Int32Type, "mediumint": schemas.Int32Type, "serial": schemas.Int32Type,
	"bigint": schemas.Int64Type, "int8": schemas.Int64Type, "bigserial": schemas.Int64Type,
	"real": schemas.Float32Type, "float4": schemas.Float32Type,
	"float": schemas.Float64Type, "float8": schemas.Float64Type, "double": schemas.Float64Type, "double precision": schemas.Float64Type,
	"text": schemas.StringType, "varchar": schemas.StringType, "char": schemas.StringType, "character": schemas.StringType, "character varying": schemas.StringType,
	"bpchar": schemas.StringType, "citext": schemas.StringType, "name": schemas.StringType, "tinytext": schemas.StringType, "mediumtext": schemas.StringType, "longtext": schemas.StringType,
	"bytea": schemas.BytesType, "blob": schemas.BytesType, "binary": schemas.BytesType, "varbinary": schemas.BytesType, "longblob": schemas.BytesType, "mediumblob": schemas.BytesType,
	"numeric": schemas.VarDecimalType, "decimal": schemas.VarDecimalType,
	// As a capture of MySQL brings them by default.
	"tinyint unsigned": schemas.Int16Type, "smallint unsigned": schemas.Int32Type, "mediumint unsigned": schemas.Int32Type,
	"int unsigned": schemas.Int64Type, "bigint unsigned": schemas.Int64Type,
	"time with time zone": schemas.ZonedTimeType, "timetz": schemas.ZonedTimeType,
	"date": schemas.DateType, "time": schemas.TimeType, "interval": schemas.DurationType,
	"timestamp": schemas.MicroTimestampType, "datetime": schemas.MicroTimestampType, "timestamp without time zone": schemas.MicroTimestampType,
	"timestamptz": schemas.ZonedTimestampType, "timestamp with time zone": schemas.ZonedTimestampType,
	"uuid": schemas.UUIDType, "json": schemas.JSONType, "jsonb": schemas.JSONType, "xml": schemas.XMLType, "enum": schemas.EnumType,
}

// declaration is a type, what stands in its parentheses, the rest of a name of
// several words, and what may follow.
var declaration = regexp.MustCompile(`^([a-z][a-z0-9]*(?: precision| varying)?)\s*(?:\(([^)]*)\))?\s*(with time zone|without time zone|unsigned)?(\s*\[\])?\s*(.*)$`)

// declared makes the table of a suite. The fault's path is such as
// "tables.erp.public.customers.id".
func declared(topic string, columns map[string]string) (*schemas.Table, error) {
	t := &schemas.Table{}
	t.Schema, t.Name = tableName(topic)
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		c, key, what := column(name, columns[name])
		if what != "" {
			return nil, &schemas.Fault{Where: "tables." + topic + "." + name, What: what, Cure: "write it as SQL does: bigint primary key, varchar(80) not null, numeric(14,2), timestamptz, text[]"}
		}
		if key {
			t.Key = append(t.Key, len(t.Columns))
		}
		t.Columns = append(t.Columns, c)
	}
	if len(t.Key) == 0 {
		return nil, &schemas.Fault{Where: "tables." + topic, What: "no column is the primary key", Cure: "add it to one of them: id: bigint primary key"}
	}
	return t, nil
}

func column(name, text string) (c schemas.Column, key bool, what string) {
	m := declaration.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if m == nil {
		return c, false, fmt.Sprintf("%q is no type", text)
	}
	typ, ok := sqlTypes[strings.TrimSpace(m[1]+" "+m[3])]
	if !ok {
		return c, false, fmt.Sprintf("%q is no type that is known here", strings.TrimSpace(m[1]+" "+m[3]))
	}
	c = schemas.Column{Name: name, Optional: true, Type: schemas.Type{Name: typ}}
	switch rest := strings.Join(strings.Fields(m[5]), " "); rest {
	case "", "null":
	case "not null":
		c.Optional = false
	case "primary key", "not null primary key", "primary key not null":
		c.Optional, key = false, true
	default:
		return c, false, fmt.Sprintf("%q is neither null, not null nor primary key", rest)
	}
	switch {
	case typ == schemas.VarDecimalType && m[2] != "":
		p, s, _ := strings.Cut(m[2], ",")
		precision, err := strconv.Atoi(strings.TrimSpace(p))
		scale := 0
		if err == nil && s != "" {
			scale, err = strconv.Atoi(strings.TrimSpace(s))
		}
		if err != nil || precision < 1 || precision > 1000 || scale < 0 || scale > precision {
			return c, false, fmt.Sprintf("%q is no decimal", text)
		}
		c.Type = schemas.Type{Name: schemas.DecimalType, Precision: precision, Scale: scale}
	case typ == schemas.EnumType:
		// The words keep their case.
		inside := text[strings.IndexByte(text, '(')+1:]
		for _, word := range strings.Split(inside[:max(0, strings.IndexByte(inside, ')'))], ",") {
			if word = strings.Trim(strings.TrimSpace(word), `'"`); word != "" {
				c.Type.Symbols = append(c.Type.Symbols, word)
			}
		}
		if len(c.Type.Symbols) == 0 {
			return c, false, "an enum without its words"
		}
	}
	if strings.TrimSpace(m[4]) != "" {
		c.Type = schemas.Type{Name: schemas.ArrayType, Elem: &schemas.Column{Type: c.Type, Optional: true}}
	}
	return c, key, ""
}
