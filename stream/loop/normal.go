package loop

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"unicode"
	"unicode/utf8"

	"sluice/schemas"
)

// Contents are compared by their hashes, in two forms. What an entity says and
// what a column of another database holds differ in their types, so both forms
// are texts that mean the same whatever the type: numbers without needless
// zeros, times in UTC, true and false as 1 and 0.
//
//	exact   the content itself: what the target has
//	loose   without case, blanks and punctuation, null and blank alike, times to
//	        the second: what a target may make of what it is given, so that its
//	        change is known for an echo all the same
type content struct{ exact, loose string }

const (
	// unknown is the content of a row of which the source did not send all.
	unknown = "?"
	// gone is the content of a deleted record.
	gone = "-"
)

var deletion = content{gone, gone}

// hasher makes the contents of rows; its memory is used again.
type hasher struct{ exact, loose, value []byte }

func (h *hasher) reset() { h.exact, h.loose = h.exact[:0], h.loose[:0] }

// add adds a value. false: the source did not send it.
func (h *hasher) add(t *schemas.Type, v schemas.Value) bool {
	if !v.Known() {
		return false
	}
	const null, end = 0xff, 0 // neither begins a UTF-8 text
	if v.IsNull() {
		h.exact = append(h.exact, null, end)
		h.loose = append(h.loose, end)
		return true
	}
	h.value = schemas.AppendText(h.value[:0], t, v)
	h.exact = append(append(h.exact, h.value...), end)
	h.loose = append(appendLoose(h.loose, t, v, h.value), end)
	return true
}

func (h *hasher) sum() content { return content{sum(h.exact), sum(h.loose)} }

// sum is 96 bits of SHA-256 in 16 letters.
func sum(b []byte) string {
	s := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(s[:12])
}

// isText reports whether a type's values are words of people, in which case and
// punctuation may be lost on the way.
func isText(t *schemas.Type) bool {
	switch t.Name {
	case schemas.StringType, schemas.EnumType, schemas.UUIDType, schemas.XMLType:
		return true
	}
	return false
}

func appendLoose(dst []byte, t *schemas.Type, v schemas.Value, exact []byte) []byte {
	if v.Kind != schemas.Text || !isText(t) {
		if isTime(t) {
			exact, _, _ = bytes.Cut(exact, []byte("."))
		}
		return append(dst, exact...)
	}
	for b := v.Bytes; len(b) > 0; {
		r, n := utf8.DecodeRune(b)
		if unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) {
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
		b = b[n:]
	}
	return dst
}

func isTime(t *schemas.Type) bool {
	switch t.Name {
	case schemas.TimeType, schemas.MilliTimestampType, schemas.MicroTimestampType, schemas.InstantType, schemas.ZonedTimestampType:
		return true
	}
	return false
}

// names are the fields of an echo in the order in which they are hashed.
func (e *Echo) names() []string {
	var names []string
	for n := range e.Fields {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
