package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"golang.org/x/text/encoding/charmap"
)

// charsets are the encodings of one byte a character that old systems have.
var charsets = map[string]*charmap.Charmap{
	"windows-1250": charmap.Windows1250, "windows-1251": charmap.Windows1251, "windows-1252": charmap.Windows1252,
	"iso-8859-1": charmap.ISO8859_1, "iso-8859-2": charmap.ISO8859_2, "iso-8859-15": charmap.ISO8859_15,
	"cp437": charmap.CodePage437, "cp850": charmap.CodePage850, "cp852": charmap.CodePage852, "macintosh": charmap.Macintosh,
}

// encodingFunctions repair texts that went through the wrong encoding.
func encodingFunctions() []function {
	names := slices.Sorted(maps.Keys(charsets))
	return []function{
		{
			Name: "fix_utf8", Signature: "fix_utf8(s)",
			Doc:       "the string, with each byte that is no UTF-8 taken for a character of windows-1252; of a bytes column, too",
			Examples:  []Example{{"fix_utf8(b'M\\374ller')", `"Müller"`}, {"fix_utf8('Müller')", `"Müller"`}},
			overloads: bothKinds("fix_utf8", nullableString, func(s string) ref.Val { return types.String(fixUTF8(s)) }),
		},
		{
			Name: "is_utf8", Signature: "is_utf8(s)", Doc: "whether all of the string, or of a bytes column, is UTF-8",
			Examples:  []Example{{"is_utf8(b'M\\374ller')", "false"}, {"is_utf8('Müller')", "true"}},
			overloads: bothKinds("is_utf8", nullableBool, func(s string) ref.Val { return types.Bool(utf8.ValidString(s)) }),
		},
		{
			Name: "fix_mojibake", Signature: "fix_mojibake(s)",
			Doc:      "the string, repaired if it is UTF-8 that somebody read as windows-1252 or Latin-1, even several times over; as it is if it is not such as a whole. \"Ã\" alone proves nothing: every character must come from there, and the repaired text be printable",
			Examples: []Example{{"fix_mojibake('MÃ¼ller')", `"Müller"`}, {"fix_mojibake('MÃƒÂ¼ller')", `"Müller"`}, {"fix_mojibake('itâ€™s 5 â‚¬')", `"it’s 5 €"`}, {"fix_mojibake('SOCIÉTÉ™')", `"SOCIÉTÉ™"`}},
			overloads: []cel.FunctionOpt{ofText("fix_mojibake_string", nullableString, func(s string) (ref.Val, error) {
				fixed, _ := fixMojibake(s)
				return types.String(fixed), nil
			})},
		},
		{
			Name: "is_mojibake", Signature: "is_mojibake(s)", Doc: "whether fix_mojibake(s) would change it",
			Examples:  []Example{{"is_mojibake('MÃ¼ller')", "true"}, {"is_mojibake('Müller')", "false"}},
			overloads: []cel.FunctionOpt{isText("is_mojibake_string", func(s string) bool { _, is := fixMojibake(s); return is })},
		},
		{
			Name: "decode", Signature: "decode(b, charset)",
			Doc:      "the text of a bytes column in the encoding; a byte that it lacks is an error. Encodings: " + strings.Join(names, ", "),
			Examples: []Example{{"decode(b'M\\201ller', 'cp850')", `"Müller"`}, {"decode(b'\\201', 'windows-1252')", "error: windows-1252 has no byte 81"}},
			checks:   map[int]check{1: oneOf("charset", names...)},
			overloads: []cel.FunctionOpt{overload("decode_bytes", []*cel.Type{nullableBytes, cel.StringType}, nullableString, func(a []ref.Val) ref.Val {
				b, _ := a[0].(types.Bytes)
				return textOrErr(decodeBytes(b, argument(a[1])))
			})},
		},
	}
}

// bothKinds gives a form for strings and one for bytes.
func bothKinds(id string, out *cel.Type, f func(string) ref.Val) []cel.FunctionOpt {
	return []cel.FunctionOpt{
		ofText(id+"_string", out, func(s string) (ref.Val, error) { return f(s), nil }),
		overload(id+"_bytes", []*cel.Type{nullableBytes}, out, func(a []ref.Val) ref.Val {
			b, _ := a[0].(types.Bytes)
			return f(string(b))
		}),
	}
}

func decodeBytes(b []byte, charset string) (string, error) {
	m, ok := charsets[charset]
	if !ok {
		return "", fmt.Errorf("%q is no charset; there are: %s", charset, strings.Join(slices.Sorted(maps.Keys(charsets)), ", "))
	}
	var out strings.Builder
	for _, c := range b {
		r := m.DecodeByte(c)
		if r == utf8.RuneError {
			return "", fmt.Errorf("%s has no byte %02X", charset, c)
		}
		out.WriteRune(r)
	}
	return out.String(), nil
}

func fixUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			r = fromByte(s[0])
		}
		out.WriteRune(r)
		s = s[n:]
	}
	return out.String()
}

// fromByte reads a byte as windows-1252 and, where that has none, as Latin-1, as
// the WHATWG's Encoding Standard does.
func fromByte(c byte) rune {
	if r := charmap.Windows1252.DecodeByte(c); r != utf8.RuneError {
		return r
	}
	return rune(c)
}

// toByte is the way back.
func toByte(r rune) (byte, bool) {
	if c, ok := charmap.Windows1252.EncodeRune(r); ok && r != utf8.RuneError {
		return c, true
	}
	return byte(r), r >= 0x80 && r < 0xA0
}

// misreadings bounds how often a text may have been read wrongly.
const misreadings = 4

func fixMojibake(s string) (fixed string, is bool) {
	for range misreadings {
		once, ok := unread(s)
		if !ok {
			break
		}
		s, is = once, true
	}
	return s, is
}

// unread takes one wrong reading back.
func unread(s string) (string, bool) {
	if !utf8.ValidString(s) {
		return s, false
	}
	out := make([]byte, 0, len(s))
	beyond := false
	for _, r := range s {
		if r < 0x80 {
			out = append(out, byte(r))
			continue
		}
		c, ok := toByte(r)
		if !ok {
			return s, false
		}
		out, beyond = append(out, c), true
	}
	if !beyond || !utf8.Valid(out) {
		return s, false
	}
	for _, r := range string(out) {
		if r >= 0x80 && !unicode.IsGraphic(r) {
			return s, false
		}
	}
	return string(out), true
}
