package loop

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
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
	h.value = appendExact(h.value[:0], t, v)
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

const (
	dateForm  = "2006-01-02"
	clockForm = "15:04:05.999999"
)

// appendExact appends a value, not null, as the text that it has whatever its
// type.
func appendExact(dst []byte, t *schemas.Type, v schemas.Value) []byte {
	stamp := func(at time.Time) []byte { return at.UTC().AppendFormat(dst, dateForm+" "+clockForm) }
	switch v.Kind {
	case schemas.Bool:
		if v.Bool() {
			return append(dst, '1')
		}
		return append(dst, '0')
	case schemas.Int:
		switch t.Name {
		case schemas.DateType:
			return time.Unix(0, 0).UTC().AddDate(0, 0, int(v.Int())).AppendFormat(dst, dateForm)
		case schemas.TimeType:
			return time.UnixMicro(v.Int()).UTC().AppendFormat(dst, clockForm)
		case schemas.MilliTimestampType:
			return stamp(time.UnixMilli(v.Int()))
		case schemas.MicroTimestampType, schemas.InstantType:
			return stamp(time.UnixMicro(v.Int()))
		}
		return strconv.AppendInt(dst, v.Int(), 10)
	case schemas.Float:
		return appendNumber(dst, strconv.FormatFloat(v.Float(), 'f', -1, 64), 0)
	case schemas.Decimal:
		return appendNumber(dst, unscaled(v.Bytes).String(), int(v.Scale))
	case schemas.Text:
		switch t.Name {
		case schemas.ZonedTimestampType:
			if at, err := time.Parse(time.RFC3339Nano, string(v.Bytes)); err == nil {
				return stamp(at)
			}
		case schemas.UUIDType:
			return append(dst, bytes.ToLower(v.Bytes)...)
		case schemas.JSONType:
			return appendJSON(dst, v.Bytes)
		}
		return append(dst, v.Bytes...)
	case schemas.List:
		for i, e := range v.Elems() {
			of := &schemas.Type{}
			if t.Name == schemas.StructType {
				of = &t.Record.Columns[i].Type
			} else if t.Elem != nil {
				of = &t.Elem.Type
			}
			dst = append(appendExact(append(dst, '['), of, e), ']')
		}
		return dst
	}
	return append(dst, v.Bytes...)
}

// appendNumber appends digits * 10^-scale, where the digits may have a point, so
// that equal numbers are equal texts: no zero is needless.
func appendNumber(dst []byte, digits string, scale int) []byte {
	if whole, fraction, ok := strings.Cut(digits, "."); ok {
		digits, scale = whole+fraction, scale+len(fraction)
	}
	sign := ""
	if rest, negative := strings.CutPrefix(digits, "-"); negative {
		sign, digits = "-", rest
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return append(dst, '0')
	}
	trimmed := strings.TrimRight(digits, "0")
	scale -= len(digits) - len(trimmed)
	dst = append(append(dst, sign...), trimmed...)
	if scale < 0 && scale > -20 { // as an integer is written
		return append(dst, strings.Repeat("0", -scale)...)
	}
	if scale != 0 {
		dst = strconv.AppendInt(append(dst, "e"...), int64(-scale), 10)
	}
	return dst
}

// unscaled reads a big-endian two's complement number.
func unscaled(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

// appendJSON appends a document without blanks and with sorted keys, as databases
// that keep documents in a form of their own give them back otherwise.
func appendJSON(dst, doc []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return append(dst, doc...)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return append(dst, doc...)
	}
	return append(dst, out...)
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
