package local_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"go.uber.org/goleak"

	"sluice/ops/local"
)

// brokerDir and brokerAddr have this binary be an embedded broker, which tests
// can kill without dying themselves.
const (
	brokerDir  = "SLUICE_TEST_BROKER_DIR"
	brokerAddr = "SLUICE_TEST_BROKER_ADDR"
)

func TestMain(m *testing.M) {
	if os.Getenv(starter) != "" {
		beStarter()
	}
	if dir := os.Getenv(brokerDir); dir != "" {
		if _, err := local.StartBroker(context.Background(), local.BrokerOptions{Dir: dir, Addr: os.Getenv(brokerAddr)}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test that started it is gone
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// need skips the test if the server is not installed, unless the environment
// insists.
func need(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, local.ErrMissing) && os.Getenv("REQUIRE_SERVICES") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var s string
	if err := conn.QueryRow(t.Context(), sql).Scan(&s); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return s
}

func TestPostgresIsLogicalAndPrivate(t *testing.T) {
	a, err := local.StartPostgres(t.Context(), local.PostgresOptions{Settings: map[string]string{"application_name": "it's mine"}})
	need(t, err)
	b, err := local.StartPostgres(t.Context(), local.PostgresOptions{})
	need(t, err)
	t.Cleanup(func() { _ = b.Stop() })
	if got := query(t, a.DSN("postgres"), "SHOW wal_level"); got != "logical" {
		t.Errorf("wal_level = %s", got)
	}
	if got := query(t, a.DSN("postgres"), "SHOW application_name"); got != "it's mine" {
		t.Errorf("a setting of the caller is %q", got)
	}
	if got := query(t, a.DSN("postgres"), "SELECT datcollate || ' ' || pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'postgres'"); got != "C.UTF-8 UTF8" {
		t.Errorf("collation and encoding = %s", got)
	}
	if a.DSN("x") == b.DSN("x") {
		t.Error("two servers share a port")
	}
	dir, pid := a.Dir(), a.PID()
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory is left behind: %v", err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d after Stop: %v", pid, err)
	}
}

func TestPostgresKeepsCommittedRowsOverKill(t *testing.T) {
	s, err := local.StartPostgres(t.Context(), local.PostgresOptions{})
	need(t, err)
	t.Cleanup(func() { _ = s.Stop() })
	dsn := s.DSN("postgres")
	query(t, dsn, "SELECT pg_create_logical_replication_slot('s', 'pgoutput')::text")
	held, err := pgx.Connect(t.Context(), dsn)
	need(t, err)
	defer held.Close(context.Background())
	for _, sql := range []string{"CREATE TABLE t (n int)", "INSERT INTO t SELECT generate_series(1, 1000)"} {
		if _, err := held.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		if s.PID() != 0 {
			t.Errorf("PID = %d after Kill", s.PID())
		}
		if err := s.Kill(); !errors.Is(err, local.ErrStopped) {
			t.Errorf("Kill of a dead server = %v, want ErrStopped", err)
		}
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := query(t, dsn, "SELECT count(*)::text FROM t"); got != "1000" {
			t.Errorf("%s rows after kill -9, want 1000", got)
		}
	}
	if got := query(t, dsn, "SELECT slot_name::text FROM pg_replication_slots"); got != "s" {
		t.Errorf("slot = %q", got)
	}
}

// TestPostgresRestartsUnderAReplicationClientThatDoesNotRead: such a client
// holds up every orderly shutdown.
func TestPostgresRestartsUnderAReplicationClientThatDoesNotRead(t *testing.T) {
	s, err := local.StartPostgres(t.Context(), local.PostgresOptions{})
	need(t, err)
	t.Cleanup(func() { _ = s.Stop() })
	dsn := s.DSN("postgres")
	query(t, dsn, "SELECT pg_create_logical_replication_slot('s', 'test_decoding')::text")
	client, err := pgconn.Connect(t.Context(), dsn+"&replication=database")
	need(t, err)
	defer client.Close(context.Background())
	client.Frontend().Send(&pgproto3.Query{String: "START_REPLICATION SLOT s LOGICAL 0/0"})
	if err := client.Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.ReceiveMessage(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := query(t, dsn, "SELECT slot_name::text FROM pg_replication_slots"); got != "s" {
		t.Errorf("slot = %q", got)
	}
}
