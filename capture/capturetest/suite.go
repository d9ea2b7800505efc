package capturetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/schemas"
)

// Run proves the promises of capture.Source.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"changes come in the order of the log", testOrder},
		{"a key change is a delete and a create", testKeyChange},
		{"snapshot and stream meet without gap or double", testSeam},
		{"every position resumes exactly", testResume},
		{"every position of a snapshot resumes exactly", testResumeSnapshot},
		{"a restart after each acknowledged batch loses nothing", testAck},
		{"a cancelled Next loses nothing", testCancel},
		{"Close may be repeated", testClose},
		{"a consumer that pauses finds all it left", testPause},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newHarness(t)) })
	}
}

const itemsTable = "CREATE TABLE items (id int PRIMARY KEY, name varchar(10000)); " + markerTable

var items = Options{Tables: []string{"items", "marker"}}

func same(t *testing.T, got []Seen, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d changes came, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Text != want[i] {
			t.Errorf("change %d is\n got %s\nwant %s", i+1, got[i].Text, want[i])
		}
	}
}

func testOrder(t *testing.T, h Harness) {
	h.Exec(t, itemsTable)
	r := Open(t, h.Source(t, items), "")
	h.Exec(t, "INSERT INTO items VALUES (1, 'a'), (2, NULL)")
	h.Exec(t, "UPDATE items SET name = 'b' WHERE id = 1; INSERT INTO items VALUES (3, 'c')")
	h.Exec(t, "DELETE FROM items WHERE id = 2")
	got := r.Read(5)
	same(t, got[:4],
		`c items => {id: 1, name: "a"}`, `c items => {id: 2, name: null}`,
		got[2].Text, `c items => {id: 3, name: "c"}`)
	// Databases differ in how much of the old row their logs hold.
	if !strings.HasPrefix(got[2].Text, "u items ") || !strings.HasSuffix(got[2].Text, `=> {id: 1, name: "b"}`) {
		t.Errorf("the update is %s", got[2].Text)
	}
	if !strings.HasPrefix(got[4].Text, "d items {id: 2, ") || strings.Contains(got[4].Text, "=>") {
		t.Errorf("the delete is %s", got[4].Text)
	}
	for i, s := range got {
		if s.Table != got[0].Table {
			t.Errorf("change %d is of another version of the table, which did not change", i+1)
		}
		if len(s.Source) != len(s.Table.Source.Columns) {
			t.Errorf("change %d has %d values in its source block, want %d", i+1, len(s.Source), len(s.Table.Source.Columns))
		}
	}
}

func testKeyChange(t *testing.T, h Harness) {
	h.Exec(t, itemsTable)
	r := Open(t, h.Source(t, items), "")
	h.Exec(t, "INSERT INTO items VALUES (1, 'a')")
	h.Exec(t, "UPDATE items SET id = 9 WHERE id = 1")
	got := r.Read(3)[1:]
	if !strings.HasPrefix(got[0].Text, "d items {id: 1, ") || !strings.HasSuffix(got[0].Text, " newkey {9}") {
		t.Errorf("the first half is %s", got[0].Text)
	}
	if got[1].Text != `c items => {id: 9, name: "a"} oldkey {1}` {
		t.Errorf("the second half is %s", got[1].Text)
	}
	if got[0].ID == got[1].ID {
		t.Errorf("both halves are named %s", got[0].ID)
	}
}

// testSeam writes while the source opens and reads its snapshot.
func testSeam(t *testing.T, h Harness) {
	h.Exec(t, itemsTable)
	h.Exec(t, insertItems(1, 500, 10))
	const last = 900
	written := make(chan struct{})
	go func() {
		defer close(written)
		for id := 501; id <= last; id += 10 {
			h.Exec(t, insertItems(id, id+9, 10))
		}
		h.Exec(t, "INSERT INTO marker VALUES (1)")
	}()
	o := items
	o.ChunkRows = 64
	r := Open(t, h.Source(t, o), "")
	r.Settle(h)
	<-written
	h.Exec(t, "INSERT INTO marker VALUES (2)")
	r.Until(marker(2))
	times := map[int64]int{}
	for _, s := range r.Seen {
		if s.Table.Name == "items" {
			times[s.After[0].Int()]++
		}
	}
	if len(times) != last {
		t.Errorf("%d rows came, want %d", len(times), last)
	}
	for id := int64(1); id <= last; id++ {
		if times[id] != 1 {
			t.Errorf("row %d came %d times", id, times[id])
		}
	}
}

// insertItems writes one insert of the rows, each with a name of that size.
func insertItems(from, to, size int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO items VALUES ")
	for id := from; id <= to; id++ {
		if id > from {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "(%d, '%s')", id, strings.Repeat(string(rune('a'+id%26)), size))
	}
	return b.String()
}

// tiny makes a source end batches inside transactions.
var tiny = Options{Tables: items.Tables, Buffer: 64 << 10, ChunkRows: 5}

func write(t *testing.T, h Harness) {
	h.Exec(t, insertItems(100, 140, 9000))
	h.Exec(t, "UPDATE items SET id = id + 1000 WHERE id < 110")
	h.Exec(t, "DELETE FROM items WHERE id < 120")
	h.Exec(t, insertItems(200, 230, 9000)+"; UPDATE items SET name = 'short' WHERE id >= 220 AND id < 300")
	h.Exec(t, "INSERT INTO marker VALUES (1)")
}

func testResume(t *testing.T, h Harness) {
	h.Exec(t, itemsTable)
	r := Open(t, h.Source(t, tiny), "")
	r.Settle(h)
	from := len(r.Positions) - 1
	write(t, h)
	r.Until(marker(1))
	inside := resumeAll(t, h, r, r.Positions[from:])
	if inside == 0 {
		t.Error("no batch ended inside a transaction: the test shows nothing of that")
	}
}

func testResumeSnapshot(t *testing.T, h Harness) {
	h.Exec(t, itemsTable)
	h.Exec(t, insertItems(1, 23, 9000))
	r := Open(t, h.Source(t, tiny), "")
	r.Settle(h)
	if len(r.Seen) != 23 {
		t.Fatalf("%d rows came, want 23", len(r.Seen))
	}
	last := r.Last()
	if resumeAll(t, h, r, r.Positions) == 0 {
		t.Error("no batch ended inside the snapshot: the test shows nothing of that")
	}
	h.Exec(t, insertItems(30, 31, 10))
	for i, s := range Open(t, h.Source(t, tiny), last).Read(2) {
		if s.Op != schemas.Create || s.After[0].Int() != int64(30+i) {
			t.Errorf("after the snapshot came %s", s.Text)
		}
	}
}

// resumeAll opens a source from each position, in order as a saved position
// only moves on, and expects exactly what r saw behind it. It returns how many positions lay behind a
// change that was not the first or the last.
func resumeAll(t *testing.T, h Harness, r *Reader, places []Place) (inside int) {
	t.Helper()
	r.Close()
	unique(t, r.Seen)
	for _, p := range places {
		want := r.Seen[p.Count:]
		if len(want) == 0 {
			continue
		}
		if p.Count > 0 {
			inside++
		}
		again := Open(t, h.Source(t, tiny), p.Position)
		for k := 0; k < len(want); {
			for _, s := range again.Next() {
				if k == len(want) {
					t.Fatalf("from %s: %s came too much", p.Position, s.Text)
				}
				if s.ID != want[k].ID || s.Text != want[k].Text {
					t.Fatalf("from %s, change %d is\n got %s %.200s\nwant %s %.200s", p.Position, k+1, s.ID, s.Text, want[k].ID, want[k].Text)
				}
				k++
			}
		}
		again.Close()
	}
	return inside
}

func unique(t *testing.T, seen []Seen) {
	t.Helper()
	ids := map[string]bool{}
	for _, s := range seen {
		if ids[s.ID] {
			t.Errorf("two changes are named %s", s.ID)
		}
		ids[s.ID] = true
		if s.ID == "" || strings.ContainsFunc(s.ID, func(c rune) bool { return c <= ' ' || c > '~' }) {
			t.Errorf("the name %q is not printable ASCII", s.ID)
		}
	}
}

// testAck restarts after every batch, from the position acknowledged.
func testAck(t *testing.T, h Harness) {
	h.Exec(t, itemsTable)
	r := Open(t, h.Source(t, tiny), "")
	r.Settle(h)
	write(t, h)
	from := r.Last()
	r.Ack(from)
	r.Ack(schemas.Position(strings.Replace(string(from), `"lsn":"0/`, `"lsn":"FF/`, 1))) // never seen
	r.Close()
	ids := map[string]int{}
	restarts := 0
	for done := false; !done; restarts++ {
		if restarts > 200 {
			t.Fatal("200 restarts and not at the end")
		}
		again := Open(t, h.Source(t, tiny), from)
		batch := again.Next()
		for _, s := range batch {
			ids[s.ID]++
			done = done || s.Text == marker(1)
		}
		first := again.Last()
		if !done { // read on, but do not acknowledge: it must come again
			again.Next()
		}
		again.Ack(first)
		again.Close()
		from = first
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("change %s came %d times", id, n)
		}
	}
	// 41 rows, 10 key changes of two halves, 10 deletes, 31 rows, 11 updates,
	// the marker.
	if want := 41 + 20 + 10 + 31 + 11 + 1; len(ids) != want {
		t.Errorf("%d changes came, want %d", len(ids), want)
	}
}

func testCancel(t *testing.T, h Harness) {
	h.Exec(t, itemsTable)
	s := h.Source(t, items)
	r := Open(t, s, "")
	h.Exec(t, "INSERT INTO items VALUES (1, 'a')")
	r.Read(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for b, err := s.Next(ctx); !errors.Is(err, context.Canceled); b, err = s.Next(ctx) {
		if err != nil {
			t.Fatalf("a cancelled Next returned %v", err)
		}
		if len(b.Changes) > 0 {
			t.Fatalf("%d changes came from nowhere", len(b.Changes))
		}
	}
	h.Exec(t, "INSERT INTO items VALUES (2, 'b')")
	same(t, r.Read(1), `c items => {id: 2, name: "b"}`)
}

func testClose(t *testing.T, h Harness) {
	s := h.Source(t, items)
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("closing before opening: %v", err)
	}
	if err := s.Open(t.Context(), ""); err == nil {
		t.Fatal("opened although the table does not exist")
	}
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("closing after a failed Open: %v", err)
	}
	h.Exec(t, itemsTable)
	r := Open(t, s, "") // the same source, mended
	h.Exec(t, "INSERT INTO items VALUES (1, 'a')")
	r.Read(1)
	for range 3 {
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("closing again: %v", err)
		}
	}
	h.Exec(t, "INSERT INTO items VALUES (2, 'b')")
	same(t, Open(t, s, r.Last()).Read(1), `c items => {id: 2, name: "b"}`)
}

// testPause leaves more in the log than fits into memory.
func testPause(t *testing.T, h Harness) {
	h.Exec(t, itemsTable)
	r := Open(t, h.Source(t, tiny), "")
	r.Next()
	for id := 1; id <= 200; id += 50 {
		h.Exec(t, insertItems(id, id+49, 9000))
	}
	pause := time.NewTimer(200 * time.Millisecond)
	<-pause.C
	for i, s := range r.Read(200) {
		if got := s.After[0].Int(); got != int64(i+1) {
			t.Fatalf("row %d came in place %d", got, i+1)
		}
	}
}
