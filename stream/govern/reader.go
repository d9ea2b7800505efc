package govern

import (
	"encoding/binary"
	"math"
	"unsafe"

	"sluice/schemas"
)

// maxDepth is how deep lists may lie in one another. Those of entities lie one
// deep.
const maxDepth = 8

// reader reads the bytes of a state. After trouble it is bad and reads zeros.
// What it returns points into data, which must not change any more.
type reader struct {
	data []byte
	at   int
	bad  bool
}

func (r *reader) byte() byte {
	if r.at >= len(r.data) {
		r.bad = true
		return 0
	}
	r.at++
	return r.data[r.at-1]
}

func (r *reader) uint() uint64 {
	u, n := binary.Uvarint(r.data[r.at:])
	if n <= 0 {
		r.fail()
		return 0
	}
	r.at += n
	return u
}

func (r *reader) int() int64 {
	u := r.uint()
	return int64(u>>1) ^ -int64(u&1)
}

// fail lets all that follows be read as zeros.
func (r *reader) fail() { r.bad, r.at = true, len(r.data) }

// count reads a number of things of one byte at least.
func (r *reader) count() int {
	u := r.uint()
	if u > uint64(len(r.data)-r.at) {
		r.fail()
		return 0
	}
	return int(u)
}

func (r *reader) bytes() []byte {
	n := r.count()
	r.at += n
	return r.data[r.at-n : r.at : r.at]
}

func (r *reader) text() string {
	b := r.bytes()
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func (r *reader) value(depth int) (v schemas.Value) {
	switch kind := schemas.Kind(r.byte()); kind {
	case schemas.Null:
	case schemas.Unchanged, schemas.Absent:
		v.Kind = kind
	case schemas.Bool:
		b := r.byte()
		r.bad = r.bad || b > 1
		v = schemas.BoolOf(b == 1)
	case schemas.Int:
		v = schemas.IntOf(r.int())
	case schemas.Float:
		if len(r.data)-r.at < 8 {
			r.fail()
			return v
		}
		v = schemas.FloatOf(math.Float64frombits(binary.LittleEndian.Uint64(r.data[r.at:])))
		r.at += 8
	case schemas.Text:
		v = schemas.TextOf(r.bytes())
	case schemas.Bytes:
		v = schemas.BytesOf(r.bytes())
	case schemas.Decimal:
		scale := r.int()
		r.bad = r.bad || scale != int64(int32(scale))
		v = schemas.DecimalOf(r.bytes(), int32(scale))
		r.bad = r.bad || len(v.Bytes) == 0
	case schemas.List:
		n := r.count()
		if depth == maxDepth {
			r.fail()
			return v
		}
		elems := make(schemas.Row, 0, min(n, 64))
		for range n {
			if r.bad {
				return v
			}
			elems = append(elems, r.value(depth+1))
		}
		v = schemas.ListOf(elems)
	default:
		r.fail()
	}
	return v
}

// fits reports whether a field of the type can have the value.
func fits(v *schemas.Value, t *schemas.Type) bool {
	if v.Kind == schemas.Null || !v.Known() {
		return true
	}
	switch t.Name {
	case schemas.BoolType:
		return v.Kind == schemas.Bool
	case schemas.Float32Type, schemas.Float64Type:
		return v.Kind == schemas.Float
	case schemas.BytesType, schemas.BitsType:
		return v.Kind == schemas.Bytes
	case schemas.DecimalType:
		return v.Kind == schemas.Decimal && int(v.Scale) == t.Scale
	case schemas.VarDecimalType:
		return v.Kind == schemas.Decimal
	case schemas.ArrayType:
		for _, e := range v.Elems() {
			if !fits(&e, &t.Elem.Type) {
				return false
			}
		}
		return v.Kind == schemas.List
	case schemas.StructType:
		elems := v.Elems()
		if v.Kind != schemas.List || len(elems) != len(t.Record.Columns) {
			return false
		}
		for i := range elems {
			if !fits(&elems[i], &t.Record.Columns[i].Type) {
				return false
			}
		}
		return true
	case schemas.StringType, schemas.EnumType, schemas.UUIDType, schemas.JSONType, schemas.XMLType,
		schemas.ZonedTimeType, schemas.ZonedTimestampType:
		return v.Kind == schemas.Text
	}
	return v.Kind == schemas.Int
}
