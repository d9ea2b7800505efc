package postgres

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"sluice/schemas"
)

// TestManyRowsAtOnePlace has statements whose rows share a place in the log, and
// resumes between any two of them.
func TestManyRowsAtOnePlace(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, v text); CREATE TABLE marker (id int PRIMARY KEY)")
	c := b.config("public.items", "public.marker")
	from := b.begin(t, c)
	conn, err := pgconn.Connect(t.Context(), b.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var rows strings.Builder
	for i := range 30 {
		rows.WriteString(string(rune('0'+i/10)) + string(rune('0'+i%10)) + "\tcopied\n")
	}
	if _, err := conn.CopyFrom(t.Context(), strings.NewReader(rows.String()), "COPY items FROM STDIN"); err != nil {
		t.Fatal(err)
	}
	b.exec(t, "INSERT INTO items VALUES (100, 'a'), (101, 'b'), (102, 'c'), (103, 'd')")
	b.exec(t, "UPDATE items SET v = 'e' WHERE id >= 100; DELETE FROM items WHERE id < 3")
	b.exec(t, "INSERT INTO marker VALUES (1)")
	last := "c marker => {id: 1}"
	tr := b.follow(t, b.source(t, c), from, last, true)
	if want := 30 + 4 + 4 + 3 + 1; len(tr.events) != want {
		t.Fatalf("%d events came, want %d", len(tr.events), want)
	}
	if len(tr.at) < len(tr.events)-1 {
		t.Fatalf("only %d positions lie between %d events", len(tr.at), len(tr.events))
	}
	if !tr.shared {
		t.Error("no two rows share a place in the log: the test shows nothing of that")
	}
	b.resume(t, func() *Source { return b.source(t, c) }, tr, last)
}

// TestBeginAtThePlaceOfItsRow restarts at every event of transactions whose Begin
// the server sends with the place in the log of their first row: a bare place
// would not tell the two apart.
func TestBeginAtThePlaceOfItsRow(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, v text)")
	c := b.config("public.items")
	c.Transactions = true
	from := b.begin(t, c)
	for _, sql := range []string{"INSERT INTO items VALUES (1, 'a')", "UPDATE items SET v = 'b'", "INSERT INTO items VALUES (2, 'c'), (3, 'd')", "DELETE FROM items WHERE id = 1"} {
		b.exec(t, sql)
	}
	b.exec(t, "INSERT INTO items VALUES (9, 'end')")
	last := `c items => {id: 9, v: "end"}`
	tr := b.follow(t, b.source(t, c), from, last, true)
	if want := 4*2 + 5 + 2; len(tr.events) != want {
		t.Fatalf("%d events came, want %d: %q", len(tr.events), want, tr.events)
	}
	s := b.source(t, c)
	if got := b.messagePlaces(t, s, from); got['B'] == 0 || got['B'] != got['I'] {
		t.Errorf("Begin is at %d, its row at %d: the test shows nothing of that", got['B'], got['I'])
	}
	b.resume(t, func() *Source { return b.source(t, c) }, tr, last)
}

// messagePlaces reads a transaction as the server sends it: where in the log its
// messages are, by their kinds.
func (b *bed) messagePlaces(t *testing.T, s *Source, from schemas.Position) map[byte]uint64 {
	t.Helper()
	if err := s.Open(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = s.Close(t.Context())
		b.idle(t)
	}()
	conn := s.stream.conn
	if err := pglogrepl.StartReplication(t.Context(), conn, s.cfg.Slot, lsn(s.at.LSN), pglogrepl.StartReplicationOptions{
		Mode: pglogrepl.LogicalReplication, PluginArgs: s.pluginArgs(),
	}); err != nil {
		t.Fatal(err)
	}
	out := map[byte]uint64{}
	for {
		msg, err := conn.Frontend().Receive()
		if err != nil {
			t.Fatal(err)
		}
		m, ok := msg.(*pgproto3.CopyData)
		if !ok || m.Data[0] != 'w' {
			continue
		}
		if m.Data[25] == 'C' {
			return out
		}
		out[m.Data[25]] = binary.BigEndian.Uint64(m.Data[1:])
	}
}

// TestKeyChangeAtTheEnd restarts inside a transaction whose last change is one
// of a key, which is two events: never between them, and neither comes twice.
func TestKeyChangeAtTheEnd(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, v text)")
	for _, metadata := range []bool{false, true} {
		c := b.config("public.items")
		c.Transactions = metadata
		b.exec(t, "TRUNCATE items")
		if metadata {
			c.Slot += "_m"
			b.slot = c.Slot
		}
		from := b.begin(t, c)
		b.exec(t, "INSERT INTO items VALUES (1, 'a'), (2, 'b'); UPDATE items SET id = 3 WHERE id = 1")
		b.exec(t, "INSERT INTO items VALUES (9, 'end')")
		last := `c items => {id: 9, v: "end"}`
		tr := b.follow(t, b.source(t, c), from, last, true)
		halves := 0
		for _, p := range tr.at {
			if p.Count < len(tr.events) && strings.Contains(tr.events[p.Count], "oldkey {1}") {
				halves++
			}
		}
		if halves > 0 {
			t.Error("a position lies between the halves of a change of a key")
		}
		inside := false
		for _, p := range tr.at {
			inside = inside || strings.Contains(tr.events[p.Count], "newkey {3}")
		}
		if !inside {
			t.Error("no position lies before the change of the key: the test shows nothing of that")
		}
		b.resume(t, func() *Source { return b.source(t, c) }, tr, last)
	}
}
