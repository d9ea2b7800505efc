package schemas

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"time"
)

const (
	dateForm  = "2006-01-02"
	clockForm = "15:04:05.999999"
)

// AppendText appends a value, not null, as a text that means the same whatever its
// type and the database: numbers without needless zeros, times in UTC, true and
// false as 1 and 0, documents without blanks and with sorted keys.
func AppendText(dst []byte, t *Type, v Value) []byte {
	stamp := func(at time.Time) []byte { return at.UTC().AppendFormat(dst, dateForm+" "+clockForm) }
	switch v.Kind {
	case Bool:
		if v.Bool() {
			return append(dst, '1')
		}
		return append(dst, '0')
	case Int:
		switch t.Name {
		case DateType:
			return time.Unix(0, 0).UTC().AddDate(0, 0, int(v.Int())).AppendFormat(dst, dateForm)
		case TimeType:
			return time.UnixMicro(v.Int()).UTC().AppendFormat(dst, clockForm)
		case MilliTimestampType:
			return stamp(time.UnixMilli(v.Int()))
		case MicroTimestampType, InstantType:
			return stamp(time.UnixMicro(v.Int()))
		}
		return strconv.AppendInt(dst, v.Int(), 10)
	case Float:
		return appendNumber(dst, strconv.FormatFloat(v.Float(), 'f', -1, 64), 0)
	case Decimal:
		return appendNumber(dst, unscaled(v.Bytes).String(), int(v.Scale))
	case Text:
		switch t.Name {
		case ZonedTimestampType:
			if at, err := time.Parse(time.RFC3339Nano, string(v.Bytes)); err == nil {
				return stamp(at)
			}
		case UUIDType:
			return append(dst, bytes.ToLower(v.Bytes)...)
		case JSONType:
			return appendJSON(dst, v.Bytes)
		}
		return append(dst, v.Bytes...)
	case List:
		for i, e := range v.Elems() {
			of := &Type{}
			if t.Name == StructType {
				of = &t.Record.Columns[i].Type
			} else if t.Elem != nil {
				of = &t.Elem.Type
			}
			dst = append(AppendText(append(dst, '['), of, e), ']')
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
