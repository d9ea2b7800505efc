package mysql

import (
	"fmt"
	"strings"
	"testing"

	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/schemas"
)

// TestPositionsInsideACompressedTransaction goes on from positions that lie inside
// of one.
func TestPositionsInsideACompressedTransaction(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		settings := map[string]string{"binlog_transaction_compression": "ON"}
		if of(t).Flavour() == local.FlavourMariaDB {
			settings = map[string]string{"log_bin_compress": "ON", "log_bin_compress_min_len": "10"}
		}
		b := onOwn(t, own(t, of, settings))
		c := b.config("items")
		c.Buffer = 64 << 10
		r := capturetest.Open(t, b.source(t, c), "")
		r.Settle(b.harness())
		start := len(r.Seen)
		b.exec(t, "INSERT INTO crm.items SELECT n, REPEAT('ab', 50) FROM ("+numbers(2, 2000)+") s; UPDATE crm.items SET name = 'u' WHERE id > 1000; DELETE FROM crm.items WHERE id < 500; INSERT INTO crm.items VALUES (100000, 'end')")
		r.Until(`c items => {id: 100000, name: "end"}`)
		r.Close()
		b.logHas(t, map[bool]string{false: "Transaction_payload", true: "Write_rows_compressed"}[b.maria])
		var inside []capturetest.Place
		for _, place := range r.Positions {
			at, err := parsePosition(place.Position)
			if err != nil {
				t.Fatal(err)
			}
			if at.Row > 0 {
				inside = append(inside, place)
			}
		}
		if len(inside) < 5 {
			t.Fatalf("only %d positions lie inside the transaction", len(inside))
		}
		b.exec(t, "INSERT INTO crm.items VALUES (100001, 'after')")
		for i := 0; i < len(inside); i += max(1, len(inside)/10) {
			place := inside[i]
			again := capturetest.Open(t, b.source(t, b.config("items")), place.Position)
			rest := r.Seen[place.Count:]
			got := again.Read(len(rest) + 1)
			again.Close()
			for j, want := range rest {
				if got[j].Text != want.Text || got[j].ID != want.ID {
					t.Fatalf("from %s on, change %d is %s %s, before %s %s", place.Position, j, got[j].ID, got[j].Text, want.ID, want.Text)
				}
			}
		}
		if n := len(r.Seen) - start; n != 2000+1001+499+1 {
			t.Errorf("%d changes came", n)
		}
	})
}

// logHas fails the test unless the newest file of the log has an event of that
// type.
func (b *bed) logHas(t *testing.T, event string) {
	t.Helper()
	files, err := (&server{maria: b.maria}).files(t.Context(), b.db)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := query(t.Context(), b.db, "SHOW BINLOG EVENTS IN '"+files[len(files)-1].name+"'")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if strings.HasPrefix(r.text(2), event) {
			return
		}
	}
	t.Errorf("the log has no event %s", event)
}

// TestChangesThatAreNotLogged alters tables behind the log's back: each row comes
// by the names that its columns had, never shifted.
func TestChangesThatAreNotLogged(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := newBed(t, of(t))
		hidden := func(sql string) { b.set(t, "SET sql_log_bin = 0; "+sql+"; SET sql_log_bin = 1") }
		b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, a varchar(10), b varchar(10), n int); INSERT INTO items VALUES (1, 'a', 'b', 1)")
		r := capturetest.Open(t, b.source(t, b.config("items")), "")
		r.Until(`r items => {id: 1, a: "a", b: "b", n: 1}`)
		hidden("ALTER TABLE items MODIFY a varchar(10) AFTER b, DROP COLUMN n, ADD COLUMN m int FIRST")
		b.exec(t, "INSERT INTO items VALUES (7, 2, 'b2', 'a2')")
		r.Until(`c items => {m: 7, id: 2, b: "b2", a: "a2"}`)
		at := r.Last()
		r.Close()
		b.exec(t, "INSERT INTO items VALUES (8, 3, 'b3', 'a3')")
		hidden("ALTER TABLE items RENAME COLUMN a TO c, RENAME COLUMN b TO a")
		b.exec(t, "INSERT INTO items VALUES (9, 4, 'a4', 'c4')")
		hidden("CREATE TABLE other LIKE items; ALTER TABLE other DROP COLUMN m; RENAME TABLE items TO gone, other TO items")
		b.exec(t, "INSERT INTO items VALUES (5, 'a5', 'c5')")
		hidden("TRUNCATE TABLE items; ALTER TABLE items DROP PRIMARY KEY, ADD PRIMARY KEY (c)")
		b.exec(t, "INSERT INTO items VALUES (6, 'a6', 'c6'); UPDATE items SET c = 'c7' WHERE id = 6")
		again := capturetest.Open(t, b.source(t, b.config("items")), at)
		want := []string{
			`c items => {m: 8, id: 3, b: "b3", a: "a3"}`,
			`c items => {m: 9, id: 4, a: "a4", c: "c4"}`,
			`c items => {id: 5, a: "a5", c: "c5"}`,
			`c items => {id: 6, a: "a6", c: "c6"}`,
			`d items {id: 6, a: "a6", c: "c6"} newkey {"c7"}`,
			`c items => {id: 6, a: "a6", c: "c7"} oldkey {"c6"}`,
		}
		for i, got := range again.Read(len(want)) {
			if got.Text != want[i] {
				t.Errorf("got  %s\nwant %s", got.Text, want[i])
			}
		}
	})
}

// TestInvisiblePrimaryKey reads a table that the server gave a key.
func TestInvisiblePrimaryKey(t *testing.T) {
	b := newBed(t, localtest.MySQL(t))
	b.set(t, "SET SESSION sql_generate_invisible_primary_key = ON; CREATE TABLE items (name varchar(10)); INSERT INTO items VALUES ('a')")
	r := capturetest.Open(t, b.source(t, b.config("items")), "")
	r.Until(`r items => {my_row_id: 1, name: "a"}`)
	b.exec(t, "INSERT INTO items VALUES ('b'); UPDATE items SET name = 'c' WHERE name = 'b'; DELETE FROM items WHERE name = 'c'")
	want := []string{
		`c items => {my_row_id: 2, name: "b"}`,
		`u items {my_row_id: 2, name: "b"} => {my_row_id: 2, name: "c"}`,
		`d items {my_row_id: 2, name: "c"}`,
	}
	for i, got := range r.Read(len(want)) {
		if got.Text != want[i] {
			t.Errorf("got  %s\nwant %s", got.Text, want[i])
		}
		if key := got.Table.Key; len(key) != 1 || got.Table.Columns[key[0]].Name != "my_row_id" {
			t.Errorf("the key is %v", key)
		}
	}
}

// TestFileTurnsInsideOfThePosition goes on from positions before and behind the
// end of a file, and over a restart of the server.
func TestFileTurnsInsideOfThePosition(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := onOwn(t, own(t, of, nil))
		r := capturetest.Open(t, b.source(t, b.config("items")), "")
		r.Settle(b.harness())
		places := []schemas.Position{r.Last()}
		for i := range 4 {
			b.exec(t, fmt.Sprintf("INSERT INTO crm.items VALUES (%d, 'x')", 10+i))
			r.Until(fmt.Sprintf(`c items => {id: %d, name: "x"}`, 10+i))
			places = append(places, r.Last())
			if i%2 == 0 {
				b.set(t, "FLUSH BINARY LOGS")
			}
		}
		r.Close()
		if err := b.server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		b = openBed(t, b.server, "")
		b.exec(t, "INSERT INTO crm.items VALUES (14, 'x')")
		for i, at := range places {
			again := capturetest.Open(t, b.source(t, Config{DSN: b.dsn, Tables: []string{"crm.items"}, HeartbeatTopic: new(bool)}), at)
			for j, got := range again.Read(5 - i) {
				if want := fmt.Sprintf(`c items => {id: %d, name: "x"}`, 10+i+j); got.Text != want {
					t.Errorf("from %s on comes %s, want %s", at, got.Text, want)
				}
			}
			again.Close()
		}
	})
}
