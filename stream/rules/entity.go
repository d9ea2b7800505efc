package rules

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/schemas"
)

// Entity declares one business entity and how it is made.
type Entity struct {
	// Version is counted up by hand when the meaning changes; at least 1.
	Version int    `yaml:"version"`
	Doc     string `yaml:"doc"`
	// Fields are those of the entity record, which has them in alphabetical
	// order, so that the order of the file means nothing.
	Fields map[string]Field `yaml:"fields"`
	// From are the raw topics that the entity is made from.
	From []Mapping `yaml:"from"`
	// Lookups are tables that expressions look values up in.
	Lookups map[string]Lookup `yaml:"lookups" json:"lookups,omitempty"`
	// Checks are kept by every record; one that breaks one is parked.
	Checks []Validation `yaml:"validate" json:"validate,omitempty"`
	// Dir is the folder that the lookups' files are relative to.
	Dir string `yaml:"-" json:"-"`
	// Governed entities are golden records: their key may read any column, since
	// what a source record was before tells which one it leaves.
	Governed bool `yaml:"-" json:"-"`
}

// Validation is a condition over the entity's fields, by their names.
type Validation struct {
	// That is true, or null as in SQL's CHECK, of every record that is delivered.
	That string `yaml:"that"`
	// Message says what is wrong with a record that breaks it.
	Message string `yaml:"message"`
}

// Field is one field of an entity.
type Field struct {
	// Type is string, int, float, decimal(p,s), bool, date, timestamp, enum, or
	// list(...) of one of these but enum.
	Type string `yaml:"type"`
	// Values are the words of an enum.
	Values []string `yaml:"values"`
	// Required fields are never null; a record without one is parked.
	Required bool   `yaml:"required"`
	Doc      string `yaml:"doc"`
	// Checks are asked where the field is not null.
	Checks []Validation `yaml:"validate" json:"validate,omitempty"`
}

// Mapping makes the entity from the rows of one raw topic.
type Mapping struct {
	Topic string `yaml:"topic"`
	// Key gives the entity's key from the columns of the primary key alone,
	// since a delete carries no others; that of a governed entity, its golden id,
	// from any column that the database also sends of the row as it was before.
	Key string `yaml:"key"`
	// When keeps the rows for which it is true; all, if empty. As in SQL, null
	// is not true.
	When string `yaml:"when"`
	// Set is the source of each field: a column or an expression.
	Set map[string]string `yaml:"set"`
}

// Defaults does nothing: no part of an entity has a default.
func (e *Entity) Defaults() {}

var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Validate checks all that needs no expression compiled; Compile does the rest.
// The errors are *schemas.Fault with paths such as "from[0].set.segment".
func (e *Entity) Validate() error {
	var faults []error
	fault := func(where, what, cure string) {
		faults = append(faults, &schemas.Fault{Where: where, What: what, Cure: cure})
	}
	if e.Version < 1 {
		fault("version", fmt.Sprintf("%d is no version", e.Version), "write version: 1 and count it up when the meaning changes")
	}
	if len(e.Fields) == 0 {
		fault("fields", "the entity has none", "declare at least one, such as: name: {type: string}")
	}
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		f := e.Fields[name]
		if !fieldName.MatchString(name) {
			fault("fields."+name, "is no name of a field", "use letters, digits and _, with no digit first")
		}
		if _, err := f.schema(); err != nil {
			err.Where = strings.TrimSuffix("fields."+name+"."+err.Where, ".")
			faults = append(faults, err)
		}
		validations("fields."+name+".validate", f.Checks, fault)
	}
	validations("validate", e.Checks, fault)
	for _, name := range slices.Sorted(maps.Keys(e.Lookups)) {
		l := e.Lookups[name]
		if l.File == "" {
			fault("lookups."+name+".file", "no file", "name a CSV file with a header, such as segments.csv")
		}
		if _, n := utf8.DecodeRuneInString(l.Separator); l.Separator != "" && (n != len(l.Separator) || strings.ContainsAny(l.Separator, "\"\r\n\ufffd")) {
			fault("lookups."+name+".separator", fmt.Sprintf("%q is not one sign", l.Separator), "write one, such as \";\" or \"\\t\"")
		}
	}
	if len(e.From) == 0 {
		fault("from", "the entity is made from nothing", "name at least one raw topic with its key and set")
	}
	topics := map[string]int{}
	for i, m := range e.From {
		at := fmt.Sprintf("from[%d]", i)
		if first, twice := topics[m.Topic]; m.Topic == "" {
			fault(at+".topic", "no topic", "name the raw topic: <capture>.<schema>.<table>")
		} else if twice {
			fault(at+".topic", fmt.Sprintf("%s is mapped by from[%d] already", m.Topic, first), "make one mapping of the two; a row becomes one entity")
		} else {
			topics[m.Topic] = i
		}
		if strings.TrimSpace(m.Key) == "" {
			fault(at+".key", "no key", "name the column that identifies the entity; it must be in the table's primary key")
		}
		for _, name := range slices.Sorted(maps.Keys(m.Set)) {
			switch {
			case !e.has(name):
				fault(at+".set."+name, "the entity has no such field", e.offer())
			case strings.TrimSpace(m.Set[name]) == "":
				fault(at+".set."+name, "no column or expression", "name a column, write an expression, or take the line out")
			}
		}
		for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
			if _, set := m.Set[name]; e.Fields[name].Required && !set {
				fault(at+".set", fmt.Sprintf("the required field %s is not set", name), "set it, or declare it without required")
			}
		}
	}
	return errors.Join(faults...)
}

func validations(at string, all []Validation, fault func(where, what, cure string)) {
	for i, v := range all {
		if strings.TrimSpace(v.That) == "" {
			fault(fmt.Sprintf("%s[%d].that", at, i), "no condition", "write one over the entity's fields, such as: is_email(email)")
		}
	}
}

func (e *Entity) has(field string) bool { _, ok := e.Fields[field]; return ok }

func (e *Entity) offer() string {
	return "declare it under fields, or set one of: " + strings.Join(slices.Sorted(maps.Keys(e.Fields)), ", ")
}

// Table describes the records of the entity of that name, whose declaration is
// valid.
func (e *Entity) Table(name string) *schemas.Table {
	t := &schemas.Table{Schema: "entity", Name: name}
	for _, n := range slices.Sorted(maps.Keys(e.Fields)) {
		f := e.Fields[n]
		typ, _ := f.schema()
		t.Columns = append(t.Columns, schemas.Column{Name: n, Type: typ, Optional: !f.Required, Doc: f.Doc})
	}
	return t
}
