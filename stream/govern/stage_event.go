package govern

import (
	"fmt"
	"strings"

	"sluice/schemas"
	"sluice/stream"
)

// mapping brings the fields of a contribution's schema to those of the entity.
type mapping struct {
	err error
	// same: they are the same, in the same order.
	same bool
	// from is, of each field of the entity, its index there; -1: it has none.
	from []int
}

// event makes an event of an item. The reason and the error park it.
func (s *Stage) event(r *record, it *stream.Item) (e *Event, reason string, _ error) {
	head := &s.head
	text := it.Header(schemas.HeaderChange)
	if err := head.Parse(text); err != nil {
		return nil, ReasonContribution, fmt.Errorf("entity %s, golden record %s: the header %s %q %w", s.entity, r.id, schemas.HeaderChange, text, err)
	}
	source := it.Header(schemas.HeaderSource)
	if len(source) == 0 {
		return nil, ReasonContribution, fmt.Errorf("entity %s, golden record %s: it has no header %s", s.entity, r.id, schemas.HeaderSource)
	}
	e = &s.said
	*e = Event{
		Time: head.Time, Offset: head.Offset, Changed: head.Changed, Snapshot: head.Op == schemas.Read,
		Deleted: head.Op == schemas.Delete || head.Op == schemas.Moved, Moved: head.Op == schemas.Moved,
		Rules: s.intern(it.Header(schemas.HeaderRules)),
	}
	s.scratch = append(append(append(s.scratch[:0], source...), '/'), head.Record...)
	e.Record = string(s.scratch)
	e.System = s.system(source)
	if e.Deleted {
		return e, "", nil
	}
	if it.Change.Table == nil || it.Change.After == nil {
		return nil, ReasonContribution, fmt.Errorf("entity %s, source record %s: it has no value, and is no deletion", s.entity, e.Record)
	}
	m := s.mappingOf(it.Change.Table)
	switch {
	case m.err != nil:
		return nil, ReasonFields, fmt.Errorf("entity %s, source record %s: %w", s.entity, e.Record, m.err)
	case m.same:
		e.Row = it.Change.After
		return e, "", nil
	}
	row := s.arena.Row(len(m.from))
	for i, from := range m.from {
		if from >= 0 {
			row[i] = it.Change.After[from]
		} else {
			row[i] = schemas.Value{}
		}
	}
	// The bits are those of other fields.
	e.Row, e.Changed = row, nil
	return e, "", nil
}

// system is the first part of a raw topic.
func (s *Stage) system(topic []byte) string {
	name, _, _ := strings.Cut(s.intern(topic), ".")
	return name
}

// intern returns one text for equal bytes: stamps of rules and topics are few.
func (s *Stage) intern(b []byte) string {
	if text, ok := s.texts[string(b)]; ok {
		return text
	}
	if len(s.texts) > 10_000 {
		clear(s.texts)
	}
	text := string(b)
	s.texts[text] = text
	return text
}

// mappingOf finds the entity's fields by their names.
func (s *Stage) mappingOf(t *schemas.Table) *mapping {
	if m, ok := s.fields[t]; ok {
		return m
	}
	want := s.policy.Table()
	m := &mapping{same: len(t.Columns) == len(want.Columns)}
	for i := range want.Columns {
		c := &want.Columns[i]
		from := t.Column(c.Name)
		m.from = append(m.from, from)
		m.same = m.same && from == i
		if from >= 0 && t.Columns[from].Type.Name == schemas.EnumType && c.Type.Name == schemas.EnumType {
			continue // a value that is no more is the encoder's to refuse
		}
		if from >= 0 && typeText(&t.Columns[from].Type) != typeText(&c.Type) {
			m.err = fmt.Errorf("the field %s was %s when the rules made it, and is %s now; have the rules make it anew, from the raw topic",
				c.Name, typeText(&t.Columns[from].Type), typeText(&c.Type))
		}
	}
	s.fields[t] = m
	return m
}
