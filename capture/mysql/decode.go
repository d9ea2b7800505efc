package mysql

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"unsafe"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/schemas"
)

// valueError is a value that has no form in the column's type.
type valueError struct{ what, cure string }

func (e *valueError) Error() string { return e.what }

func malformed(kind string, src []byte) error {
	return &valueError{what: fmt.Sprintf("%s is no %s", excerpt(src), kind)}
}

func excerpt(b []byte) string {
	if len(b) > 40 {
		return strconv.Quote(string(b[:40])) + "..."
	}
	return strconv.Quote(string(b))
}

// text lends b as a string for the length of one call.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// decodeInt reads a signed number of that many bytes.
func decodeInt(width int) decodeFunc {
	shift := 64 - 8*width
	return func(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
		*dst = schemas.IntOf(int64(littleEndian(src)<<shift) >> shift)
		return nil
	}
}

func decodeUint(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
	*dst = schemas.IntOf(int64(littleEndian(src)))
	return nil
}

// putLong is the form of a BIGINT UNSIGNED that one above all int64s has not.
func putLong(dst *schemas.Value, n uint64, _ *schemas.Arena) error {
	if n > math.MaxInt64 {
		return &valueError{what: strconv.FormatUint(n, 10) + " is above 9223372036854775807", cure: "set bigint_unsigned: decimal (or string)"}
	}
	*dst = schemas.IntOf(int64(n))
	return nil
}

func putUnscaled(dst *schemas.Value, n uint64, a *schemas.Arena) error { //nolint:unparam // in place of putLong
	if n <= math.MaxInt64 {
		*dst = schemas.DecimalOf(appendUnscaled(a, int64(n)), 0)
		return nil
	}
	out := append(a.Grow(9), 0)
	out = binary.BigEndian.AppendUint64(out, n)
	a.Keep(9)
	*dst = schemas.DecimalOf(out, 0)
	return nil
}

func putDigits(dst *schemas.Value, n uint64, a *schemas.Arena) error { //nolint:unparam // in place of putLong
	out := strconv.AppendUint(a.Grow(20), n, 10)
	a.Keep(len(out))
	*dst = schemas.TextOf(out)
	return nil
}

// decodeFloat reads an IEEE 754 number of 32 bits, decodeDouble one of 64.
func decodeFloat(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
	*dst = schemas.FloatOf(float64(math.Float32frombits(binary.LittleEndian.Uint32(src))))
	return nil
}

func decodeDouble(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
	*dst = schemas.FloatOf(math.Float64frombits(binary.LittleEndian.Uint64(src)))
	return nil
}

// decodeYear reads years since 1900; 0 is the year zero.
func decodeYear(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
	y := int64(src[0])
	if y != 0 {
		y += 1900
	}
	*dst = schemas.IntOf(y)
	return nil
}

func decodeBit(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
	*dst = schemas.BoolOf(bigEndian(src) != 0)
	return nil
}

// decodeBits turns the bytes around.
func decodeBits(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	out := a.Grow(len(src))
	for i := len(src) - 1; i >= 0; i-- {
		out = append(out, src[i])
	}
	a.Keep(len(out))
	*dst = schemas.BytesOf(out)
	return nil
}

func decodeBytes(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
	*dst = schemas.BytesOf(src)
	return nil
}

// decodePadded reads BINARY(n): zeroes at the end are not in the log.
func decodePadded(n int) decodeFunc {
	return func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
		if len(src) >= n {
			*dst = schemas.BytesOf(src)
			return nil
		}
		out := append(a.Grow(n), src...)[:n]
		clear(out[len(src):])
		a.Keep(n)
		*dst = schemas.BytesOf(out)
		return nil
	}
}

// putEnum makes a label of its number; 0 is the label of an invalid value.
func putEnum(labels [][]byte) func(*schemas.Value, uint64, *schemas.Arena) error {
	return func(dst *schemas.Value, n uint64, _ *schemas.Arena) error {
		switch {
		case n == 0:
			*dst = schemas.TextOf([]byte{})
		case n <= uint64(len(labels)):
			*dst = schemas.TextOf(labels[n-1])
		default:
			return &valueError{what: fmt.Sprintf("the enum has no label number %d", n)}
		}
		return nil
	}
}

// putSet writes the labels whose bits are set, with commas.
func putSet(labels [][]byte) func(*schemas.Value, uint64, *schemas.Arena) error {
	return func(dst *schemas.Value, n uint64, a *schemas.Arena) error {
		if len(labels) < 64 && n>>len(labels) != 0 {
			return &valueError{what: fmt.Sprintf("the set has no labels for the bits %b", n)}
		}
		size := 0
		for i, l := range labels {
			if n>>i&1 != 0 {
				size += len(l) + 1
			}
		}
		out := a.Grow(size)
		for i, l := range labels {
			if n>>i&1 == 0 {
				continue
			}
			if len(out) > 0 {
				out = append(out, ',')
			}
			out = append(out, l...)
		}
		a.Keep(len(out))
		*dst = schemas.TextOf(out)
		return nil
	}
}

// decodeGeometry reads the identifier of the reference system and the well-known
// binary form (MySQL reference manual, "Internal Geometry Storage Format").
func decodeGeometry(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	if len(src) < 4+5 {
		return malformed("geometry", src)
	}
	row := a.Row(2)
	row[0], row[1] = schemas.BytesOf(src[4:]), srid(src)
	*dst = schemas.ListOf(row)
	return nil
}

func srid(src []byte) schemas.Value {
	if n := binary.LittleEndian.Uint32(src); n != 0 {
		return schemas.IntOf(int64(n))
	}
	return schemas.Value{}
}

// decodePoint is decodeGeometry of a POINT, whose coordinates stand beside.
func decodePoint(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	if len(src) != 4+1+4+8+8 || src[4] != 1 || binary.LittleEndian.Uint32(src[5:]) != 1 {
		return malformed("point", src)
	}
	row := a.Row(4)
	row[0] = schemas.FloatOf(math.Float64frombits(binary.LittleEndian.Uint64(src[9:])))
	row[1] = schemas.FloatOf(math.Float64frombits(binary.LittleEndian.Uint64(src[17:])))
	row[2], row[3] = schemas.BytesOf(src[4:]), srid(src)
	*dst = schemas.ListOf(row)
	return nil
}

// decodeVector reads 32-bit floats.
func decodeVector(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	if len(src)%4 != 0 {
		return malformed("vector", src)
	}
	row := a.Row(len(src) / 4)
	for i := range row {
		row[i] = schemas.FloatOf(float64(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))))
	}
	*dst = schemas.ListOf(row)
	return nil
}

// viaBytes gives the bytes of an answer to the log's decoder.
func viaBytes(decode decodeFunc) fieldFunc {
	return func(dst *schemas.Value, f *gomysql.FieldValue, a *schemas.Arena) error {
		return decode(dst, a.Copy(f.AsString()), a)
	}
}

// fieldText reads text that is UTF-8.
func fieldText(dst *schemas.Value, f *gomysql.FieldValue, a *schemas.Arena) error {
	*dst = schemas.TextOf(a.Copy(f.AsString()))
	return nil
}

func fieldInt(dst *schemas.Value, f *gomysql.FieldValue, _ *schemas.Arena) error {
	switch f.Type {
	case gomysql.FieldValueTypeSigned:
		*dst = schemas.IntOf(f.AsInt64())
	case gomysql.FieldValueTypeUnsigned:
		*dst = schemas.IntOf(int64(f.AsUint64()))
	default:
		n, err := strconv.ParseInt(text(f.AsString()), 10, 64)
		if err != nil {
			return malformed("whole number", f.AsString())
		}
		*dst = schemas.IntOf(n)
	}
	return nil
}

func unsignedOf(f *gomysql.FieldValue) (uint64, error) {
	switch f.Type {
	case gomysql.FieldValueTypeUnsigned:
		return f.AsUint64(), nil
	case gomysql.FieldValueTypeSigned:
		return uint64(f.AsInt64()), nil
	}
	n, err := strconv.ParseUint(text(f.AsString()), 10, 64)
	if err != nil {
		return 0, malformed("whole number", f.AsString())
	}
	return n, nil
}

func fieldFloat(dst *schemas.Value, f *gomysql.FieldValue, _ *schemas.Arena) error {
	if f.Type == gomysql.FieldValueTypeFloat {
		*dst = schemas.FloatOf(f.AsFloat64())
		return nil
	}
	n, err := strconv.ParseFloat(text(f.AsString()), 64)
	if err != nil {
		return malformed("number", f.AsString())
	}
	*dst = schemas.FloatOf(n)
	return nil
}
