package config

import (
	"maps"
	"slices"
	"strings"

	"sluice/schemas"
	"sluice/stream/loop"
)

// LoopPlan is what stands guard before the rules of an entity: it watches for
// what the sinks wrote of entities that it leads to, itself among them. What
// comes back to others is news to them, and cannot go round.
func (f *File) LoopPlan(entity string) loop.Plan {
	hops, e := f.hops(), f.Entities[entity]
	p := loop.Plan{Deletions: e.Authority != nil}
	for _, name := range slices.Sorted(maps.Keys(f.Sinks)) {
		s := f.Sinks[name]
		if s == nil || s.System == "" {
			continue
		}
		for _, of := range s.Entities {
			if f.Entities[of] == nil || !loop.LeadsTo(hops, entity, of) {
				continue
			}
			for i := range e.Rules.From {
				m := &e.Rules.From[i]
				if capture, _, _ := strings.Cut(m.Topic, "."); capture != s.System {
					continue
				}
				if !slices.Contains(p.Sinks, name) {
					p.Sinks = append(p.Sinks, name)
				}
				path := f.pathOf(of, name, m.Topic, entity)
				switch echo := s.Echo[of]; {
				case echo == nil:
					p.Watched = append(p.Watched, loop.Watch{Topic: m.Topic, Reads: columnsOf(m), Path: path})
				case echo.Topic == m.Topic:
					p.Echoes = append(p.Echoes, loop.Echo{
						Sink: name, Entity: of, Topic: echo.Topic, Key: echo.Key, ID: echo.ID, Fields: echo.Fields,
						Complete: s.tellsAll(f.Entities[of], echo), Reads: f.readsOf(hops, m.Topic, of), Path: path,
					})
				}
			}
		}
	}
	return p
}

// readsOf are the columns of the topic that count for an echo of the entity: those
// that any entity reads which waits for it. The guards of all share the memory of
// an echo, and the first that sees a change decides for the others.
func (f *File) readsOf(hops []loop.Hop, topic, of string) map[string]bool {
	columns := map[string]bool{}
	for name, e := range f.Entities {
		if e == nil || !loop.LeadsTo(hops, name, of) {
			continue
		}
		for i := range e.Rules.From {
			if m := &e.Rules.From[i]; m.Topic == topic {
				maps.Copy(columns, columnsOf(m))
			}
		}
	}
	return columns
}

// memoryFaults asks for a Redis where a guard must remember.
func (f *File) memoryFaults() []error {
	if f.Redis.Set() {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(f.Entities)) {
		if f.Entities[name] == nil {
			continue
		}
		if f.Entities[name].Authority != nil {
			return []error{f.places.fault("entities."+name+".authority", schemas.Fault{
				What: "what each source says of a golden record is remembered in Redis, and there is none",
				Cure: "add a redis block, such as redis: {url: redis://localhost:6379/0}",
			})}
		}
		if plan := f.LoopPlan(name); plan.NeedsStore() {
			return []error{f.places.fault("sinks."+plan.Sinks[0]+".system", schemas.Fault{
				What: "what is written comes back to the entity " + name + ", and there is no Redis to remember it",
				Cure: "add a redis block",
			})}
		}
	}
	return nil
}

// SinkEchoes are the echoes of a sink that a guard waits for.
func (f *File) SinkEchoes(sink string) []loop.Echo {
	var all []loop.Echo
	for _, entity := range slices.Sorted(maps.Keys(f.Entities)) {
		plan := f.LoopPlan(entity)
		for _, e := range plan.Echoes {
			if e.Sink == sink && !slices.ContainsFunc(all, func(o loop.Echo) bool { return o.Entity == e.Entity }) {
				all = append(all, e)
			}
		}
	}
	return all
}

// pathOf draws the loop that has that step, or the step alone.
func (f *File) pathOf(from, sink, topic, to string) string {
	for _, l := range f.Loops() {
		for _, h := range l.hops {
			if h.From.Entity == from && h.Sink == sink && h.Topic == topic && h.To.Entity == to {
				return l.Path
			}
		}
	}
	c := loop.Cycle{Hops: []loop.Hop{{From: loop.Field{Entity: from}, Sink: sink, Topic: topic, To: loop.Field{Entity: to}}}}
	return c.Path("")
}
