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
// however often each comes, as long as it is known what they changed:
//
//	Row, Time, Offset   those of the newest event of the record
//	Times[i]            the greatest of: the times of the events that changed the
//	                    field i; the time of the newest deletion; the time of the
//	                    oldest event
//
// An event of which it is not known what it changed is compared with the row
// before it, and must therefore not come before an older one that was never seen;
// one that was seen may come again at any time.
type State struct {
	// Contributions are sorted by Record, each of which is in it once. They are
	// changed by Apply and Decode alone.
	Contributions []Contribution
}

// Apply takes an event in and reports whether the state is another than before.
// All rows of a state have the same fields.
//
// An event with the (Time, Offset) of the newest one but other Rules is the same
// change seen by other rules: it takes its place, and the fields keep their times.
func (s *State) Apply(e *Event) (changed bool) {
	i, found := s.search(e.Record)
	if !found {
		s.Contributions = slices.Insert(s.Contributions, i, Contribution{Record: strings.Clone(e.Record), since: e.Time})
		s.Contributions[i].replace(e)
		if e.Deleted {
			s.Contributions[i].bury(e.Time)
		} else {
			s.Contributions[i].begin(e)
		}
		return true
	}
	c := &s.Contributions[i]
	newer := e.Time > c.Time || e.Time == c.Time && e.Offset > c.Offset
	again := e.Time == c.Time && e.Offset == c.Offset && e.Rules != c.Rules
	switch {
	case e.Deleted:
		changed = c.bury(e.Time)
		if newer || again {
			c.replace(e)
			return true
		}
		return changed
	case newer || again:
		c.follow(e, newer)
		return true
	case !e.knows() || c.Deleted:
		return false
	default:
		return c.recall(e)
	}
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

// begin sets the times of a row that follows no other.
func (c *Contribution) begin(e *Event) {
	n := len(e.Row)
	c.Times = slices.Grow(c.Times[:0], n)[:n]
	c.assumed = c.assumed[:0]
	for i := range c.Times {
		c.Times[i] = c.since
		c.assumed = c.assumed.With(i)
		if !e.knows() || e.Changed.Has(i) {
			c.raise(i, e.Time)
		}
	}
}

// follow takes in an event that is the newest, or the newest seen by other rules.
func (c *Contribution) follow(e *Event, newer bool) {
	switch {
	case c.Deleted:
		c.begin(e)
	case e.knows():
		c.recall(e)
	case newer:
		for i := range c.Row {
			if !c.Row[i].Equal(e.Row[i]) {
				c.raise(i, e.Time)
			}
		}
	}
	c.replace(e)
}

// recall takes the times of the fields that an event is known to have changed.
func (c *Contribution) recall(e *Event) (changed bool) {
	changed = c.lower(e.Time)
	for i := range c.Times {
		if e.Changed.Has(i) && c.raise(i, e.Time) {
			changed = true
		}
	}
	return changed
}

// raise notes that a field changed at t.
func (c *Contribution) raise(i int, t int64) bool {
	switch {
	case c.assumed.Has(i):
		if c.buried && t <= c.since {
			return false // it belongs to an earlier life
		}
		c.assumed.remove(i)
	case t <= c.Times[i]:
		return false
	}
	c.Times[i] = t
	return true
}

// lower notes that there was an event at t.
func (c *Contribution) lower(t int64) bool {
	if c.buried || t >= c.since {
		return false
	}
	c.since = t
	for i := range c.Times {
		if c.assumed.Has(i) {
			c.Times[i] = t
		}
	}
	return true
}

// bury notes that the record was deleted at t: its fields have changed then or
// later.
func (c *Contribution) bury(t int64) bool {
	if c.buried && t <= c.since {
		return false
	}
	c.buried, c.since = true, t
	for i := range c.Times {
		if c.Times[i] <= t || c.assumed.Has(i) {
			c.Times[i] = t
			c.assumed = c.assumed.With(i)
		}
	}
	return true
}

// replace makes the event the newest.
func (c *Contribution) replace(e *Event) {
	c.Time, c.Offset = e.Time, e.Offset
	c.Deleted, c.Moved = e.Deleted, e.Deleted && e.Moved
	if c.System != e.System {
		c.System = strings.Clone(e.System)
	}
	if c.Rules != e.Rules {
		c.Rules = strings.Clone(e.Rules)
	}
	if e.Deleted {
		c.Row, c.Times, c.assumed = nil, nil, nil
		return
	}
	c.keep(e.Row)
}

// keep copies a row into the contribution's own memory.
func (c *Contribution) keep(row schemas.Row) {
	size := 0
	for i := range row {
		size += len(row[i].Bytes)
	}
	c.Row = append(c.Row[:0], row...)
	// Never the memory of before: a golden record may still point there.
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
