package schemas

import "strings"

// IsProvenance reports whether a column of an entity says where a value came
// from, rather than being one: its name begins with "_". The fields of an entity
// have no such names.
func IsProvenance(name string) bool { return strings.HasPrefix(name, "_") }

// Fields returns the table without its columns of provenance, which are behind the
// others, three a field; t itself if it has none.
func (t *Table) Fields() *Table {
	n := len(t.Columns) / 4
	if n == 0 || len(t.Columns) != 4*n {
		return t
	}
	for i := range t.Columns {
		if IsProvenance(t.Columns[i].Name) != (i >= n) {
			return t
		}
	}
	fields := *t
	fields.Columns = t.Columns[:n:n]
	return &fields
}
