package mysql

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/schemas"
)

// own starts a server of the test's own, of the flavour of the shared one.
func own(t *testing.T, of func(testing.TB) *local.MySQL, settings map[string]string) *local.MySQL {
	t.Helper()
	s, err := local.StartMySQL(t.Context(), local.MySQLOptions{Flavour: of(t).Flavour(), Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

// onOwn makes the database crm with a table of one row.
func onOwn(t *testing.T, server *local.MySQL) *bed {
	t.Helper()
	b := openBed(t, server, "")
	b.name = "crm"
	b.exec(t, "CREATE DATABASE crm; CREATE TABLE crm.items (id int PRIMARY KEY, name varchar(10000)); INSERT INTO crm.items VALUES (1, 'a')")
	return b
}

// refused opens a source and returns what it says; on MariaDB the server may say
// it only when it is asked for the log.
func (b *bed) refused(t *testing.T, c Config, from schemas.Position, says ...string) {
	t.Helper()
	s := b.source(t, c)
	var said string
	if err := s.Open(t.Context(), from); err != nil {
		said = err.Error()
	} else {
		said = failure(t, s)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for _, want := range says {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in: %s", want, said)
		}
	}
}

// TestRefusedSettings opens on servers whose log does not hold whole rows.
func TestRefusedSettings(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := newBed(t, of(t))
		b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
		settings := []struct{ variable, bad, good, cure string }{
			{"binlog_format", "STATEMENT", "ROW", "SET GLOBAL binlog_format = 'ROW'"},
			{"binlog_format", "MIXED", "ROW", "SET GLOBAL binlog_format = 'ROW'"},
			{"binlog_row_image", "MINIMAL", "FULL", "SET GLOBAL binlog_row_image = 'FULL'"},
			{"binlog_row_metadata", "MINIMAL", "FULL", "SET GLOBAL binlog_row_metadata = 'FULL'"},
		}
		if !b.maria {
			settings = append(settings, struct{ variable, bad, good, cure string }{"binlog_row_value_options", "PARTIAL_JSON", "", "SET GLOBAL binlog_row_value_options = ''"})
		}
		for _, s := range settings {
			t.Run(s.variable+" "+s.bad, func(t *testing.T) {
				set := func(to string) { b.set(t, fmt.Sprintf("SET GLOBAL %s = '%s'", s.variable, to)) }
				set(s.bad)
				defer set(s.good)
				b.refused(t, b.config("items"), "", "captures.crm.mysql.dsn", s.variable, s.bad, s.cure)
			})
		}
	})
}

// TestRefusedSessions stops at what a session wrote with settings of its own.
func TestRefusedSessions(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		for _, c := range []struct{ name, sql, says string }{
			{"statement", "SET SESSION binlog_format = 'STATEMENT'; UPDATE items SET n = 2 WHERE id = 1; SET SESSION binlog_format = 'ROW'", "binlog_format STATEMENT or MIXED"},
			{"minimal", "SET SESSION binlog_row_image = 'MINIMAL'; UPDATE items SET n = 2 WHERE id = 1; SET SESSION binlog_row_image = 'FULL'", "SET GLOBAL binlog_row_image = 'FULL'"},
		} {
			t.Run(c.name, func(t *testing.T) {
				b := newBed(t, of(t))
				b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, n int, x int); INSERT INTO items VALUES (1, 1, 1)")
				s := b.source(t, b.config("items"))
				r := capturetest.Open(t, s, "")
				r.Settle(b.harness())
				b.set(t, c.sql)
				if said := failure(t, s); !strings.Contains(said, c.says) || !strings.Contains(said, "--resnapshot") {
					t.Error(said)
				}
			})
		}
		t.Run("partial JSON", func(t *testing.T) {
			if of(t).Flavour() == local.FlavourMariaDB {
				return // it logs whole documents
			}
			b := newBed(t, of(t))
			b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, j json); INSERT INTO items VALUES (1, JSON_OBJECT('a', 1, 'pad', REPEAT('x', 1000)))")
			s := b.source(t, b.config("items"))
			r := capturetest.Open(t, s, "")
			r.Settle(b.harness())
			b.set(t, "SET SESSION binlog_row_value_options = 'PARTIAL_JSON'; UPDATE items SET j = JSON_SET(j, '$.a', 2); SET SESSION binlog_row_value_options = ''")
			if said := failure(t, s); !strings.Contains(said, "SET GLOBAL binlog_row_value_options = ''") || !strings.Contains(said, "--resnapshot") {
				t.Error(said)
			}
		})
		t.Run("xa", func(t *testing.T) {
			b := newBed(t, of(t))
			b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
			s := b.source(t, b.config("items"))
			r := capturetest.Open(t, s, "")
			r.Settle(b.harness())
			b.set(t, "XA START 'a'; INSERT INTO items VALUES (1); XA END 'a'; XA PREPARE 'a'; XA COMMIT 'a'")
			if said := failure(t, s); !strings.Contains(said, "XA transaction") {
				t.Error(said)
			}
		})
		t.Run("xa of others", func(t *testing.T) {
			b := newBed(t, of(t))
			b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); CREATE TABLE apart (id int PRIMARY KEY)")
			begin := func(name string, id int) {
				b.set(t, fmt.Sprintf("XA START '%s', 'b', 7; INSERT INTO apart VALUES (%d); XA END '%s', 'b', 7; XA PREPARE '%s', 'b', 7", name, id, name, name))
			}
			// A session that prepared one must end before another may commit it.
			end := func(how, name string) {
				soon(t, how+" "+name, func() bool {
					_, err := b.db.ExecContext(t.Context(), fmt.Sprintf("XA %s '%s', 'b', 7", how, name))
					return err == nil
				})
			}
			b.db.SetMaxIdleConns(0)
			begin("early", 1)
			r := capturetest.Open(t, b.source(t, b.config("items")), "")
			r.Settle(b.harness())
			begin("later", 2)
			begin("never", 3)
			b.set(t, "XA START 'once'; INSERT INTO apart VALUES (4); XA END 'once'; XA COMMIT 'once' ONE PHASE")
			b.exec(t, "INSERT INTO items VALUES (1)")
			r.Until("c items => {id: 1}")
			r.Close()
			end("COMMIT", "later")
			end("ROLLBACK", "never")
			b.exec(t, "INSERT INTO items VALUES (2)")
			s := b.source(t, b.config("items"))
			again := capturetest.Open(t, s, r.Last())
			again.Until("c items => {id: 2}")
			if at, err := parsePosition(again.Last()); err != nil || len(at.XA) != 0 {
				t.Errorf("the position still has %v (%v)", at.XA, err)
			}
			end("COMMIT", "early")
			if said := failure(t, s); !strings.Contains(said, "XA transaction X'6561726c79',X'62',7 commits, which was prepared before the capture began") || !strings.Contains(said, "--resnapshot") {
				t.Error(said)
			}
		})
		t.Run("metadata", func(t *testing.T) {
			b := newBed(t, of(t))
			b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
			s := b.source(t, b.config("items"))
			r := capturetest.Open(t, s, "")
			r.Settle(b.harness())
			b.set(t, "SET GLOBAL binlog_row_metadata = 'MINIMAL'")
			defer b.set(t, "SET GLOBAL binlog_row_metadata = 'FULL'")
			b.exec(t, "ALTER TABLE items ADD COLUMN a int; INSERT INTO items VALUES (1, 1)")
			if said := failure(t, s); !strings.Contains(said, "binlog_row_metadata = 'FULL'") || !strings.Contains(said, ".items at binlog.") {
				t.Error(said)
			}
		})
	})
}

// TestAnotherServer meets one with the same files and tables, with another
// server_id and with the same.
func TestAnotherServer(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		settings := map[string]string{"server_id": "77"}
		first, second, third := onOwn(t, own(t, of, settings)), onOwn(t, own(t, of, settings)), onOwn(t, own(t, of, nil))
		r := capturetest.Open(t, first.source(t, first.config("items")), "")
		first.exec(t, "INSERT INTO crm.items VALUES (2, 'b')")
		r.Read(2)
		at := r.Last()
		r.Close()
		for i := range 40 { // as far as the first one, and further
			second.exec(t, fmt.Sprintf("INSERT INTO crm.items VALUES (%d, 'x')", 100+i))
			third.exec(t, fmt.Sprintf("INSERT INTO crm.items VALUES (%d, 'x')", 100+i))
		}
		third.refused(t, third.config("items"), at, "the saved position", "sluice capture crm --resnapshot")
		second.refused(t, second.config("items"), at, "the saved position", "sluice capture crm --resnapshot")
		c := second.config("items")
		c.Snapshot.Mode = WhenNeeded
		again := capturetest.Open(t, second.source(t, c), at)
		if rows := again.Settle(second.harness()); len(rows) != 41 {
			t.Errorf("a snapshot made anew has %d rows, want 41", len(rows))
		}
	})
}

// TestBegunAnew meets a server whose log was begun anew, and one restored to a
// time before the position.
func TestBegunAnew(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := onOwn(t, own(t, of, nil))
		r := capturetest.Open(t, b.source(t, b.config("items")), "")
		b.exec(t, "INSERT INTO crm.items VALUES (2, 'b'); INSERT INTO crm.items VALUES (3, 'c')")
		r.Read(3)
		r.Close()
		reset := "RESET BINARY LOGS AND GTIDS"
		if b.maria {
			reset = "RESET MASTER"
		}
		b.set(t, reset)
		b.exec(t, "INSERT INTO crm.items VALUES (4, 'd')")
		b.refused(t, b.config("items"), r.Last(), "transactions that the server has not", "--resnapshot")
	})
}

// TestPurged meets a server that has purged what was not read.
func TestPurged(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := onOwn(t, own(t, of, nil))
		r := capturetest.Open(t, b.source(t, b.config("items")), "")
		r.Read(1)
		r.Settle(b.harness())
		r.Close()
		b.exec(t, "INSERT INTO crm.items VALUES (2, 'b')")
		b.set(t, "FLUSH BINARY LOGS")
		b.exec(t, "INSERT INTO crm.items VALUES (3, 'c')")
		b.set(t, "FLUSH BINARY LOGS")
		b.purge(t)
		b.refused(t, b.config("items"), r.Last(), "the saved position", "purged transactions that were not read", "sluice capture crm --resnapshot")
	})
}

// TestWithoutGTIDs reads by places, and refuses another server and a purged file.
func TestWithoutGTIDs(t *testing.T) {
	settings := map[string]string{"gtid_mode": "OFF", "enforce_gtid_consistency": "OFF"}
	b, other := onOwn(t, own(t, localtest.MySQL, settings)), onOwn(t, own(t, localtest.MySQL, settings))
	r := capturetest.Open(t, b.source(t, b.config("items")), "")
	b.exec(t, "INSERT INTO crm.items VALUES (2, 'b'), (3, 'c')")
	r.Read(3)
	at := r.Last()
	r.Close()
	b.exec(t, "INSERT INTO crm.items VALUES (4, 'd')")
	b.set(t, "FLUSH BINARY LOGS")
	again := capturetest.Open(t, b.source(t, b.config("items")), at)
	if got := again.Read(1)[0].Text; got != `c items => {id: 4, name: "d"}` {
		t.Error(got)
	}
	again.Close()
	other.refused(t, other.config("items"), at, "without GTIDs a position holds for one server alone", "--resnapshot")
	b.purge(t)
	b.refused(t, b.config("items"), at, "has purged file", "--resnapshot")
}

// TestReplicaNumber refuses the server's own number, and is told of another's.
func TestReplicaNumber(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := newBed(t, of(t))
		b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
		c := b.config("items")
		c.ServerID = uint32(of(t).Port())
		b.refused(t, c, "", "is the server's own")
	})
}

// purge takes all files of the log but the newest away. A server leaves those that
// it believes to be read: until it notices that a replica is gone.
func (b *bed) purge(t *testing.T) {
	t.Helper()
	soon(t, "the log to be purged", func() bool {
		files, err := (&server{maria: b.maria}).files(t.Context(), b.db)
		if err != nil {
			t.Fatal(err)
		}
		b.set(t, "PURGE BINARY LOGS TO '"+files[len(files)-1].name+"'")
		return len(files) == 1
	})
}

// set runs statements one after another, outside of a transaction.
func (b *bed) set(t testing.TB, sql string) {
	t.Helper()
	conn, err := b.db.Conn(context.Background())
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	if _, err := conn.ExecContext(context.Background(), sql); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}
