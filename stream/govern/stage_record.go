package govern

import (
	"encoding/binary"
	"slices"

	"sluice/schemas"
	"sluice/stream"
)

// record is one golden record of a batch. Its memory is used again.
type record struct {
	id        string
	partition int32
	// first is the offset of the first contribution in the batch.
	first int64
	keep

	state  State
	golden Golden
	row    schemas.Row
	// dirty: what is kept has changed.
	dirty bool
	// item carries the outputs: that of the last contribution.
	item    *stream.Item
	touched []touched
	bytes   []byte
}

// keep is what is kept of a golden record beside its state.
type keep struct {
	// last is the offset of the last contribution. Where one up to it comes
	// again, the transaction that told of it may have been aborted.
	last int64
	// sum is that of the row that was last written; 0: none was, or a tombstone.
	sum uint64
	// open are the fields that are in review; behind them, the deletion.
	open Bits
}

// touched is a source record of which the batch has something to say.
type touched struct {
	name string
	// known: it is known what the last of its events changed.
	known bool
}

func (r *record) reset() {
	open := r.open[:0]
	r.state.Reset()
	*r = record{
		state: r.state, golden: r.golden, row: r.row[:0], touched: r.touched[:0], bytes: r.bytes[:0],
		keep: keep{last: -1, open: open},
	}
}

// apply takes an event into the state.
func (r *record) apply(e *Event) {
	if r.state.Apply(e) {
		r.dirty = true
	}
	i := slices.IndexFunc(r.touched, func(t touched) bool { return t.name == e.Record })
	if i < 0 {
		i = len(r.touched)
		r.touched = append(r.touched, touched{name: e.Record})
	}
	r.touched[i].known = e.knows()
}

// contribution is that of a source record that lives; else nil.
func (r *record) contribution(name string) *Contribution {
	if i, found := r.state.search(name); found && !r.state.Contributions[i].Deleted {
		return &r.state.Contributions[i]
	}
	return nil
}

// contradicts reports whether the batch says something else than the golden
// record: then that is written again, so that the source is told.
func (r *record) contradicts() bool {
	for _, t := range r.touched {
		c := r.contribution(t.name)
		if c == nil {
			continue
		}
		if r.golden.Deleted {
			return true
		}
		for i := range c.Row {
			f := &r.golden.Fields[i]
			if c.Times[i] == c.Time && f.Rule.kind != ruleSum && f.Rule.kind != ruleTooLarge &&
				(t.known || !c.Row[i].IsNull()) && !c.Row[i].Equal(f.Value) {
				return true
			}
		}
	}
	return false
}

// keepVersion is the first byte of what is kept.
const keepVersion = 1

// encode writes what is kept: version, last + 1, sum, open, state.
func (r *record) encode(c *Codec) {
	b := r.bytes[:0]
	b = append(b, keepVersion)
	b = binary.AppendUvarint(b, uint64(r.last+1))
	b = binary.LittleEndian.AppendUint64(b, r.sum)
	b = binary.AppendUvarint(b, uint64(len(r.open)))
	b = append(b, r.open...)
	r.bytes = c.Append(b, &r.state)
}

func (r *record) decode(data []byte, c *Codec) error {
	rest, err := r.keep.decode(data)
	if err != nil {
		return err
	}
	return c.Decode(rest, &r.state)
}

// decode returns the bytes of the state.
func (k *keep) decode(data []byte) ([]byte, error) {
	if len(data) == 0 || data[0] != keepVersion {
		return nil, ErrCorrupt
	}
	last, n := binary.Uvarint(data[1:])
	if n <= 0 || len(data) < 1+n+8 {
		return nil, ErrCorrupt
	}
	data = data[1+n:]
	k.last, k.sum = int64(last)-1, binary.LittleEndian.Uint64(data)
	size, n := binary.Uvarint(data[8:])
	if n <= 0 || size > uint64(len(data)-8-n) {
		return nil, ErrCorrupt
	}
	data = data[8+n:]
	k.open = append(k.open[:0], data[:size]...)
	return data[size:], nil
}

// DecodeKept reads the state of a golden record as it is kept in Redis and in the
// changelog. The errors are those of [Codec.Decode].
func DecodeKept(data []byte, c *Codec, s *State) error {
	var k keep
	rest, err := k.decode(data)
	if err != nil {
		return err
	}
	return c.Decode(rest, s)
}
