package postgres

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"

	"sluice/capture"
	"sluice/capture/capturetest"
	"sluice/ops/local/localtest"
	"sluice/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) { capturetest.Run(t, newHarness) }

func TestScripts(t *testing.T) {
	dir, err := fs.Sub(os.DirFS("testdata"), "scripts")
	if err != nil {
		t.Fatal(err)
	}
	capturetest.Scripts(t, dir, newHarness)
}

// bed is a database of a test's own.
type bed struct {
	dsn  string
	slot string
	conn *pgconn.PgConn
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{dsn: localtest.Database(t), slot: localtest.Prefix(t)}
	conn, err := pgconn.Connect(t.Context(), b.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	b.conn = conn
	return b
}

func (b *bed) exec(t testing.TB, sql string) {
	t.Helper()
	if err := (plain{b.conn}).exec(context.Background(), sql); err != nil {
		t.Errorf("%s: %v", sql[:min(len(sql), 200)], err)
	}
}

// idle waits until the server's process that read the slot is gone.
func (b *bed) idle(t testing.TB) {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for b.ask(t, fmt.Sprintf("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '%s' AND active", b.slot)) != "0" {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("slot %s is still being read", b.slot)
		}
	}
}

func (b *bed) ask(t testing.TB, sql string) string {
	t.Helper()
	rows, err := plain{b.conn}.query(t.Context(), sql)
	if err != nil || len(rows) != 1 {
		t.Fatalf("%s: %d rows, error %v", sql, len(rows), err)
	}
	return rows[0].text(0)
}

// version is the server's, such as 150018.
func (b *bed) version(t testing.TB) int {
	t.Helper()
	n, err := strconv.Atoi(b.ask(t, "SELECT current_setting('server_version_num')"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// needs skips the test where the server is older than the major version that
// brought what it is about.
func (b *bed) needs(t testing.TB, major int) {
	t.Helper()
	if b.version(t) < major*10000 {
		t.Skipf("PostgreSQL knows this since version %d", major)
	}
}

func (b *bed) config(tables ...string) Config {
	return Config{DSN: b.dsn, Tables: tables, Slot: b.slot, HeartbeatTopic: new(bool)}
}

func (b *bed) source(t testing.TB, c Config) *Source {
	t.Helper()
	s, err := c.New("erp", slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	s.ownsSlot = true // its name is the test's own
	return s
}

func newHarness(t *testing.T) capturetest.Harness { return newBed(t).harness() }

func (b *bed) harness() capturetest.Harness {
	return capturetest.Harness{
		Schema: "public",
		Copying: func(t testing.TB, p schemas.Position) bool {
			at, err := parsePosition(p)
			if err != nil {
				t.Fatal(err)
			}
			return at.Snapshot
		},
		Exec: b.exec,
		Source: func(t testing.TB, o capturetest.Options) capture.Source {
			c := b.config()
			for _, table := range o.Tables {
				c.Tables = append(c.Tables, "public."+table)
			}
			c.Buffer, c.Decimals = o.Buffer, o.Decimals
			s := b.source(t, c)
			if o.ChunkRows > 0 {
				s.chunkRows = o.ChunkRows
			}
			return s
		},
	}
}
