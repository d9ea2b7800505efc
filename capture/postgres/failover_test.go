package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/capture"
	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/schemas"
)

// serverOf starts a server of the version, 0 for the one of the environment;
// the test skips where this machine has none.
func serverOf(t *testing.T, version int, settings map[string]string) *local.Postgres {
	t.Helper()
	p, err := local.StartPostgres(t.Context(), local.PostgresOptions{Version: version, Settings: settings})
	if errors.Is(err, local.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() })
	return p
}

// bedOn is a bed in the server's own database.
func bedOn(t *testing.T, p *local.Postgres) *bed {
	t.Helper()
	b := &bed{dsn: p.DSN("postgres"), slot: "sluice_erp"}
	var err error
	if b.conn, err = pgconn.Connect(t.Context(), b.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.conn.Close(context.Background()) })
	return b
}

// streaming opens the source, reads one row from the snapshot and one from the
// stream, acknowledges and closes.
func (b *bed) streaming(t *testing.T, s *Source) schemas.Position {
	t.Helper()
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)")
	r := capturetest.Open(t, s, "")
	r.Until("r items => {id: 1}")
	b.exec(t, "INSERT INTO items VALUES (2)")
	r.Until("c items => {id: 2}")
	r.Ack(r.Last())
	r.Close()
	return r.Last()
}

// wantNext goes on from the position and expects exactly these.
func wantNext(t *testing.T, s *Source, from schemas.Position, texts ...string) schemas.Position {
	t.Helper()
	r := capturetest.Open(t, s, from)
	for i, got := range r.Read(len(texts)) {
		if got.Text != texts[i] {
			t.Errorf("after %s came %s, want %s", from, got.Text, texts[i])
		}
	}
	r.Close()
	return r.Last()
}

// TestAnotherTimeline ends a recovery of the same server, which then writes a
// history of its own: what was saved before the fork holds, what was after it
// does not.
func TestAnotherTimeline(t *testing.T) {
	p := serverOf(t, 0, map[string]string{"restore_command": "false"})
	b := bedOn(t, p)
	c := b.config("public.items")
	at := b.streaming(t, b.source(t, c))
	b.idle(t)
	b.exec(t, "INSERT INTO items VALUES (3); CHECKPOINT")
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(p.Dir(), "data")
	about, err := os.Stat(filepath.Join(data, "PG_VERSION"))
	if err != nil {
		t.Fatal(err)
	}
	marker := filepath.Join(data, "recovery.signal")
	if err := os.WriteFile(marker, nil, about.Mode()); err != nil {
		t.Fatal(err)
	}
	chownAs(t, marker, about)
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.conn = bedOn(t, p).conn
	soon(t, "the end of the recovery", func() bool { return b.ask(t, "SELECT pg_is_in_recovery()") == "f" })
	b.exec(t, "INSERT INTO items VALUES (4)")

	old, err := parsePosition(at)
	if err != nil {
		t.Fatal(err)
	}
	beyond := old
	now, err := pglogrepl.ParseLSN(b.ask(t, "SELECT pg_current_wal_lsn()"))
	if err != nil {
		t.Fatal(err)
	}
	beyond.LSN, beyond.Commit = logPlace(now), logPlace(now)
	wantFault(t, b.source(t, c), beyond.encode(), "another history", "never saw", "--resnapshot")
	stranger := old
	stranger.Timeline = 99
	wantFault(t, b.source(t, c), stranger.encode(), "timeline 99", "restored", "--resnapshot")

	at = wantNext(t, b.source(t, c), at, "c items => {id: 3}", "c items => {id: 4}")
	if got, err := parsePosition(at); err != nil || got.Timeline == old.Timeline {
		t.Errorf("the position is still of timeline %d (%v)", got.Timeline, err)
	}
	b.idle(t)
	b.exec(t, "INSERT INTO items VALUES (5)")
	wantNext(t, b.source(t, c), at, "c items => {id: 5}")
}

// TestFailoverToAStandby captures from a primary, which dies, and goes on with
// the copy of the slot that the promoted standby has.
func TestFailoverToAStandby(t *testing.T) {
	primary := serverOf(t, 17, nil)
	b := bedOn(t, primary)
	c := b.config("public.items")
	at := b.streaming(t, b.source(t, c))
	b.idle(t)
	if got := b.ask(t, "SELECT failover FROM pg_replication_slots WHERE slot_name = 'sluice_erp'"); got != "t" {
		t.Fatalf("failover of the slot is %s", got)
	}
	standby, err := local.StartStandby(t.Context(), primary, local.PostgresOptions{Settings: map[string]string{"sync_replication_slots": "on"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standby.Stop() })
	other := bedOn(t, standby)
	// The copy lasts once the slot has moved past what the standby began with.
	working := capturetest.Open(t, b.source(t, c), at)
	id := 2
	soon(t, "the slot's copy", func() bool {
		id++
		b.exec(t, fmt.Sprintf("INSERT INTO items VALUES (%d); SELECT pg_log_standby_snapshot()", id))
		working.Until(fmt.Sprintf("c items => {id: %d}", id))
		working.Ack(working.Last())
		return other.ask(t, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'sluice_erp' AND synced AND NOT temporary") == "1"
	})
	working.Close()
	at = working.Last()
	b.exec(t, fmt.Sprintf("INSERT INTO items VALUES (%d)", id+1))
	soon(t, "the standby to catch up", func() bool { return other.ask(t, "SELECT max(id) FROM items") == fmt.Sprint(id+1) })
	if err := primary.Kill(); err != nil {
		t.Fatal(err)
	}
	other.exec(t, "SELECT pg_promote()")
	other.exec(t, fmt.Sprintf("INSERT INTO items VALUES (%d)", id+2))
	c.DSN = other.dsn
	at = wantNext(t, other.source(t, c), at, fmt.Sprintf("c items => {id: %d}", id+1), fmt.Sprintf("c items => {id: %d}", id+2))
	diagnose(t, other.source(t, c), at, "", capture.Fine, "saved position", "fits the slot", "")
}

// TestCaptureFromAStandby reads a standby's log and rows: the publication is
// made on the primary, the slot on the standby.
func TestCaptureFromAStandby(t *testing.T) {
	primary := serverOf(t, 16, nil)
	b := bedOn(t, primary)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)")
	standby, err := local.StartStandby(t.Context(), primary, local.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standby.Stop() })
	other := bedOn(t, standby)
	c := other.config("public.items")
	wantFault(t, other.source(t, c), "", "is a standby", "on the primary", "CREATE PUBLICATION")
	b.exec(t, "CREATE PUBLICATION sluice_erp FOR TABLE items")
	soon(t, "the publication on the standby", func() bool { return other.ask(t, "SELECT count(*) FROM pg_publication") == "1" })

	// An idle primary logs nothing that a slot could begin with.
	running, stop := context.WithCancel(t.Context())
	asked := make(chan struct{})
	helper := bedOn(t, primary)
	go func() {
		defer close(asked)
		for running.Err() == nil {
			_ = (plain{helper.conn}).exec(running, "SELECT pg_log_standby_snapshot(), pg_sleep(0.1)") // ends with running
		}
	}()
	s := other.source(t, c)
	r := capturetest.Open(t, s, "")
	stop()
	<-asked
	r.Until("r items => {id: 1}")
	b.exec(t, "INSERT INTO items VALUES (2)")
	r.Until("c items => {id: 2}")
	r.Ack(r.Last())
	soon(t, "the standby's slot to move", func() bool {
		at, err := parsePosition(r.Last())
		if err != nil {
			t.Fatal(err)
		}
		confirmed, err := pglogrepl.ParseLSN(other.ask(t, "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = 'sluice_erp'"))
		if err != nil {
			t.Fatal(err)
		}
		return confirmed >= lsn(at.LSN)
	})
	diagnose(t, s, r.Last(), "", capture.Fine, "hot_standby_feedback", "is on", "")
	at := r.Last()
	r.Close()
	b.exec(t, "INSERT INTO items VALUES (3)")
	wantNext(t, s, at, "c items => {id: 3}")
}

// TestStandbyBefore16IsRefused says which server to name instead.
func TestStandbyBefore16IsRefused(t *testing.T) {
	primary := serverOf(t, 15, nil)
	standby, err := local.StartStandby(t.Context(), primary, local.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standby.Stop() })
	b := bedOn(t, standby)
	wantFault(t, b.source(t, b.config("public.items")), "", "is a standby of PostgreSQL 15", "primary")
	diagnose(t, b.source(t, b.config("public.items")), "", "", capture.Problem, "standby", "from version 16 on", "upgrade")
}

func TestSlotThatWasMadeBeforehand(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	c := b.config("public.items")
	c.SlotCreated, c.Snapshot.Mode = true, Never
	wantFault(t, b.source(t, c), "", "does not exist", "pg_create_logical_replication_slot")
	b.exec(t, fmt.Sprintf("SELECT pg_create_logical_replication_slot('%s', 'pgoutput')", b.slot))
	made := b.ask(t, fmt.Sprintf("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '%s'", b.slot))
	b.exec(t, "INSERT INTO items VALUES (1)") // before the capture ever ran

	foreign := c
	foreign.SlotCreated = false
	s := b.source(t, foreign)
	s.ownsSlot = false
	wantFault(t, s, "", "may be somebody else's", "slot_created: true", "pg_drop_replication_slot")
	if got := b.ask(t, fmt.Sprintf("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '%s'", b.slot)); got != made {
		t.Fatalf("the slot was touched: %s, then %s", made, got)
	}
	wantNext(t, b.source(t, c), "", "c items => {id: 1}")
	c.Snapshot.Mode = Initial
	b.idle(t)
	r := capturetest.Open(t, b.source(t, c), "")
	r.Until("c items => {id: 1}") // its event stands in for the row
}

func TestCommandThatMakesASlot(t *testing.T) {
	for _, test := range []struct {
		version                   int64
		standby, failover, export bool
		want                      string
	}{
		{130000, false, true, true, `CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput EXPORT_SNAPSHOT`},
		{140000, false, true, false, `CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput NOEXPORT_SNAPSHOT`},
		{160000, false, true, true, `CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput (SNAPSHOT 'export')`},
		{170000, false, true, true, `CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput (SNAPSHOT 'export', FAILOVER true)`},
		{170000, false, false, false, `CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput (SNAPSHOT 'nothing')`},
		{170000, true, true, true, `CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput (SNAPSHOT 'nothing')`},
	} {
		if got := createSlotCommand("s", &server{version: test.version, standby: test.standby}, test.failover, test.export); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

func TestForkOf(t *testing.T) {
	history := "1\t0/5000000\tno recovery target specified\n\n# a remark\n2\t1/A0\tbefore 2026\n"
	for timeline, want := range map[int32]string{1: "0/5000000", 2: "1/A0", 3: ""} {
		at, ok := forkOf(history, timeline)
		if ok != (want != "") || ok && at.String() != want {
			t.Errorf("timeline %d: %s, %v", timeline, at, ok)
		}
	}
	if _, ok := forkOf(strings.Repeat("nonsense ", 3), 1); ok {
		t.Error("a fork was found in nonsense")
	}
}
