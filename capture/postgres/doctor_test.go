package postgres

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/capture"
	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/schemas"
)

// diagnose returns the finding of a check that says the text; it fails if there
// is none of that level.
func diagnose(t *testing.T, s *Source, saved schemas.Position, admin string, level capture.Level, check, says, cure string) {
	t.Helper()
	found, err := s.Diagnose(t.Context(), saved, admin)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Level != capture.Fine && f.Cure == "" {
			t.Errorf("%s of %s has no cure: %s", f.Check, f.Object, f.Says)
		}
		if f.Check == check && f.Level == level && strings.Contains(f.Object+" "+f.Says, says) && strings.Contains(f.Cure, cure) {
			return
		}
	}
	var all strings.Builder
	for _, f := range found {
		fmt.Fprintf(&all, "\n%+v", f)
	}
	t.Errorf("no %s of %s says %q with the cure %q; found:%s", level, check, says, cure, all.String())
}

func TestDoctorOfAHealthyCapture(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	c := b.config("public.items")
	c.MaxWAL = 1 << 30
	s := b.source(t, c)
	r := capturetest.Open(t, s, "")
	r.Next()
	r.Next()
	b.exec(t, "INSERT INTO items VALUES (1)")
	r.Read(1)
	r.Ack(r.Last())
	found, err := b.source(t, c).Diagnose(t.Context(), r.Last(), "")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range found {
		seen[f.Check] = true
		// The superuser of the tests is one, and other tests hold transactions.
		if f.Level != capture.Fine && f.Check != "role" && !strings.Contains(f.Check, "transaction") {
			t.Errorf("%+v", f)
		}
	}
	for _, want := range []string{
		"connection", "server version", "wal_level", "logical_decoding_work_mem", "wal_sender_timeout", "clock",
		"max_replication_slots", "max_wal_senders", "role", "table", "publication", "slot", "saved position", "max_wal",
	} {
		if !seen[want] {
			t.Errorf("nothing was said of %s", want)
		}
	}
}

func TestDoctorOfTablesAndPublication(t *testing.T) {
	b := newBed(t)
	b.exec(t, `CREATE TABLE items (id int PRIMARY KEY, pad text); CREATE TABLE bare (id int); CREATE TABLE hidden (id int PRIMARY KEY);
		CREATE SCHEMA closed; CREATE TABLE closed.t (id int PRIMARY KEY);
		ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
		CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (9);`)
	role := localtest.Prefix(t)
	b.exec(t, fmt.Sprintf("CREATE ROLE %s LOGIN CONNECTION LIMIT 2 VALID UNTIL '2030-01-01'", role))
	t.Cleanup(func() { b.exec(t, fmt.Sprintf("DROP OWNED BY %s; DROP ROLE %s", role, role)) })
	c := b.config("public.items", "public.bare", "public.hidden", "closed.t", "public.parts", "public.nosuch")
	c.DSN = b.asRole(t, role)
	s := b.source(t, c)
	want := func(level capture.Level, check, says, cure string) {
		t.Helper()
		diagnose(t, s, "", b.dsn, level, check, says, cure)
	}
	want(capture.Problem, "table", "public.nosuch", "correct the name")
	want(capture.Problem, "privilege", "public.items role", "GRANT SELECT ON")
	want(capture.Problem, "privilege", "no USAGE on schema closed", "GRANT USAGE ON SCHEMA")
	want(capture.Problem, "role", "no REPLICATION", "REPLICATION;")
	want(capture.Warning, "role", "2 connections", "CONNECTION LIMIT -1")
	want(capture.Warning, "row security", "public.hidden", "BYPASSRLS")
	want(capture.Problem, "replica identity", "public.bare", "REPLICA IDENTITY FULL")
	want(capture.Warning, "replica identity", "public.items large values", "REPLICA IDENTITY FULL")
	want(capture.Warning, "key", "public.bare", "PRIMARY KEY")
	want(capture.Warning, "publication", "does not exist", "CREATE PUBLICATION")
	b.exec(t, fmt.Sprintf("CREATE PUBLICATION %s FOR TABLE parts WITH (publish = 'insert, update')", b.slot))
	want(capture.Problem, "publication", "leaves out delete, truncate", "SET (publish =")
	want(capture.Problem, "publication", "partitions", "publish_via_partition_root = true")
	want(capture.Problem, "publication", `"public"."items"`, "ADD TABLE")
	if b.version(t) >= 150000 {
		b.exec(t, fmt.Sprintf("ALTER PUBLICATION %s ADD TABLE items WHERE (id > 7)", b.slot))
		want(capture.Fine, "publication", "public.items that are (id > 7)", "")
	}
	b.exec(t, fmt.Sprintf("ALTER ROLE %s NOLOGIN VALID UNTIL '2001-01-01'", role))
	want(capture.Problem, "role", "may not log in", " LOGIN;")
	want(capture.Problem, "role", "expired", "VALID UNTIL")
	want(capture.Problem, "connection", "refuses user", " LOGIN;")
	b.exec(t, fmt.Sprintf("ALTER ROLE %s LOGIN SUPERUSER VALID UNTIL 'infinity'", role))
	want(capture.Warning, "role", "superuser", "sluice grants erp")
	c.DSN = b.asRole(t, "nobody_has_this_name")
	s = b.source(t, c)
	want(capture.Problem, "role", "does not exist", "sluice grants")
}

func TestDoctorOfTheSlot(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	s := func() *Source { return b.source(t, b.config("public.items")) }
	r := capturetest.Open(t, s(), "")
	r.Next()
	r.Next()
	b.exec(t, "INSERT INTO items VALUES (1)")
	r.Read(1)
	at := r.Last()
	r.Close()
	b.idle(t)
	want := func(saved schemas.Position, level capture.Level, check, says, cure string) {
		t.Helper()
		diagnose(t, s(), saved, "", level, check, says, cure)
	}
	want(at, capture.Warning, "slot", "nobody reads it", "sluice capture erp")
	want(at, capture.Fine, "saved position", "fits the slot", "")
	want(at, capture.Warning, "max_slot_wal_keep_size", "is off", "max_wal")
	want("nonsense", capture.Problem, "saved position", "cannot be read", "--resnapshot")

	b.exec(t, "INSERT INTO items VALUES (2)")
	b.exec(t, fmt.Sprintf("SELECT pg_replication_slot_advance('%s', pg_current_wal_lsn())", b.slot))
	want(at, capture.Problem, "saved position", "moved by somebody", "--resnapshot")
	b.exec(t, fmt.Sprintf("SELECT pg_drop_replication_slot('%s')", b.slot))
	want(at, capture.Problem, "slot", "is gone", "--resnapshot")
	want("", capture.Fine, "slot", "does not exist yet", "")
	b.exec(t, fmt.Sprintf("DROP PUBLICATION %s", b.slot))
	want(at, capture.Problem, "publication", "is gone", "--resnapshot")
	b.exec(t, fmt.Sprintf("SELECT pg_create_logical_replication_slot('%s', 'test_decoding')", b.slot))
	want("", capture.Problem, "slot", "plug-in test_decoding", "name that is free")
}

// TestDoctorOfAServer needs a server of its own: its settings are bad.
func TestDoctorOfAServer(t *testing.T) {
	localtest.Postgres(t) // says why it skips
	own, err := local.StartPostgres(t.Context(), local.PostgresOptions{Settings: map[string]string{
		"wal_level": "replica", "max_replication_slots": "1", "max_wal_senders": "1", "max_prepared_transactions": "5",
		"logical_decoding_work_mem": "1MB", "wal_sender_timeout": "0", "max_slot_wal_keep_size": "32MB",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Stop(); _ = os.RemoveAll(own.Dir()) })
	connect := func() *pgconn.PgConn {
		conn, err := pgconn.Connect(t.Context(), own.DSN("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(t.Context()) })
		return conn
	}
	b := &bed{dsn: own.DSN("postgres"), slot: "sluice_erp", conn: connect()}
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); SELECT pg_create_physical_replication_slot('other')")
	c := b.config("public.items")
	c.MaxWAL = 1 << 30
	want := func(level capture.Level, check, says, cure string) {
		t.Helper()
		diagnose(t, b.source(t, c), "", "", level, check, says, cure)
	}
	want(capture.Problem, "wal_level", "is replica", "wal_level = logical")
	want(capture.Warning, "logical_decoding_work_mem", "1MB", "64MB")
	want(capture.Warning, "wal_sender_timeout", "is off", "60s")
	want(capture.Problem, "max_replication_slots", "all 1 are in use", "max_replication_slots = 10")
	want(capture.Warning, "max_slot_wal_keep_size", "less than the capture's max_wal", "max_wal")

	b.exec(t, "BEGIN; INSERT INTO items VALUES (1); PREPARE TRANSACTION 'it''s forgotten'")
	want(capture.Warning, "prepared transaction", "it's forgotten", "ROLLBACK PREPARED 'it''s forgotten'")

	b.exec(t, "SELECT pg_drop_replication_slot('other')")
	b.exec(t, "ALTER SYSTEM SET wal_level = logical; ")
	b.exec(t, "ROLLBACK PREPARED 'it''s forgotten'")
	if err := own.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.conn = connect()
	b.exec(t, "SELECT pg_create_logical_replication_slot('sluice_erp', 'pgoutput')")
	// More than max_slot_wal_keep_size invalidates the slot at a checkpoint.
	for range 4 {
		b.exec(t, "SELECT pg_switch_wal(); CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 20000); DROP TABLE filler; CHECKPOINT")
	}
	want(capture.Problem, "slot", "is lost", "pg_drop_replication_slot")

	holder := connect()
	if err := (plain{holder}).exec(t.Context(), "BEGIN; INSERT INTO items VALUES (3)"); err != nil {
		t.Fatal(err)
	}
	b.exec(t, `CREATE OR REPLACE PROCEDURE spend(n int) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..n LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$`)
	b.exec(t, fmt.Sprintf("CALL spend(%d)", manyTransactions+10))
	b.exec(t, "CREATE ROLE small LOGIN REPLICATION; GRANT SELECT ON items TO small")
	c.DSN = strings.Replace(b.dsn, "postgres@", "small@", 1)
	want(capture.Warning, "transaction", fmt.Sprintf("process %d", holder.PID()), fmt.Sprintf("pg_terminate_backend(%d)", holder.PID()))

	c.DSN = "postgres://someone:hidden@127.0.0.1:1/erp"
	want(capture.Problem, "connection", "cannot reach", "check host")
}
