package govern

import (
	"encoding/binary"
	"math"
	"slices"

	"sluice/schemas"
)

// codecVersion is the first byte of a state.
const codecVersion = 1

// Codec turns states of one table into bytes and back:
//
//	state         version byte, form, count, contribution...
//	form          count, (name, type as text)...
//	contribution  flags, record, system, rules, time, offset,
//	              then, if buried, time and offset less those of the deletion,
//	              then, if not deleted, of each field: value, 0 if it is assumed,
//	              else 1 + time and offset less those of the field
//	value         kind, then what the kind needs
//
// Numbers are varints, texts have their length before them. Equal states have
// equal bytes. A Codec is not safe for concurrent use.
type Codec struct {
	table *schemas.Table
	now   *form
	// old is the last other form that was met: after a change of the fields
	// most states have the same one.
	old *form
}

// NewCodec compiles the table of an entity.
func NewCodec(t *schemas.Table) *Codec { return &Codec{table: t, now: formOf(t)} }

// leastContribution is how many bytes a contribution has at least.
const leastContribution = 6

const (
	flagDeleted = 1 << iota
	flagMoved
	flagBuried
	flagsKnown = flagDeleted | flagMoved | flagBuried
)

// Append appends the bytes of a state, whose rows are of the codec's table.
func (c *Codec) Append(dst []byte, s *State) []byte {
	dst = append(dst, codecVersion)
	dst = append(dst, c.now.head...)
	dst = binary.AppendUvarint(dst, uint64(len(s.Contributions)))
	for i := range s.Contributions {
		dst = s.Contributions[i].append(dst)
	}
	return dst
}

func (c *Contribution) append(dst []byte) []byte {
	var flags byte
	if c.Deleted {
		flags |= flagDeleted
	}
	if c.Moved {
		flags |= flagMoved
	}
	if c.buried {
		flags |= flagBuried
	}
	dst = append(dst, flags)
	dst = appendText(dst, c.Record)
	dst = appendText(dst, c.System)
	dst = appendText(dst, c.Rules)
	dst = binary.AppendVarint(dst, c.Time)
	dst = binary.AppendVarint(dst, c.Offset)
	if c.buried {
		dst = binary.AppendVarint(dst, c.Time-c.death.time)
		dst = binary.AppendVarint(dst, c.Offset-c.death.offset)
	}
	if c.Deleted {
		return dst
	}
	for i := range c.Row {
		dst = appendValue(dst, &c.Row[i])
		if c.assumed.Has(i) {
			dst = append(dst, 0)
		} else {
			dst = binary.AppendUvarint(dst, uint64(c.Time-c.Times[i])+1)
			dst = binary.AppendVarint(dst, c.Offset-c.offsets[i])
		}
	}
	return dst
}

func appendValue(dst []byte, v *schemas.Value) []byte {
	dst = append(dst, byte(v.Kind))
	switch v.Kind {
	case schemas.Bool:
		if v.Bool() {
			return append(dst, 1)
		}
		return append(dst, 0)
	case schemas.Int:
		return binary.AppendVarint(dst, v.Int())
	case schemas.Float:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Float()))
	case schemas.Decimal:
		dst = binary.AppendVarint(dst, int64(v.Scale))
		fallthrough
	case schemas.Text, schemas.Bytes:
		dst = binary.AppendUvarint(dst, uint64(len(v.Bytes)))
		return append(dst, v.Bytes...)
	case schemas.List:
		elems := v.Elems()
		dst = binary.AppendUvarint(dst, uint64(len(elems)))
		for i := range elems {
			dst = appendValue(dst, &elems[i])
		}
	}
	return dst
}

// Decode makes s the state that the bytes say; what it had before is
// overwritten, and on an error it is empty. It copies data once, and uses the
// memory of s again but for that copy.
//
// The error is ErrCorrupt, or a *schemas.Fault if the state was written when the
// entity had other fields and cannot be brought to those of now: fields are found
// by name, fields that are no more are left out, new ones are null, and only a
// change of a field's type is refused.
func (c *Codec) Decode(data []byte, s *State) error {
	err := c.decode(slices.Clone(data), s)
	if err != nil {
		s.Reset()
	}
	return err
}

func (c *Codec) decode(data []byte, s *State) error {
	s.Reset()
	if len(data) == 0 || data[0] != codecVersion {
		return ErrCorrupt
	}
	f, err := c.form(data[1:])
	if err != nil {
		return err
	}
	r := &reader{data: data, at: 1 + len(f.head)}
	n := r.count()
	if n > (len(data)-r.at)/leastContribution {
		return ErrCorrupt
	}
	s.Contributions = slices.Grow(s.Contributions, n)
	for i := range n {
		s.Contributions = s.Contributions[:i+1]
		d := &s.Contributions[i]
		if err := c.contribution(r, f, d); err != nil {
			return err
		}
		if r.bad || i > 0 && s.Contributions[i-1].Record >= d.Record {
			return ErrCorrupt
		}
	}
	if r.bad || r.at != len(data) {
		return ErrCorrupt
	}
	return nil
}

// form finds the form that the state begins with.
func (c *Codec) form(data []byte) (*form, error) {
	for _, f := range []*form{c.now, c.old} {
		if f != nil && len(data) >= len(f.head) && string(data[:len(f.head)]) == string(f.head) {
			return f, nil
		}
	}
	old, err := oldForm(c.table, data)
	if err == nil {
		c.old = old
	}
	return old, err
}

func (c *Codec) contribution(r *reader, f *form, d *Contribution) error {
	flags := r.byte()
	d.Record, d.System, d.Rules = r.text(), r.text(), r.text()
	d.Time, d.Offset = r.int(), r.int()
	d.Deleted, d.Moved, d.buried = flags&flagDeleted != 0, flags&flagMoved != 0, flags&flagBuried != 0
	d.death = stamp{}
	if d.buried {
		d.death = stamp{d.Time - r.int(), d.Offset - r.int()}
	}
	if flags&^flagsKnown != 0 || d.Moved && !d.Deleted || d.Deleted && !d.buried || r.bad {
		return ErrCorrupt
	}
	if d.Deleted {
		d.Row, d.Times, d.offsets, d.assumed = nil, nil, nil, nil
		return nil
	}
	n := len(c.table.Columns)
	d.Row = slices.Grow(d.Row[:0], n)[:n]
	d.Times = slices.Grow(d.Times[:0], n)[:n]
	d.offsets = slices.Grow(d.offsets[:0], n)[:n]
	d.assumed = d.assumed[:0]
	if f != c.now {
		// What the old form does not have.
		clear(d.Row)
		for i := range n {
			d.assume(i)
		}
	}
	for i, to := range f.to {
		v := r.value(0)
		back, offset := r.uint(), int64(0)
		if back != 0 {
			offset = d.Offset - r.int()
		}
		if r.bad {
			return ErrCorrupt
		}
		if to < 0 {
			continue
		}
		if !fits(&v, &c.table.Columns[to].Type) {
			return ErrCorrupt
		}
		if err := f.check(c.table, i, v); err != nil {
			return err
		}
		d.Row[to] = v
		if back == 0 {
			d.assume(to)
		} else {
			d.set(to, stamp{d.Time - int64(back-1), offset})
		}
	}
	return nil
}
