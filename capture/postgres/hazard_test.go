package postgres

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/ops/local/localtest"
)

// hanging is a server on which commits are in the log, and streamed, long before
// they are visible: they wait for a standby that never answers.
type hanging struct {
	*bed
	own *local.Postgres
}

func newHanging(t *testing.T) *hanging {
	t.Helper()
	own, err := local.StartPostgres(t.Context(), local.PostgresOptions{})
	if err != nil {
		if os.Getenv("REQUIRE_SERVICES") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Stop() })
	h := &hanging{own: own, bed: &bed{dsn: own.DSN("postgres"), slot: localtest.Prefix(t)}}
	h.conn = h.connect(t)
	h.exec(t, "SET synchronous_commit = local")
	return h
}

func (h *hanging) connect(t *testing.T) *pgconn.PgConn {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), h.own.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// until waits for a query to say so.
func (h *hanging) until(t *testing.T, sql, want string) {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for h.ask(t, sql) != want {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s is not %s", sql, want)
		}
	}
}

func (h *hanging) standby(t *testing.T, name string) {
	h.exec(t, fmt.Sprintf("ALTER SYSTEM SET synchronous_standby_names = '%s'", name))
	h.exec(t, "SELECT pg_reload_conf()")
	h.until(t, "SHOW synchronous_standby_names", name)
}

const waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

// hang returns when commits wait for the standby. That is some time after the
// sessions know its name: the checkpointer must have read it, too.
func (h *hanging) hang(t *testing.T) {
	t.Helper()
	h.standby(t, "nobody")
	probe := plain{h.connect(t)}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		ended := make(chan error, 1)
		go func() { ended <- probe.exec(context.Background(), "CREATE TEMP TABLE probe (); DROP TABLE probe") }()
		for through := false; !through; {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatal(err)
				}
				through = true
			case <-time.After(5 * time.Millisecond):
				if h.ask(t, "SELECT count(*) "+waiting) == "1" {
					h.ask(t, "SELECT pg_cancel_backend(pid) "+waiting) // it is committed all the same
					if err := <-ended; err != nil {
						t.Fatal(err)
					}
					return
				}
			}
		}
	}
	t.Fatal("commits do not wait for the standby")
}

// commit runs statements, each in a session that then waits for the standby. The
// function returned waits until they are through.
func (h *hanging) commit(t *testing.T, statements ...string) (done func()) {
	t.Helper()
	h.hang(t)
	ends := make(chan error, len(statements))
	for _, sql := range statements {
		conn := h.connect(t)
		go func() { ends <- plain{conn}.exec(context.Background(), sql) }()
	}
	h.until(t, "SELECT count(*) "+waiting, fmt.Sprint(len(statements)))
	return func() {
		t.Helper()
		h.standby(t, "")
		for range statements {
			if err := <-ends; err != nil {
				t.Error(err)
			}
		}
	}
}

// rowsOf applies changes by key: id to the row's text.
func rowsOf(seen []capturetest.Seen, table string) map[string]string {
	out := map[string]string{}
	for _, s := range seen {
		if s.Table.Name != table {
			continue
		}
		_, after, found := strings.Cut(s.Text, "=> ")
		after, _, _ = strings.Cut(after, " oldkey")
		row := after
		if !found {
			row = s.Text[strings.Index(s.Text, "{"):]
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(row, "{id: "), ",")
		if found {
			out[id] = after
		} else {
			delete(out, id)
		}
	}
	return out
}

// TestCommitsThatAreNotVisible: an event comes while chunks are read that do not
// see its transaction. No row may come that is older.
func TestCommitsThatAreNotVisible(t *testing.T) {
	h := newHanging(t)
	h.exec(t, "CREATE TABLE items (id int PRIMARY KEY, v text); INSERT INTO items SELECT i, 'old' FROM generate_series(1, 20) i")
	s := h.source(t, h.config("public.items"))
	s.chunkRows = 3
	r := capturetest.Open(t, s, "")
	r.Next()
	// Of one that has not begun to commit, the events are still to come: it
	// holds up nothing.
	idle := h.connect(t)
	if err := (plain{idle}).exec(t.Context(), "BEGIN; INSERT INTO items VALUES (999, 'never')"); err != nil {
		t.Fatal(err)
	}
	done := h.commit(t,
		"UPDATE items SET v = 'new' WHERE id = 1",
		"DELETE FROM items WHERE id = 5",
		"INSERT INTO items VALUES (100, 'new')",
		"UPDATE items SET id = 200 WHERE id = 7",
	)
	r.Settle(h.harness())
	if v := h.ask(t, "SELECT v FROM items WHERE id = 1"); v != "old" {
		t.Fatalf("the update is visible: the test shows nothing")
	}
	got := rowsOf(r.Seen, "items")
	want := map[string]string{"100": `{id: 100, v: "new"}`, "200": `{id: 200, v: "old"}`, "1": `{id: 1, v: "new"}`}
	for id := 2; id <= 20; id++ {
		if id != 5 && id != 7 {
			want[fmt.Sprint(id)] = fmt.Sprintf(`{id: %d, v: "old"}`, id)
		}
	}
	compareRows(t, got, want)
	if len(r.Seen) != 17+5 {
		t.Errorf("%d changes came, want 17 rows and 5 events", len(r.Seen))
	}
	done()
}

// TestSuspects: the event of a commit that is not visible lies before the
// position from which the source goes on. The row waits for it.
func TestSuspects(t *testing.T) {
	h := newHanging(t)
	h.exec(t, "CREATE TABLE items (id int PRIMARY KEY, v text); CREATE TABLE later (id int PRIMARY KEY, v text)")
	h.exec(t, "CREATE TABLE bare (id int, v text); INSERT INTO later VALUES (1, 'old'), (2, 'old'); INSERT INTO bare VALUES (1, 'old')")
	h.exec(t, "ALTER TABLE bare REPLICA IDENTITY FULL; CREATE PUBLICATION "+h.slot+" FOR TABLE items, later, bare")
	s := h.source(t, h.config("public.items"))
	r := capturetest.Open(t, s, "")
	r.Settle(h.harness())
	done := h.commit(t, "UPDATE later SET v = 'new' WHERE id = 1", "UPDATE bare SET v = 'new'")
	h.exec(t, "INSERT INTO items VALUES (1, 'behind')")
	r.Until(`c items => {id: 1, v: "behind"}`)
	r.Close()
	h.idle(t)

	s = h.source(t, h.config("public.items", "public.later", "public.bare"))
	again := capturetest.Open(t, s, r.Last())
	ctx, cancel := context.WithCancel(t.Context())
	tried := make(chan struct{})
	go func() { // lets the commits show once the copy has had to wait for them
		defer close(tried)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for s.engine.Stats().Again < 3 && ctx.Err() == nil {
			<-tick.C
		}
		done()
	}()
	again.Settle(h.harness())
	cancel()
	<-tried
	compareRows(t, rowsOf(again.Seen, "later"), map[string]string{"1": `{id: 1, v: "new"}`, "2": `{id: 2, v: "old"}`})
	compareRows(t, rowsOf(again.Seen, "bare"), map[string]string{"1": `{id: 1, v: "new"}`})
	if len(again.Seen) != 3 {
		t.Errorf("%d changes came, want 3 rows: %v", len(again.Seen), again.Seen)
	}
}

func compareRows(t *testing.T, got, want map[string]string) {
	t.Helper()
	for id, row := range want {
		if got[id] != row {
			t.Errorf("row %s is %q, want %q", id, got[id], row)
		}
	}
	for id, row := range got {
		if _, ok := want[id]; !ok {
			t.Errorf("row %s is %q, want none", id, row)
		}
	}
}
