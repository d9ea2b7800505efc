package avro

import (
	"strings"
	"unicode/utf16"
)

// FieldName returns the name of a column as an Avro field: characters other
// than A-Z, a-z, 0-9 and _ become _, and a leading digit is put behind one.
func FieldName(column string) string {
	return adjust(column, false)
}

// fullName joins the parts with dots and adjusts the whole, as Debezium adjusts
// a schema's name: dots inside a part stay, and divide namespaces. It goes
// further only where Avro asks for more: no part is empty or begins with a digit.
func fullName(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, adjust(p, true))
		}
	}
	return strings.Join(kept, ".")
}

// adjust replaces by UTF-16 unit, so that its lengths are those of Java.
func adjust(name string, dots bool) string {
	if legalName(name) {
		return name
	}
	var b strings.Builder
	start := true // of a part
	for _, r := range name {
		switch {
		case r >= '0' && r <= '9':
			if start {
				b.WriteByte('_')
			}
			b.WriteRune(r)
			start = false
		case r == '.' && dots:
			if start {
				b.WriteByte('_')
			}
			b.WriteByte('.')
			start = true
		case nameStart(r):
			b.WriteRune(r)
			start = false
		default:
			b.WriteString("__"[:max(1, utf16.RuneLen(r))])
			start = false
		}
	}
	if start {
		b.WriteByte('_')
	}
	return b.String()
}

func nameStart(r rune) bool {
	return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// legalName reports whether s is an Avro name (specification, "Names").
func legalName(s string) bool {
	for i, r := range s {
		if !nameStart(r) && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// splitName divides a full name at its last dot.
func splitName(full string) (space, name string) {
	if i := strings.LastIndexByte(full, '.'); i >= 0 {
		return full[:i], full[i+1:]
	}
	return "", full
}
