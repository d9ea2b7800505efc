package rules

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/nyaruka/phonenumbers"
)

// contactFunctions are those of e-mail addresses and phone numbers.
func contactFunctions() []function {
	region := map[int]check{1: func(_ int, s string) error { return checkRegion(s) }}
	phone := []*cel.Type{nullableString, cel.StringType}
	return []function{
		{
			Name: "email", Signature: "email(s)",
			Doc: "an e-mail address, trimmed and in small letters; an error if it is none, or blank: write nonblank(s). An address has the form of RFC 5321 without quotes and comments, and a domain with a dot; whether it exists is not asked",
			Examples: []Example{
				{"email(' Ada.Lovelace@Example.COM ')", `"ada.lovelace@example.com"`}, {"email('ada@example')", "error: is no e-mail address"}, {"email(null)", "null"},
			},
			overloads: []cel.FunctionOpt{ofText("email_string", nullableString, func(s string) (ref.Val, error) {
				out := strings.ToLower(strings.TrimSpace(s))
				if why := emailProblem(out); why != "" {
					return nil, fmt.Errorf("%.60q is no e-mail address: %s", s, why)
				}
				return types.String(out), nil
			})},
		},
		{
			Name: "is_email", Signature: "is_email(s)", Doc: "whether email(s) would take it",
			Examples:  []Example{{"is_email('ada@example.com')", "true"}, {"is_email('ada at example.com')", "false"}, {"is_email(null)", "null"}},
			overloads: []cel.FunctionOpt{isText("is_email_string", func(s string) bool { return emailProblem(strings.TrimSpace(s)) == "" })},
		},
		{
			Name: "phone", Signature: "phone(s, region)",
			Doc: "a phone number in E.164. One without + and country code is of the region, two letters such as 'DE'. What is no number that the region's plan has is an error, and so is an extension, which E.164 has no place for",
			Examples: []Example{
				{"phone('(030) 901820', 'DE')", `"+4930901820"`},
				{"phone('+1 650-253-0000', 'DE')", `"+16502530000"`},
				{"phone('12', 'DE')", "error: is no phone number"},
				{"phone('030 901820 ext. 7', 'DE')", "error: has the extension 7"},
			},
			checks: region,
			overloads: []cel.FunctionOpt{overload("phone_string", phone, nullableString, func(a []ref.Val) ref.Val {
				return textOrErr(e164(argument(a[0]), argument(a[1])))
			})},
		},
		{
			Name: "is_phone", Signature: "is_phone(s, region)", Doc: "whether phone(s, region) would take it",
			Examples: []Example{{"is_phone('030 901820', 'DE')", "true"}, {"is_phone('none', 'DE')", "false"}},
			checks:   region,
			overloads: []cel.FunctionOpt{overload("is_phone_string", phone, nullableBool, func(a []ref.Val) ref.Val {
				_, err := e164(argument(a[0]), argument(a[1]))
				return types.Bool(err == nil)
			})},
		},
	}
}

// emailProblem says why an address is none; empty: it is one. Lengths are those
// of RFC 5321, 4.5.3.1; letters beyond ASCII are taken (RFC 6531).
func emailProblem(s string) string {
	local, domain, ok := cutLast(s, "@")
	switch {
	case !ok:
		return "it has no @"
	case !utf8.ValidString(s):
		return "it is no UTF-8"
	case len(s) > 254:
		return "it is longer than 254 bytes"
	case local == "" || len(local) > 64:
		return "what stands before the @ is empty or longer than 64 bytes"
	case strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, ".."):
		return "a dot is at an end of what stands before the @, or two are side by side"
	}
	if i := strings.IndexFunc(local, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r)
	}); i >= 0 {
		r, _ := utf8.DecodeRuneInString(local[i:])
		return fmt.Sprintf("%q cannot stand before the @", r)
	}
	labels := strings.Split(domain, ".")
	if len(labels) < 2 {
		return "its domain has no dot"
	}
	for i, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return fmt.Sprintf("its domain has the part %q", shorten(label, 20))
		}
		letters := false
		for _, r := range label {
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '-' {
				return fmt.Sprintf("its domain has a %q", r)
			}
			letters = letters || !unicode.IsDigit(r)
		}
		if last := i == len(labels)-1; last && !letters {
			return "its domain is a number"
		}
	}
	return ""
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// longestPhone bounds what is given to the parser: E.164 has 15 digits, and
// people write signs between them.
const longestPhone = 60

func e164(s, region string) (string, error) {
	if err := checkRegion(region); err != nil {
		return "", err
	}
	wrong := func(why string) error { return fmt.Errorf("%.40q is no phone number of %s: %s", s, region, why) }
	if len(s) > longestPhone || !utf8.ValidString(s) {
		return "", wrong("it is too long, or no UTF-8")
	}
	n, err := phonenumbers.Parse(clone(s), region)
	if err != nil {
		return "", wrong(err.Error())
	}
	if n.GetExtension() != "" {
		return "", fmt.Errorf("%.40q has the extension %s, which E.164 has no place for; cut it off first", s, n.GetExtension())
	}
	if !phonenumbers.IsValidNumber(n) {
		return "", wrong("no plan of numbers has it")
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}

func checkRegion(s string) error {
	if !phonenumbers.GetSupportedRegions()[s] {
		return fmt.Errorf("%q is no region; write two capital letters such as 'DE'", s)
	}
	return nil
}
