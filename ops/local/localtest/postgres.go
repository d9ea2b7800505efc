package localtest

import (
	"context"
	"crypto/rand"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ops/local"
)

var postgres once[*local.Postgres]

// Postgres returns the private Postgres of this test binary, with
// wal_level=logical; SLUICE_POSTGRES=17 chooses its version. A test that stops or kills it must start its own with
// local.StartPostgres.
func Postgres(t testing.TB) *local.Postgres {
	t.Helper()
	return postgres.get(t, local.PostgresPart(), func(ctx context.Context) (*local.Postgres, error) {
		return local.StartPostgres(ctx, local.PostgresOptions{})
	})
}

// Database returns the DSN, as superuser, of a new database on that server. It
// is dropped when the test ends, with its replication slots and sessions.
func Database(t testing.TB) string {
	t.Helper()
	server := Postgres(t)
	name := "t_" + strings.ToLower(rand.Text()[:12])
	exec(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		exec(t, server, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false",
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
		dropSlots(t, server, name)
		exec(t, server, "DROP DATABASE "+name+" WITH (FORCE)")
	})
	return server.DSN(name)
}

// dropSlots drops the slots of the database: one still in use by a session
// that is just ending is asked again.
func dropSlots(t testing.TB, server *local.Postgres, database string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, server.DSN("postgres"))
		if err == nil {
			var left int
			_, err = conn.Exec(ctx, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1 AND NOT active`, database)
			if err == nil {
				err = conn.QueryRow(ctx, `SELECT count(*) FROM pg_replication_slots WHERE database = $1`, database).Scan(&left)
			}
			_ = conn.Close(ctx)
			if err == nil && left == 0 {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Errorf("dropping the replication slots of %s: still in use: %v", database, err)
			return
		case <-tick.C:
		}
	}
}

func exec(t testing.TB, server *local.Postgres, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server.DSN("postgres"))
	if err != nil {
		t.Errorf("connecting to the test server: %v", err)
		return
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// Prefix returns a name that no other test uses, for topics, groups and slots:
// lower case letters, digits and underscores, at most 40 characters, made of
// the test's name.
func Prefix(t testing.TB) string {
	t.Helper()
	name := strings.Trim(unfit.ReplaceAllString(strings.ToLower(t.Name()), "_"), "_")
	if len(name) > 31 {
		name = name[:31]
	}
	return name + "_" + strings.ToLower(rand.Text()[:8])
}
