package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"sluice/schemas"
)

// readDefaults fills in the columns' DEFAULT expressions, as the server prints
// them; an identity column has none.
func (t *tableInfo) readDefaults(ctx context.Context, q querier) error {
	rows, err := q.query(ctx, `
		SELECT a.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid)
		FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
		WHERE d.adrelid = $1 AND a.attgenerated = ''`, strconv.FormatUint(uint64(t.oid), 10))
	if err != nil {
		return fmt.Errorf("reading the defaults of %s: %w", t.fullName(), err)
	}
	for _, r := range rows {
		for i := range t.attributes {
			if t.attributes[i].name == r.text(0) {
				t.attributes[i].expression = r.text(1)
			}
		}
	}
	return nil
}

// defaulted are the built-in types whose defaults a schema says, which are those
// of Debezium's connector: with an enum they are all that have one there.
var defaulted = map[uint32]bool{
	oidBool: true, oidInt2: true, oidInt4: true, oidInt8: true, oidFloat4: true, oidFloat8: true, oidNumeric: true,
	oidText: true, oidVarchar: true, oidBpchar: true, oidUUID: true, oidJSON: true, oidJSONB: true, oidXML: true,
	oidDate: true, oidTime: true, oidTimestamp: true, oidTimestamptz: true, oidInterval: true, oidBit: true, oidVarbit: true,
}

// computed stand in for a default that the server computes for each row. A
// reader needs one nonetheless: without, a column that is NOT NULL and new could
// not be read from older records. They are Debezium's.
var computed = map[schemas.TypeName]string{
	schemas.BoolType: "f", schemas.Int16Type: "0", schemas.Int32Type: "0", schemas.Int64Type: "0",
	schemas.Float32Type: "0", schemas.Float64Type: "0", schemas.DecimalType: "0",
	schemas.StringType: "", schemas.JSONType: "{}", schemas.XMLType: "", schemas.UUIDType: "00000000-0000-0000-0000-000000000000",
	schemas.DateType: "1970-01-01", schemas.TimeType: "00:00:00", schemas.DurationType: "00:00:00",
	schemas.MilliTimestampType: "1970-01-01 00:00:00", schemas.MicroTimestampType: "1970-01-01 00:00:00",
	schemas.ZonedTimestampType: "1970-01-01 00:00:00+00",
}

// The forms in which the server prints a constant, and a call.
const castsPattern = `(?:::[\w ."]+(?:\(\d+(?:,\d+)?\))?[\w ]*)*$`

var (
	numberExpression = regexp.MustCompile(`^\(?(-?\d[\d.e+-]*)\)?` + castsPattern)
	textExpression   = regexp.MustCompile(`(?s)^([EB]?)'((?:[^']|'')*)'` + castsPattern)
	callExpression   = regexp.MustCompile(`^\(*(?:[\w."]+\(|CURRENT_|LOCALTIME|SESSION_USER|USER\b)`)
)

// value is what the column's DEFAULT says to a reader of the topic: a constant
// is itself, a call what computed has, another expression nothing. It is read
// as the column's rows are, so that it means the same.
func (a *attribute) value(typ *schemas.Type, enum bool, decode decodeFunc) *schemas.Value {
	if a.expression == "" || !defaulted[a.oid] && !enum {
		return nil
	}
	text, ok := constant(a.expression, typ.Name)
	if !ok && callExpression.MatchString(a.expression) {
		text, ok = computed[typ.Name]
	}
	if !ok {
		return nil
	}
	var v schemas.Value
	var arena schemas.Arena
	if decode(&v, []byte(text), &arena) != nil {
		return nil
	}
	v = v.Clone()
	return &v
}

// constant returns the text of a constant, as the type's values are written.
func constant(expression string, name schemas.TypeName) (string, bool) {
	if m := textExpression.FindStringSubmatch(expression); m != nil {
		text := strings.ReplaceAll(m[2], "''", "'")
		if m[1] == "E" {
			text = strings.ReplaceAll(text, `\\`, `\`)
		}
		return text, true
	}
	switch name {
	case schemas.BoolType:
		return expression[:1], expression == "true" || expression == "false"
	case schemas.Int16Type, schemas.Int32Type, schemas.Int64Type, schemas.Float32Type, schemas.Float64Type, schemas.DecimalType:
		if m := numberExpression.FindStringSubmatch(expression); m != nil {
			return m[1], true
		}
	}
	return "", false
}
