package mysql

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/schemas"
)

// Types of MySQL's binary JSON (MySQL source, sql-common/json_binary.h).
const (
	jsonSmallObject = 0x00
	jsonLargeObject = 0x01
	jsonSmallArray  = 0x02
	jsonLargeArray  = 0x03
	jsonLiteral     = 0x04
	jsonInt16       = 0x05
	jsonUint16      = 0x06
	jsonInt32       = 0x07
	jsonUint32      = 0x08
	jsonInt64       = 0x09
	jsonUint64      = 0x0A
	jsonDouble      = 0x0B
	jsonString      = 0x0C
	jsonOpaque      = 0x0F
)

// maxJSONDepth is MySQL's limit.
const maxJSONDepth = 100

var errJSON = errors.New("the binary JSON is broken")

// decodeJSON writes the document as MySQL prints it.
func decodeJSON(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	if len(src) == 0 { // what INSERT IGNORE makes of a missing value
		*dst = schemas.TextOf(a.Copy([]byte("null")))
		return nil
	}
	// Most documents are no longer as text; those that are go through a buffer.
	out, err := appendJSON(a.Grow(2*len(src) + 32)[:0], src[0], src[1:], 0, 32*len(src)+1024)
	if err != nil {
		return err
	}
	if len(out) > 2*len(src)+32 {
		out = a.Copy(out)
	} else {
		a.Keep(len(out))
	}
	*dst = schemas.TextOf(out)
	return nil
}

// appendJSON writes a value. limit bounds all that is written: offsets of a broken
// document may lead in circles, and no other is 32 times as long as text.
func appendJSON(out []byte, kind byte, b []byte, depth, limit int) ([]byte, error) {
	r := &reader{b: b}
	switch kind {
	case jsonSmallObject, jsonLargeObject, jsonSmallArray, jsonLargeArray:
		return appendCompound(out, kind, b, depth+1, limit)
	case jsonLiteral:
		switch r.u8() {
		case 0:
			out = append(out, "null"...)
		case 1:
			out = append(out, "true"...)
		case 2:
			out = append(out, "false"...)
		default:
			return nil, errJSON
		}
	case jsonInt16:
		out = strconv.AppendInt(out, int64(int16(r.u16())), 10)
	case jsonUint16:
		out = strconv.AppendUint(out, uint64(r.u16()), 10)
	case jsonInt32:
		out = strconv.AppendInt(out, int64(int32(r.u32())), 10)
	case jsonUint32:
		out = strconv.AppendUint(out, uint64(r.u32()), 10)
	case jsonInt64:
		out = strconv.AppendInt(out, int64(r.u64()), 10)
	case jsonUint64:
		out = strconv.AppendUint(out, r.u64(), 10)
	case jsonDouble:
		out = appendJSONDouble(out, math.Float64frombits(r.u64()))
	case jsonString:
		out = appendJSONText(out, r.varRun())
	case jsonOpaque:
		kind := r.u8()
		body := r.varRun()
		if r.short {
			return nil, errJSON
		}
		return appendOpaque(out, kind, body)
	default:
		return nil, errJSON
	}
	if r.short {
		return nil, errJSON
	}
	return out, nil
}

// varRun reads a length in groups of seven bits, low ones first, and the bytes.
func (r *reader) varRun() []byte {
	var n uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.u8()
		n |= uint64(b&0x7F) << shift
		if b&0x80 == 0 {
			if n > uint64(len(r.b)) {
				r.short = true
				return nil
			}
			return r.bytes(int(n))
		}
	}
	r.short = true
	return nil
}

// appendCompound writes an object or an array. Offsets count from b's begin;
// small values stand in place of their offset.
func appendCompound(out []byte, kind byte, b []byte, depth, limit int) ([]byte, error) {
	if depth > maxJSONDepth || len(out) > limit {
		return nil, errJSON
	}
	large := kind == jsonLargeObject || kind == jsonLargeArray
	object := kind == jsonSmallObject || kind == jsonLargeObject
	r := &reader{b: b}
	offset := func() uint64 {
		if large {
			return uint64(r.u32())
		}
		return uint64(r.u16())
	}
	count, size := offset(), offset()
	if r.short || size > uint64(len(b)) || count > size {
		return nil, errJSON
	}
	header := len(b) - len(r.b)
	b = b[:size]
	if header > len(b) {
		return nil, errJSON
	}
	r.b = b[header:]
	type entry struct {
		at, n int
	}
	var keys []entry
	if object {
		keys = make([]entry, count)
		for i := range keys {
			at, n := offset(), uint64(r.u16())
			if r.short || at+n > size {
				return nil, errJSON
			}
			keys[i] = entry{int(at), int(n)}
		}
	}
	out = append(out, "[{"[boolByte(object)])
	for i := range int(count) {
		if i > 0 {
			out = append(out, ", "...)
		}
		if object {
			out = append(appendJSONText(out, b[keys[i].at:keys[i].at+keys[i].n]), ": "...)
		}
		kind := r.u8()
		here := r.b
		at := offset()
		if r.short {
			return nil, errJSON
		}
		inline := kind == jsonLiteral || kind == jsonInt16 || kind == jsonUint16 || large && (kind == jsonInt32 || kind == jsonUint32)
		if !inline {
			if at >= size {
				return nil, errJSON
			}
			here = b[at:]
		}
		var err error
		if out, err = appendJSON(out, kind, here, depth, limit); err != nil {
			return nil, err
		}
	}
	return append(out, "]}"[boolByte(object)]), nil
}

func boolByte(b bool) int {
	if b {
		return 1
	}
	return 0
}

const hexDigits = "0123456789abcdef"

// appendJSONText quotes a text.
func appendJSONText(out, s []byte) []byte {
	out = append(out, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c >= ' ':
			out = append(out, c)
		case c == '\b':
			out = append(out, `\b`...)
		case c == '\f':
			out = append(out, `\f`...)
		case c == '\n':
			out = append(out, `\n`...)
		case c == '\r':
			out = append(out, `\r`...)
		case c == '\t':
			out = append(out, `\t`...)
		default:
			out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(out, '"')
}

// appendJSONDouble writes the shortest digits that give the number back; with an
// exponent where the point would lie more than 15 places away (MySQL source,
// my_gcvt).
func appendJSONDouble(out []byte, f float64) []byte {
	const places = 15
	var room [32]byte
	digits := strconv.AppendFloat(room[:0], math.Abs(f), 'e', -1, 64)
	exponent := 0
	for i, c := range digits {
		if c == 'e' {
			exponent, _ = strconv.Atoi(string(digits[i+1:])) // as AppendFloat wrote it
			digits = digits[:i]
			break
		}
	}
	if math.Signbit(f) {
		out = append(out, '-')
	}
	if point := exponent + 1; f != 0 && (point > places || point < 1-places) {
		out = append(append(out, digits...), 'e')
		return strconv.AppendInt(out, int64(exponent), 10)
	}
	before := len(out)
	out = strconv.AppendFloat(out, math.Abs(f), 'f', -1, 64)
	for _, c := range out[before:] {
		if c == '.' {
			return out
		}
	}
	return append(out, ".0"...)
}

// appendOpaque writes a value of a type that JSON has not.
func appendOpaque(out []byte, kind byte, b []byte) ([]byte, error) {
	switch kind {
	case gomysql.MYSQL_TYPE_NEWDECIMAL:
		if len(b) < 2 || b[0] > maxDecimalDigits || b[1] > b[0] {
			return nil, errJSON
		}
		var room [maxDecimalDigits + 3]byte
		digits, err := decimalText(room[:0], b[2:], int(b[0]), int(b[1]))
		if err != nil {
			return nil, err
		}
		return append(out, digits...), nil
	case gomysql.MYSQL_TYPE_DATE, gomysql.MYSQL_TYPE_DATETIME, gomysql.MYSQL_TYPE_TIMESTAMP, gomysql.MYSQL_TYPE_TIME:
		if len(b) != 8 {
			return nil, errJSON
		}
		return appendJSONTime(out, kind, int64(binary.LittleEndian.Uint64(b))), nil
	}
	out = fmt.Appendf(out, `"base64:type%d:`, kind)
	out = base64.StdEncoding.AppendEncode(out, b)
	return append(out, '"'), nil
}

// appendJSONTime writes a date or time, packed as in readDatetime and readTime
// with a fraction of three bytes.
func appendJSONTime(out []byte, kind byte, n int64) []byte {
	out = append(out, '"')
	if n < 0 {
		n = -n
		out = append(out, '-')
	}
	fraction, whole := uint64(n&0xFFFFFF), n>>24
	if kind == gomysql.MYSQL_TYPE_TIME {
		out = appendPadded(out, uint64(whole>>12&0x3FF), 2)
	} else {
		months := uint64(whole >> 22)
		out = append(appendPadded(out, months/13, 4), '-')
		out = append(appendPadded(out, months%13, 2), '-')
		out = appendPadded(out, uint64(whole>>17&31), 2)
		if kind == gomysql.MYSQL_TYPE_DATE {
			return append(out, '"')
		}
		out = appendPadded(append(out, ' '), uint64(whole>>12&31), 2)
	}
	out = appendPadded(append(out, ':'), uint64(whole>>6&63), 2)
	out = appendPadded(append(out, ':'), uint64(whole&63), 2)
	out = appendPadded(append(out, '.'), fraction, 6)
	return append(out, '"')
}
