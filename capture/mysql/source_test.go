package mysql

import (
	"context"
	"database/sql"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"go.uber.org/goleak"

	"sluice/capture"
	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// both runs a test on MySQL and on MariaDB.
func both(t *testing.T, test func(t *testing.T, of func(testing.TB) *local.MySQL)) {
	t.Run("mysql", func(t *testing.T) { test(t, localtest.MySQL) })
	t.Run("mariadb", func(t *testing.T) { test(t, localtest.MariaDB) })
}

func TestConformance(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		capturetest.Run(t, func(t *testing.T) capturetest.Harness { return newBed(t, of(t)).harness() })
	})
}

func TestScripts(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		dir, err := fs.Sub(os.DirFS("testdata"), "scripts")
		if err != nil {
			t.Fatal(err)
		}
		capturetest.Scripts(t, dir, func(t *testing.T) capturetest.Harness { return newBed(t, of(t)).harness() })
	})
}

// bed is a database of a test's own.
type bed struct {
	server *local.MySQL
	name   string
	dsn    string
	db     *sql.DB
	maria  bool
}

func newBed(t testing.TB, server *local.MySQL) *bed {
	t.Helper()
	return openBed(t, server, localtest.MySQLDatabase(t, server))
}

// openBed opens sessions by a dsn; "": on no database.
func openBed(t testing.TB, server *local.MySQL, dsn string) *bed {
	t.Helper()
	if dsn == "" {
		dsn = server.DSN("")
	}
	b := &bed{server: server, dsn: dsn}
	cfg, err := driver.ParseDSN(b.dsn)
	if err != nil {
		t.Fatal(err)
	}
	b.name, cfg.MultiStatements = cfg.DBName, true
	connector, err := driver.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.db = sql.OpenDB(connector)
	t.Cleanup(func() { _ = b.db.Close() })
	b.maria = strings.Contains(b.ask(t, "SELECT version()"), "MariaDB")
	return b
}

// exec runs statements as one transaction.
func (b *bed) exec(t testing.TB, sql string) {
	t.Helper()
	conn, err := b.db.Conn(context.Background())
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	if _, err := conn.ExecContext(context.Background(), "BEGIN; "+strings.TrimRight(strings.TrimSpace(sql), ";")+"; COMMIT"); err != nil {
		_, _ = conn.ExecContext(context.Background(), "ROLLBACK")
		t.Errorf("%s: %v", sql[:min(len(sql), 300)], err)
	}
}

func (b *bed) ask(t testing.TB, q string) string {
	t.Helper()
	rows, err := query(context.Background(), b.db, q)
	if err != nil || len(rows) != 1 {
		t.Fatalf("%s: %d rows, error %v", q, len(rows), err)
	}
	return rows[0].text(0)
}

func (b *bed) config(tables ...string) Config {
	c := Config{DSN: b.dsn, HeartbeatTopic: new(bool)}
	for _, table := range tables {
		c.Tables = append(c.Tables, b.name+"."+table)
	}
	return c
}

func (b *bed) source(t testing.TB, c Config) *Source {
	t.Helper()
	s, err := c.New("crm", slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *bed) harness() capturetest.Harness {
	return capturetest.Harness{
		Schema: b.name,
		Copying: func(t testing.TB, p schemas.Position) bool {
			at, err := parsePosition(p)
			if err != nil {
				t.Fatal(err)
			}
			return at.Snapshot
		},
		Exec: b.exec,
		Source: func(t testing.TB, o capturetest.Options) capture.Source {
			c := b.config(o.Tables...)
			c.Buffer, c.Decimals = o.Buffer, o.Decimals
			s := b.source(t, c)
			if o.ChunkRows > 0 {
				s.chunkRows = o.ChunkRows
			}
			return s
		},
	}
}

// failure reads until the source fails, and returns what it says.
func failure(t testing.TB, s capture.Source) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if _, err := s.Next(ctx); err != nil {
			return err.Error()
		}
	}
}

// soon waits until ok.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited too long for: %s", what)
		}
	}
}

var epoch = time.Unix(0, 0)
