package mysql

import (
	"strings"
	"testing"

	"sluice/ops/local"
	"sluice/schemas"
)

// TestStatementsOfChanges reads one log with each value of Config.Query: what a
// change carries of its statement is what was asked for, and bounded, since each of
// a statement's rows carries it.
func TestStatementsOfChanges(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := newBed(t, of(t))
		long := "/* " + strings.Repeat("x", maxComments) + " */"
		statements := []string{
			"INSERT INTO items VALUES (1)",
			"/* origin:a */ -- not one\nINSERT INTO items VALUES (2)",
			"  /* one *//*two*/ INSERT /* three */ INTO items VALUES (3)",
			"/*! INSERT */ INTO items VALUES (4)",
			"/* kept */ " + long + " INSERT INTO items VALUES (5)",
			"DELETE FROM items",
		}
		comments := []string{"", "/* origin:a */", "/* one *//*two*/", "", "/* kept */", ""}
		c := b.config("items")
		c.Snapshot.Mode = Never
		b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
		first := b.source(t, c)
		if err := first.Open(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		start := first.at.encode()
		if err := first.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		logged := "SET SESSION binlog_rows_query_log_events = ON"
		if b.maria {
			logged = "SET SESSION binlog_annotate_row_events = ON"
		}
		b.exec(t, logged+"; "+strings.Join(statements, "; "))
		for mode, want := range map[string][]string{"": comments, QueryComments: comments, QueryFull: statements, QueryNone: make([]string, len(statements))} {
			c.Query = mode
			for i, got := range statementsOf(t, b.source(t, c), start, len(statements)+4) {
				at := min(i, len(statements)-1) // of the deleted rows, all five
				if strings.TrimSpace(got) != strings.TrimSpace(want[at]) {
					t.Errorf("query: %q, change %d carries %q, want %q", mode, i, got, want[at])
				}
			}
		}
	})
}

// statementsOf are those that the first n changes carry.
func statementsOf(t *testing.T, s *Source, from schemas.Position, n int) []string {
	t.Helper()
	if err := s.Open(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	var out []string
	for len(out) < n {
		batch, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range batch.Changes {
			out = append(out, string(c.Source[colQuery].Bytes))
		}
	}
	return out
}
