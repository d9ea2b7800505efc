package rules

import (
	"fmt"
	"regexp"
	"strconv"

	"sluice/schemas"
)

var decimalType = regexp.MustCompile(`^decimal\(\s*(\d{1,4})\s*,\s*(\d{1,4})\s*\)$`)

var listType = regexp.MustCompile(`^list\(\s*(.+?)\s*\)$`)

// maxPrecision is that of the widest decimals in common use (BigQuery's
// BIGNUMERIC has 76 digits), beyond which few readers follow.
const maxPrecision = 76

// plainTypes are the types without parameters.
var plainTypes = map[string]schemas.TypeName{
	"string":    schemas.StringType,
	"int":       schemas.Int64Type,
	"float":     schemas.Float64Type,
	"bool":      schemas.BoolType,
	"date":      schemas.DateType,
	"timestamp": schemas.InstantType,
}

// schema returns the type of the field's values. The fault's Where is the key
// below the field, or empty.
func (f Field) schema() (schemas.Type, *schemas.Fault) {
	var none schemas.Type
	if f.Type != "enum" && len(f.Values) > 0 {
		return none, &schemas.Fault{Where: "values", What: fmt.Sprintf("a field of type %q has no values", f.Type), Cure: "write type: enum, or take values out"}
	}
	if name, ok := plainTypes[f.Type]; ok {
		return schemas.Type{Name: name}, nil
	}
	if m := decimalType.FindStringSubmatch(f.Type); m != nil {
		p, _ := strconv.Atoi(m[1])
		s, _ := strconv.Atoi(m[2])
		if p < 1 || p > maxPrecision || s > p {
			return none, &schemas.Fault{Where: "type", What: fmt.Sprintf("%s is no decimal", f.Type), Cure: fmt.Sprintf("write decimal(digits,decimals) with 1 to %d digits and no more decimals than digits", maxPrecision)}
		}
		return schemas.Type{Name: schemas.DecimalType, Precision: p, Scale: s}, nil
	}
	if m := listType.FindStringSubmatch(f.Type); m != nil {
		of, err := Field{Type: m[1]}.schema()
		if err != nil || of.Name == schemas.ArrayType {
			return none, &schemas.Fault{Where: "type", What: fmt.Sprintf("%q is no list", f.Type), Cure: "write list(string), or another of int, float, decimal(14,2), bool, date, timestamp"}
		}
		return schemas.Type{Name: schemas.ArrayType, Elem: &schemas.Column{Type: of}}, nil
	}
	if f.Type != "enum" {
		return none, &schemas.Fault{Where: "type", What: fmt.Sprintf("%q is no type", f.Type), Cure: "write string, int, float, decimal(14,2), bool, date, timestamp, enum or list(string)"}
	}
	if len(f.Values) == 0 {
		return none, &schemas.Fault{Where: "values", What: "an enum without values", Cure: "list them: values: [high, standard]"}
	}
	seen := map[string]bool{}
	for _, v := range f.Values {
		if v == "" || seen[v] {
			return none, &schemas.Fault{Where: "values", What: fmt.Sprintf("%q is empty or stands twice", v), Cure: "list each word once"}
		}
		seen[v] = true
	}
	return schemas.Type{Name: schemas.EnumType, Symbols: f.Values}, nil
}

// typeText names a type as an entity's declaration does, or as the column's
// type is called where a declaration has no such type.
func typeText(t schemas.Type) string {
	switch t.Name {
	case schemas.BoolType:
		return "bool"
	case schemas.Int16Type, schemas.Int32Type, schemas.Int64Type:
		return "int"
	case schemas.Float32Type, schemas.Float64Type:
		return "float"
	case schemas.StringType:
		return "string"
	case schemas.BytesType:
		return "bytes"
	case schemas.DecimalType:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case schemas.VarDecimalType:
		return "decimal of any scale"
	case schemas.DateType:
		return "date"
	case schemas.TimeType, schemas.ZonedTimeType:
		return "time of day"
	case schemas.MilliTimestampType, schemas.MicroTimestampType:
		return "timestamp without a zone"
	case schemas.ZonedTimestampType, schemas.InstantType:
		return "timestamp"
	case schemas.DurationType:
		return "interval"
	case schemas.UUIDType:
		return "uuid"
	case schemas.JSONType:
		return "json"
	case schemas.XMLType:
		return "xml"
	case schemas.EnumType:
		return "enum"
	case schemas.BitsType:
		return "bits"
	case schemas.ArrayType:
		if t.Elem != nil {
			return "list(" + typeText(t.Elem.Type) + ")"
		}
		return "list"
	case schemas.StructType:
		return "struct"
	}
	return "unknown type"
}
