package postgres

import (
	"fmt"
	"strings"
	"testing"

	"sluice/capture"
	"sluice/capture/capturetest"
	"sluice/schemas"
)

// signalled gives a signal and reads until its copies are through.
func signalled(t *testing.T, b *bed, s *Source, r *capturetest.Reader, signal capture.Signal) []capturetest.Seen {
	t.Helper()
	from := len(r.Seen)
	if err := s.Signal(t.Context(), signal); err != nil {
		t.Fatal(err)
	}
	for s.engine.Busy() {
		r.Next()
	}
	r.Settle(b.harness())
	return r.Seen[from:]
}

// TestAsked copies tables again beside the stream, one of them in part.
func TestAsked(t *testing.T) {
	b := newBed(t)
	b.exec(t, `CREATE TABLE items (id int PRIMARY KEY, v text); INSERT INTO items SELECT i, 'v' FROM generate_series(1, 100) i;
		CREATE TABLE bare (v text); ALTER TABLE bare REPLICA IDENTITY FULL; INSERT INTO bare VALUES ('a'), ('a'), ('b')`)
	s := b.source(t, b.config("public.items", "public.bare"))
	s.chunkRows = 10
	r := capturetest.Open(t, s, "")
	if r.Settle(b.harness()); len(r.Seen) != 103 {
		t.Fatalf("%d rows came, want 103", len(r.Seen))
	}
	if s.Signalled() != -1 {
		t.Errorf("the last signal is %d before any", s.Signalled())
	}
	got := signalled(t, b, s, r, capture.Signal{Number: 4, Action: capture.CopyTables, Tables: []string{"public.items", "public.bare", "public.other"}, Where: "v = 'v' OR v = 'a'"})
	if len(got) != 102 {
		t.Errorf("%d rows came, want 102", len(got))
	}
	ids := map[string]bool{}
	for _, seen := range r.Seen {
		if ids[seen.ID] {
			t.Errorf("two rows are named %s", seen.ID)
		}
		ids[seen.ID] = true
	}
	for _, seen := range got {
		if what := string(seen.Source[colSnapshot].Bytes); what != "incremental" || seen.Op != schemas.Read {
			t.Errorf("%s is %q", seen.Text, what)
		}
	}
	got = signalled(t, b, s, r, capture.Signal{Number: 5, Action: capture.CopyTables, Tables: []string{"public.items"}, Where: "id % 10 = 0"})
	if len(got) != 10 {
		t.Errorf("%d rows came, want 10", len(got))
	}
	if got := signalled(t, b, s, r, capture.Signal{Number: 5, Action: capture.CopyTables, Tables: []string{"public.items"}}); len(got) != 0 {
		t.Errorf("a signal was obeyed twice: %d rows came", len(got))
	}
	// A condition that the server refuses ends that copy, not the capture.
	if got := signalled(t, b, s, r, capture.Signal{Number: 6, Action: capture.CopyTables, Tables: []string{"public.items"}, Where: "nosuch = 1"}); len(got) != 0 {
		t.Errorf("%d rows came under a condition that says nothing", len(got))
	}
	b.exec(t, "INSERT INTO items VALUES (1000, 'after')")
	r.Until(`c items => {id: 1000, v: "after"}`)
}

// TestPausedCopyResumes: what was asked for survives a restart, paused or not.
func TestPausedCopyResumes(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, v text); INSERT INTO items SELECT i, 'v' FROM generate_series(1, 100) i")
	s := b.source(t, b.config("public.items"))
	s.chunkRows = 10
	r := capturetest.Open(t, s, "")
	r.Settle(b.harness())
	for i, signal := range []capture.Signal{{Action: capture.PauseCopies}, {Action: capture.CopyTables, Tables: []string{"public.items"}}} {
		signal.Number = int64(i)
		if err := s.Signal(t.Context(), signal); err != nil {
			t.Fatal(err)
		}
	}
	b.exec(t, "INSERT INTO items VALUES (200, 'paused')")
	r.Until(`c items => {id: 200, v: "paused"}`)
	if g := gauges(t, s); g["sluice_snapshot_paused"] != 1 || g["sluice_snapshot_tables_left"] != 1 || g["sluice_snapshot_rows_total"] != 100 {
		t.Errorf("it is not paused with one table left, behind the first copy of 100 rows: %v", g)
	}
	r.Close()
	b.idle(t)
	s = b.source(t, b.config("public.items"))
	s.chunkRows = 10
	again := capturetest.Open(t, s, r.Last())
	if s.Signalled() != 1 {
		t.Errorf("the last signal is %d, want 1", s.Signalled())
	}
	if got := signalled(t, b, s, again, capture.Signal{Number: 2, Action: capture.ResumeCopies}); len(got) != 101 {
		t.Errorf("%d rows came, want 101", len(got))
	}
}

// TestKeys copies tables with all sorts of keys, in small chunks, under writes.
func TestKeys(t *testing.T) {
	b := newBed(t)
	tables := []string{}
	for name, column := range map[string]string{
		"texts": "('key ' || i)::text COLLATE \"C\"", "numbers": "(i / 7.0)::numeric", "uuids": "md5(i::text)::uuid",
		"dates": "'2020-01-01'::date + i", "blobs": "decode(md5(i::text), 'hex')", "floats": "i / 3.0::float8",
	} {
		b.exec(t, fmt.Sprintf("CREATE TABLE %s AS SELECT %s AS k, i AS n FROM generate_series(1, 203) i; ALTER TABLE %s ADD PRIMARY KEY (k)", name, column, name))
		tables = append(tables, "public."+name)
	}
	b.exec(t, `CREATE TABLE pairs (a int, "b c" text, n int, PRIMARY KEY ("b c", a)); INSERT INTO pairs SELECT i % 20, 'x' || (i / 20), i FROM generate_series(1, 203) i;
		CREATE TABLE parts (k int PRIMARY KEY, n int) PARTITION BY RANGE (k); CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
		CREATE TABLE parts2 PARTITION OF parts FOR VALUES FROM (100) TO (1000); INSERT INTO parts SELECT i, i FROM generate_series(1, 203) i;
		CREATE TABLE huge (k int PRIMARY KEY, v text); INSERT INTO huge SELECT i, repeat('x', 200000) FROM generate_series(1, 203) i;
		CREATE TABLE empty (k int PRIMARY KEY)`)
	s := b.source(t, b.config(append(tables, "public.pairs", "public.parts", "public.huge", "public.empty")...))
	s.chunkRows = 17
	r := capturetest.Open(t, s, "")
	r.Settle(b.harness())
	rows := map[string]map[string]bool{}
	for _, seen := range r.Seen {
		if rows[seen.Table.Name] == nil {
			rows[seen.Table.Name] = map[string]bool{}
		}
		rows[seen.Table.Name][seen.Text] = true
	}
	for _, table := range append(tables, "public.pairs", "public.parts") {
		if n := len(rows[strings.TrimPrefix(table, "public.")]); n != 203 {
			t.Errorf("%d rows of %s came, want 203", n, table)
		}
	}
	if len(r.Seen) != 203*(len(tables)+3) {
		t.Errorf("%d rows came, want %d", len(r.Seen), 203*(len(tables)+3))
	}
}

// TestAlteredWhileCopied: a table is rewritten and another dropped while they are
// copied.
func TestAlteredWhileCopied(t *testing.T) {
	b := newBed(t)
	b.exec(t, `CREATE TABLE items (id int PRIMARY KEY, v text); INSERT INTO items SELECT i, 'v' FROM generate_series(1, 500) i;
		CREATE TABLE gone (id int PRIMARY KEY, v text); INSERT INTO gone SELECT i, 'v' FROM generate_series(1, 500) i`)
	s := b.source(t, b.config("public.items", "public.gone"))
	s.chunkRows = 10
	r := capturetest.Open(t, s, "")
	for len(r.Seen) < 20 {
		r.Next()
	}
	b.exec(t, "ALTER TABLE items ADD COLUMN more int NOT NULL DEFAULT 7; ALTER TABLE items ALTER COLUMN id TYPE bigint; DROP TABLE gone")
	b.exec(t, "UPDATE items SET v = 'changed' WHERE id > 490")
	r.Settle(b.harness())
	last := map[int64]capturetest.Seen{}
	for _, seen := range r.Seen {
		if seen.Table.Name == "items" {
			last[seen.After[0].Int()] = seen
		}
	}
	if len(last) != 500 {
		t.Errorf("%d rows came, want 500", len(last))
	}
	for id := int64(491); id <= 500; id++ {
		if row := last[id].After; len(row) != 3 || string(row[1].Bytes) != "changed" || row[2].Int() != 7 {
			t.Errorf("row %d is %s", id, last[id].Text)
		}
	}
}
