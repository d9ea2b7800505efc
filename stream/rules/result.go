package rules

import (
	"fmt"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"sluice/schemas"
)

// resultKinds are the kinds of results that a field takes. A result of unknown
// type (dyn) is checked when it comes.
func resultKinds(t schemas.Type) []types.Kind {
	switch t.Name {
	case schemas.StringType, schemas.EnumType:
		return []types.Kind{types.StringKind}
	case schemas.Int64Type:
		return []types.Kind{types.IntKind}
	case schemas.Float64Type:
		return []types.Kind{types.DoubleKind}
	case schemas.DecimalType:
		return []types.Kind{types.DoubleKind, types.IntKind}
	case schemas.BoolType:
		return []types.Kind{types.BoolKind}
	case schemas.DateType, schemas.InstantType:
		return []types.Kind{types.TimestampKind}
	case schemas.ArrayType:
		return []types.Kind{types.ListKind}
	}
	return nil
}

// fitsField reports whether an expression of type out may give a field of type
// t.
func fitsField(out *cel.Type, t schemas.Type) bool {
	if !fits(out, resultKinds(t)) {
		return false
	}
	if t.Name == schemas.ArrayType && out.Kind() == types.ListKind && len(out.Parameters()) == 1 {
		return fitsField(out.Parameters()[0], t.Elem.Type)
	}
	return true
}

// fits reports whether an expression of type out may give what is wanted.
func fits(out *cel.Type, wanted []types.Kind) bool {
	switch out.Kind() {
	case types.DynKind, types.AnyKind, types.NullTypeKind, types.TypeParamKind:
		return true
	}
	for _, k := range wanted {
		if out.Kind() == k {
			return true
		}
	}
	return false
}

// conversions are what to write for a field of that type.
func conversion(t schemas.Type, x string) string {
	switch t.Name {
	case schemas.StringType, schemas.EnumType:
		return "write string(" + x + ")"
	case schemas.Int64Type:
		return "write int(" + x + ")"
	case schemas.Float64Type:
		return "write double(" + x + ")"
	case schemas.DateType:
		return "write date(" + x + ")"
	case schemas.InstantType:
		return "write timestamp(" + x + ")"
	case schemas.DecimalType:
		return "write round(double(" + x + "), " + fmt.Sprint(t.Scale) + ")"
	}
	return "write an expression that gives " + typeText(t)
}

// resultValue brings a result, not null, into a field of type t, or says what is
// in the way. What it gives lives in a.
func resultValue(out ref.Val, t *schemas.Type, a *schemas.Arena) (schemas.Value, string) {
	switch t.Name {
	case schemas.StringType, schemas.EnumType:
		s, ok := out.(types.String)
		if !ok {
			break
		}
		if t.Name == schemas.EnumType {
			for _, symbol := range t.Symbols {
				if string(s) == symbol {
					return schemas.TextOf(a.Copy([]byte(symbol))), ""
				}
			}
			return schemas.Value{}, notInEnum(t)
		}
		return schemas.TextOf(a.Copy([]byte(s))), ""
	case schemas.Int64Type:
		if n, ok := out.(types.Int); ok {
			return schemas.IntOf(int64(n)), ""
		}
	case schemas.Float64Type:
		if f, ok := out.(types.Double); ok {
			return schemas.FloatOf(float64(f)), ""
		}
	case schemas.DecimalType:
		switch n := out.(type) {
		case types.Int:
			return rescale(smallDecimal(int64(n), 0, a), *t, a)
		case types.Double:
			return doubleToDecimal(float64(n), *t, a)
		}
	case schemas.BoolType:
		if b, ok := out.(types.Bool); ok {
			return schemas.BoolOf(bool(b)), ""
		}
	case schemas.DateType:
		at, ok := out.(types.Timestamp)
		if !ok {
			break
		}
		seconds := at.Unix()
		if seconds%86400 != 0 || at.Nanosecond() != 0 {
			return schemas.Value{}, "has a time of day; it is not cut off silently, write date(x)"
		}
		return schemas.IntOf(seconds / 86400), ""
	case schemas.InstantType:
		if at, ok := out.(types.Timestamp); ok {
			return instant(at.Time)
		}
	case schemas.ArrayType:
		if l, ok := out.(traits.Lister); ok {
			return resultList(l, t, a)
		}
	}
	return schemas.Value{}, "is a " + out.Type().TypeName() + ", and the field takes " + typeText(*t)
}

// resultList brings a list into a field.
func resultList(l traits.Lister, t *schemas.Type, a *schemas.Arena) (schemas.Value, string) {
	size, _ := l.Size().(types.Int)
	row := a.Row(int(size))
	for i := range row {
		v := l.Get(types.Int(i))
		if v == types.NullValue {
			return schemas.Value{}, fmt.Sprintf("has a null, its element %d; take it out with .filter(x, x != null)", i)
		}
		out, problem := resultValue(v, &t.Elem.Type, a)
		if problem != "" {
			return schemas.Value{}, fmt.Sprintf("has the element %s, which %s", show(v), problem)
		}
		row[i] = out
	}
	return schemas.ListOf(row), ""
}

// show writes a result for an error.
func show(out ref.Val) string {
	switch v := out.(type) {
	case types.String:
		return fmt.Sprintf("%q", shorten(string(v), 64))
	case types.Timestamp:
		return v.Format(time.RFC3339Nano)
	}
	return shorten(fmt.Sprint(out.Value()), 64)
}

// showValue writes a column's value for an error.
func showValue(v schemas.Value) string {
	switch v.Kind {
	case schemas.Null:
		return "NULL"
	case schemas.Bool:
		return fmt.Sprint(v.Bool())
	case schemas.Int:
		return fmt.Sprint(v.Int())
	case schemas.Float:
		return fmt.Sprint(v.Float())
	case schemas.Text:
		return fmt.Sprintf("%q", shorten(string(v.Bytes), 64))
	case schemas.Bytes:
		return fmt.Sprintf("%d bytes", len(v.Bytes))
	case schemas.Decimal:
		return shorten(decimalText(v), 64)
	}
	return "a " + v.Kind.String() + " value"
}
