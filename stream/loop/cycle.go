package loop

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Field is one field of an entity.
type Field struct{ Entity, Name string }

// Hop is a field that leaves with a sink, and comes back as a field of an entity
// by a raw topic of the system that the sink writes to.
type Hop struct {
	From Field
	Sink string
	// Topic is the raw topic in which the written value appears.
	Topic string
	To    Field
}

// Cycle is a way on which fields come back to the entity that they left.
type Cycle struct {
	// Hops are the entity, sink and topic of each step; the step after the last
	// is the first. Their fields are those of Fields' first.
	Hops []Hop
	// Fields are those of the first entity that come round, in order.
	Fields []string
	// Unowned are those of Fields that no owner stops on the whole way.
	Unowned []string
}

// Path draws the way as text, for people:
//
//	erp.public.customers -> customer -> sink crm -> crm.crm.contacts -> customer
//
// entrance is where a value comes from first; empty: not known.
func (c *Cycle) Path(entrance string) string {
	var b strings.Builder
	if entrance != "" {
		b.WriteString(entrance + " -> ")
	}
	b.WriteString(c.Hops[0].From.Entity)
	for _, h := range c.Hops {
		b.WriteString(" -> sink " + h.Sink + " -> " + h.Topic + " -> " + h.To.Entity)
	}
	return b.String()
}

// Cycles finds for each field the shortest way back to it, and gathers the
// fields that take the same way. owned says whether an owner decides over a
// field: where one does, on any step, what comes back cannot push the value on.
// Each way is told once, beginning at its first entity in alphabetical order.
func Cycles(hops []Hop, owned func(Field) bool) []Cycle {
	out := map[Field][]Hop{}
	for _, h := range hops {
		out[h.From] = append(out[h.From], h)
	}
	for _, next := range out {
		slices.SortFunc(next, compareHops)
	}
	byWay := map[string]*Cycle{}
	for _, h := range slices.SortedFunc(slices.Values(hops), compareHops) {
		way := shortest(out, h)
		if way == nil {
			continue
		}
		way = rotate(way)
		key := (&Cycle{Hops: way}).Path("")
		c := byWay[key]
		if c == nil {
			c = &Cycle{Hops: way}
			byWay[key] = c
		}
		name := way[0].From.Name
		if slices.Contains(c.Fields, name) {
			continue
		}
		c.Fields = append(c.Fields, name)
		if !slices.ContainsFunc(way, func(h Hop) bool { return owned(h.From) }) {
			c.Unowned = append(c.Unowned, name)
		}
	}
	var all []Cycle
	for _, key := range slices.Sorted(maps.Keys(byWay)) {
		c := byWay[key]
		slices.Sort(c.Fields)
		slices.Sort(c.Unowned)
		all = append(all, *c)
	}
	return all
}

// shortest is the shortest way that begins with a hop and ends where that began;
// nil if there is none.
func shortest(out map[Field][]Hop, first Hop) []Hop {
	if first.To == first.From {
		return []Hop{first}
	}
	came := map[Field]Hop{first.To: first}
	for queue := []Field{first.To}; len(queue) > 0; queue = queue[1:] {
		for _, h := range out[queue[0]] {
			if h.To == first.From {
				way := []Hop{h}
				for at := h.From; at != first.From; at = came[at].From {
					way = append(way, came[at])
				}
				slices.Reverse(way)
				return way
			}
			if _, seen := came[h.To]; !seen {
				came[h.To] = h
				queue = append(queue, h.To)
			}
		}
	}
	return nil
}

// rotate begins a way at its smallest hop, so that each way is known again
// wherever the search began.
func rotate(way []Hop) []Hop {
	least := 0
	for i := range way {
		if compareHops(way[i], way[least]) < 0 {
			least = i
		}
	}
	return append(slices.Clone(way[least:]), way[:least]...)
}

func compareHops(a, b Hop) int {
	return cmp.Or(
		cmp.Compare(a.From.Entity, b.From.Entity), cmp.Compare(a.Sink, b.Sink), cmp.Compare(a.Topic, b.Topic),
		cmp.Compare(a.To.Entity, b.To.Entity), cmp.Compare(a.From.Name, b.From.Name), cmp.Compare(a.To.Name, b.To.Name),
	)
}

// LeadsTo reports whether what an entity says can reach the other by way of
// sinks and captured systems. Each entity reaches itself: that is what a change
// that comes back does.
func LeadsTo(hops []Hop, from, to string) bool {
	seen := map[string]bool{from: true}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == to {
			return true
		}
		for _, h := range hops {
			if h.From.Entity == queue[0] && !seen[h.To.Entity] {
				seen[h.To.Entity] = true
				queue = append(queue, h.To.Entity)
			}
		}
	}
	return false
}
