package rules

import (
	"math"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Function is one function of our own.
type Function struct {
	// Signature is how it is written, Doc what it gives.
	Signature, Doc string
}

// Functions lists the functions that expressions have beside those of CEL, its
// strings extension (https://pkg.go.dev/cel.dev/cel-go/ext#Strings) and its math
// extension.
func Functions() []Function {
	return []Function{
		{"coalesce(a, b, ...)", "the first of two to four values, or of a list of values, that is not null"},
		{"join_nonblank([a, b, ...], separator)", "the strings that are neither null nor blank, trimmed and joined"},
		{"lower(s)", "lower case of any script; null for null"},
		{"upper(s)", "upper case of any script; null for null"},
		{"trim(s)", "without white space at both ends; null for null"},
		{"round(x, decimals)", "rounded half away from zero in decimal, 0 to 15 decimals; null for null"},
		{"date(t)", "midnight UTC of the day of a timestamp, or of a string YYYY-MM-DD; null for null"},
	}
}

var (
	nullableString = cel.NullableType(cel.StringType)
	nullableDouble = cel.NullableType(cel.DoubleType)
)

func functionOptions() []cel.EnvOption {
	t := cel.TypeParamType("T")
	text := func(name string, f func(string) string) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_string", []*cel.Type{nullableString}, nullableString,
			cel.UnaryBinding(func(v ref.Val) ref.Val {
				s, ok := v.(types.String)
				if !ok {
					return nullOr(v, name)
				}
				return types.String(f(string(s)))
			})))
	}
	return []cel.EnvOption{
		cel.Function("coalesce",
			cel.Overload("coalesce_list", []*cel.Type{cel.ListType(t)}, t, cel.UnaryBinding(coalesceList)),
			cel.Overload("coalesce_2", []*cel.Type{t, t}, t, cel.FunctionBinding(coalesce)),
			cel.Overload("coalesce_3", []*cel.Type{t, t, t}, t, cel.FunctionBinding(coalesce)),
			cel.Overload("coalesce_4", []*cel.Type{t, t, t, t}, t, cel.FunctionBinding(coalesce))),
		cel.Function("join_nonblank",
			cel.Overload("join_nonblank_list", []*cel.Type{cel.ListType(cel.DynType), cel.StringType}, cel.StringType,
				cel.BinaryBinding(joinNonblank))),
		text("lower", strings.ToLower),
		text("upper", strings.ToUpper),
		text("trim", strings.TrimSpace),
		cel.Function("round",
			cel.Overload("round_double", []*cel.Type{nullableDouble, cel.IntType}, nullableDouble, cel.BinaryBinding(round))),
		cel.Function("date",
			cel.Overload("date_timestamp", []*cel.Type{cel.TimestampType}, cel.TimestampType, cel.UnaryBinding(date)),
			cel.Overload("date_string", []*cel.Type{nullableString}, cel.TimestampType, cel.UnaryBinding(date))),
	}
}

// nullOr passes null on, and says of anything else that the function has no use
// for it.
func nullOr(v ref.Val, function string) ref.Val {
	if v == types.NullValue {
		return v
	}
	if types.IsUnknownOrError(v) {
		return v
	}
	return types.NewErr("%s cannot take a %s", function, v.Type().TypeName())
}

func coalesce(values ...ref.Val) ref.Val {
	for _, v := range values {
		if v != types.NullValue {
			return v
		}
	}
	return types.NullValue
}

func coalesceList(list ref.Val) ref.Val {
	l, ok := list.(traits.Lister)
	if !ok {
		return nullOr(list, "coalesce")
	}
	for it := l.Iterator(); it.HasNext() == types.True; {
		if v := it.Next(); v != types.NullValue {
			return v
		}
	}
	return types.NullValue
}

func joinNonblank(list, separator ref.Val) ref.Val {
	l, ok := list.(traits.Lister)
	sep, ok2 := separator.(types.String)
	if !ok || !ok2 {
		return types.NewErr("join_nonblank takes a list of strings and a string")
	}
	var b strings.Builder
	for it := l.Iterator(); it.HasNext() == types.True; {
		v := it.Next()
		if v == types.NullValue {
			continue
		}
		s, ok := v.(types.String)
		if !ok {
			return types.NewErr("join_nonblank takes a list of strings, and one is a %s", v.Type().TypeName())
		}
		if word := strings.TrimSpace(string(s)); word != "" {
			if b.Len() > 0 {
				b.WriteString(string(sep))
			}
			b.WriteString(word)
		}
	}
	return types.String(b.String())
}

// round rounds the shortest decimal text of x half away from zero, so that
// round(2.675, 2) is 2.68, as a person reading 2.675 expects, though the double
// is a little less.
func round(x, decimals ref.Val) ref.Val {
	f, ok := x.(types.Double)
	if !ok {
		return nullOr(x, "round")
	}
	n, ok := decimals.(types.Int)
	if !ok || n < 0 || n > doubleDigits {
		return types.NewErr("round takes 0 to %d decimals", doubleDigits)
	}
	return types.Double(roundHalfAway(float64(f), int(n)))
}

func roundHalfAway(f float64, decimals int) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) || math.Abs(f) >= 1<<53 {
		return f // nothing behind the point
	}
	text := strconv.FormatFloat(math.Abs(f), 'f', -1, 64)
	point := strings.IndexByte(text, '.')
	if point < 0 || len(text)-point-1 <= decimals {
		return f
	}
	digits := []byte(text[:point] + text[point+1:])
	up := digits[point+decimals] >= '5'
	digits = digits[:point+decimals]
	for i := len(digits) - 1; up && i >= 0; i-- {
		if up = digits[i] == '9'; up {
			digits[i] = '0'
		} else {
			digits[i]++
		}
	}
	if up {
		digits = append([]byte{'1'}, digits...)
	}
	if len(digits) == 0 {
		return 0
	}
	rounded, _ := strconv.ParseFloat(string(digits)+"e-"+strconv.Itoa(decimals), 64)
	if f < 0 {
		rounded = -rounded
	}
	return rounded
}

func date(v ref.Val) ref.Val {
	switch x := v.(type) {
	case types.Timestamp:
		y, m, d := x.UTC().Date()
		return types.Timestamp{Time: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
	case types.String:
		t, err := time.Parse(time.DateOnly, string(x))
		if err != nil {
			return types.NewErr("date takes YYYY-MM-DD, not %.40q", string(x))
		}
		return types.Timestamp{Time: t}
	}
	return nullOr(v, "date")
}
