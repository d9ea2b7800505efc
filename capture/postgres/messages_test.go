package postgres

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"sluice/schemas"
)

// plainly leaves out what the server chooses: ids of transactions and places.
func plainly(events []string) []string {
	noise := regexp.MustCompile(`^\S+ |\d+:\d+|tx \d+`)
	var out []string
	for _, e := range events {
		out = append(out, noise.ReplaceAllStringFunc(e, func(s string) string {
			switch {
			case strings.HasPrefix(s, "tx"):
				return "tx"
			case strings.HasSuffix(s, " "):
				return ""
			}
			return "TX"
		}))
	}
	return out
}

func TestMessagesAndTransactions(t *testing.T) {
	needs14(t)
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, v text); CREATE TABLE other (id int PRIMARY KEY); CREATE TABLE apart (id int PRIMARY KEY)")
	c := b.config("public.items", "public.other")
	c.Transactions, c.Messages = true, Messages{Include: []string{"audit*"}, Exclude: []string{"audit.no*"}}
	from := b.begin(t, c)
	one := b.session(t)
	one("SELECT pg_logical_emit_message(false, 'audit', 'alone')")
	one(`BEGIN; SELECT pg_logical_emit_message(true, 'audit.x', 'first'); INSERT INTO items VALUES (1, 'a');
		SELECT pg_logical_emit_message(true, 'else', 'unwanted'); SELECT pg_logical_emit_message(false, 'audit', 'at once');
		INSERT INTO other VALUES (1), (2); SELECT pg_logical_emit_message(true, 'audit.now', 'excluded');
		SELECT pg_logical_emit_message(true, 'audit', 'inside'); UPDATE items SET id = 2; COMMIT`)
	// The record of the commit begins where that of the message ends.
	one("BEGIN; INSERT INTO other VALUES (3); SELECT pg_logical_emit_message(false, 'audit', 'before the commit'); COMMIT")
	one("BEGIN; INSERT INTO other VALUES (4); SELECT pg_logical_emit_message(true, 'audit', 'last'); COMMIT")
	one("SELECT pg_logical_emit_message(false, 'audit', 'behind'); SELECT pg_logical_emit_message(false, 'else', 'unwanted')")
	one("INSERT INTO apart VALUES (1)") // published, but of no event: no BEGIN
	one("BEGIN; SELECT pg_logical_emit_message(true, 'audit', 'only'); COMMIT")
	one("TRUNCATE items, other; INSERT INTO items VALUES (9, 'end')")
	end := `c items => {id: 9, v: "end"}`
	last := "BEGIN; INSERT INTO items VALUES (10, 'really'); COMMIT"
	one(last)
	last = `c items => {id: 10, v: "really"}`
	open := func() *Source { return b.source(t, c) }
	got := b.follow(t, open(), from, last, true)
	block := func(total, of string) string { return `["TX", ` + total + ", " + of + "]" }
	begin := `c transaction => {status: "BEGIN", id: "TX", event_count: null, data_collections: null, ts_ms: T}`
	ended := func(count, collections string) string {
		return `c transaction => {status: "END", id: "TX", event_count: ` + count + ", data_collections: [" + collections + "], ts_ms: T}"
	}
	hex := func(s string) string { return capturedBytes(s) }
	want := []string{
		`m ["audit", ` + hex("alone") + `] tx null of null`,
		`m ["audit", ` + hex("at once") + `] tx null of null`,
		begin,
		`m ["audit.x", ` + hex("first") + `] tx of ` + block("1", "1"),
		`c items => {id: 1, v: "a"} [TX 2 1]`,
		`c other => {id: 1} [TX 3 1]`,
		`c other => {id: 2} [TX 4 2]`,
		`m ["audit", ` + hex("inside") + `] tx of ` + block("5", "2"),
		`d items {id: 1, v: absent} newkey {2} [TX 6 2]`,
		`c items => {id: 2, v: "a"} oldkey {1} [TX 7 3]`,
		ended("7", `["LOGICAL_DECODING_MESSAGE", 2], ["public.items", 3], ["public.other", 2]`),
		`m ["audit", ` + hex("before the commit") + `] tx null of null`,
		begin, `c other => {id: 3} [TX 1 1]`, ended("1", `["public.other", 1]`),
		begin, `c other => {id: 4} [TX 1 1]`, `m ["audit", ` + hex("last") + `] tx of ` + block("2", "1"), ended("2", `["public.other", 1], ["LOGICAL_DECODING_MESSAGE", 1]`),
		`m ["audit", ` + hex("behind") + `] tx null of null`,
		begin, `m ["audit", ` + hex("only") + `] tx of ` + block("1", "1"), ended("1", `["LOGICAL_DECODING_MESSAGE", 1]`),
		begin, `t items [TX 1 1]`, `t other [TX 2 1]`, end + ` [TX 3 2]`, ended("3", `["public.items", 2], ["public.other", 1]`),
		begin, last + ` [TX 1 1]`,
	}
	sameLines(t, "the whole", regexpTime(plainly(got.events)), want)
	meets := false
	for _, p := range got.at {
		at, err := parsePosition(p.Position)
		if err != nil {
			t.Fatal(err)
		}
		next := got.events[min(p.Count, len(got.events)-1)]
		meets = meets || at.Row == 0 && strings.HasPrefix(next, string(appendHex(nil, uint64(at.Commit), 16))+".begin")
	}
	if !meets {
		t.Error("no commit begins where a message ends: the test shows nothing of that")
	}
	b.resume(t, open, got, last)

	// The same in blocks, and a large one more with a message at either end.
	early := b.early("public.items", "public.other")
	early.Transactions, early.Messages = true, c.Messages
	one(`BEGIN; SELECT pg_logical_emit_message(true, 'audit', 'large');
		INSERT INTO items SELECT i, repeat('x', 300) FROM generate_series(1001, 2000) i; SAVEPOINT a;
		SELECT pg_logical_emit_message(true, 'audit', 'rolled back'); SELECT pg_logical_emit_message(false, 'audit', 'yet said'); INSERT INTO items VALUES (1, 'rolled back'); ROLLBACK TO a;
		TRUNCATE items; SELECT pg_logical_emit_message(true, 'audit', 'done'); COMMIT`)
	one("INSERT INTO other VALUES (100)")
	whole := open()
	whole.whole = true
	last = "c other => {id: 100}"
	from = got.at[len(got.at)-1].Position // behind it stands what was read last
	all := b.follow(t, whole, from, last, false)
	if n := len(all.events); n != 3+1+1+1+1000+1+1+1+2 {
		t.Errorf("%d events in all", n)
	}
	blocks := b.follow(t, b.source(t, early), from, last, false)
	sameLines(t, "in blocks", blocks.events, all.events)
	b.resume(t, func() *Source { return b.source(t, early) }, blocks, last)
}

func capturedBytes(s string) string { return "x'" + string(appendLowerHex(nil, s)) + "'" }

func appendLowerHex(out []byte, s string) []byte {
	for i := range len(s) {
		out = append(out, "0123456789abcdef"[s[i]>>4], "0123456789abcdef"[s[i]&15])
	}
	return out
}

func regexpTime(events []string) []string {
	ts := regexp.MustCompile(`ts_ms: \d+`)
	for i := range events {
		events[i] = ts.ReplaceAllString(events[i], "ts_ms: T")
	}
	return events
}

// TestMessagesAreSwitched on and off in the middle of a transaction: neither
// rows nor messages are lost or doubled.
func TestMessagesAreSwitched(t *testing.T) {
	needs14(t)
	t.Run("off first", func(t *testing.T) { testSwitched(t, false) })
	t.Run("on first", func(t *testing.T) { testSwitched(t, true) })
}

func testSwitched(t *testing.T, onFirst bool) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	off := b.config("public.items")
	on := off
	on.Messages = Messages{Include: []string{"*"}}
	from := b.begin(t, off)
	b.exec(t, `INSERT INTO items VALUES (1); SELECT pg_logical_emit_message(true, 'a', '1'); INSERT INTO items VALUES (2), (3);
		SELECT pg_logical_emit_message(true, 'a', '2'); INSERT INTO items VALUES (4)`)
	rows := func(tr trace) []string {
		var out []string
		for _, e := range tr.events {
			if strings.Contains(e, " c items") {
				out = append(out, e)
			}
		}
		return out
	}
	last := "c items => {id: 4}"
	first := off
	if onFirst {
		first = on
	}
	all := b.follow(t, b.source(t, first), from, last, true)
	for _, p := range all.at {
		for _, second := range []Config{off, on} {
			rest := b.follow(t, b.source(t, second), p.Position, last, true)
			before := trace{events: all.events[:p.Count]}
			sameLines(t, string(p.Position), append(rows(before), rows(rest)...), rows(all))
			seen := map[string]bool{}
			for _, e := range append(before.events[:p.Count:p.Count], rest.events...) {
				if seen[e] {
					t.Errorf("from %s: %s came twice", p.Position, e)
				}
				seen[e] = true
			}
		}
	}
}

func TestMessagesConfig(t *testing.T) {
	c := Config{DSN: "postgres://localhost/erp", Tables: []string{"public.items"}, Messages: Messages{Include: []string{"["}}}
	for _, says := range []string{"messages.include[0]", "messages.exclude"} {
		err := c.Validate()
		var f *schemas.Fault
		if !errors.As(err, &f) || f.Where != says || f.Cure == "" {
			t.Errorf("%v does not name %s", err, says)
		}
		c.Messages = Messages{Exclude: []string{"a"}}
	}
	old := server{version: 130012}
	if err := old.checkMessages(Messages{Include: []string{"*"}}); err == nil || !strings.Contains(err.Error(), "PostgreSQL 13") {
		t.Errorf("a server without messages: %v", err)
	}
	if err := old.checkMessages(Messages{}); err != nil {
		t.Error(err)
	}
}
