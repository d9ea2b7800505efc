package avro

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"sluice/schemas"
)

// encoder appends rows of one record.
type encoder struct {
	record string
	heads  []head
	ops    []op
	// room is the most that a row without texts, bytes and lists takes.
	room int
}

func newEncoder(record string, ops []op) encoder {
	e := encoder{record: record, ops: ops}
	for i := range ops {
		o := &ops[i]
		e.heads = append(e.heads, o.head)
		e.room += 1 + 2*maxVarint + int(o.size) + len(o.zero) + len(o.unavailable)
	}
	return e
}

// append appends the row's Avro bytes. On an error dst is returned as it was.
//
// Room for the whole row is made at once, and the commonest columns are written
// into it without asking again. Only a list can take more than was made room
// for: after each of the rarer columns it is made again.
func (e *encoder) append(dst []byte, row schemas.Row) ([]byte, error) {
	if len(row) != len(e.ops) {
		return dst, e.errorf("", "a row of %d values for %d columns", len(row), len(e.ops))
	}
	room := e.room
	for i := range row {
		room += len(row[i].Bytes)
	}
	buf, at := dst, len(dst)
	if cap(buf)-at < room {
		buf = slices.Grow(buf, room)
	}
	buf = buf[:cap(buf)]
	row = row[:len(e.heads)]
	for i, h := range e.heads {
		v := &row[i]
		if v.Kind == schemas.Null && h.union != 0 {
			buf[at] = h.absent
			at++
			continue
		}
		if v.Kind != h.kind || h.code > codeDecimal {
			out, bad := e.ops[i].appendValue(buf[:at], v)
			if bad != "" {
				return dst, e.errorf(e.ops[i].column.Name, "%s", bad)
			}
			if at = len(out); cap(out)-at < room {
				out = slices.Grow(out, room)
			}
			buf = out[:cap(out)]
			continue
		}
		buf[at] = h.present
		at += int(h.union)
		b, u := v.Bytes, uint64(0)
		switch h.code {
		case codeLong:
			u, b = zigzag(v.Int()), nil
		case codeText:
			u = uint64(len(b)) << 1
		case codeBool:
			u, b = uint64(v.Int()), nil
		case codeInt:
			n, bad := e.ops[i].fit(v.Int())
			if bad != "" {
				return dst, e.errorf(e.ops[i].column.Name, "%s", bad)
			}
			u, b = zigzag(n), nil
		case codeDecimal:
			var bad string
			if b, bad = e.ops[i].digits(v); bad != "" {
				return dst, e.errorf(e.ops[i].column.Name, "%s", bad)
			}
			u = uint64(len(b)) << 1
		}
		if u < 0x80 {
			buf[at] = byte(u)
			at++
		} else {
			at = putVarint(buf, at, u)
		}
		if len(b) > 0 {
			at += copy(buf[at:], b)
		}
	}
	return buf[:at], nil
}

func (e *encoder) errorf(field, format string, args ...any) error {
	return &Error{Record: e.record, Field: field, Offset: -1, What: fmt.Sprintf(format, args...)}
}

// appendValue appends one value with its union's index, if it is in one. bad
// says what is wrong with it.
func (o *op) appendValue(dst []byte, v *schemas.Value) (out []byte, bad string) {
	if v.Kind != o.kind {
		return o.appendMissing(dst, v.Kind)
	}
	if o.union != 0 {
		dst = append(dst, o.present)
	}
	switch o.code {
	case codeText, codeBytes:
		return appendBytes(dst, v.Bytes), ""
	case codeLong:
		return appendLong(dst, v.Int()), ""
	case codeBool:
		if v.Bool() {
			return append(dst, 1), ""
		}
		return append(dst, 0), ""
	case codeInt:
		var n int64
		if n, bad = o.fit(v.Int()); bad != "" {
			return dst, bad
		}
		return appendLong(dst, n), ""
	case codeFloat:
		f := float32(v.Float())
		if math.IsInf(float64(f), 0) && !math.IsInf(v.Float(), 0) {
			return dst, fmt.Sprintf("%g is out of range", v.Float())
		}
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(f)), ""
	case codeDouble:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Float())), ""
	case codeDecimal:
		var b []byte
		if b, bad = o.digits(v); bad != "" {
			return dst, bad
		}
		return appendBytes(dst, b), ""
	case codeVarDecimal:
		if len(v.Bytes) == 0 {
			return dst, "a number without bytes"
		}
		return appendBytes(appendLong(dst, int64(v.Scale)), shortest(v.Bytes)), ""
	case codeFixed:
		if len(v.Bytes) != int(o.size) {
			return dst, fmt.Sprintf("%d bytes where %d are expected", len(v.Bytes), o.size)
		}
		return append(dst, v.Bytes...), ""
	case codeEnum:
		for i, s := range o.symbols {
			if string(s) == string(v.Bytes) {
				return appendLong(dst, int64(i)), ""
			}
		}
		return dst, fmt.Sprintf("%.80q is none of its symbols", v.Bytes)
	case codeArray:
		return o.appendArray(dst, v.Elems())
	case codeStruct:
		return o.appendStruct(dst, v.Elems())
	}
	return dst, "unknown code"
}

// fit returns the Avro number of an Int, which has a range or a unit of its own.
func (o *op) fit(n int64) (int64, string) {
	if o.times != 1 {
		if n%o.times != 0 {
			return 0, fmt.Sprintf("%d is no multiple of %d, the unit that the schema has", n, o.times)
		}
		n /= o.times
	}
	if n < o.low || n > o.high {
		return 0, fmt.Sprintf("%d is out of range", n)
	}
	return n, ""
}

// digits returns the Avro bytes of a number with a fixed scale.
func (o *op) digits(v *schemas.Value) ([]byte, string) {
	b := shortest(v.Bytes)
	switch {
	case len(b) == 0:
		return nil, "a number without bytes"
	case v.Scale != o.scale:
		return nil, fmt.Sprintf("a number of scale %d where %d is expected", v.Scale, o.scale)
	case o.most == nil || len(b) < len(o.most):
	case len(b) > len(o.most),
		b[0] < 0x80 && bytes.Compare(b, o.most) > 0,
		b[0] >= 0x80 && bytes.Compare(b, o.least) < 0:
		return nil, fmt.Sprintf("a number of more than %d digits", o.column.Type.Precision)
	}
	return b, ""
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
		if o.union != 0 {
			return append(dst, o.absent), ""
		}
		return dst, "null in a required column"
	case schemas.Unchanged, schemas.Absent:
		if o.missing == strict {
			break
		}
		if kind == schemas.Unchanged && o.unavailable != nil {
			if o.union != 0 {
				dst = append(dst, o.present)
			}
			return append(dst, o.unavailable...), ""
		}
		if o.union != 0 {
			return append(dst, o.absent), ""
		}
		if o.missing == fallback && o.zero != nil {
			return append(dst, o.zero...), ""
		}
		return dst, fmt.Sprintf("the value is %v, the column required", kind)
	}
	return dst, fmt.Sprintf("a value of kind %v where %v is expected", kind, o.kind)
}
