package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/capture"
	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/schemas"
)

// early is the configuration of a source whose server sends transactions early.
func (b *bed) early(tables ...string) Config {
	c := b.config(tables...)
	c.DSN = with(c.DSN, "logical_decoding_work_mem=64kB")
	c.Buffer = 64 << 10
	return c
}

// with adds a setting of the session to a dsn.
func with(dsn, setting string) string {
	if strings.Contains(dsn, "?") {
		return dsn + "&" + setting
	}
	return dsn + "?" + setting
}

// begin starts streaming of tables that exist, and returns the position.
func (b *bed) begin(t *testing.T, c Config) schemas.Position {
	t.Helper()
	c.Snapshot.Mode = Never
	s := b.source(t, c)
	if err := s.Open(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	at := s.at.encode()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.idle(t)
	return at
}

// followed runs SQL in steps, at each /*wait*/, between which the server decodes
// what was written so far.
func (b *bed) followed(t *testing.T, exec func(string)) func(string) {
	follow := b.session(t)
	return func(sql string) {
		for step := range strings.SplitSeq(sql, "/*wait*/") {
			exec(step)
			follow("INSERT INTO unpublished VALUES (1)") // flushes the log
			follow(fmt.Sprintf(`DO $$ DECLARE upto pg_lsn := pg_current_wal_lsn(); BEGIN
				FOR i IN 1..3000 LOOP
					EXIT WHEN EXISTS (SELECT 1 FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid
						WHERE s.slot_name = '%s' AND r.sent_lsn >= upto);
					PERFORM pg_sleep(0.01);
					PERFORM pg_stat_clear_snapshot();
				END LOOP;
			END $$`, b.slot))
		}
	}
}

// preparingBed is a database of a server that knows prepared transactions.
func preparingBed(t *testing.T) *bed {
	t.Helper()
	own, err := local.StartPostgres(t.Context(), local.PostgresOptions{Settings: map[string]string{"max_prepared_transactions": "5"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Stop() })
	b := &bed{dsn: own.DSN("postgres"), slot: localtest.Prefix(t)}
	if b.conn, err = pgconn.Connect(t.Context(), b.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.conn.Close(context.Background()) })
	return b
}

// session is one more connection to the database.
func (b *bed) session(t *testing.T) func(string) {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), b.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return func(sql string) {
		t.Helper()
		if err := (plain{conn}).exec(t.Context(), sql); err != nil {
			t.Errorf("%s: %v", sql[:min(len(sql), 200)], err)
		}
	}
}

// read is what a source says from a position up to the row of the table marker.
func (b *bed) read(t *testing.T, s *Source, from schemas.Position, last string) (*capturetest.Reader, *spill) {
	t.Helper()
	r := capturetest.Open(t, s, from)
	r.Next() // starts the stream
	store := s.stream.spill
	for len(r.Seen) == 0 || r.Seen[len(r.Seen)-1].Text != last {
		r.Next()
	}
	r.Close()
	b.idle(t)
	return r, store
}

const streamedMarker = "c marker => {id: 1}"

// sameSeen compares what two sources said.
func sameSeen(t *testing.T, what string, got, want []capturetest.Seen) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i].ID != want[i].ID || got[i].Text != want[i].Text {
			t.Fatalf("%s: change %d is\n got %s %.200s\nwant %s %.200s", what, i+1, got[i].ID, got[i].Text, want[i].ID, want[i].Text)
		}
		for _, col := range []int{colTime, colTx, colLSN, colOrigin} {
			if g, w := got[i].Source[col], want[i].Source[col]; !g.Equal(w) {
				t.Fatalf("%s: change %d, %s: its source's %s differs", what, i+1, got[i].ID, sourceTable.Columns[col].Name)
			}
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d changes came, want %d", what, len(got), len(want))
	}
}

// needs14 skips the test where the server is older: by pgoutput it then sends
// neither transactions in progress nor logical decoding messages.
func needs14(t *testing.T) {
	t.Helper()
	newBed(t).needs(t, 14)
}

// TestStreamedAsWhole has transactions of every shape, and reads each as a
// whole, in blocks while it is in progress, and again from every position.
func TestStreamedAsWhole(t *testing.T) {
	needs14(t)
	rows := func(from, to int) string {
		return fmt.Sprintf("INSERT INTO items SELECT i, repeat('x', 300) FROM generate_series(%d, %d) i;", from, to)
	}
	for _, test := range []struct {
		name string
		// run writes; it may use a second session.
		run func(t *testing.T, one, two func(string))
		// want, where set, is how many changes come, and begun how many
		// transactions come in blocks.
		want, begun int
	}{
		{"one transaction", func(_ *testing.T, one, _ func(string)) {
			one("BEGIN;" + rows(1, 2000) + "UPDATE items SET id = id + 10000 WHERE id <= 10; DELETE FROM items WHERE id = 11; COMMIT")
		}, 2000 + 20 + 1, 1},
		{"multi-row statement and COPY", func(_ *testing.T, one, _ func(string)) {
			one("CREATE TEMP TABLE t AS SELECT i, repeat('y', 300) FROM generate_series(1, 1000) i")
			one("BEGIN; INSERT INTO items SELECT * FROM t; UPDATE items SET pad = 'z' || pad; COMMIT")
		}, 2000, 1},
		{"subtransactions rolled back", func(_ *testing.T, one, _ func(string)) {
			one("BEGIN;" + rows(1, 500) + "SAVEPOINT a;" + rows(1001, 2000) + "SAVEPOINT b;" + rows(3001, 3500) +
				"RELEASE b;" + rows(3501, 3600) + "/*wait*/ROLLBACK TO a;" + rows(4001, 4500) +
				"SAVEPOINT c;" + rows(5001, 5500) + "RELEASE c;" + rows(6001, 6500) + "COMMIT")
		}, 500 + 500 + 500 + 500, 1},
		{"exceptions in a function", func(_ *testing.T, one, _ func(string)) {
			one(`DO $$ BEGIN
				FOR k IN 1..60 LOOP
					BEGIN
						INSERT INTO items SELECT k * 1000 + i, repeat('x', 300) FROM generate_series(1, 50) i;
						IF k % 3 = 0 THEN RAISE EXCEPTION 'no'; END IF;
					EXCEPTION WHEN raise_exception THEN
						INSERT INTO items VALUES (-k, 'after');
					END;
				END LOOP;
			END $$`)
		}, 40*50 + 20, 1},
		{"all rolled back", func(_ *testing.T, one, _ func(string)) {
			one("BEGIN;" + rows(1, 2000) + "/*wait*/ROLLBACK")
			one("BEGIN; SAVEPOINT a;" + rows(1, 2000) + "/*wait*/ROLLBACK TO a; INSERT INTO items VALUES (1, 'left'); COMMIT")
		}, 1, 2},
		{"interleaved", func(_ *testing.T, one, two func(string)) {
			one("BEGIN;" + rows(1, 700))
			two("BEGIN;" + rows(10001, 10700))
			one(rows(701, 1400))
			two(rows(10701, 11400) + "SAVEPOINT a;" + rows(20001, 20500))
			one("INSERT INTO other VALUES (1)")
			two("ROLLBACK TO a; COMMIT")
			one(rows(1401, 2100) + "COMMIT")
		}, 1400 + 2100 + 1, 2},
		{"small ones between", func(_ *testing.T, one, two func(string)) {
			one("BEGIN;" + rows(1, 700))
			two("INSERT INTO other VALUES (1)")
			two("INSERT INTO items VALUES (-1, 'small')")
			one(rows(701, 1400))
			two("ALTER TABLE other ADD COLUMN more text")
			two("INSERT INTO other VALUES (2, 'more')")
			one("INSERT INTO other VALUES (3, 'late');" + rows(1401, 2100) + "COMMIT")
			two("INSERT INTO items VALUES (-2, 'small'); INSERT INTO other VALUES (4, 'later')")
		}, 2100 + 3 + 2 + 1, 1},
		{"truncate", func(_ *testing.T, one, _ func(string)) {
			one("BEGIN;" + rows(1, 700) + "TRUNCATE items, other;" + rows(1, 700) + "COMMIT")
		}, 1402, 1},
		{"schema change inside", func(_ *testing.T, one, _ func(string)) {
			one("BEGIN;" + rows(1, 700) + "ALTER TABLE items ADD COLUMN more int DEFAULT 7; UPDATE items SET more = 8;" +
				"ALTER TABLE items DROP COLUMN pad; INSERT INTO items SELECT i, i FROM generate_series(1001, 2500) i; COMMIT")
			one("INSERT INTO items VALUES (-1, 1)")
		}, 700 + 700 + 1500 + 1, 1},
		{"schema change rolled back", func(_ *testing.T, one, _ func(string)) {
			one("BEGIN;" + rows(1, 700) + "SAVEPOINT a; ALTER TABLE items ADD COLUMN more int DEFAULT 7;" +
				"INSERT INTO items SELECT i, repeat('x', 300), i FROM generate_series(1001, 2000) i; /*wait*/ROLLBACK TO a;" + rows(2001, 2700) + "COMMIT")
			one("INSERT INTO items VALUES (-1, 'small')")
			one("BEGIN; ALTER TABLE items ADD COLUMN more int DEFAULT 7;" +
				"INSERT INTO items SELECT i, repeat('x', 300), i FROM generate_series(1001, 2000) i; /*wait*/ROLLBACK")
			one("INSERT INTO items VALUES (-2, 'small')")
			one("BEGIN;" + rows(3001, 3700) + "ALTER TABLE items ADD COLUMN more int; INSERT INTO items VALUES (-3, '', 3); COMMIT")
			one("INSERT INTO items VALUES (-4, '', 4)")
		}, 1400 + 1 + 1 + 701 + 1, 3},
		{"publication changes meanwhile", func(t *testing.T, one, two func(string)) {
			one("BEGIN;" + rows(1, 700))
			two("INSERT INTO items VALUES (-1, 'small')")
			two("ALTER TABLE other REPLICA IDENTITY FULL")
			two("INSERT INTO other VALUES (9); UPDATE other SET id = 8")
			one(rows(701, 1400) + "COMMIT")
			two("INSERT INTO items VALUES (-2, 'small')")
		}, 1400 + 2 + 3, 1},
		{"prepared", func(_ *testing.T, one, two func(string)) {
			one("BEGIN;" + rows(1, 1400) + "SAVEPOINT a;" + rows(5001, 5700) + "/*wait*/ROLLBACK TO a; PREPARE TRANSACTION 'p'")
			two("INSERT INTO other VALUES (1)")
			two("COMMIT PREPARED 'p'")
			one("BEGIN;" + rows(10001, 11400) + "/*wait*/PREPARE TRANSACTION 'q'")
			two("ROLLBACK PREPARED 'q'")
		}, 1401, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			if test.name == "prepared" {
				b = preparingBed(t)
			}
			b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, pad text); CREATE TABLE other (id int PRIMARY KEY); CREATE TABLE marker (id int PRIMARY KEY)")
			b.exec(t, "CREATE TABLE unpublished (id int)")
			c := b.early("public.items", "public.other", "public.marker")
			c.Spill.Memory, c.Spill.Dir = minSpillMemory, t.TempDir()
			from := b.begin(t, c)
			// Once beside the writers, where the server sees what is rolled back
			// later; and once more when all is over.
			written := make(chan struct{})
			one, two, mark := b.followed(t, b.session(t)), b.followed(t, b.session(t)), b.session(t)
			go func() {
				defer close(written)
				test.run(t, one, two)
				mark("INSERT INTO marker VALUES (1)")
			}()
			live, seen := b.read(t, b.source(t, c), from, streamedMarker)
			<-written
			if seen.begun < int64(test.begun) {
				t.Errorf("%d transactions came in blocks, want %d", seen.begun, test.begun)
			}
			if seen.spilled == 0 {
				t.Error("none went to disk: the test shows nothing of that")
			}
			whole := b.source(t, c)
			whole.whole = true
			want, _ := b.read(t, whole, from, streamedMarker)
			if n := len(want.Seen) - 1; n != test.want {
				t.Fatalf("%d changes came, want %d", n, test.want)
			}
			got, store := b.read(t, b.source(t, c), from, streamedMarker)
			sameSeen(t, "streamed", got.Seen, want.Seen)
			sameSeen(t, "streamed beside the writers", live.Seen, want.Seen)
			if store.begun == 0 {
				t.Error("no transaction came in blocks")
			}
			if left, err := os.ReadDir(c.Spill.Dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
			// Every so often as if killed, and the server sends it all again.
			step := max(1, len(got.Positions)/8)
			inside := false
			for i := 0; i < len(got.Positions); i += step {
				p := got.Positions[i]
				if p.Count == len(got.Seen) {
					continue
				}
				again, _ := b.read(t, b.source(t, c), p.Position, streamedMarker)
				sameSeen(t, "from "+string(p.Position), again.Seen, want.Seen[p.Count:])
				inside = inside || p.Count > 0
			}
			if !inside && test.want > 100 {
				t.Error("no batch ended inside a transaction: the test shows nothing of that")
			}
		})
	}
}

// TestKilledInATransactionInProgress leaves files behind, as a killed process
// does, and begins again.
func TestKilledInATransactionInProgress(t *testing.T) {
	needs14(t)
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, pad text); CREATE TABLE other (id int PRIMARY KEY)")
	c := b.early("public.items", "public.other")
	c.Spill.Memory, c.Spill.Dir = minSpillMemory, t.TempDir()
	from := b.begin(t, c)
	one := b.session(t)
	one("BEGIN; INSERT INTO items SELECT i, repeat('x', 300) FROM generate_series(1, 3000) i")
	b.exec(t, "INSERT INTO other VALUES (1)")
	s := b.source(t, c)
	r := capturetest.Open(t, s, from)
	if got := r.Read(1); got[0].Text != "c other => {id: 1}" {
		t.Fatalf("%s came", got[0].Text)
	}
	st := s.stream
	r.Close()
	b.idle(t)
	if st.spill.spilled == 0 {
		t.Fatal("nothing went to disk: the test shows nothing")
	}
	if err := os.MkdirAll(st.spill.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// The id that the server will use again.
	for xid := range 3 {
		if err := os.WriteFile(filepath.Join(st.spill.dir, fmt.Sprintf("%d.spill", xid+700)), []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := capturetest.Open(t, b.source(t, c), r.Last())
	one("COMMIT")
	for i, seen := range again.Read(3000) {
		if seen.After[0].Int() != int64(i+1) {
			t.Fatalf("change %d is %s", i+1, seen.Text)
		}
	}
	again.Close()
	if left, err := os.ReadDir(c.Spill.Dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestSpillLimitStopsTheCapture and loses nothing: with more room it reads the
// transaction from its beginning.
func TestSpillLimitStopsTheCapture(t *testing.T) {
	needs14(t)
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, pad text)")
	c := b.early("public.items")
	c.Spill = Spill{Dir: t.TempDir(), Memory: minSpillMemory, Max: 256 << 10}
	from := b.begin(t, c)
	b.exec(t, "INSERT INTO items SELECT i, repeat('x', 300) FROM generate_series(1, 3000) i")
	s := b.source(t, c)
	if err := s.Open(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	var err error
	for err == nil {
		var batch capture.Batch
		if batch, err = s.Next(t.Context()); len(batch.Changes) > 0 {
			t.Fatal("a part of the transaction came")
		}
	}
	var f *schemas.Fault
	if !errors.As(err, &f) || f.Where != "captures.erp.postgres.spill" || !strings.Contains(f.Cure, "raise spill.max") {
		t.Errorf("the fault is %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(c.Spill.Dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	c.Spill.Max = 0
	if got := capturetest.Open(t, b.source(t, c), from).Read(3000); got[2999].After[0].Int() != 3000 {
		t.Errorf("the last row is %s", got[2999].Text)
	}
}
