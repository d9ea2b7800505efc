package schemas

import (
	"math"
	"unsafe"
)

// Kind says which part of a [Value] holds it.
type Kind uint8

const (
	// Null is SQL NULL, and the zero Value.
	Null Kind = iota
	// Bool is 0 or 1 in the bits.
	Bool
	// Int is an int64 in the bits: integers, days, milli- and microseconds.
	Int
	// Float is the IEEE 754 bits of a float64; 32-bit floats are widened.
	Float
	// Text is UTF-8 in the bytes.
	Text
	// Bytes is binary in the bytes.
	Bytes
	// Decimal is the unscaled number in the bytes (two's complement, big
	// endian, at least one byte) and its scale: unscaled * 10^-scale.
	Decimal
	// List is a run of element Values.
	List
	// Unchanged says that the source did not send the column because it did
	// not change (PostgreSQL: an unchanged TOAST value). It is not NULL.
	Unchanged
	// Absent says that the source never sends this column in this image
	// (PostgreSQL: the non-key columns of an old row under REPLICA IDENTITY
	// DEFAULT). It is not NULL.
	Absent
)

var kindNames = [...]string{"null", "bool", "int", "float", "text", "bytes", "decimal", "list", "unchanged", "absent"}

// String names the kind for error texts.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind?"
}

// Value is one column's value. It is 48 bytes, copied freely, and never owns
// memory: Bytes and list elements belong to the batch it came with.
type Value struct {
	// Bytes holds Text, Bytes and the unscaled Decimal.
	Bytes []byte
	elems *Value
	bits  uint64
	// Scale is that of a Decimal.
	Scale int32
	// Kind says which of the other fields count.
	Kind Kind
}

// Row is the values of one row, in the order of its Table's columns.
type Row []Value

// BoolOf returns a Bool.
func BoolOf(b bool) Value {
	if b {
		return Value{Kind: Bool, bits: 1}
	}
	return Value{Kind: Bool}
}

// IntOf returns an Int.
func IntOf(i int64) Value { return Value{Kind: Int, bits: uint64(i)} }

// FloatOf returns a Float.
func FloatOf(f float64) Value { return Value{Kind: Float, bits: math.Float64bits(f)} }

// TextOf returns a Text over b, which is not copied.
func TextOf(b []byte) Value { return Value{Kind: Text, Bytes: b} }

// BytesOf returns a Bytes over b, which is not copied.
func BytesOf(b []byte) Value { return Value{Kind: Bytes, Bytes: b} }

// DecimalOf returns a Decimal over the big-endian two's complement unscaled
// number, which is not copied.
func DecimalOf(unscaled []byte, scale int32) Value {
	return Value{Kind: Decimal, Bytes: unscaled, Scale: scale}
}

// ListOf returns a List over elems, which is not copied.
func ListOf(elems Row) Value {
	return Value{Kind: List, elems: unsafe.SliceData(elems), bits: uint64(len(elems))}
}

// Bool returns a Bool's value.
func (v Value) Bool() bool { return v.bits != 0 }

// Int returns an Int's value.
func (v Value) Int() int64 { return int64(v.bits) }

// Float returns a Float's value.
func (v Value) Float() float64 { return math.Float64frombits(v.bits) }

// Elems returns a List's elements; nil for an empty one.
func (v Value) Elems() Row {
	if v.Kind != List || v.bits == 0 {
		return nil
	}
	return unsafe.Slice(v.elems, int(v.bits))
}

// IsNull reports whether the value is SQL NULL.
func (v Value) IsNull() bool { return v.Kind == Null }

// Known reports whether the source sent the value: neither Unchanged nor Absent.
func (v Value) Known() bool { return v.Kind < Unchanged }

// Equal reports whether two values are the same kind and content. Floats are
// compared by their bits, so NaN equals itself.
func (v Value) Equal(w Value) bool {
	if v.Kind != w.Kind {
		return false
	}
	switch v.Kind {
	case Null, Unchanged, Absent:
		return true
	case Text, Bytes:
		return string(v.Bytes) == string(w.Bytes)
	case Decimal:
		return v.Scale == w.Scale && string(v.Bytes) == string(w.Bytes)
	case List:
		return v.Elems().Equal(w.Elems())
	default:
		return v.bits == w.bits
	}
}

// Equal reports whether two rows have equal values in the same order.
func (r Row) Equal(s Row) bool {
	if len(r) != len(s) {
		return false
	}
	for i := range r {
		if !r[i].Equal(s[i]) {
			return false
		}
	}
	return true
}

// Clone returns a row that owns all its memory.
func (r Row) Clone() Row {
	if r == nil {
		return nil
	}
	out := make(Row, len(r))
	for i, v := range r {
		out[i] = v.Clone()
	}
	return out
}

// Clone returns a value that owns its memory.
func (v Value) Clone() Value {
	if v.Bytes != nil {
		v.Bytes = append(make([]byte, 0, len(v.Bytes)), v.Bytes...)
	}
	if v.Kind == List {
		return ListOf(v.Elems().Clone())
	}
	return v
}
