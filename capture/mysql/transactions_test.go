package mysql

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/schemas"
)

// event is a change with its place in its transaction; what the server chooses
// is left out.
func event(c *schemas.Change) string {
	text := capturetest.Render(c)
	if c.Transaction.ID != nil {
		text += fmt.Sprintf(" [%s %d %d]", c.Transaction.ID, c.Transaction.Total, c.Transaction.Collection)
	}
	return chosen.ReplaceAllString(text, "${1}X")
}

var chosen = regexp.MustCompile(`(\[|id: "|ts_ms: )(?:file=[^ "]+|[0-9a-f]+(?:-[0-9a-f]+)+(?::\d+)?|\d{13})`)

// events reads until one begins with the text, with the names of all.
func events(t *testing.T, s *Source, from schemas.Position, last string) (texts, ids []string, places []capturetest.Place) {
	t.Helper()
	if err := s.Open(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	for {
		b, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Changes {
			texts, ids = append(texts, event(&b.Changes[i])), append(ids, string(b.Changes[i].ID))
		}
		places = append(places, capturetest.Place{Position: b.Position, Count: len(texts)})
		if n := len(texts); n > 0 && strings.HasPrefix(texts[n-1], last) {
			return texts, ids, places
		}
	}
}

// TestTransactions reads what begins and ends, and goes on from each position.
func TestTransactions(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) { readTransactions(t, newBed(t, of(t))) })
	t.Run("without GTIDs", func(t *testing.T) {
		b := onOwn(t, own(t, localtest.MySQL, map[string]string{"gtid_mode": "OFF", "enforce_gtid_consistency": "OFF"}))
		b.set(t, "DROP TABLE crm.items")
		readTransactions(t, openBed(t, b.server, b.server.DSN("crm")))
	})
}

func readTransactions(t *testing.T, b *bed) {
	t.Helper()
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY); CREATE TABLE apart (id int PRIMARY KEY)")
	c := b.config("items", "other")
	c.Transactions = true
	r := capturetest.Open(t, b.source(t, c), "")
	r.Settle(b.harness())
	r.Close()
	b.exec(t, "INSERT INTO apart VALUES (1); INSERT INTO items VALUES (1), (2); INSERT INTO other VALUES (1); UPDATE items SET id = 3 WHERE id = 1; INSERT INTO apart VALUES (2)")
	b.exec(t, "INSERT INTO apart VALUES (3)") // of no event: no BEGIN
	b.exec(t, "TRUNCATE other")
	b.exec(t, "INSERT INTO items VALUES (9)")
	name := func(table string) string { return `["` + b.name + "." + table + `", ` }
	begin := `c transaction => {status: "BEGIN", id: "X", event_count: null, data_collections: null, ts_ms: X}`
	end := func(n int, of string) string {
		return fmt.Sprintf(`c transaction => {status: "END", id: "X", event_count: %d, data_collections: [%s], ts_ms: X}`, n, of)
	}
	want := []string{
		begin, "c items => {id: 1} [X 1 1]", "c items => {id: 2} [X 2 2]", "c other => {id: 1} [X 3 1]",
		"d items {id: 1} newkey {3} [X 4 3]", "c items => {id: 3} oldkey {1} [X 5 4]", end(5, name("items")+"4], "+name("other")+"1]"),
		begin, "t other [X 1 1]", end(1, name("other")+"1]"),
		begin, "c items => {id: 9} [X 1 1]", end(1, name("items")+"1]"),
	}
	texts, ids, places := events(t, b.source(t, c), r.Last(), want[len(want)-1])
	sameLines(t, "the whole", texts, want)
	for range 3 { // positions fall where the reader waits
		for _, place := range places {
			if place.Count == len(want) {
				continue
			}
			rest, restIDs, more := events(t, b.source(t, c), place.Position, want[len(want)-1])
			sameLines(t, "from "+string(place.Position), rest, want[place.Count:])
			sameLines(t, "the names from "+string(place.Position), restIDs, ids[place.Count:])
			for _, m := range more {
				places = append(places, capturetest.Place{Position: m.Position, Count: m.Count + place.Count})
			}
		}
		if len(places) > 40 {
			return
		}
	}
}

func sameLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d lines, want %d", what, len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s: line %d\n got %s\nwant %s", what, i, got[i], want[i])
		}
	}
}
