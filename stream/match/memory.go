package match

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"sluice/stream/match/measure"
)

// Memory is an Index in this process.
type Memory struct {
	model   *Model
	records map[string]*Record
	goldens map[uuid.UUID]*Golden
	blocks  map[uint64]*bucket
	crowd   Crowding
	seq     uint64
	// of the look-up of that round, how many keys each record shares, by Seq
	round uint32
	stamp []uint32
	hits  []uint16
}

// bucket are the records under a key.
type bucket struct {
	entries []entry
	split   bool // the records are under the refined keys
	full    bool
}

type entry struct {
	record *Record
	split  uint64
}

// NewMemory makes an empty index for the blocks of a model.
func NewMemory(m *Model) *Memory {
	return &Memory{
		model: m, records: map[string]*Record{}, goldens: map[uuid.UUID]*Golden{}, blocks: map[uint64]*bucket{},
		crowd: Crowding{map[int]int{}, map[int]int{}},
	}
}

// Put files records.
func (x *Memory) Put(_ context.Context, batch []*Record) error {
	for _, r := range batch {
		if before, ok := x.records[r.ID]; ok {
			x.replace(before, r)
			continue
		}
		x.seq++
		r.Seq = x.seq
		x.records[r.ID] = r
		for _, k := range r.Keys {
			x.file(k, r)
		}
	}
	return nil
}

// replace puts a new version of a record in the place of the old one.
func (x *Memory) replace(before, r *Record) {
	for _, k := range before.Keys {
		for _, h := range [2]uint64{k.Hash, refined(k)} {
			if b := x.blocks[h]; b != nil {
				b.drop(before)
			}
		}
	}
	r.Seq, r.Golden = before.Seq, before.Golden
	x.records[r.ID] = r
	if g := x.goldens[r.Golden]; g != nil {
		for i, m := range g.Members {
			if m == before {
				g.Members[i] = r
			}
		}
	}
	for _, k := range r.Keys {
		x.file(k, r)
	}
}

func (b *bucket) drop(r *Record) {
	for i := 0; i < len(b.entries); i++ {
		if b.entries[i].record == r {
			b.entries = append(b.entries[:i], b.entries[i+1:]...)
			i--
		}
	}
}

// refined is the key within a key that was split.
func refined(k Key) uint64 { return measure.Mix(k.Hash ^ k.Split) }

func (x *Memory) file(k Key, r *Record) {
	b := x.bucket(k.Hash)
	most := x.model.Blocks[k.Block].Cap
	switch {
	case b.split:
		x.fileFull(refined(k), k, r, most)
	case len(b.entries) < most:
		b.entries = append(b.entries, entry{r, k.Split})
	case len(x.model.Blocks[k.Block].split) == 0:
		x.fileFull(k.Hash, k, r, most)
	default:
		b.split = true
		x.crowd.Split[int(k.Block)]++
		for _, e := range append(b.entries, entry{r, k.Split}) {
			of := Key{k.Block, k.Hash, e.split}
			x.fileFull(refined(of), of, e.record, most)
		}
		b.entries = nil
	}
}

// fileFull files under a key that is not split. Once it is full it stays as it
// is: records that come later find those that came first.
func (x *Memory) fileFull(hash uint64, k Key, r *Record, most int) {
	b := x.bucket(hash)
	switch {
	case len(b.entries) < most:
		b.entries = append(b.entries, entry{r, k.Split})
	case !b.full:
		b.full = true
		x.crowd.Full[int(k.Block)]++
	}
}

func (x *Memory) bucket(hash uint64) *bucket {
	b := x.blocks[hash]
	if b == nil {
		b = &bucket{}
		x.blocks[hash] = b
	}
	return b
}

// Candidates looks records up.
func (x *Memory) Candidates(_ context.Context, batch []*Record) ([][]*Record, error) {
	out := make([][]*Record, len(batch))
	for n := len(x.stamp); uint64(n) <= x.seq; n++ {
		x.stamp, x.hits = append(x.stamp, 0), append(x.hits, 0)
	}
	var found []*Record
	for i, r := range batch {
		x.round++
		x.stamp[r.Seq], x.hits[r.Seq] = x.round, 0
		found = found[:0]
		for _, k := range r.Keys {
			b := x.blocks[k.Hash]
			if b != nil && b.split {
				b = x.blocks[refined(k)]
			}
			if b == nil {
				continue
			}
			for _, e := range b.entries {
				seq := e.record.Seq
				if x.stamp[seq] != x.round {
					x.stamp[seq], x.hits[seq] = x.round, 0
					found = append(found, e.record)
				}
				x.hits[seq]++
			}
		}
		found = slices.DeleteFunc(found, func(c *Record) bool { return c == r })
		if len(found) > MostCandidates {
			slices.SortFunc(found, func(a, b *Record) int {
				return cmp.Or(cmp.Compare(x.hits[b.Seq], x.hits[a.Seq]), cmp.Compare(a.Seq, b.Seq))
			})
			found = found[:MostCandidates]
		}
		out[i] = slices.Clone(found)
	}
	return out, nil
}

// Goldens reads golden records.
func (x *Memory) Goldens(_ context.Context, ids []uuid.UUID) ([]*Golden, error) {
	out := make([]*Golden, len(ids))
	for i, id := range ids {
		if out[i] = x.goldens[id]; out[i] == nil {
			return nil, fmt.Errorf("golden record %s is not in the index", id)
		}
	}
	return out, nil
}

// Save writes golden records.
func (x *Memory) Save(_ context.Context, changed []*Golden) error {
	for _, g := range changed {
		if len(g.Members) == 0 {
			delete(x.goldens, g.ID)
		} else {
			x.goldens[g.ID] = g
		}
	}
	return nil
}

// Crowded tells of the keys that were too full.
func (x *Memory) Crowded() Crowding { return x.crowd }

// All are the golden records, in no order.
func (x *Memory) All() []*Golden {
	out := make([]*Golden, 0, len(x.goldens))
	for _, g := range x.goldens {
		out = append(out, g)
	}
	return out
}
