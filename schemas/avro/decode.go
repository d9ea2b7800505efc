package avro

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"sluice/schemas"
)

// decoder reads rows of one record.
type decoder struct {
	record string
	ops    []op
}

// row reads one row; path is put before the columns' names in errors.
func (d *decoder) row(r *reader, path string) (schemas.Row, error) {
	row := r.arena.Row(len(d.ops))
	for i := range d.ops {
		o := &d.ops[i]
		start := r.at
		o.read(r, &row[i])
		if r.bad != "" {
			return nil, &Error{Record: d.record, Field: path + o.column.Name, Offset: start, What: r.bad}
		}
	}
	return row, nil
}

// read reads one value. v is Null before.
func (o *op) read(r *reader, v *schemas.Value) {
	if o.union != 0 && !r.present(o.present) {
		return
	}
	switch o.code {
	case codeText:
		b := r.take(r.long())
		switch {
		case o.unavailable != nil && string(b) == schemas.UnavailableValue:
			v.Kind = schemas.Unchanged
		case !utf8.Valid(b):
			r.fail("the text is not UTF-8")
		default:
			*v = schemas.TextOf(b)
		}
	case codeLong:
		*v = schemas.IntOf(r.long())
	default:
		o.readRare(r, v)
	}
}

func (o *op) readRare(r *reader, v *schemas.Value) {
	switch o.code {
	case codeInt:
		n := r.long()
		if n < o.low || n > o.high {
			r.failf("%d is out of range", n)
		}
		*v = schemas.IntOf(n * o.times)
	case codeBool:
		b := r.byte()
		if b > 1 {
			r.failf("a boolean of %d", b)
		}
		*v = schemas.BoolOf(b == 1)
	case codeFloat:
		if b := r.take(4); b != nil {
			*v = schemas.FloatOf(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		}
	case codeDouble:
		if b := r.take(8); b != nil {
			*v = schemas.FloatOf(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	case codeBytes:
		b := r.take(r.long())
		if o.unavailable != nil && string(b) == schemas.UnavailableValue {
			v.Kind = schemas.Unchanged
			return
		}
		*v = schemas.BytesOf(b)
	case codeFixed:
		*v = schemas.BytesOf(r.take(int64(o.size)))
	case codeDecimal:
		*v = readDecimal(r, o.scale)
	case codeVarDecimal:
		scale := r.long()
		if scale != int64(int32(scale)) {
			r.failf("a scale of %d", scale)
		}
		*v = readDecimal(r, int32(scale))
	case codeEnum:
		n := r.long()
		if n < 0 || n >= int64(len(o.symbols)) {
			r.failf("no symbol %d among %d", n, len(o.symbols))
			return
		}
		*v = schemas.TextOf(o.symbols[n])
	case codeArray:
		o.readArray(r, v)
	case codeStruct:
		o.readStruct(r, v)
	}
}

func readDecimal(r *reader, scale int32) schemas.Value {
	b := r.take(r.long())
	if len(b) == 0 {
		r.fail("a number without bytes")
	}
	return schemas.DecimalOf(b, scale)
}

// readArray reads blocks of elements. A block's count is believed only as far as
// there are bytes: no element is shorter than one.
func (o *op) readArray(r *reader, v *schemas.Value) {
	var list schemas.Row
	n := 0
	for {
		count := r.blockCount()
		if count == 0 {
			break
		}
		if count > int64(r.left()) {
			r.failf("a block of %d elements where %d bytes are left", count, r.left())
			return
		}
		if total := n + int(count); total > len(list) {
			more := r.arena.Row(max(total, 2*len(list)))
			copy(more, list[:n])
			list = more
		}
		for range count {
			if o.elem.read(r, &list[n]); r.bad != "" {
				return
			}
			n++
		}
	}
	if o.unavailable != nil && saysUnavailable(list[:n]) {
		v.Kind = schemas.Unchanged
		return
	}
	*v = schemas.ListOf(list[:n:n])
}

// blockCount reads the head of a block of an array or map; 0 at the end, and
// after trouble. A negative count is followed by the block's size in bytes.
func (r *reader) blockCount() int64 {
	count := r.long()
	if count < 0 {
		if count = -count; count < 0 {
			r.fail("a block of 2^63 elements")
			return 0
		}
		if size := r.long(); size < 0 || size > int64(r.left()) {
			r.failf("a block of %d bytes where %d are left", size, r.left())
		}
	}
	if r.bad != "" {
		return 0
	}
	return count
}
