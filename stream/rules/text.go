package rules

import (
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// textFunctions are those of words and white space. White space is what Unicode
// takes for it, the no-break space among it.
func textFunctions() []function {
	t := cel.TypeParamType("T")
	change := func(name, doc string, f func(string) string, examples ...Example) function {
		return function{
			Name: name, Signature: name + "(s)", Doc: doc, Examples: examples,
			overloads: []cel.FunctionOpt{ofText(name+"_string", nullableString, func(s string) (ref.Val, error) { return types.String(f(s)), nil })},
		}
	}
	return []function{
		{
			Name: "coalesce", Signature: "coalesce(a, b, ...)",
			Doc:      "the first of two to four values, or of a list of values, that is not null; null if all are",
			Examples: []Example{{"coalesce(lower(null), 'b', 'c')", `"b"`}, {"coalesce([null, 2])", "2"}, {"coalesce('', 'b')", `""`}},
			overloads: []cel.FunctionOpt{
				cel.Overload("coalesce_list", []*cel.Type{cel.NullableType(cel.ListType(t))}, t, cel.UnaryBinding(coalesceList)),
				cel.Overload("coalesce_2", []*cel.Type{t, t}, t, cel.FunctionBinding(coalesce)),
				cel.Overload("coalesce_3", []*cel.Type{t, t, t}, t, cel.FunctionBinding(coalesce)),
				cel.Overload("coalesce_4", []*cel.Type{t, t, t, t}, t, cel.FunctionBinding(coalesce)),
			},
		},
		{
			Name: "join_nonblank", Signature: "join_nonblank([a, b, ...], separator)",
			Doc:      "the strings that are neither null nor blank, trimmed and joined; empty if there are none, null if the list is null",
			Examples: []Example{{"join_nonblank(['Ada', null, ' ', 'Lovelace '], ' ')", `"Ada Lovelace"`}, {"join_nonblank([null], ' ')", `""`}},
			overloads: []cel.FunctionOpt{
				cel.Overload("join_nonblank_list", []*cel.Type{cel.NullableType(cel.ListType(cel.DynType)), nullableString}, nullableString, cel.BinaryBinding(joinNonblank)),
			},
		},
		change("lower", "lower case of any script", strings.ToLower, Example{"lower('ÅSA')", `"åsa"`}, Example{"lower(null)", "null"}),
		change("upper", "upper case of any script", strings.ToUpper, Example{"upper('straße')", `"STRAßE"`}),
		change("title", "a capital at the start of each word and small letters in the rest of it", title, Example{"title('ADA o\\'BRIEN-smith')", `"Ada O'brien-Smith"`}),
		change("trim", "without white space at both ends", strings.TrimSpace, Example{`trim('  Ada\t')`, `"Ada"`}),
		change("squeeze", "trimmed, and each run of white space in it is one space", squeeze, Example{`squeeze(' Ada \n  Lovelace ')`, `"Ada Lovelace"`}),
		{
			Name: "nonblank", Signature: "nonblank(s)", Doc: "the string as it is; null if it is empty or all white space",
			Examples: []Example{{"nonblank('  ')", "null"}, {"nonblank(' a')", `" a"`}},
			overloads: []cel.FunctionOpt{ofText("nonblank_string", nullableString, func(s string) (ref.Val, error) {
				if strings.TrimSpace(s) == "" {
					return types.NullValue, nil
				}
				return types.String(s), nil
			})},
		},
		{
			Name: "split", Signature: "split(s, separator)",
			Doc:      "the parts of the string as a list, as they are; the whole if the separator is not in it, none for an empty string",
			Examples: []Example{{"split('a;b;;c', ';')", `["a", "b", "", "c"]`}, {"split('', ';')", "[]"}, {"split(null, ';')", "null"}},
			overloads: []cel.FunctionOpt{overload("split_string", []*cel.Type{nullableString, cel.StringType}, stringList, func(a []ref.Val) ref.Val {
				if argument(a[0]) == "" {
					return stringsValue(nil)
				}
				return stringsValue(strings.Split(argument(a[0]), argument(a[1])))
			})},
		},
		{
			Name: "split_part", Signature: "split_part(s, separator, n)",
			Doc:      "the n-th part of the string, counted from 1, or from the end by -1; null if it has no such part",
			Examples: []Example{{"split_part('DE-4711-B', '-', 2)", `"4711"`}, {"split_part('DE-4711-B', '-', -1)", `"B"`}, {"split_part('DE', '-', 2)", "null"}},
			overloads: []cel.FunctionOpt{overload("split_part_string", []*cel.Type{nullableString, cel.StringType, nullableInt}, nullableString, func(a []ref.Val) ref.Val {
				n, _ := a[2].(types.Int)
				return splitPart(argument(a[0]), argument(a[1]), int64(n))
			})},
		},
	}
}

// title is without language: "IJsland" is "Ijsland".
func title(s string) string { return cases.Title(language.Und).String(s) }

func squeeze(s string) string { return strings.Join(strings.FieldsFunc(s, unicode.IsSpace), " ") }

func splitPart(s, separator string, n int64) ref.Val {
	parts := strings.Split(s, separator)
	if n < 0 {
		n += int64(len(parts)) + 1
	}
	if n < 1 || n > int64(len(parts)) {
		return types.NullValue
	}
	return types.String(parts[n-1])
}

func stringsValue(s []string) ref.Val {
	if s == nil {
		s = []string{}
	}
	return types.NewStringList(types.DefaultTypeAdapter, s)
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
	if list == types.NullValue || separator == types.NullValue {
		return types.NullValue
	}
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
