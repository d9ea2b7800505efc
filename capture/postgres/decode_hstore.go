package postgres

import (
	"strings"

	"sluice/schemas"
)

// decodeHstore reads hstore's `"a"=>"1", "b"=>NULL` (PostgreSQL docs, F.18) and
// writes the JSON object {"a":"1","b":null}, in the order of the text.
func decodeHstore(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	room := len(src) + 2 // JSON is shorter but for its braces and escapes
	for _, c := range src {
		if c < ' ' {
			room += 5
		}
	}
	out := append(a.Grow(room), '{')
	rest := src
	for len(rest) > 0 {
		if len(out) > 1 {
			if len(rest) < 2 || rest[0] != ',' || rest[1] != ' ' {
				return malformed("hstore", src)
			}
			rest = rest[2:]
			out = append(out, ',')
		}
		var ok bool
		if out, rest, ok = hstoreText(out, rest); !ok || len(rest) < 2 || rest[0] != '=' || rest[1] != '>' {
			return malformed("hstore", src)
		}
		rest = rest[2:]
		out = append(out, ':')
		if len(rest) >= 4 && string(rest[:4]) == "NULL" {
			out, rest = append(out, "null"...), rest[4:]
			continue
		}
		if out, rest, ok = hstoreText(out, rest); !ok {
			return malformed("hstore", src)
		}
	}
	out = append(out, '}')
	a.Keep(len(out))
	*dst = schemas.TextOf(out[:len(out):len(out)])
	return nil
}

// hstoreText takes one quoted text off src and appends it as JSON.
func hstoreText(out, src []byte) (json, rest []byte, ok bool) {
	if len(src) == 0 || src[0] != '"' {
		return out, src, false
	}
	out = append(out, '"')
	for i := 1; i < len(src); i++ {
		c := src[i]
		if c == '"' {
			return append(out, '"'), src[i+1:], true
		}
		if c == '\\' {
			if i++; i == len(src) {
				break
			}
			c = src[i]
		}
		out = appendJSONByte(out, c)
	}
	return out, src, false
}

// appendJSONByte appends one byte of a JSON string, escaped where JSON asks for
// it.
func appendJSONByte(out []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(out, '\\', c)
	case c >= ' ':
		return append(out, c)
	}
	if at := strings.IndexByte("\b\t\n\f\r", c); at >= 0 {
		return append(out, '\\', "btnfr"[at])
	}
	const hex = "0123456789abcdef"
	return append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
