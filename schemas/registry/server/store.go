package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"sluice/schemas/registry/compat"
)

// version is one version of a subject.
type version struct {
	subject string
	number  int
	id      int
	deleted bool // softly: hidden, and still readable with ?deleted=true
}

// store is what the records of the topic add up to. It is changed by apply
// only, in the order of the topic.
type store struct {
	subjects map[string]map[int]*version
	texts    map[int]string // schema text by id; ids outlive their versions
	ids      map[string]int // id by canonical text
	config   map[string]compat.Level
	maxID    int
}

func newStore() *store {
	return &store{
		subjects: make(map[string]map[int]*version),
		texts:    make(map[int]string),
		ids:      make(map[string]int),
		config:   map[string]compat.Level{"": compat.Backward},
	}
}

// key is the key of a record. Field order matters: it is part of the bytes by
// which the topic is compacted.
type key struct {
	Type    string  `json:"keytype"`
	Subject *string `json:"subject,omitempty"`
	Version int     `json:"version,omitempty"`
	Magic   int     `json:"magic"`
}

// configKey is the key of a CONFIG record, whose subject is null for the global
// one.
type configKey struct {
	Type    string  `json:"keytype"`
	Subject *string `json:"subject"`
	Magic   int     `json:"magic"`
}

type schemaValue struct {
	Subject string `json:"subject"`
	Version int    `json:"version"`
	ID      int    `json:"id"`
	Type    string `json:"schemaType,omitempty"`
	Schema  string `json:"schema"`
	Deleted bool   `json:"deleted"`
}

type configValue struct {
	Level string `json:"compatibilityLevel"`
}

type deleteValue struct {
	Subject string `json:"subject"`
	Version int    `json:"version"` // all up to it
}

// entry is a record to append; a nil value is a tombstone.
type entry struct{ key, value any }

// apply adds one record. Kinds of records that it does not know are left alone;
// a record that it should know and cannot read is an error.
func (s *store) apply(rawKey, rawValue []byte) error {
	var k key
	if err := json.Unmarshal(rawKey, &k); err != nil {
		return fmt.Errorf("reading the record's key %.100q: %w", rawKey, err)
	}
	subject := ""
	if k.Subject != nil {
		subject = *k.Subject
	}
	read := func(into any) error {
		if err := json.Unmarshal(rawValue, into); err != nil {
			return fmt.Errorf("reading the record of key %s: %w", rawKey, err)
		}
		return nil
	}

	switch k.Type {
	case "SCHEMA":
		if rawValue == nil {
			s.forget(subject, k.Version)
			return nil
		}
		var v schemaValue
		if err := read(&v); err != nil {
			return err
		}
		if v.Type != "" && v.Type != "AVRO" {
			s.maxID = max(s.maxID, v.ID) // somebody else's; never give its id again
			return nil
		}
		return s.learn(v)
	case "CONFIG":
		if rawValue == nil {
			delete(s.config, subject)
			if subject == "" {
				s.config[""] = compat.Backward
			}
			return nil
		}
		var v configValue
		if err := read(&v); err != nil {
			return err
		}
		if level, err := compat.ParseLevel(v.Level); err == nil {
			s.config[subject] = level
		}
	case "DELETE_SUBJECT":
		if rawValue == nil {
			return nil
		}
		var v deleteValue
		if err := read(&v); err != nil {
			return err
		}
		for _, ver := range s.subjects[subject] {
			if ver.number <= v.Version {
				ver.deleted = true
			}
		}
	}
	return nil
}

func (s *store) learn(v schemaValue) error {
	canonical, err := compat.Canonical(v.Schema)
	if err != nil {
		return fmt.Errorf("subject %q, version %d: %w", v.Subject, v.Version, err)
	}
	if s.subjects[v.Subject] == nil {
		s.subjects[v.Subject] = make(map[int]*version)
	}
	s.subjects[v.Subject][v.Version] = &version{subject: v.Subject, number: v.Version, id: v.ID, deleted: v.Deleted}
	s.texts[v.ID] = v.Schema
	if _, ok := s.ids[canonical]; !ok {
		s.ids[canonical] = v.ID
	}
	s.maxID = max(s.maxID, v.ID)
	return nil
}

// forget drops a version for good, and its schema if nobody else has it.
func (s *store) forget(subject string, number int) {
	v := s.subjects[subject][number]
	if v == nil {
		return
	}
	delete(s.subjects[subject], number)
	if len(s.subjects[subject]) == 0 {
		delete(s.subjects, subject)
	}
	if len(s.users(v.id, true)) > 0 {
		return
	}
	delete(s.texts, v.id)
	maps.DeleteFunc(s.ids, func(_ string, id int) bool { return id == v.id })
}

// versions returns a subject's versions, ascending.
func (s *store) versions(subject string, deleted bool) []*version {
	var out []*version
	for _, v := range s.subjects[subject] {
		if deleted || !v.deleted {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b *version) int { return a.number - b.number })
	return out
}

// names returns the subjects that have a version, sorted.
func (s *store) names(deleted bool) []string {
	out := []string{}
	for name := range s.subjects {
		if len(s.versions(name, deleted)) > 0 {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// users returns the versions with the id, by subject and number.
func (s *store) users(id int, deleted bool) []*version {
	var out []*version
	for _, name := range s.names(deleted) {
		for _, v := range s.versions(name, deleted) {
			if v.id == id {
				out = append(out, v)
			}
		}
	}
	return out
}

// level is the compatibility level that holds for a subject.
func (s *store) level(subject string) compat.Level {
	if l, ok := s.config[subject]; ok {
		return l
	}
	return s.config[""]
}
