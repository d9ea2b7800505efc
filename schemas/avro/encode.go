package avro

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"sluice/schemas"
)

// encoder appends rows of one record.
type encoder struct {
	record string
	ops    []op
}

// append appends the row's Avro bytes. On an error dst is returned as it was.
func (e *encoder) append(dst []byte, row schemas.Row) ([]byte, error) {
	if len(row) != len(e.ops) {
		return dst, e.errorf("", "a row of %d values for %d columns", len(row), len(e.ops))
	}
	out := dst
	for i := range e.ops {
		o, v := &e.ops[i], &row[i]
		var bad string
		if v.Kind != o.kind {
			out, bad = o.appendMissing(out, v.Kind)
		} else {
			switch o.null {
			case nullFirst:
				out = append(out, 2)
			case nullLast:
				out = append(out, 0)
			}
			switch o.code {
			case codeText:
				out = append(appendLong(out, int64(len(v.Bytes))), v.Bytes...)
			case codeLong:
				if n := v.Int(); o.low <= n && n <= o.high && o.times == 1 {
					out = appendLong(out, n)
				} else {
					out, bad = o.appendScaled(out, n)
				}
			default:
				out, bad = o.appendRare(out, v)
			}
		}
		if bad != "" {
			return dst, e.errorf(o.column.Name, "%s", bad)
		}
	}
	return out, nil
}

func (e *encoder) errorf(field, format string, args ...any) error {
	return &Error{Record: e.record, Field: field, Offset: -1, What: fmt.Sprintf(format, args...)}
}

// appendValue appends one value with its union's index, if it is in one.
func (o *op) appendValue(dst []byte, v *schemas.Value) ([]byte, string) {
	if v.Kind != o.kind {
		return o.appendMissing(dst, v.Kind)
	}
	dst = o.appendPresent(dst)
	switch o.code {
	case codeText:
		return appendBytes(dst, v.Bytes), ""
	case codeLong:
		return o.appendScaled(dst, v.Int())
	}
	return o.appendRare(dst, v)
}

// appendPresent appends the index in the union that says: there is a value.
func (o *op) appendPresent(dst []byte) []byte {
	switch o.null {
	case nullFirst:
		return append(dst, 2)
	case nullLast:
		return append(dst, 0)
	}
	return dst
}

func (o *op) appendNull(dst []byte) []byte {
	if o.null == nullFirst {
		return append(dst, 0)
	}
	return append(dst, 2)
}

func (o *op) appendScaled(dst []byte, n int64) ([]byte, string) {
	if o.times != 1 {
		if n%o.times != 0 {
			return dst, fmt.Sprintf("%d is no multiple of %d, the unit that the schema has", n, o.times)
		}
		n /= o.times
	}
	if n < o.low || n > o.high {
		return dst, fmt.Sprintf("%d is out of range", n)
	}
	return appendLong(dst, n), ""
}

func (o *op) appendRare(dst []byte, v *schemas.Value) ([]byte, string) {
	switch o.code {
	case codeBool:
		if v.Bool() {
			return append(dst, 1), ""
		}
		return append(dst, 0), ""
	case codeFloat:
		f := float32(v.Float())
		if math.IsInf(float64(f), 0) && !math.IsInf(v.Float(), 0) {
			return dst, fmt.Sprintf("%g is out of range", v.Float())
		}
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(f)), ""
	case codeDouble:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Float())), ""
	case codeBytes:
		return appendBytes(dst, v.Bytes), ""
	case codeFixed:
		if len(v.Bytes) != int(o.size) {
			return dst, fmt.Sprintf("%d bytes where %d are expected", len(v.Bytes), o.size)
		}
		return append(dst, v.Bytes...), ""
	case codeDecimal:
		return o.appendDecimal(dst, v)
	case codeVarDecimal:
		if len(v.Bytes) == 0 {
			return dst, "a number without bytes"
		}
		return appendBytes(appendLong(dst, int64(v.Scale)), shortest(v.Bytes)), ""
	case codeEnum:
		for i, s := range o.symbols {
			if string(s) == string(v.Bytes) {
				return appendLong(dst, int64(i)), ""
			}
		}
		return dst, fmt.Sprintf("%.80q is none of its symbols", v.Bytes)
	case codeArray:
		return o.appendArray(dst, v.Elems())
	}
	return dst, "unknown code"
}

func (o *op) appendDecimal(dst []byte, v *schemas.Value) ([]byte, string) {
	b := shortest(v.Bytes)
	switch {
	case len(b) == 0:
		return dst, "a number without bytes"
	case v.Scale != o.scale:
		return dst, fmt.Sprintf("a number of scale %d where %d is expected", v.Scale, o.scale)
	case o.most == nil || len(b) < len(o.most):
	case len(b) > len(o.most),
		b[0] < 0x80 && bytes.Compare(b, o.most) > 0,
		b[0] >= 0x80 && bytes.Compare(b, o.least) < 0:
		return dst, fmt.Sprintf("a number of more than %d digits", o.column.Type.Precision)
	}
	return appendBytes(dst, b), ""
}

// shortest drops sign bytes that say nothing, so that equal numbers have equal
// bytes.
func shortest(b []byte) []byte {
	for len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) {
		b = b[1:]
	}
	return b
}

// appendArray writes all elements as one block.
func (o *op) appendArray(dst []byte, elems schemas.Row) ([]byte, string) {
	if len(elems) > 0 {
		dst = appendLong(dst, int64(len(elems)))
		for i := range elems {
			var bad string
			if dst, bad = o.elem.appendValue(dst, &elems[i]); bad != "" {
				return dst, fmt.Sprintf("element %d: %s", i, bad)
			}
		}
	}
	return append(dst, 0), ""
}

// appendMissing appends what stands for a value that is not of the column's
// Kind.
func (o *op) appendMissing(dst []byte, kind schemas.Kind) ([]byte, string) {
	switch kind {
	case schemas.Null:
		if o.null != required {
			return o.appendNull(dst), ""
		}
		return dst, "null in a required column"
	case schemas.Unchanged, schemas.Absent:
		if o.missing == strict {
			break
		}
		if kind == schemas.Unchanged && o.unavailable != nil {
			return append(o.appendPresent(dst), o.unavailable...), ""
		}
		if o.null != required {
			return o.appendNull(dst), ""
		}
		if kind == schemas.Absent && o.missing == fallback && o.zero != nil {
			return append(dst, o.zero...), ""
		}
		return dst, fmt.Sprintf("the value is %v, the column required", kind)
	}
	return dst, fmt.Sprintf("a value of kind %v where %v is expected", kind, o.kind)
}
