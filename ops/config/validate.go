package config

import (
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sluice/schemas"
)

var namePattern = regexp.MustCompile(`^[a-z0-9_-]+$`)

// reserved begin the names of sluice's own topics; a capture's name begins
// those of its raw topics.
var reserved = []string{"entity", "sluice", "dlq", "retry", "receipts", "_schemas", "contributions", "crosswalk", "review", "decisions"}

// parts yields every block with its path, in the order of the file's blocks.
func (f *File) parts() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		all := []struct {
			path string
			part any
		}{{"kafka", &f.Kafka}, {"registry", &f.Registry}, {"redis", &f.Redis}, {"loop", &f.Loop}}
		add := func(path string, part any) {
			all = append(all, struct {
				path string
				part any
			}{path, part})
		}
		for _, name := range slices.Sorted(maps.Keys(f.Captures)) {
			if c, at := f.Captures[name], "captures."+name; c != nil {
				if c.Postgres != nil {
					add(at+".postgres", c.Postgres)
				}
				if c.MySQL != nil {
					add(at+".mysql", c.MySQL)
				}
				add(at+".avro", &c.Avro)
				add(at+".commit", &c.Commit)
				add(at, &c.Records)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(f.Entities)) {
			if e, at := f.Entities[name], "entities."+name; e != nil {
				add(at, &e.Rules)
				add(at+".process", &e.Process)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(f.Sinks)) {
			if s, at := f.Sinks[name], "sinks."+name; s != nil {
				if s.API != nil {
					add(at+".api", s.API)
				}
				add(at+".deliver", &s.Deliver)
			}
		}
		for _, p := range all {
			if !yield(p.path, p.part) {
				return
			}
		}
	}
}

func (f *File) defaults() {
	for _, e := range f.Entities {
		if e != nil {
			e.Rules.Dir = filepath.Dir(f.Path)
			if e.Authority != nil {
				e.Authority.Defaults()
				e.Rules.Governed = true
			}
		}
	}
	for path, part := range f.parts() {
		switch d := part.(type) {
		case interface{ DefaultsFor(name string) }:
			d.DefaultsFor(strings.Split(path, ".")[1])
		case interface{ Defaults() }:
			d.Defaults()
		}
	}
}

// validate returns all faults of the parts and of how they name one another.
// Parts with an unset variable are left out.
func (f *File) validate(unset []string, embedded bool) []error {
	var faults []error
	for path, part := range f.parts() {
		v, ok := part.(interface{ Validate() error })
		own := embedded && len(f.Kafka.Brokers) == 0 && (path == "kafka" || path == "registry")
		lacking := slices.ContainsFunc(unset, func(u string) bool { return strings.HasPrefix(u, path+".") })
		if ok && !own && !lacking {
			faults = append(faults, f.places.locate(path, v.Validate())...)
		}
	}
	faults = append(faults, f.captureFaults()...)
	faults = append(faults, f.entityFaults()...)
	sinkFaults := f.sinkFaults()
	if len(sinkFaults) == 0 {
		// Of blocks that name one another rightly.
		sinkFaults = f.loopFaults()
		if !slices.ContainsFunc(unset, func(u string) bool { return strings.HasPrefix(u, "redis.") }) {
			sinkFaults = append(sinkFaults, f.memoryFaults()...)
		}
	}
	return append(faults, sinkFaults...)
}

func (f *File) captureFaults() (faults []error) {
	for name, c := range f.Captures {
		at := "captures." + name
		faults = append(faults, f.nameFaults(at, name)...)
		if slices.Contains(reserved, name) {
			faults = append(faults, f.places.fault(at, schemas.Fault{
				What: fmt.Sprintf("topics that begin with %q are sluice's own", name), Cure: "give the capture another name",
			}))
		}
		if c == nil {
			c = new(Capture)
		}
		known, set := c.Kinds()
		faults = append(faults, f.kindFaults(at, "a capture reads one database", known, set)...)
	}
	return faults
}

func (f *File) entityFaults() (faults []error) {
	for name, e := range f.Entities {
		at := "entities." + name
		faults = append(faults, f.nameFaults(at, name)...)
		if e == nil {
			faults = append(faults, f.places.fault(at, schemas.Fault{What: "is empty", Cure: "write its version, fields and from"}))
			continue
		}
		if e.Authority != nil && e.Rules.Validate() == nil {
			faults = append(faults, f.places.locate(at+".authority", e.Authority.Validate(e.Rules.Table(name), e.Systems()))...)
		}
		for i, from := range e.Rules.From {
			capture, _, dots := strings.Cut(from.Topic, ".")
			if from.Topic == "" || dots && f.Captures[capture] != nil {
				continue // an empty one is the rules' to refuse
			}
			faults = append(faults, f.places.fault(join(index(at+".from", i), "topic"), schemas.Fault{
				What: fmt.Sprintf("%q is a topic of no capture", from.Topic),
				Cure: "topics are <capture>.<schema>.<table>; " + f.cure(capture, slices.Collect(maps.Keys(f.Captures)), "captures"),
			}))
		}
	}
	return faults
}

func (f *File) sinkFaults() (faults []error) {
	for name, s := range f.Sinks {
		at := "sinks." + name
		faults = append(faults, f.nameFaults(at, name)...)
		if s == nil {
			s = new(Sink)
		}
		known, set := s.Kinds()
		faults = append(faults, f.kindFaults(at, "a sink writes to one target", known, set)...)
		if len(s.Entities) == 0 {
			faults = append(faults, f.places.fault(at+".entities", schemas.Fault{
				What: "names no entity", Cure: f.cure("", slices.Collect(maps.Keys(f.Entities)), "entities"),
			}))
		}
		for i, entity := range s.Entities {
			where := index(at+".entities", i)
			switch {
			case f.Entities[entity] == nil:
				faults = append(faults, f.places.fault(where, schemas.Fault{
					What: fmt.Sprintf("there is no entity %q", entity),
					Cure: f.cure(entity, slices.Collect(maps.Keys(f.Entities)), "entities"),
				}))
			case slices.Index(s.Entities, entity) < i:
				faults = append(faults, f.places.fault(where, schemas.Fault{What: fmt.Sprintf("%q stands twice", entity), Cure: "keep one"}))
			}
		}
		if s.Start != "" && s.Start != StartCopied && s.Start != StartNow {
			faults = append(faults, f.places.fault(at+".start", schemas.Fault{
				What: fmt.Sprintf("%q is not known", s.Start), Cure: cureFor(string(s.Start), []string{string(StartCopied), string(StartNow)}),
			}))
		}
		faults = append(faults, f.echoFaults(at, s)...)
	}
	return faults
}

func (f *File) cure(name string, known []string, block string) string {
	if len(known) == 0 {
		return fmt.Sprintf("the file has no %s: add one", block)
	}
	return cureFor(name, known)
}

func (f *File) nameFaults(at, name string) []error {
	if namePattern.MatchString(name) {
		return nil
	}
	return []error{f.places.fault(at, schemas.Fault{
		What: fmt.Sprintf("%q is no name", name), Cure: "use small letters, digits, _ and -: it becomes part of topics' names",
	})}
}

func (f *File) kindFaults(at, what string, known, set []string) []error {
	switch len(set) {
	case 1:
		return nil
	case 0:
		return []error{f.places.fault(at, schemas.Fault{What: "has no kind: " + what, Cure: "add one of: " + strings.Join(known, ", ")})}
	default:
		return []error{f.places.fault(at, schemas.Fault{What: "has " + strings.Join(set, " and ") + ": " + what, Cure: "keep one"})}
	}
}
