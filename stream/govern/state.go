package govern

import (
	"slices"
	"strings"

	"sluice/schemas"
)

// State is all that is known of one golden record: what each of its source
// records last said. The zero State is ready. It owns all its memory; it is not
// safe for concurrent use.
//
// The state is a function of the set of the events, whatever their order and
// however often each comes, as long as it is known what they changed. Each field is
// that of the newest event that changed it, so that what a row carries along says
// nothing: neither an older value that another system was about to replace, nor one
// of ours that was written there.
//
// The first event of a record after its deletion must have changed all fields, or
// not know what it changed. An event of which it is not known what it changed is
// compared with what is known, and must therefore not come before an older one that
// was never seen; one that was seen may come again at any time.
type State struct {
	// Contributions are sorted by Record, each of which is in it once. They are
	// changed by Apply and Decode alone.
	Contributions []Contribution
}

// Apply takes an event in and reports whether the state is another than before.
// All rows of a state have the same fields.
//
// An event with the (Time, Offset) of an earlier one but other Rules is the same
// change seen by other rules: what it says takes the place of what was said.
func (s *State) Apply(e *Event) (changed bool) {
	i, found := s.search(e.Record)
	if !found {
		s.Contributions = slices.Insert(s.Contributions, i, Contribution{Record: strings.Clone(e.Record)})
	}
	c, at := &s.Contributions[i], e.stamp()
	newer := !found || at.after(c.stamp())
	again := found && at == c.stamp() && e.Rules != c.Rules
	switch {
	case e.Deleted:
		changed = c.die(at)
		if newer || again {
			c.Row, c.Times, c.offsets, c.assumed = nil, nil, nil, nil
			c.name(e)
			return true
		}
		return changed
	case (newer || again) && (!found || c.Deleted):
		c.begin(e)
	case newer || again:
		c.follow(e, true)
	case c.Deleted || !e.knows():
		return false
	default:
		return c.follow(e, false)
	}
	c.name(e)
	return true
}

// Reset empties the state and keeps its memory.
func (s *State) Reset() { s.Contributions = s.Contributions[:0] }

func (s *State) search(record string) (int, bool) {
	low, high := 0, len(s.Contributions)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if s.Contributions[mid].Record < record {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < len(s.Contributions) && s.Contributions[low].Record == record
}

// knows reports whether it is known what the event changed.
func (e *Event) knows() bool { return e.Changed != nil && !e.Snapshot }

func (e *Event) stamp() stamp { return stamp{e.Time, e.Offset} }

// name makes the event the newest.
func (c *Contribution) name(e *Event) {
	c.Time, c.Offset = e.Time, e.Offset
	c.Deleted, c.Moved = e.Deleted, e.Deleted && e.Moved
	if c.System != e.System {
		c.System = strings.Clone(e.System)
	}
	if c.Rules != e.Rules {
		c.Rules = strings.Clone(e.Rules)
	}
}

// begin takes a row that follows no other.
func (c *Contribution) begin(e *Event) {
	n := len(e.Row)
	c.Times = slices.Grow(c.Times[:0], n)[:n]
	c.offsets = slices.Grow(c.offsets[:0], n)[:n]
	c.assumed = c.assumed[:0]
	for i := range n {
		if !e.knows() || e.Changed.Has(i) {
			c.set(i, e.stamp())
		} else {
			c.assume(i)
		}
	}
	c.Row = append(c.Row[:0], e.Row...)
	c.own()
}

// follow takes what an event says of a record that lives.
func (c *Contribution) follow(e *Event, newest bool) (changed bool) {
	at := e.stamp()
	for i := range c.Row {
		said, last := c.Row[i].Equal(e.Row[i]), stamp{c.Times[i], c.offsets[i]}
		assumed := c.assumed.Has(i)
		switch {
		case e.knows() && e.Changed.Has(i):
			fits := at.after(last)
			if assumed {
				fits = !c.buried || at.after(c.death)
			}
			if !fits && (at != last || said || assumed) {
				continue
			}
			c.set(i, at)
		case newest && assumed && e.knows():
			if said {
				continue
			}
		case newest && !e.knows() && !said:
			if at != c.stamp() { // else it is said by other rules
				c.set(i, at)
			}
		default:
			continue
		}
		c.Row[i], changed = e.Row[i], true
	}
	if changed {
		c.own()
	}
	return changed
}

// set notes that a field changed.
func (c *Contribution) set(i int, at stamp) {
	c.Times[i], c.offsets[i] = at.time, at.offset
	c.assumed.remove(i)
}

// assume notes that no change of a field was seen.
func (c *Contribution) assume(i int) {
	c.Times[i], c.offsets[i] = 0, 0
	if c.buried {
		c.Times[i] = c.death.time
	}
	c.assumed = c.assumed.With(i)
}

// die notes that the record was deleted: what changed before is over.
func (c *Contribution) die(at stamp) bool {
	if c.buried && !at.after(c.death) {
		return false
	}
	c.buried, c.death = true, at
	for i := range c.Times {
		if c.assumed.Has(i) || !(stamp{c.Times[i], c.offsets[i]}).after(at) {
			c.assume(i)
		}
	}
	return true
}

// own copies the row into memory of the contribution's own. It is never the memory
// of before: a golden record may still point there.
func (c *Contribution) own() {
	size := 0
	for i := range c.Row {
		size += len(c.Row[i].Bytes)
	}
	memory := make([]byte, 0, size)
	for i := range c.Row {
		v := &c.Row[i]
		if v.Kind == schemas.List {
			*v = v.Clone()
			continue
		}
		if v.Bytes != nil {
			start := len(memory)
			memory = append(memory, v.Bytes...)
			v.Bytes = memory[start:len(memory):len(memory)]
		}
	}
}
