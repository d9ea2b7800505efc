package postgres

import (
	"fmt"
	"math"
	"strconv"
	"unsafe"

	"sluice/schemas"
)

// decodeFunc turns the text form of one value into dst. src lies in the batch's
// arena: the decoder may point to it and write over it.
type decodeFunc func(dst *schemas.Value, src []byte, a *schemas.Arena) error

// valueError is a value that has no form in the column's type.
type valueError struct {
	what, cure string
}

func (e *valueError) Error() string { return e.what }

// labelError says that an enum has a label that its type did not list.
type labelError struct {
	oid   uint32
	label string
}

func (e *labelError) Error() string { return "unknown enum label " + strconv.Quote(e.label) }

func malformed(kind string, src []byte) error {
	return &valueError{what: fmt.Sprintf("%s is not the text of a %s", excerpt(src), kind)}
}

func excerpt(b []byte) string {
	if len(b) > 40 {
		return strconv.Quote(string(b[:40])) + "..."
	}
	return strconv.Quote(string(b))
}

// text lends b as a string for the length of one call.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func decodeText(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
	*dst = schemas.TextOf(src)
	return nil
}

func decodeBool(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
	if len(src) != 1 || src[0] != 't' && src[0] != 'f' {
		return malformed("boolean", src)
	}
	*dst = schemas.BoolOf(src[0] == 't')
	return nil
}

// decodeInt returns the decoder of a whole number of that many bits.
func decodeInt(bits int) decodeFunc {
	low, high := int64(-1)<<(bits-1), int64(1)<<(bits-1)-1
	return func(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
		n, ok := parseInt(src)
		if !ok || n < low || n > high {
			return malformed("whole number", src)
		}
		*dst = schemas.IntOf(n)
		return nil
	}
}

func parseInt(src []byte) (int64, bool) {
	digits := src
	negative := len(src) > 0 && src[0] == '-'
	if negative {
		digits = src[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		n, err := strconv.ParseInt(text(src), 10, 64)
		return n, err == nil && src[0] != '+'
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

func decodeFloat(bits int) decodeFunc {
	return func(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
		switch string(src) {
		case "NaN":
			*dst = schemas.FloatOf(math.NaN())
			return nil
		case "Infinity":
			*dst = schemas.FloatOf(math.Inf(1))
			return nil
		case "-Infinity":
			*dst = schemas.FloatOf(math.Inf(-1))
			return nil
		}
		f, err := strconv.ParseFloat(text(src), bits)
		if err != nil {
			return malformed("floating point number", src)
		}
		*dst = schemas.FloatOf(f)
		return nil
	}
}

// decodeBytea reads the hex form, in place.
func decodeBytea(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
	if len(src) < 2 || len(src)%2 != 0 || src[0] != '\\' || src[1] != 'x' {
		return malformed("bytea", src)
	}
	out, ok := decodeHex(src, src[2:])
	if !ok {
		return malformed("bytea", src)
	}
	*dst = schemas.BytesOf(out)
	return nil
}

// decodeHex writes the bytes that hex stands for into dst, which may be the same
// memory or lie before it.
func decodeHex(dst, hex []byte) ([]byte, bool) {
	if len(hex)%2 != 0 {
		return nil, false
	}
	for i := 0; i < len(hex); i += 2 {
		hi, lo := nibble[hex[i]], nibble[hex[i+1]]
		if hi|lo > 15 {
			return nil, false
		}
		dst[i/2] = hi<<4 | lo
	}
	return dst[: len(hex)/2 : len(hex)/2], true
}

// nibble maps hex digits to their values and all else to 0xFF.
var nibble = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xFF
	}
	for i := range 10 {
		t['0'+i] = byte(i)
	}
	for i := range 6 {
		t['a'+i], t['A'+i] = byte(10+i), byte(10+i)
	}
	return t
}()

// decodeBits reads '0' and '1', most significant first, into little-endian
// bytes; those above the highest one bit are left out, as Debezium does.
func decodeBits(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	n := (len(src) + 7) / 8
	out := a.Grow(n)[:n]
	clear(out)
	for i, c := range src {
		if c != '0' && c != '1' {
			return malformed("bit string", src)
		}
		place := len(src) - 1 - i
		out[place/8] |= (c - '0') << (place % 8)
	}
	for n > 0 && out[n-1] == 0 {
		n--
	}
	a.Keep(n)
	*dst = schemas.BytesOf(out[:n:n])
	return nil
}

// decodeBit reads bit(1), which Debezium calls a boolean.
func decodeBit(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
	if len(src) != 1 || src[0] != '0' && src[0] != '1' {
		return malformed("bit", src)
	}
	*dst = schemas.BoolOf(src[0] == '1')
	return nil
}

// decodeEnum reads one of the labels; another is a *labelError.
func decodeEnum(oid uint32, labels []string) decodeFunc {
	known := make(map[string]struct{}, len(labels))
	for _, l := range labels {
		known[l] = struct{}{}
	}
	return func(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
		if _, ok := known[string(src)]; !ok {
			return &labelError{oid, string(src)}
		}
		*dst = schemas.TextOf(src)
		return nil
	}
}
