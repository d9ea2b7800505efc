package govern

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"sluice/schemas"
)

// form is the fields of a row as the head of a state says them.
type form struct {
	// head is the form as bytes: the number of fields, and of each the name and
	// the type.
	head []byte
	// to is the place of each field in the row to fill; -1: it is no more.
	to []int
	// enum are the types whose values must be looked at: what an enum may be has
	// changed.
	enum []*schemas.Type
}

// formOf is the form of the table's own rows.
func formOf(t *schemas.Table) *form {
	f := &form{enum: make([]*schemas.Type, len(t.Columns))}
	f.head = binary.AppendUvarint(f.head, uint64(len(t.Columns)))
	for i := range t.Columns {
		c := &t.Columns[i]
		f.head = appendText(f.head, c.Name)
		f.head = appendText(f.head, typeText(&c.Type))
		f.to = append(f.to, i)
	}
	return f
}

// oldForm reads the head of a state that was written for another table. Its
// fields are found by their names: those that are no more are left out, and new
// ones are null. A field of another type is a *schemas.Fault.
func oldForm(t *schemas.Table, data []byte) (*form, error) {
	r := reader{data: data}
	n := r.count()
	f := &form{}
	for range n {
		name, was := r.text(), r.text()
		if r.bad {
			return nil, ErrCorrupt
		}
		to := t.Column(name)
		var enum *schemas.Type
		if to >= 0 {
			if slices.Contains(f.to, to) {
				return nil, ErrCorrupt // it stands twice
			}
			now := &t.Columns[to].Type
			switch is := typeText(now); {
			case was == is, strings.HasPrefix(was, "enum(") && now.Name == schemas.StringType:
			case strings.HasPrefix(was, "enum(") && now.Name == schemas.EnumType:
				enum = now
			default:
				return nil, &schemas.Fault{
					Where: "entity " + t.Name,
					What:  fmt.Sprintf("the golden records were made when the field %s was %s; it is %s now", name, was, is),
					Cure:  "give the field a new name, or empty the entity's state and make its golden records anew from the raw topics",
				}
			}
		}
		f.to, f.enum = append(f.to, to), append(f.enum, enum)
	}
	if r.bad {
		return nil, ErrCorrupt
	}
	f.head = slices.Clone(data[:r.at])
	return f, nil
}

// check looks at a value whose enum has changed.
func (f *form) check(t *schemas.Table, i int, v schemas.Value) error {
	if f.enum[i] == nil || v.Kind != schemas.Text || slices.Contains(f.enum[i].Symbols, string(v.Bytes)) {
		return nil
	}
	return &schemas.Fault{
		Where: "entity " + t.Name,
		What:  fmt.Sprintf("a golden record has the value %q in the field %s, which the enum has no more", v.Bytes, t.Columns[f.to[i]].Name),
		Cure:  "put the value back under values",
	}
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
