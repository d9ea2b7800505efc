package rules

import (
	"fmt"
	"math"
	"slices"
	"time"

	"sluice/schemas"
)

// copier brings a column's value, not null, into a field of type t, or says what
// is in the way. What it gives lives in a, or where v lives.
type copier func(v schemas.Value, t *schemas.Type, a *schemas.Arena) (schemas.Value, string)

// copierFor returns how a column of type from is copied into a field of type
// to; nil where that would not be exact, or would change what the value means.
func copierFor(from, to schemas.Type) copier {
	switch to.Name {
	case schemas.BoolType:
		if from.Name == schemas.BoolType {
			return same
		}
	case schemas.Int64Type:
		if isInteger(from) {
			return same
		}
	case schemas.Float64Type:
		if from.Name == schemas.Float32Type || from.Name == schemas.Float64Type {
			return same
		}
	case schemas.DecimalType:
		switch {
		case from.Name == schemas.DecimalType || from.Name == schemas.VarDecimalType:
			return copyDecimal
		case isInteger(from):
			return copyIntegerToDecimal
		}
	case schemas.StringType:
		if isTextType(from) {
			return same
		}
	case schemas.EnumType:
		if from.Name == schemas.StringType || from.Name == schemas.EnumType {
			return copyToEnum
		}
	case schemas.ArrayType:
		if from.Name == schemas.ArrayType && from.Elem != nil {
			if each := copierFor(from.Elem.Type, to.Elem.Type); each != nil {
				return copyList(each)
			}
		}
	case schemas.DateType:
		if from.Name == schemas.DateType {
			return same
		}
	case schemas.InstantType:
		switch from.Name {
		case schemas.InstantType, schemas.MicroTimestampType: // a wall clock is taken for UTC
			return same
		case schemas.MilliTimestampType:
			return copyMilliseconds
		case schemas.ZonedTimestampType:
			return copyZoned
		}
	}
	return nil
}

func isInteger(t schemas.Type) bool {
	return t.Name == schemas.Int16Type || t.Name == schemas.Int32Type || t.Name == schemas.Int64Type
}

func isTextType(t schemas.Type) bool {
	switch t.Name {
	case schemas.StringType, schemas.UUIDType, schemas.JSONType, schemas.XMLType, schemas.EnumType:
		return true
	}
	return false
}

func same(v schemas.Value, _ *schemas.Type, _ *schemas.Arena) (schemas.Value, string) { return v, "" }

func copyDecimal(v schemas.Value, t *schemas.Type, a *schemas.Arena) (schemas.Value, string) {
	return rescale(v, *t, a)
}

func copyIntegerToDecimal(v schemas.Value, t *schemas.Type, a *schemas.Arena) (schemas.Value, string) {
	return rescale(smallDecimal(v.Int(), 0, a), *t, a)
}

func copyToEnum(v schemas.Value, t *schemas.Type, _ *schemas.Arena) (schemas.Value, string) {
	for _, s := range t.Symbols {
		if string(v.Bytes) == s {
			return v, ""
		}
	}
	return v, notInEnum(t)
}

func notInEnum(t *schemas.Type) string {
	words := ""
	for i, s := range t.Symbols {
		if i > 0 {
			words += ", "
		}
		words += s
	}
	return "is none of the enum's values: " + shorten(words, 200)
}

// copyList copies each element by each.
func copyList(each copier) copier {
	return func(v schemas.Value, t *schemas.Type, a *schemas.Arena) (schemas.Value, string) {
		row := a.Row(len(v.Elems()))
		for i, e := range v.Elems() {
			if e.IsNull() {
				return v, fmt.Sprintf("has a NULL, its element %d, which a list does not take", i)
			}
			out, problem := each(e, &t.Elem.Type, a)
			if problem != "" {
				return v, fmt.Sprintf("has the element %s, which %s", showValue(e), problem)
			}
			row[i] = out
		}
		return schemas.ListOf(row), ""
	}
}

func copyMilliseconds(v schemas.Value, _ *schemas.Type, _ *schemas.Arena) (schemas.Value, string) {
	ms := v.Int()
	if ms > math.MaxInt64/1000 || ms < math.MinInt64/1000 {
		return v, "is beyond the range of a timestamp in microseconds"
	}
	return schemas.IntOf(ms * 1000), ""
}

func copyZoned(v schemas.Value, _ *schemas.Type, _ *schemas.Arena) (schemas.Value, string) {
	t, err := time.Parse(time.RFC3339Nano, string(v.Bytes))
	if err != nil {
		return v, "is no timestamp of the years 0 to 9999"
	}
	return instant(t)
}

// instant gives the microseconds of a time; what is finer is not cut silently.
func instant(t time.Time) (schemas.Value, string) {
	if t.Nanosecond()%1000 != 0 {
		return schemas.Value{}, "is finer than a microsecond"
	}
	return schemas.IntOf(t.UnixMicro()), ""
}

// keyKinds are the columns that are a key as they are.
func isKeyText(t schemas.Type) bool {
	return isInteger(t) || slices.Contains([]schemas.TypeName{schemas.StringType, schemas.UUIDType, schemas.EnumType}, t.Name)
}
