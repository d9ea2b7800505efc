package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"sluice/schemas"
	"sluice/stream/loop"
	"sluice/stream/rules"
)

// hops are the ways on which fields leave with a sink and come back by the
// capture of the system that it writes to. Without an echo block it is not known
// in which table and column a field comes back: then it is taken to come back by
// every topic of that system, in the field of its own name, or in all fields of
// another entity.
func (f *File) hops() []loop.Hop {
	var hops []loop.Hop
	for _, name := range slices.Sorted(maps.Keys(f.Sinks)) {
		s := f.Sinks[name]
		if s == nil || s.System == "" {
			continue
		}
		for _, entity := range s.Entities {
			if e := f.Entities[entity]; e != nil {
				hops = append(hops, f.hopsOf(name, s, entity, e)...)
			}
		}
	}
	return hops
}

func (f *File) hopsOf(sink string, s *Sink, entity string, e *Entity) []loop.Hop {
	var hops []loop.Hop
	echo := s.Echo[entity]
	fields := s.writes(e)
	if echo != nil {
		fields = slices.Sorted(maps.Keys(echo.Fields))
	}
	for _, to := range slices.Sorted(maps.Keys(f.Entities)) {
		if f.Entities[to] == nil {
			continue
		}
		for i := range f.Entities[to].Rules.From {
			m := &f.Entities[to].Rules.From[i]
			if capture, _, _ := strings.Cut(m.Topic, "."); capture != s.System || echo != nil && echo.Topic != m.Topic {
				continue
			}
			for _, field := range fields {
				for _, into := range slices.Sorted(maps.Keys(m.Set)) {
					back := to != entity || into == field
					if echo != nil {
						back = mentions(m.Set[into], echo.Fields[field])
					}
					if back {
						hops = append(hops, loop.Hop{From: loop.Field{Entity: entity, Name: field}, Sink: sink, Topic: m.Topic, To: loop.Field{Entity: to, Name: into}})
					}
				}
			}
		}
	}
	return hops
}

var identifier = regexp.MustCompile("`[^`]+`|[A-Za-z_][A-Za-z0-9_]*")

// columnsOf are the columns that the rules of a topic may read: all words of
// their expressions, which are more than the columns.
func columnsOf(m *rules.Mapping) map[string]bool {
	columns := map[string]bool{}
	for _, text := range append(slices.Collect(maps.Values(m.Set)), m.When, m.Key) {
		for _, word := range identifier.FindAllString(text, -1) {
			columns[strings.Trim(word, "`")] = true
		}
	}
	return columns
}

func mentions(expression, column string) bool {
	return slices.ContainsFunc(identifier.FindAllString(expression, -1), func(word string) bool {
		return strings.Trim(word, "`") == column
	})
}

// Loop is a way on which fields come back to the entity that they left.
type Loop struct {
	Entity string
	// Path is drawn from where values enter it.
	Path string
	// Fields come round; Unowned are those that no owner stops.
	Fields, Unowned []string
	// back is the place of the mapping by which they come back.
	back string
	hops []loop.Hop
}

// Loops are the ways on which fields come back to the entity that they left.
func (f *File) Loops() []Loop {
	var all []Loop
	for _, c := range loop.Cycles(f.hops(), f.owned) {
		first, last := c.Hops[0].From.Entity, c.Hops[len(c.Hops)-1].Topic
		l := Loop{Entity: first, Fields: c.Fields, Unowned: c.Unowned, hops: c.Hops}
		from := f.Entities[first].Rules.From
		inside := func(m rules.Mapping) bool {
			return slices.ContainsFunc(c.Hops, func(h loop.Hop) bool { return h.Topic == m.Topic })
		}
		entrance := last
		for i, m := range from {
			if m.Topic == last {
				l.back = index("entities."+first+".from", i)
			}
			if entrance == last && !inside(m) {
				entrance = m.Topic
			}
		}
		l.Path = c.Path(entrance)
		all = append(all, l)
	}
	return all
}

func (f *File) owned(field loop.Field) bool {
	e := f.Entities[field.Entity]
	return e != nil && e.Authority.Decides(field.Name)
}

// loopFaults refuses the loops whose fields have no owner: each system would
// take the other's word for news, without end.
func (f *File) loopFaults() (faults []error) {
	for _, l := range f.Loops() {
		if len(l.Unowned) == 0 {
			continue
		}
		what := "the field " + l.Unowned[0] + " goes round and has no owner"
		if len(l.Unowned) > 1 {
			what = "the fields " + strings.Join(l.Unowned, ", ") + " go round and have no owner"
		}
		faults = append(faults, f.places.fault(l.back, schemas.Fault{
			What: what + ": " + l.Path,
			Cure: fmt.Sprintf("say under entities.%s.authority which system decides over each, or do not set them from %s", l.Entity, f.topicAt(l)),
		}))
	}
	return faults
}

// topicAt is the topic by which the fields of a loop come back.
func (f *File) topicAt(l Loop) string {
	for i, m := range f.Entities[l.Entity].Rules.From {
		if index("entities."+l.Entity+".from", i) == l.back {
			return m.Topic
		}
	}
	return ""
}
