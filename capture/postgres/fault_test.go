package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/capture"
	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/schemas"
)

// wantFault opens and expects faults that say all of these.
func wantFault(t *testing.T, s *Source, from schemas.Position, says ...string) {
	t.Helper()
	err := s.Open(t.Context(), from)
	if err == nil {
		_ = s.Close(t.Context())
		t.Fatalf("opened; want a fault that says %q", says)
	}
	checkFault(t, err, says...)
}

func isFault(err error) bool {
	_, ok := errors.AsType[*schemas.Fault](err)
	return ok
}

// checkFault expects faults that say all of these.
func checkFault(t *testing.T, err error, says ...string) {
	t.Helper()
	var f *schemas.Fault
	if !errors.As(err, &f) {
		t.Fatalf("%v is no *schemas.Fault", err)
	}
	if f.Cure == "" {
		t.Errorf("%v names no cure", err)
	}
	for _, w := range append(says, "captures.erp.postgres") {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	for line := range strings.SplitSeq(err.Error(), "\n") { // one for each fault
		if !strings.HasPrefix(line, "captures.erp.postgres") {
			t.Errorf("the line %q does not begin with its place", line)
		}
	}
}

func TestFaultsAtOpen(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); CREATE TYPE shape AS (at point, round bool); CREATE TABLE shapes (id int PRIMARY KEY, a shape, b shape[])")
	at, err := url.Parse(b.dsn)
	if err != nil {
		t.Fatal(err)
	}
	role := func(t *testing.T, options string) string {
		name := localtest.Prefix(t)
		b.exec(t, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'secret' %s", name, options))
		t.Cleanup(func() { b.exec(t, fmt.Sprintf("DROP OWNED BY %s; DROP ROLE %s", name, name)) })
		u := *at
		u.User = url.UserPassword(name, "secret")
		return u.String()
	}
	t.Run("unreachable", func(t *testing.T) {
		c := b.config("public.items")
		c.DSN = "postgres://someone:hidden@127.0.0.1:1/erp"
		s := b.source(t, c)
		err := s.Check(t.Context())
		checkFault(t, err, "127.0.0.1:1", "check host")
		if strings.Contains(err.Error(), "hidden") || !errors.Is(err, capture.ErrLost) {
			t.Errorf("%v shows the password, or does not say that waiting may help", err)
		}
		if err := s.Open(t.Context(), ""); strings.Contains(err.Error(), "hidden") || !errors.Is(err, capture.ErrLost) || isFault(err) {
			t.Errorf("%v shows the password, or is not for trying again", err)
		}
	})
	t.Run("no such database", func(t *testing.T) {
		c := b.config("public.items")
		u := *at
		u.Path = "/nosuch"
		c.DSN = u.String()
		wantFault(t, b.source(t, c), "", "nosuch")
	})
	t.Run("no REPLICATION", func(t *testing.T) {
		c := b.config("public.items")
		c.DSN = role(t, "")
		b.exec(t, "GRANT SELECT ON items TO PUBLIC")
		s := b.source(t, c)
		wantFault(t, s, "", "ALTER ROLE", "REPLICATION;")
		if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "REPLICATION") {
			t.Errorf("Check said %v", err)
		}
	})
	t.Run("no SELECT", func(t *testing.T) {
		c := b.config("public.shapes")
		c.DSN = role(t, "REPLICATION")
		wantFault(t, b.source(t, c), "", "public.shapes", "GRANT SELECT")
	})
	t.Run("may not create the publication", func(t *testing.T) {
		c := b.config("public.items")
		c.DSN = role(t, "REPLICATION")
		b.exec(t, "GRANT SELECT ON items TO PUBLIC")
		wantFault(t, b.source(t, c), "", "publication", "CREATE PUBLICATION")
	})
	t.Run("no such table", func(t *testing.T) {
		wantFault(t, b.source(t, b.config("public.items", "public.nosuch*")), "", "tables[1]", "public.nosuch*")
	})
	t.Run("unsupported types", func(t *testing.T) {
		c := b.config("public.shapes")
		c.UnknownTypes = Refuse
		wantFault(t, b.source(t, c), "", "public.shapes.a", "type shape", "public.shapes.b", "columns.exclude: [public.shapes.b]")
	})
	t.Run("publication without the table", func(t *testing.T) {
		b.exec(t, "CREATE TABLE other (id int); CREATE PUBLICATION narrow FOR TABLE other")
		c := b.config("public.items")
		c.Publication = "narrow"
		wantFault(t, b.source(t, c), "", `"narrow"`, `ALTER PUBLICATION "narrow" ADD TABLE "public"."items";`)
	})
	t.Run("slot of another plug-in", func(t *testing.T) {
		b.exec(t, fmt.Sprintf("SELECT pg_create_logical_replication_slot('%s', 'test_decoding')", b.slot))
		defer b.exec(t, fmt.Sprintf("SELECT pg_drop_replication_slot('%s')", b.slot))
		wantFault(t, b.source(t, b.config("public.items")), "", b.slot, "test_decoding")
	})
	t.Run("checked without a trace", func(t *testing.T) {
		if err := b.source(t, b.config("public.items")).Check(t.Context()); err != nil {
			t.Error(err)
		}
		if n := b.ask(t, fmt.Sprintf("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '%s'", b.slot)); n != "0" {
			t.Error("Check made a slot")
		}
	})
}

// TestFaultsOfThePosition has a saved position and a source that no longer fits.
func TestFaultsOfThePosition(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	start := func(t *testing.T) schemas.Position {
		r := capturetest.Open(t, b.source(t, b.config("public.items")), "")
		r.Next() // the start
		r.Next() // the end of the snapshot
		b.exec(t, "INSERT INTO items SELECT coalesce(max(id), 0) + 1 FROM items")
		r.Read(1)
		r.Close()
		return r.Last()
	}
	edit := func(t *testing.T, p schemas.Position, change func(*position)) schemas.Position {
		at, err := parsePosition(p)
		if err != nil {
			t.Fatal(err)
		}
		change(&at)
		return at.encode()
	}
	cure := "sluice capture erp --resnapshot"
	open := func() *Source { return b.source(t, b.config("public.items")) }
	at := start(t)
	t.Run("not JSON", func(t *testing.T) { wantFault(t, open(), "nonsense", "saved position", cure) })
	t.Run("another system", func(t *testing.T) {
		wantFault(t, open(), edit(t, at, func(p *position) { p.System = "1" }), "another server", cure)
	})
	t.Run("another timeline", func(t *testing.T) {
		wantFault(t, open(), edit(t, at, func(p *position) { p.Timeline = 7 }), "timeline 7", cure)
	})
	t.Run("another slot", func(t *testing.T) {
		wantFault(t, open(), edit(t, at, func(p *position) { p.Slot = "other" }), "other", cure)
	})
	t.Run("slot moved", func(t *testing.T) {
		b.exec(t, "INSERT INTO items VALUES (1000)")
		b.idle(t)
		b.exec(t, fmt.Sprintf("SELECT pg_replication_slot_advance('%s', pg_current_wal_lsn())", b.slot))
		wantFault(t, open(), at, "moved by somebody", cure)
	})
	t.Run("publication gone", func(t *testing.T) {
		at := start(t)
		b.exec(t, fmt.Sprintf("DROP PUBLICATION %s", b.slot))
		wantFault(t, open(), at, "publication", "gone", cure)
	})
	t.Run("slot gone", func(t *testing.T) {
		at := start(t)
		b.idle(t)
		b.exec(t, fmt.Sprintf("SELECT pg_drop_replication_slot('%s')", b.slot))
		wantFault(t, open(), at, "is gone", cure)
	})
	t.Run("slot recreated", func(t *testing.T) {
		at := start(t)
		b.idle(t)
		b.exec(t, fmt.Sprintf("SELECT pg_drop_replication_slot('%s')", b.slot))
		b.exec(t, "INSERT INTO items VALUES (1500)") // nobody will ever read it
		b.exec(t, fmt.Sprintf("SELECT pg_create_logical_replication_slot('%s', 'pgoutput')", b.slot))
		wantFault(t, open(), at, b.slot, "moved by somebody", cure)
	})
	t.Run("slot busy", func(t *testing.T) {
		at := start(t)
		busy := capturetest.Open(t, open(), at)
		b.exec(t, "INSERT INTO items VALUES (2000)")
		busy.Read(1)
		pid := b.ask(t, fmt.Sprintf("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '%s'", b.slot))
		second := open()
		second.busyFor = 300 * time.Millisecond
		wantFault(t, second, at, "process "+pid, "pg_terminate_backend("+pid+")")
		// Once it is free, waiting was enough.
		done := make(chan error, 1)
		third := open()
		go func() { done <- third.Open(context.Background(), at) }()
		busy.Close()
		if err := <-done; err != nil {
			t.Errorf("waiting for the slot: %v", err)
		}
		_ = third.Close(t.Context())
	})
}

// TestValuesWithoutForm stops with the place and the cure, and passes nothing.
func TestValuesWithoutForm(t *testing.T) {
	for _, test := range []struct{ column, value, says string }{
		{"numeric(10,2)", "'NaN'", "decimals: string"},
		{"numeric", "'Infinity'", "decimals: string"},
		{"int[]", "'{{1,2},{3,4}}'", "not the 1 dimension"},
		{"int[][]", "'{1,2}'", "not the 2 dimensions"},
		{"int[][]", "'{{{1}}}'", "TYPE integer[][]"},
	} {
		t.Run(test.column, func(t *testing.T) {
			b := newBed(t)
			if test.value == "'Infinity'" {
				b.needs(t, 14)
			}
			b.exec(t, fmt.Sprintf("CREATE TABLE items (id int PRIMARY KEY, v %s)", test.column))
			s := b.source(t, b.config("public.items"))
			r := capturetest.Open(t, s, "")
			r.Next()
			r.Next()
			b.exec(t, "INSERT INTO items VALUES (1, NULL); INSERT INTO items VALUES (2, "+test.value+")")
			var err error
			var n int
			for err == nil {
				var batch capture.Batch
				batch, err = s.Next(t.Context())
				n += len(batch.Changes)
			}
			var f *schemas.Fault
			if !errors.As(err, &f) || !strings.Contains(err.Error(), "public.items.v") || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the fault is %v", err)
			}
			if n != 1 {
				t.Errorf("%d changes came before it, want 1", n)
			}
		})
	}
}

// TestServerFaults needs servers of other settings.
func TestServerFaults(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	own, err := local.StartPostgres(t.Context(), local.PostgresOptions{KeepDir: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Stop(); _ = os.RemoveAll(own.Dir()) })
	run := func(sql string) {
		conn, err := pgconn.Connect(t.Context(), own.DSN("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if err := (plain{conn}).exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	restart := func() {
		if err := own.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := own.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE TABLE items (id int PRIMARY KEY)")
	run("ALTER SYSTEM SET max_replication_slots = 1")
	restart()
	run("SELECT pg_create_logical_replication_slot('taken', 'pgoutput')")
	c := Config{DSN: own.DSN("postgres"), Tables: []string{"public.items"}}
	wantFault(t, b.source(t, c), "", "sluice_erp", "max_replication_slots")
	run("SELECT pg_drop_replication_slot('taken')")

	// An idle source lets its server shut down, and reports the loss.
	s := b.source(t, c)
	r := capturetest.Open(t, s, "")
	r.Next()
	r.Next()
	run("INSERT INTO items VALUES (1)")
	r.Read(1)
	r.Ack(r.Last()) // a server waits in its shutdown until all is confirmed
	lost := make(chan error, 1)
	go func() {
		for {
			batch, err := s.Next(context.Background())
			if err != nil {
				lost <- err
				return
			}
			if err := s.Ack(context.Background(), batch.Position); err != nil {
				lost <- err
				return
			}
		}
	}()
	if err := own.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := <-lost; !errors.Is(err, capture.ErrLost) {
		t.Errorf("the end of the server is %v", err)
	}
	_ = s.Close(t.Context())
	// It is away, not misnamed: try again.
	if err := s.Open(t.Context(), r.Last()); !errors.Is(err, capture.ErrLost) || isFault(err) {
		t.Errorf("opening while the server is away: %v", err)
	}
	if err := own.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	run("INSERT INTO items VALUES (2)")
	if got := capturetest.Open(t, s, r.Last()).Read(1); got[0].Text != "c items => {id: 2}" {
		t.Errorf("after the restart came %s", got[0].Text)
	}
	_ = s.Close(t.Context())

	run("ALTER SYSTEM SET wal_level = replica")
	run("SELECT pg_drop_replication_slot('sluice_erp')")
	restart()
	wantFault(t, b.source(t, c), "", "wal_level", "ALTER SYSTEM SET wal_level = logical")
}

// TestConfirmedIsNeverPastTheAcknowledged looks at the slot itself.
func TestConfirmedIsNeverPastTheAcknowledged(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, pad text); CREATE TABLE other (id int)")
	c := b.config("public.items")
	c.Buffer, c.Heartbeat = 64<<10, 50*time.Millisecond
	s := b.source(t, c)
	confirmed := func() lsn {
		at, err := pglogrepl.ParseLSN(b.ask(t, fmt.Sprintf("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '%s'", b.slot)))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	r := capturetest.Open(t, s, "")
	b.exec(t, "INSERT INTO items SELECT i, repeat('x', 9000) FROM generate_series(1, 50) i")
	reach := func(want lsn) {
		t.Helper()
		deadline, tick := time.After(30*time.Second), time.NewTicker(10*time.Millisecond)
		defer tick.Stop()
		for confirmed() < want {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("confirmed is %s, want %s", confirmed(), want)
			}
		}
	}
	for len(r.Seen) < 50 {
		r.Next()
		at, err := parsePosition(r.Last())
		if err != nil {
			t.Fatal(err)
		}
		r.Ack(r.Last())
		reach(lsn(at.LSN))
		if got := confirmed(); got > lsn(at.LSN) {
			t.Fatalf("confirmed is %s, past %s", got, lsn(at.LSN))
		}
	}
	// Other tables move the log; the idle source follows when acknowledged.
	b.exec(t, "INSERT INTO other SELECT i FROM generate_series(1, 1000) i")
	now, err := pglogrepl.ParseLSN(b.ask(t, "SELECT pg_current_wal_lsn()"))
	if err != nil {
		t.Fatal(err)
	}
	before := confirmed()
	for {
		if got := r.Next(); len(got) > 0 {
			t.Fatalf("%s came from nowhere", got[0].Text)
		}
		at, err := parsePosition(r.Last())
		if err != nil {
			t.Fatal(err)
		}
		if lsn(at.LSN) >= now {
			break
		}
	}
	if got := confirmed(); got != before {
		t.Errorf("confirmed moved from %s to %s without an Ack", before, got)
	}
	r.Ack(r.Last())
	reach(now)
}
