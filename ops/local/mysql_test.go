package local_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"sluice/ops/local"
)

// flavours runs the test against MySQL and against MariaDB.
func flavours(t *testing.T, test func(t *testing.T, f local.Flavour)) {
	for _, f := range []local.Flavour{local.FlavourMySQL, local.FlavourMariaDB} {
		t.Run(string(f), func(t *testing.T) { test(t, f) })
	}
}

func startMySQL(t *testing.T, o local.MySQLOptions) *local.MySQL {
	t.Helper()
	s, err := local.StartMySQL(t.Context(), o)
	need(t, err)
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

// ask runs the statements in one session, and returns the first column of the
// last one's first row, if it has any.
func ask(t *testing.T, s *local.MySQL, statements ...string) string {
	t.Helper()
	db, err := sql.Open("mysql", s.DSN(""))
	need(t, err)
	defer db.Close()
	c, err := db.Conn(t.Context())
	need(t, err)
	defer c.Close()
	last := len(statements) - 1
	for _, q := range statements[:last] {
		if _, err := c.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	var answer sql.NullString
	if err := c.QueryRowContext(t.Context(), statements[last]).Scan(&answer); err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatalf("%s: %v", statements[last], err)
	}
	return answer.String
}

func TestMySQLLogsFullRowsAndIsPrivate(t *testing.T) {
	flavours(t, func(t *testing.T, f local.Flavour) {
		a := startMySQL(t, local.MySQLOptions{Flavour: f, Settings: map[string]string{"binlog_row_image": "MINIMAL", "init_connect": "SET @a = 'it''s # mine'"}})
		b := startMySQL(t, local.MySQLOptions{Flavour: f})
		if got := ask(t, b, "SELECT VERSION()"); !strings.HasPrefix(got, b.Release()) || strings.Contains(got, "MariaDB") != (f == local.FlavourMariaDB) {
			t.Errorf("VERSION() = %s, release %s", got, b.Release())
		}
		want := map[string]string{
			"log_bin": "1", "binlog_format": "ROW", "binlog_row_image": "FULL", "binlog_row_metadata": "FULL",
			"character_set_server": "utf8mb4", "time_zone": "+00:00", "innodb_flush_log_at_trx_commit": "2",
		}
		if f == local.FlavourMySQL {
			want["gtid_mode"], want["enforce_gtid_consistency"] = "ON", "ON"
		} else {
			want["gtid_strict_mode"], want["log_slave_updates"] = "1", "1"
		}
		for name, value := range want {
			if got := ask(t, b, "SELECT @@GLOBAL."+name); got != value {
				t.Errorf("%s = %s, want %s", name, got, value)
			}
		}
		if got := ask(t, a, "SELECT @@GLOBAL.binlog_row_image"); got != "MINIMAL" {
			t.Errorf("a setting of the caller is %s", got)
		}
		if got := ask(t, a, "SELECT @@GLOBAL.init_connect"); got != "SET @a = 'it''s # mine'" {
			t.Errorf("a setting of the caller is %s", got)
		}
		identity := "SELECT @@server_id"
		if f == local.FlavourMySQL {
			identity = "SELECT CONCAT(@@server_id, ' ', @@server_uuid)"
		}
		if x, y := ask(t, a, identity), ask(t, b, identity); x == y {
			t.Errorf("two servers are both %s", x)
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
	})
}

func TestMySQLKeepsCommittedRowsOverKill(t *testing.T) {
	flavours(t, func(t *testing.T, f local.Flavour) {
		for name, durable := range map[string]bool{"durable": true, "fast": false} {
			t.Run(name, func(t *testing.T) {
				s := startMySQL(t, local.MySQLOptions{Flavour: f, Durable: durable})
				port := s.Port()
				ask(t, s, "CREATE DATABASE d", "CREATE TABLE d.t (n int PRIMARY KEY AUTO_INCREMENT)", "DO 1")
				for n := 1; n <= 3; n++ {
					ask(t, s, "INSERT INTO d.t VALUES ()", "DO 1")
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
					if got := ask(t, s, "SELECT COUNT(*) FROM d.t"); got != string(rune('0'+n)) {
						t.Errorf("%s rows after kill -9, want %d", got, n)
					}
				}
				if s.Port() != port {
					t.Errorf("port %d became %d", port, s.Port())
				}
			})
		}
	})
}

func TestMySQLOpensADirectoryThatWasKept(t *testing.T) {
	flavours(t, func(t *testing.T, f local.Flavour) {
		// Deeper than a socket's path may be long.
		// Not t.TempDir, which the server's own user may not enter.
		dir, err := os.MkdirTemp("", "kept-"+strings.Repeat("deep-", 25)) //nolint:usetesting // see above
		need(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		o := local.MySQLOptions{Flavour: f, Dir: dir, KeepDir: true}
		s := startMySQL(t, o)
		ask(t, s, "CREATE DATABASE kept", "DO 1")
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		o.KeepDir = false
		if got := ask(t, startMySQL(t, o), "SHOW DATABASES LIKE 'kept'"); got != "kept" {
			t.Errorf("the database is %q after another start", got)
		}
	})
}

func TestMySQLTakesSettingsOfTheFirstStart(t *testing.T) {
	flavours(t, func(t *testing.T, f local.Flavour) {
		s := startMySQL(t, local.MySQLOptions{Flavour: f, Settings: map[string]string{"lower_case_table_names": "1"}})
		if got := ask(t, s, "SELECT @@lower_case_table_names"); got != "1" {
			t.Errorf("lower_case_table_names = %s", got)
		}
	})
}

func TestMySQLHasItsClients(t *testing.T) {
	flavours(t, func(t *testing.T, f local.Flavour) {
		s := startMySQL(t, local.MySQLOptions{Flavour: f})
		client := filepath.Join(s.Bin(), string(f))
		if _, err := os.Stat(client); err != nil {
			t.Skip(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		out, err := exec.CommandContext(ctx, client, "--no-defaults", "-uroot", "--socket="+s.Socket(), "-NBe", "SELECT 40 + 2").CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "42" {
			t.Errorf("%s: %v: %s", client, err, out)
		}
	})
}

func TestMySQLReplicaFollowsAndIsPromoted(t *testing.T) {
	flavours(t, func(t *testing.T, f local.Flavour) {
		primary := startMySQL(t, local.MySQLOptions{Flavour: f})
		ask(t, primary, "CREATE DATABASE d", "CREATE TABLE d.t (a int PRIMARY KEY)", "INSERT INTO d.t VALUES (1)", "SELECT 1")
		replica, err := local.StartMySQLReplica(t.Context(), primary, local.MySQLOptions{})
		need(t, err)
		t.Cleanup(func() { _ = replica.Stop() })
		ask(t, primary, "INSERT INTO d.t VALUES (2)", "SELECT 1")
		deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
		defer tick.Stop()
		const tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'd'"
		for ask(t, replica, tables) != "1" || ask(t, replica, "SELECT COUNT(*) FROM d.t") != "2" {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatal("the replica does not catch up")
			}
		}
		if err := replica.Promote(t.Context()); err != nil {
			t.Fatal(err)
		}
		ask(t, primary, "INSERT INTO d.t VALUES (3)", "SELECT 1")
		ask(t, replica, "INSERT INTO d.t VALUES (4)", "SELECT 1")
		if got := ask(t, replica, "SELECT GROUP_CONCAT(a ORDER BY a) FROM d.t"); got != "1,2,4" {
			t.Errorf("the promoted replica has %s", got)
		}
	})
}
