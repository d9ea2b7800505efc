package schemas

import "testing"

func TestOrigin(t *testing.T) {
	source := &Table{Columns: []Column{{Name: "db"}, {Name: "origin"}, {Name: "query"}}}
	for _, c := range []struct{ origin, query, want string }{
		{"", "", ""},
		{OriginName("crm"), "", "crm"},
		{"pg_16402", "", ""},
		{"", OriginComment("crm"), "crm"},
		{"", OriginComment("crm") + " UPDATE contacts SET name = 'x'", "crm"},
		{"", "  /* app=web */ " + OriginComment("crm-2") + "UPDATE contacts", "crm-2"},
		{"", "UPDATE contacts SET note = '" + OriginComment("crm") + "'", ""},
		{"", "/* never closed sluice:sink=crm", ""},
	} {
		row := Row{TextOf([]byte("sluice.sink.db")), TextOf([]byte(c.origin)), TextOf([]byte(c.query))}
		change := Change{Table: &Table{Source: source}, Source: row}
		if got := change.Origin(); got != c.want {
			t.Errorf("origin %q, query %q: the sink is %q, want %q", c.origin, c.query, got, c.want)
		}
	}
	for _, c := range []Change{{}, {Table: &Table{}}, {Table: &Table{Source: source}}} {
		if got := c.Origin(); got != "" {
			t.Errorf("a change without a source block is of %q", got)
		}
	}
}
