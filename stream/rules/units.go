package rules

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// unit is how many of its kind's base unit one is, exactly: as a fraction that
// big.Rat reads. A temperature has the zero point, in kelvin, too.
type unit struct{ kind, factor, zero string }

// units are those of the SI brochure and, for the others, of NIST's Handbook 44,
// appendix C (the pound and the yard of 1959, the US gallon).
var units = map[string]unit{
	"mg": {"mass", "1/1000000", ""}, "g": {"mass", "1/1000", ""}, "kg": {"mass", "1", ""}, "t": {"mass", "1000", ""},
	"oz": {"mass", "0.028349523125", ""}, "lb": {"mass", "0.45359237", ""}, "st": {"mass", "6.35029318", ""},
	"mm": {"length", "1/1000", ""}, "cm": {"length", "1/100", ""}, "m": {"length", "1", ""}, "km": {"length", "1000", ""},
	"in": {"length", "0.0254", ""}, "ft": {"length", "0.3048", ""}, "yd": {"length", "0.9144", ""}, "mi": {"length", "1609.344", ""}, "nmi": {"length", "1852", ""},
	"m2": {"area", "1", ""}, "ha": {"area", "10000", ""}, "km2": {"area", "1000000", ""}, "ft2": {"area", "0.09290304", ""}, "acre": {"area", "4046.8564224", ""},
	"ml": {"volume", "1/1000", ""}, "l": {"volume", "1", ""}, "m3": {"volume", "1000", ""}, "gal": {"volume", "3.785411784", ""}, "floz": {"volume", "0.0295735295625", ""},
	"s": {"time", "1", ""}, "min": {"time", "60", ""}, "h": {"time", "3600", ""}, "d": {"time", "86400", ""},
	"K": {"temperature", "1", "0"}, "C": {"temperature", "1", "273.15"}, "F": {"temperature", "5/9", "45967/180"},
	"B": {"data", "1", ""}, "kB": {"data", "1000", ""}, "MB": {"data", "1000000", ""}, "GB": {"data", "1000000000", ""},
	"KiB": {"data", "1024", ""}, "MiB": {"data", "1048576", ""}, "GiB": {"data", "1073741824", ""},
}

func unitFunctions() []function {
	known := oneOf("unit", slices.Sorted(maps.Keys(units))...)
	return []function{{
		Name: "convert", Signature: "convert(x, from, to)",
		Doc: "a quantity in another unit of its kind, computed exactly and then rounded once to the nearest double. Units: " + unitList(),
		Examples: []Example{
			{"convert(2.5, 'lb', 'kg')", "1.133980925"},
			{"convert(1.1, 'kg', 'g')", "1100"},
			{"convert(26.2, 'mi', 'km')", "42.1648128"},
			{"convert(-40.0, 'F', 'C')", "-40"},
			{"convert(1.0, 'kg', 'm')", "error: kg is a mass and m a length"},
			{"convert(null, 'kg', 'g')", "null"},
		},
		checks: map[int]check{1: known, 2: known},
		overloads: []cel.FunctionOpt{
			overload("convert_double", []*cel.Type{nullableDouble, cel.StringType, cel.StringType}, nullableDouble, func(a []ref.Val) ref.Val {
				x, _ := a[0].(types.Double)
				return convertUnit(strconv.FormatFloat(float64(x), 'g', -1, 64), argument(a[1]), argument(a[2]))
			}),
			overload("convert_int", []*cel.Type{nullableInt, cel.StringType, cel.StringType}, nullableDouble, func(a []ref.Val) ref.Val {
				x, _ := a[0].(types.Int)
				return convertUnit(strconv.FormatInt(int64(x), 10), argument(a[1]), argument(a[2]))
			}),
		},
	}}
}

func unitList() string {
	kinds := map[string][]string{}
	for name, u := range units {
		kinds[u.kind] = append(kinds[u.kind], name)
	}
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		slices.Sort(kinds[kind])
		out = append(out, kind+" "+strings.Join(kinds[kind], " "))
	}
	return strings.Join(out, "; ")
}

// convertUnit takes the number as text, so that 1.1 kg is 11/10 kg.
func convertUnit(x, from, to string) ref.Val {
	f, ok := units[from]
	t, ok2 := units[to]
	switch {
	case !ok || !ok2:
		return types.NewErr("%q or %q is no unit; there are: %s", from, to, unitList())
	case f.kind != t.kind:
		return types.WrapErr(fmt.Errorf("%s is a %s and %s a %s", from, f.kind, to, t.kind))
	}
	n, ok := new(big.Rat).SetString(x)
	if !ok {
		return types.NewErr("%s is no quantity", x) // NaN or an infinity
	}
	n.Mul(n, exactly(f.factor))
	if f.zero != "" {
		n.Add(n, exactly(f.zero)).Sub(n, exactly(t.zero))
	}
	out, _ := n.Quo(n, exactly(t.factor)).Float64()
	if math.IsInf(out, 0) {
		return types.NewErr("%s %s is too much to say in %s", x, from, to)
	}
	return types.Double(out)
}

func exactly(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s) // the table is wrong, which a test would see
	}
	return r
}
