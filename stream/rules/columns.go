package rules

import (
	"math"
	"time"
	"unsafe"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"sluice/schemas"
)

// celType is the type of a column in expressions. Every column may be null, so
// that comparing one with null is never an error of types.
func celType(t schemas.Type) *cel.Type {
	switch t.Name {
	case schemas.BoolType:
		return cel.NullableType(cel.BoolType)
	case schemas.Int16Type, schemas.Int32Type, schemas.Int64Type:
		return cel.NullableType(cel.IntType)
	case schemas.Float32Type, schemas.Float64Type, schemas.DecimalType, schemas.VarDecimalType:
		return nullableDouble
	case schemas.BytesType, schemas.BitsType:
		return cel.NullableType(cel.BytesType)
	case schemas.DateType, schemas.MilliTimestampType, schemas.MicroTimestampType,
		schemas.ZonedTimestampType, schemas.InstantType:
		return cel.TimestampType
	case schemas.TimeType, schemas.DurationType:
		return cel.DurationType
	case schemas.ArrayType, schemas.StructType:
		return cel.DynType // CEL's lists and maps are never null
	default:
		return nullableString
	}
}

// activation shows the columns of a row to CEL. It is used again for each row.
type activation struct {
	table   *schemas.Table
	columns map[string]int
	row     schemas.Row
}

// ResolveName gives a column's value.
func (a *activation) ResolveName(name string) (any, bool) {
	i, ok := a.columns[name]
	if !ok {
		return nil, false
	}
	return celValue(a.row[i], &a.table.Columns[i].Type), true
}

// Parent is none.
func (a *activation) Parent() cel.Activation { return nil }

// celValue gives a column's value to CEL. Texts are not copied: a result that is
// kept is, in resultValue.
func celValue(v schemas.Value, t *schemas.Type) ref.Val {
	switch v.Kind {
	case schemas.Bool:
		return types.Bool(v.Bool())
	case schemas.Int:
		switch t.Name {
		case schemas.DateType:
			return timestamp(v.Int(), 24*time.Hour)
		case schemas.MilliTimestampType:
			return timestamp(v.Int(), time.Millisecond)
		case schemas.MicroTimestampType, schemas.InstantType:
			return timestamp(v.Int(), time.Microsecond)
		case schemas.TimeType, schemas.DurationType:
			if d := v.Int(); d > math.MaxInt64/1000 || d < math.MinInt64/1000 {
				return types.NewErr("an interval of %d microseconds is longer than 292 years", d)
			}
			return types.Duration{Duration: time.Duration(v.Int()) * time.Microsecond}
		}
		return types.Int(v.Int())
	case schemas.Float:
		return types.Double(v.Float())
	case schemas.Decimal:
		return types.Double(decimalToDouble(v))
	case schemas.Text:
		s := unsafe.String(unsafe.SliceData(v.Bytes), len(v.Bytes))
		if t.Name != schemas.ZonedTimestampType {
			return types.String(s)
		}
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return types.NewErr("%.40q is no timestamp", s)
		}
		return checkedTimestamp(at.UTC())
	case schemas.Bytes:
		return types.Bytes(v.Bytes)
	case schemas.List:
		elems := v.Elems()
		if t.Name == schemas.StructType {
			return structValue(elems, t.Record)
		}
		out := make([]ref.Val, len(elems))
		for i, e := range elems {
			out[i] = celValue(e, &t.Elem.Type)
		}
		return types.NewRefValList(types.DefaultTypeAdapter, out)
	}
	return types.NullValue
}

// structValue is a map from the names of the fields.
func structValue(elems schemas.Row, t *schemas.Table) ref.Val {
	out := make(map[ref.Val]ref.Val, len(elems))
	for i := range elems {
		out[types.String(t.Columns[i].Name)] = celValue(elems[i], &t.Columns[i].Type)
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, out)
}

func timestamp(n int64, unit time.Duration) ref.Val {
	perSecond := int64(time.Second / unit)
	if perSecond == 0 {
		if n > math.MaxInt32 || n < math.MinInt32 {
			return types.NewErr("day %d is beyond the years 1 to 9999", n)
		}
		return checkedTimestamp(time.Unix(n*int64(unit/time.Second), 0).UTC())
	}
	// Floor division, so that times before 1970 keep a positive fraction.
	seconds, rest := n/perSecond, n%perSecond
	if rest < 0 {
		seconds, rest = seconds-1, rest+perSecond
	}
	return checkedTimestamp(time.Unix(seconds, rest*int64(unit)).UTC())
}

// checkedTimestamp keeps to the years that CEL has.
func checkedTimestamp(t time.Time) ref.Val {
	if y := t.Year(); y < 1 || y > 9999 {
		return types.NewErr("the year %d is beyond the years 1 to 9999", y)
	}
	return types.Timestamp{Time: t}
}
