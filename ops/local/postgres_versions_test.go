package local_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ops/local"
)

// TestPostgresVersions starts each version that this machine has.
func TestPostgresVersions(t *testing.T) {
	started := 0
	for _, v := range local.PostgresVersions() {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			pg, err := local.StartPostgres(t.Context(), local.PostgresOptions{Version: v})
			if errors.Is(err, local.ErrMissing) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = pg.Stop() }()
			started++
			if got := query(t, pg.DSN("postgres"), "SHOW server_version"); !strings.HasPrefix(got, fmt.Sprint(v)) {
				t.Errorf("version %d is %s", v, got)
			}
		})
	}
	if started == 0 {
		t.Skip("no version of PostgreSQL from 13 to 18 is here")
	}
}

func TestChoosesTheVersionOfTheEnvironment(t *testing.T) {
	t.Setenv("SLUICE_POSTGRES", "9")
	if _, err := local.StartPostgres(t.Context(), local.PostgresOptions{}); err == nil || !strings.Contains(err.Error(), "SLUICE_POSTGRES") {
		t.Errorf("a version that cannot be had: %v", err)
	}
	if got := local.PostgresPart(); got != "postgres-9" {
		t.Errorf("the part is %q", got)
	}
}

func TestStandbyFollowsAndIsPromoted(t *testing.T) {
	for _, v := range local.PostgresVersions() {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			primary, err := local.StartPostgres(t.Context(), local.PostgresOptions{Version: v})
			if errors.Is(err, local.ErrMissing) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = primary.Stop() }()
			do(t, primary.DSN("postgres"), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
			standby, err := local.StartStandby(t.Context(), primary, local.PostgresOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = standby.Stop() }()
			follows := func(n int) {
				t.Helper()
				do(t, primary.DSN("postgres"), fmt.Sprintf("INSERT INTO kept VALUES (%d)", n))
				soon(t, fmt.Sprintf("row %d on the standby", n), func() bool {
					return query(t, standby.DSN("postgres"), fmt.Sprintf("SELECT count(*)::text FROM kept WHERE n <= %d", n)) == fmt.Sprint(n)
				})
			}
			follows(2)
			if err := standby.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			follows(3)
			if got := query(t, standby.DSN("postgres"), "SELECT pg_promote()::text"); got != "true" {
				t.Errorf("pg_promote() is %s", got)
			}
			do(t, standby.DSN("postgres"), "INSERT INTO kept VALUES (4)")
		})
	}
}

func do(t *testing.T, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// soon waits for a condition that comes about by itself.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited too long for %s", what)
		}
	}
}
