package rules

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// numberFunctions are those of numbers as people write them.
func numberFunctions() []function {
	separator := map[int]check{
		1: func(_ int, s string) error { return checkSeparators(s, "") },
		2: func(_ int, s string) error {
			if s == "" {
				return nil
			}
			return checkSeparators(s, "")
		},
	}
	parse := func(id string, money bool) []cel.FunctionOpt {
		read := func(a []ref.Val) ref.Val {
			point, group := ".", ""
			if len(a) > 1 {
				point, group = argument(a[1]), argument(a[2])
			}
			f, err := parseNumber(argument(a[0]), point, group, money)
			if err != nil {
				return types.WrapErr(err)
			}
			return types.Double(f)
		}
		return []cel.FunctionOpt{
			overload(id+"_1", []*cel.Type{nullableString}, nullableDouble, read),
			overload(id+"_3", []*cel.Type{nullableString, cel.StringType, cel.StringType}, nullableDouble, read),
		}
	}
	const form = "Groups, if there are any, are of three digits (before the last also two, as in India), and a space as their separator stands for every space and ' for ’, too. A minus stands before or after the number, or it is in parentheses. More than 15 digits are an error: a double does not hold them"
	return []function{
		{
			Name: "round", Signature: "round(x, decimals)", Doc: "rounded half away from zero in decimal, 0 to 15 decimals",
			Examples: []Example{{"round(2.675, 2)", "2.68"}, {"round(-0.5, 0)", "-1"}, {"round(null, 2)", "null"}},
			overloads: []cel.FunctionOpt{
				cel.Overload("round_double", []*cel.Type{nullableDouble, nullableInt}, nullableDouble, cel.BinaryBinding(round)),
			},
		},
		{
			Name: "parse_number", Signature: "parse_number(s[, point, group])",
			Doc: "the number that a text says, with the decimal point and the separator of groups that are given ('' for no groups; by default '.' and ''). " + form,
			Examples: []Example{
				{"parse_number('1.234,56', ',', '.')", "1234.56"},
				{"parse_number('1 234.5-', '.', ' ')", "-1234.5"},
				{"parse_number('(12)')", "-12"},
				{"parse_number('1.23,4', ',', '.')", "error: is no number"},
				{"parse_number('')", "error: is no number"},
				{"parse_number(null)", "null"},
			},
			checks: separator, overloads: parse("parse_number", false),
		},
		{
			Name: "parse_money", Signature: "parse_money(s[, point, group])",
			Doc: "parse_number of a text that may have a currency's symbol or code before or after the number; currency tells which",
			Examples: []Example{
				{"parse_money('1.234,56 €', ',', '.')", "1234.56"},
				{"parse_money('-CHF 1’234.50', '.', '\\'')", "-1234.5"},
				{"parse_money('$12.00')", "12"},
				{"parse_money('12 apples')", "error: is no amount"},
			},
			checks: separator, overloads: parse("parse_money", true),
		},
	}
}

func checkSeparators(point, group string) error {
	for _, s := range []string{point, group} {
		r, n := utf8.DecodeRuneInString(s)
		if s != "" && (n != len(s) || unicode.IsDigit(r) || unicode.IsLetter(r) || r == '-' || r == '+' || r == '(' || r == utf8.RuneError) {
			return fmt.Errorf("%q cannot separate a number; write one sign such as '.' or ','", s)
		}
	}
	if point == "" || point == group {
		return fmt.Errorf("the decimal point %q and the separator %q of groups must be two signs", point, group)
	}
	return nil
}

// parseNumber reads the whole text.
func parseNumber(s, point, group string, money bool) (float64, error) {
	if err := checkSeparators(point, group); err != nil {
		return 0, err
	}
	what := "number"
	if money {
		what = "amount of money"
	}
	wrong := fmt.Errorf("%.40q is no %s with the decimal point %q and groups by %q", s, what, point, group)
	body, negative := strings.TrimSpace(s), false
	if in, ok := strings.CutPrefix(body, "("); ok {
		if body, ok = strings.CutSuffix(in, ")"); !ok {
			return 0, wrong
		}
		negative = true
	}
	body, signed := cutSign(body)
	if money {
		if body = cutCurrency(body); signed == 0 {
			body, signed = cutSign(body)
		}
	}
	if signed < 0 && negative {
		return 0, wrong
	}
	negative = negative || signed < 0
	digits, ok := plainDigits(body, point, group)
	if !ok {
		return 0, wrong
	}
	if significant := strings.TrimLeft(strings.Replace(digits, ".", "", 1), "0"); len(significant) > doubleDigits {
		return 0, fmt.Errorf("%.40q has more than the 15 digits that a double holds", s)
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.IsInf(f, 0) {
		return 0, wrong
	}
	if negative && f != 0 {
		f = -f
	}
	return f, nil
}

// cutSign cuts a sign off either end; 0: there was none.
func cutSign(s string) (rest string, sign int) {
	for _, minus := range []string{"-", "−", "+"} {
		sign := -1
		if minus == "+" {
			sign = 1
		}
		if rest, ok := strings.CutPrefix(s, minus); ok {
			return strings.TrimSpace(rest), sign
		}
		if rest, ok := strings.CutSuffix(s, minus); ok {
			return strings.TrimSpace(rest), sign
		}
	}
	return s, 0
}

// cutCurrency cuts a symbol or code off either end, if it is one.
func cutCurrency(s string) string {
	start, end := strings.IndexAny(s, "0123456789"), strings.LastIndexAny(s, "0123456789")
	if start < 0 {
		return s
	}
	before, after := s[:start], s[end+1:]
	// A sign or point that belongs to the number stays.
	keepBefore := strings.TrimRight(before, "-−+.,")
	word, rest := strings.TrimSpace(keepBefore), before[len(keepBefore):]+s[start:]
	if word != "" && isCurrency(word) {
		return strings.TrimSpace(rest)
	}
	if isCurrency(strings.TrimSpace(before)) {
		return strings.TrimSpace(s[start:])
	}
	keepAfter := strings.TrimLeft(after, "-−+.,")
	if word := strings.TrimSpace(keepAfter); word != "" && isCurrency(word) {
		return strings.TrimSpace(s[:len(s)-len(keepAfter)])
	}
	return s
}

// plainDigits brings a number without a sign into the form 1234.56.
func plainDigits(s, point, group string) (digits string, ok bool) {
	whole, fraction, pointed := strings.Cut(s, point)
	if !allDigits(fraction) || pointed && fraction == "" && whole == "" {
		return "", false
	}
	if group != "" {
		parts := splitGroups(whole, group)
		for i, p := range parts {
			last := i == len(parts)-1
			switch {
			case len(parts) == 1:
			case i == 0 && (p == "" || len(p) > 3), i > 0 && last && len(p) != 3, i > 0 && !last && len(p) != 2 && len(p) != 3:
				return "", false
			}
		}
		whole = strings.Join(parts, "")
	}
	if !allDigits(whole) || whole == "" && fraction == "" {
		return "", false
	}
	if whole == "" {
		whole = "0"
	}
	if fraction == "" {
		return whole, true
	}
	return whole + "." + fraction, true
}

// splitGroups keeps empty parts: 1,,234 is no number.
func splitGroups(s, group string) []string {
	parts, from := []string{}, 0
	for i, r := range s {
		if string(r) == group || group == "'" && r == '’' || group == " " && unicode.IsSpace(r) {
			parts, from = append(parts, s[from:i]), i+utf8.RuneLen(r)
		}
	}
	return append(parts, s[from:])
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// round rounds the shortest decimal text of x half away from zero, so that
// round(2.675, 2) is 2.68, as a person reading 2.675 expects, though the double
// is a little less.
func round(x, decimals ref.Val) ref.Val {
	f, ok := x.(types.Double)
	if !ok {
		return nullOr(x, "round")
	}
	if decimals == types.NullValue {
		return decimals
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
