package rules

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// patternFunctions are those of regular expressions: RE2's, whose time grows with
// the text alone (https://github.com/google/re2/wiki/Syntax).
func patternFunctions(m *memory) []function {
	pattern := map[int]check{1: func(_ int, s string) error { _, err := m.patterns.get(s); return err }}
	extract := func(a []ref.Val, group int64) ref.Val {
		re, err := m.patterns.get(argument(a[1]))
		if err != nil {
			return types.WrapErr(err)
		}
		if group < 0 || group > int64(re.NumSubexp()) {
			return types.NewErr("the pattern %s has %d groups, not %d", re, re.NumSubexp(), group)
		}
		found := re.FindStringSubmatchIndex(argument(a[0]))
		if found == nil || found[2*group] < 0 {
			return types.NullValue
		}
		return types.String(argument(a[0])[found[2*group]:found[2*group+1]])
	}
	return []function{
		{
			Name: "regex_match", Signature: "regex_match(s, pattern)",
			Doc:      "whether the pattern is somewhere in the string; ^ and $ tie it to the ends",
			Examples: []Example{{"regex_match('DE-4711', '^[A-Z]{2}-[0-9]+$')", "true"}, {"regex_match(null, 'x')", "null"}, {"regex_match('x', '[')", "error: missing closing ]"}},
			checks:   pattern,
			overloads: []cel.FunctionOpt{overload("regex_match_string", []*cel.Type{nullableString, cel.StringType}, nullableBool, func(a []ref.Val) ref.Val {
				re, err := m.patterns.get(argument(a[1]))
				if err != nil {
					return types.WrapErr(err)
				}
				return types.Bool(re.MatchString(argument(a[0])))
			})},
		},
		{
			Name: "regex_extract", Signature: "regex_extract(s, pattern[, group])",
			Doc:      "what the group matches, 1 being the first in parentheses and 0 the whole; without a group, the first if there is one, else the whole; null without a match",
			Examples: []Example{{"regex_extract('PO 4711/2', '([0-9]+)/')", `"4711"`}, {"regex_extract('PO 4711/2', '([0-9]+)/([0-9])', 2)", `"2"`}, {"regex_extract('PO', '[0-9]+')", "null"}},
			checks:   pattern,
			overloads: []cel.FunctionOpt{
				overload("regex_extract_string", []*cel.Type{nullableString, cel.StringType}, nullableString, func(a []ref.Val) ref.Val {
					if re, err := m.patterns.get(argument(a[1])); err == nil && re.NumSubexp() > 0 {
						return extract(a, 1)
					}
					return extract(a, 0)
				}),
				overload("regex_extract_group", []*cel.Type{nullableString, cel.StringType, nullableInt}, nullableString, func(a []ref.Val) ref.Val {
					group, _ := a[2].(types.Int)
					return extract(a, int64(group))
				}),
			},
		},
		{
			Name: "regex_extract_all", Signature: "regex_extract_all(s, pattern)",
			Doc:      "all that the pattern matches, as a list: of each match the first group if there is one, else the whole",
			Examples: []Example{{"regex_extract_all('a1 b22', '[0-9]+')", `["1", "22"]`}, {"regex_extract_all('k=v;l=w', '=([a-z])')", `["v", "w"]`}},
			checks:   pattern,
			overloads: []cel.FunctionOpt{overload("regex_extract_all_string", []*cel.Type{nullableString, cel.StringType}, stringList, func(a []ref.Val) ref.Val {
				re, err := m.patterns.get(argument(a[1]))
				if err != nil {
					return types.WrapErr(err)
				}
				var all []string
				for _, found := range re.FindAllStringSubmatch(argument(a[0]), -1) {
					all = append(all, found[min(1, re.NumSubexp())])
				}
				return stringsValue(all)
			})},
		},
		{
			Name: "regex_replace", Signature: "regex_replace(s, pattern, replacement)",
			Doc:      "the string with each match replaced; $1 or ${1} in the replacement is what the first group matched, $$ a dollar sign",
			Examples: []Example{{"regex_replace('4711-22', '[^0-9]', '')", `"471122"`}, {"regex_replace('Lovelace, Ada', '^(.+), (.+)$', '$2 $1')", `"Ada Lovelace"`}},
			checks:   pattern,
			overloads: []cel.FunctionOpt{overload("regex_replace_string", []*cel.Type{nullableString, cel.StringType, cel.StringType}, nullableString, func(a []ref.Val) ref.Val {
				re, err := m.patterns.get(argument(a[1]))
				if err != nil {
					return types.WrapErr(err)
				}
				return types.String(re.ReplaceAllString(argument(a[0]), argument(a[2])))
			})},
		},
	}
}
