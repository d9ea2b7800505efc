package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// crashScale is pgbench's scale: 100,000 accounts each.
const crashScale = 2

const crashTables = `
CREATE TABLE crash_items (id bigint PRIMARY KEY, grp int, price numeric(12,2), paid boolean, note text, at timestamptz);
ALTER TABLE crash_items ALTER note SET STORAGE EXTERNAL;
INSERT INTO crash_items SELECT i, i % 7, i / 100.0, i % 2 = 0, 'item ' || i, now() FROM generate_series(1, 20000) i;
CREATE TABLE crash_bulk (id bigint PRIMARY KEY, v text);
CREATE TABLE crash_side (id bigserial PRIMARY KEY, v text);
INSERT INTO crash_side (v) SELECT 'side ' || i FROM generate_series(1, 500) i;
CREATE TABLE crash_shape (id bigint PRIMARY KEY, n int NOT NULL, extra0 int DEFAULT 0);
INSERT INTO crash_shape SELECT i, 0, i FROM generate_series(1, 1000) i;
CREATE TABLE crash_mark (id int PRIMARY KEY);
ALTER TABLE pgbench_history ADD COLUMN id bigserial PRIMARY KEY`

// The scripts that pgbench runs beside its own TPC-B. Each client has ids of its
// own, so that none meets another's key.
var crashScripts = map[string]string{
	// Several rows a statement, and deletes.
	"items.sql@4": `\set first :client_id * 1000000 + random(1, 2000) * 10
INSERT INTO crash_items SELECT i, i % 7, i / 100.0, i % 2 = 0, 'item ' || i, clock_timestamp() FROM generate_series(:first, :first + 9) i ON CONFLICT DO NOTHING;
UPDATE crash_items SET price = price + 1, at = clock_timestamp() WHERE id BETWEEN :first AND :first + 4;
DELETE FROM crash_items WHERE id BETWEEN :first + 7 AND :first + 8;
`,
	// Updates of the key, there and back.
	"keys.sql@3": `\set id :client_id * 1000000 + random(1, 20000)
BEGIN;
UPDATE crash_items SET id = -id, note = 'moved' WHERE id = :id;
UPDATE crash_items SET id = -id, price = 7.77 WHERE id = -:id;
UPDATE crash_items SET id = -id - 500000000 WHERE id = :id AND NOT EXISTS (SELECT FROM crash_items WHERE id = -:id - 500000000);
END;
`,
	"shape.sql@2": `\set id random(1, 1000)
UPDATE crash_shape SET n = n + 1 WHERE id = :id;
`,
	"rollback.sql@1": `\set id :client_id * 1000000 + random(30000, 40000)
BEGIN;
INSERT INTO crash_items (id, note) VALUES (:id, 'kept') ON CONFLICT (id) DO UPDATE SET grp = coalesce(crash_items.grp, 0) + 1;
SAVEPOINT a;
UPDATE crash_items SET note = 'lost' WHERE id = :id;
ROLLBACK TO a;
SAVEPOINT b;
UPDATE crash_items SET paid = true WHERE id = :id;
RELEASE b;
END;
`,
}

// tables makes pgbench's tables and ours.
func (p *postgresVictim) tables() {
	p.t.Helper()
	if out, err := p.pgbenchCommand(p.t.Context(), "-i", "-q", "-s", fmt.Sprint(crashScale)).CombinedOutput(); err != nil {
		p.t.Fatalf("pgbench -i: %v: %s", err, out)
	}
	db, err := pgx.Connect(p.t.Context(), p.dsn())
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close(context.Background())
	if _, err := db.Exec(p.t.Context(), crashTables, pgx.QueryExecModeSimpleProtocol); err != nil {
		p.t.Fatal(err)
	}
}

func (p *postgresVictim) pgbenchCommand(ctx context.Context, args ...string) *exec.Cmd {
	p.t.Helper()
	program := filepath.Join(p.Bin(), "pgbench")
	if _, err := os.Stat(program); err != nil {
		if program, err = exec.LookPath("pgbench"); err != nil {
			if os.Getenv("REQUIRE_SERVICES") == "1" {
				p.t.Fatal(err)
			}
			p.t.Skip(err)
		}
	}
	u, err := url.Parse(p.dsn())
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, program, append([]string{"-h", u.Hostname(), "-p", u.Port(), "-U", "postgres"}, append(args, "postgres")...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// pgbench runs until ctx is done, again after each end: the server is killed
// under it.
func (p *postgresVictim) pgbench(ctx context.Context, seed uint64) {
	args := []string{"-n", "-c", "4", "-j", "1", "-T", "36000", "-R", "250", "-b", "tpcb-like@6", "--random-seed", fmt.Sprint(seed % (1 << 31))}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range crashScripts {
			if !yield(name) {
				return
			}
		}
	}) {
		file, weight, _ := strings.Cut(name, "@")
		path := filepath.Join(p.dir, file)
		if err := os.WriteFile(path, []byte(crashScripts[name]), 0o600); err != nil {
			p.t.Error(err)
			return
		}
		args = append(args, "-f", path+"@"+weight)
	}
	for ctx.Err() == nil {
		out, err := p.pgbenchCommand(ctx, args...).CombinedOutput()
		text := string(out)
		if ctx.Err() == nil && (err == nil || !crashed(text)) {
			p.t.Errorf("pgbench ended: %v: %s", err, text)
			return
		}
		pause(ctx, 100*time.Millisecond)
	}
}
