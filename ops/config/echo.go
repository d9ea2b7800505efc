package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/schemas"
)

// Echo says where what a sink writes of an entity comes back: the raw topic of
// the table in which the target keeps it. With it the loop guard knows the
// sink's own writes again, and the sink knows what the target already has.
type Echo struct {
	Topic string `yaml:"topic"`
	// Key is the column that holds the entity's key. Where the target does not
	// keep it, ID is the column of the target's own id, which the sink learns
	// from the answers. Exactly one of the two.
	Key string `yaml:"key"`
	ID  string `yaml:"id"`
	// Fields are the fields that the sink writes, with the columns in which
	// they appear.
	Fields map[string]string `yaml:"fields"`
}

// echoFaults checks the system and the echoes of a sink.
func (f *File) echoFaults(at string, s *Sink) (faults []error) {
	fault := func(where, what, cure string) {
		faults = append(faults, f.places.fault(where, schemas.Fault{What: what, Cure: cure}))
	}
	if s.System != "" && f.Captures[s.System] == nil {
		fault(at+".system", fmt.Sprintf("there is no capture %q", s.System),
			"name the capture that reads the system which this sink writes to; "+f.cure(s.System, slices.Collect(maps.Keys(f.Captures)), "captures"))
	}
	for _, entity := range slices.Sorted(maps.Keys(s.Echo)) {
		where, e := at+".echo."+entity, s.Echo[entity]
		switch {
		case !slices.Contains(s.Entities, entity):
			fault(where, fmt.Sprintf("the sink does not write the entity %q", entity), f.cure(entity, s.Entities, "entities"))
			continue
		case e == nil || e.Topic == "":
			fault(where, "does not say in which topic the writes come back", "add topic: <capture>.<schema>.<table>")
			continue
		}
		if capture, _, _ := strings.Cut(e.Topic, "."); s.System == "" || capture != s.System {
			fault(where+".topic", fmt.Sprintf("%q is not a topic of the system that the sink writes to", e.Topic), "write system: "+capture+" beside it, or mend the topic")
		}
		switch {
		case e.Key == "" && e.ID == "":
			fault(where, "does not say which column names the record", "add key: the column that holds the entity's key, or id: the column of the target's own id")
		case e.Key != "" && e.ID != "":
			fault(where+".id", "stands beside key", "keep key where the target keeps the entity's key, else id")
		case e.ID != "" && s.API != nil && s.API.ID == "":
			fault(where+".id", "the sink does not learn the target's ids", "say where they stand in the answers: "+at+".api.id")
		}
		if len(e.Fields) == 0 {
			fault(where+".fields", "names no field", "write the entity's fields that the sink writes, each with its column: {full_name: name}")
		}
		for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
			if of := f.Entities[entity]; of != nil && !hasField(of, name) {
				fault(where+".fields."+name, fmt.Sprintf("the entity %s has no such field", entity), cureFor(name, slices.Collect(maps.Keys(of.Rules.Fields))))
			} else if e.Fields[name] == "" {
				fault(where+".fields."+name, "names no column", "write the column of "+e.Topic+" in which the field appears")
			}
		}
	}
	return faults
}

func hasField(e *Entity, name string) bool { _, ok := e.Rules.Fields[name]; return ok }

// writes are the fields of an entity that the sink may write.
func (s *Sink) writes(e *Entity) []string {
	named, all := map[string]bool{}, true
	if s.API != nil {
		named, all = s.API.Writes()
	}
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(e.Rules.Fields)) {
		if all || named[name] {
			fields = append(fields, name)
		}
	}
	return fields
}

// tellsAll reports whether the echo names every field that the sink writes.
// Else what the capture of the target says is not all that the target has.
func (s *Sink) tellsAll(e *Entity, echo *Echo) bool {
	return !slices.ContainsFunc(s.writes(e), func(name string) bool { return echo.Fields[name] == "" })
}
