package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/local"
	"sluice/ops/local/localtest"
)

// TestBadInput starts the real binary with something wrong, and wants one line
// that names the place and the cure, and an exit code that is not 0.
func TestBadInput(t *testing.T) {
	localtest.Postgres(t) // says why it skips where there is none
	replica := startPostgres(t, map[string]string{"wal_level": "replica"})
	kafka, registry := localtest.Kafka(t).Brokers[0], localtest.Registry(t).URL
	database := func(sql ...string) string {
		dsn := localtest.Database(t)
		exec := execSQL(t, dsn)
		exec("CREATE TABLE t (id int PRIMARY KEY, v text)")
		for _, s := range sql {
			exec(s)
		}
		return dsn
	}
	cases := []struct {
		name string
		// edit changes the good configuration; dsn makes the database.
		edit func(good string) string
		dsn  func() string
		// says must all be in the error.
		says []string
	}{
		{
			name: "unknown key",
			edit: func(s string) string { return strings.Replace(s, "tables:", "tabels:", 1) },
			says: []string{"sluice.yaml:6:", "tabels", `"tables"`},
		},
		{
			name: "wrong type",
			edit: func(s string) string { return strings.Replace(s, "heartbeat: 1s", "heartbeat: soon", 1) },
			says: []string{"sluice.yaml:7:", "heartbeat", "soon"},
		},
		{
			name: "missing environment variable",
			edit: func(s string) string { return strings.Replace(s, "${ERP_DSN}", "${ERP_PASSWORD_THAT_IS_NOT_SET}", 1) },
			says: []string{"sluice.yaml:5:", "ERP_PASSWORD_THAT_IS_NOT_SET"},
		},
		{
			name: "unreachable database",
			dsn:  func() string { return "postgres://nobody:secret-word@127.0.0.1:1/erp" },
			says: []string{"127.0.0.1:1", "captures.erp"},
		},
		{
			name: "wal_level=replica",
			dsn: func() string {
				execSQL(t, replica.DSN("postgres"))("CREATE TABLE IF NOT EXISTS t (id int PRIMARY KEY, v text)")
				return replica.DSN("postgres")
			},
			says: []string{"wal_level", "ALTER SYSTEM SET wal_level = logical"},
		},
		{
			name: "a role without REPLICATION",
			dsn: func() string {
				dsn := database("DROP ROLE IF EXISTS plain", "CREATE ROLE plain LOGIN", "GRANT SELECT ON t TO plain")
				return strings.Replace(dsn, "postgres@", "plain@", 1)
			},
			says: []string{"REPLICATION", "ALTER ROLE", "plain"},
		},
		{
			name: "an unsupported column type",
			edit: func(s string) string { return strings.Replace(s, "heartbeat: 1s", "unknown_types: refuse", 1) },
			dsn: func() string {
				return database("CREATE TYPE shape AS (round bool)", "ALTER TABLE t ADD COLUMN outline shape")
			},
			says: []string{"public.t", "outline", "shape"},
		},
		{
			name: "a table that does not exist",
			edit: func(s string) string { return strings.Replace(s, "public.t]", "public.absent]", 1) },
			says: []string{"public.absent"},
		},
		{
			name: "a registry that refuses the schema",
			dsn: func() string {
				put(t, registry+"/subjects/erp.public.t-value/versions", `{"schema": "{\"type\":\"record\",\"name\":\"Other\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]}"}`)
				dsn := database()
				execSQL(t, dsn)("INSERT INTO t VALUES (1, 'x')")
				return dsn
			},
			says: []string{"erp.public.t-value", "compatib"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.dsn == nil {
				c.dsn = func() string { return database() }
			}
			dsn := c.dsn()
			good := fmt.Sprintf("kafka: {brokers: [%q]}\nregistry: {url: %q}\ncaptures:\n  erp:\n    postgres: {dsn: \"${ERP_DSN}\",\n      tables: [public.t],\n      heartbeat: 1s}\n", kafka, registry)
			if c.edit != nil {
				good = c.edit(good)
			}
			file := filepath.Join(t.TempDir(), "sluice.yaml")
			if err := os.WriteFile(file, []byte(good), 0o600); err != nil {
				t.Fatal(err)
			}
			out := refused(t, file, []string{"ERP_DSN=" + dsn})
			for _, want := range c.says {
				if !strings.Contains(out, want) {
					t.Errorf("the error does not say %q: %s", want, out)
				}
			}
		})
	}
}

// TestFullDisk has a transaction that is larger than the disk to which the capture
// spills it, and then gives it room.
func TestFullDisk(t *testing.T) {
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("REQUIRE_SERVICES") == "1":
		t.Fatal("mounting a small disk needs root")
	default:
		t.Skip("mounting a small disk needs root")
	}
	const rows = 60_000
	pg := startPostgres(t, map[string]string{"logical_decoding_work_mem": "64kB"})
	run := execSQL(t, pg.DSN("postgres"))
	run("CREATE TABLE t (id int PRIMARY KEY, v text)")
	file, spill := filepath.Join(t.TempDir(), "sluice.yaml"), t.TempDir()
	cluster := localtest.Kafka(t)
	text := fmt.Sprintf("kafka: {brokers: [%q]}\nregistry: {url: %q}\ncaptures:\n  full:\n    postgres: {dsn: %q, tables: [public.t], spill: {dir: %q, memory: 1MiB}}\n",
		cluster.Brokers[0], localtest.Registry(t).URL, pg.DSN("postgres"), spill)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// capture runs until ok, and drains.
	capture := func(ok func(context.Context) bool) {
		t.Helper()
		cmd := exec.Command(binary, "capture", "--config", file, "--listen", "off")
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := poll(ctx, func() bool { return ok(ctx) })
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil || !done {
			t.Fatalf("done %t, ended with %v: %s", done, err, said.String())
		}
	}
	capture(func(ctx context.Context) bool { // makes the slot
		n := 0
		db, err := pgx.Connect(ctx, pg.DSN("postgres"))
		if err != nil {
			return false
		}
		defer func() { _ = db.Close(ctx) }()
		return db.QueryRow(ctx, "SELECT count(*) FROM pg_replication_slots WHERE active AND slot_name = 'sluice_full'").Scan(&n) == nil && n == 1
	})
	unmount := smallDisk(t, spill)
	run(fmt.Sprintf("INSERT INTO t SELECT i, repeat(md5(i::text), 8) FROM generate_series(1, %d) i", rows))
	out := refused(t, file, nil)
	for _, want := range []string{"captures.full.postgres.spill", spill, "no space left", "set spill.dir to another disk"} {
		if !strings.Contains(out, want) {
			t.Errorf("the error does not say %q: %s", want, out)
		}
	}
	unmount()
	seen := 0
	capture(func(ctx context.Context) bool {
		seen = 0
		err := cluster.ReadToEnd(ctx, nil, func(*kgo.Record) error { seen++; return nil }, "full.public.t")
		return err == nil && seen >= rows
	})
	if seen != rows {
		t.Errorf("%d records for %d rows", seen, rows)
	}
	if left, err := os.ReadDir(spill); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// smallDisk puts a disk of 1 MB in the place of an empty directory.
func smallDisk(t *testing.T, dir string) (unmount func()) {
	t.Helper()
	sh := func(command string) {
		t.Helper()
		if out, err := exec.Command("sh", "-ec", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
	}
	q := "'" + dir + "'"
	sh("mount -t tmpfs -o size=1m tmpfs " + q)
	done := false
	unmount = func() {
		if !done {
			done = true
			sh("umount -l " + q)
		}
	}
	t.Cleanup(unmount)
	return unmount
}

// refused runs the capture and returns the one line that it must end with.
func refused(t *testing.T, file string, env []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "capture", "--config", file, "--listen", "off", "--log-level", "error")
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	out := strings.TrimSpace(stderr.String())
	if ctx.Err() != nil {
		t.Fatalf("it went on in spite of it: %s", out)
	}
	if cmd.ProcessState.ExitCode() <= 0 {
		t.Errorf("exit code %d (%v), want one that is not 0", cmd.ProcessState.ExitCode(), err)
	}
	lines := strings.Split(out, "\n")
	last := lines[len(lines)-1]
	for _, l := range lines[:len(lines)-1] {
		if !strings.HasPrefix(l, "{") { // a line of the log
			t.Errorf("more than one line: %s", out)
		}
	}
	if strings.Contains(out, "secret-word") {
		t.Errorf("a password is shown: %s", out)
	}
	t.Log(last)
	return last
}

func startPostgres(t *testing.T, settings map[string]string) *local.Postgres {
	t.Helper()
	pg, err := local.StartPostgres(t.Context(), local.PostgresOptions{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Errorf("stopping PostgreSQL: %v", err)
		}
	})
	return pg
}

func execSQL(t *testing.T, dsn string) func(sql string) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.Background()) })
	return func(sql string) {
		t.Helper()
		if _, err := db.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func put(t *testing.T, url, body string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %s", url, resp.Status)
	}
}
