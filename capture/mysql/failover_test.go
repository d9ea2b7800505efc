package mysql

import (
	"fmt"
	"strings"
	"testing"

	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/schemas"
)

// replicaOf starts a replica whose log has the rows of the primary's in other
// events, and compressed.
func replicaOf(t *testing.T, primary *bed) *bed {
	t.Helper()
	settings := map[string]string{"binlog_row_event_max_size": "512", "binlog_transaction_compression": "ON"}
	if primary.maria {
		settings = map[string]string{"binlog_row_event_max_size": "512", "log_bin_compress": "ON", "log_bin_compress_min_len": "10"}
	}
	server, err := local.StartMySQLReplica(t.Context(), primary.server, local.MySQLOptions{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	b := openBed(t, server, "")
	b.name = "crm"
	return b
}

// caughtUp waits until a query has the same answer on both.
func caughtUp(t *testing.T, primary, replica *bed, q string) {
	t.Helper()
	want := primary.ask(t, q)
	soon(t, "the replica to catch up", func() bool {
		rows, err := query(t.Context(), replica.db, q)
		return err == nil && len(rows) == 1 && rows[0].text(0) == want
	})
}

// takeOver kills the primary and promotes the replica.
func takeOver(t *testing.T, primary, replica *bed) {
	t.Helper()
	if err := primary.server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := replica.server.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestFailoverInsideATransaction stops in the midst of a transaction, at many of
// its rows, and goes on at the replica.
func TestFailoverInsideATransaction(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		primary := onOwn(t, own(t, of, nil))
		replica := replicaOf(t, primary)
		c := primary.config("items")
		c.Buffer = 64 << 10
		r := capturetest.Open(t, primary.source(t, c), "")
		r.Settle(primary.harness())
		start := len(r.Seen)
		const rows = 2000
		primary.exec(t, "INSERT INTO crm.items SELECT n, REPEAT(CHAR(97 + n % 26), 40) FROM ("+numbers(2, rows)+") s; UPDATE crm.items SET name = 'u' WHERE id % 2 = 0; DELETE FROM crm.items WHERE id % 3 = 0")
		primary.exec(t, "INSERT INTO crm.items VALUES (100000, 'last of the primary')")
		r.Until(`c items => {id: 100000, name: "last of the primary"}`)
		r.Close()
		whole := r.Seen[start:]
		caughtUp(t, primary, replica, "SELECT COUNT(*) FROM crm.items")
		replica.set(t, "FLUSH BINARY LOGS")
		takeOver(t, primary, replica)
		replica.exec(t, "INSERT INTO crm.items VALUES (100001, 'first of the replica')")
		var inside []capturetest.Place
		for _, place := range r.Positions {
			at, err := parsePosition(place.Position)
			if err != nil {
				t.Fatal(err)
			}
			if place.Count < start || at.Snapshot || at.Row == 0 {
				continue
			}
			inside = append(inside, place)
		}
		if len(inside) < 3 {
			t.Errorf("only %d positions lie inside the transaction", len(inside))
		}
		for i := 0; i < len(inside); i += max(1, len(inside)/8) {
			place := inside[i]
			rest := whole[place.Count-start:]
			again := capturetest.Open(t, replica.source(t, replica.config("items")), place.Position)
			got := again.Read(len(rest) + 1)
			again.Close()
			for j, want := range rest {
				if got[j].Text != want.Text || got[j].ID != want.ID {
					t.Fatalf("from %s on, change %d is %s %s, on the primary %s %s", place.Position, j, got[j].ID, got[j].Text, want.ID, want.Text)
				}
			}
			if last := got[len(rest)].Text; last != `c items => {id: 100001, name: "first of the replica"}` {
				t.Errorf("then comes %s", last)
			}
		}
		t.Logf("%d positions lie inside the transaction", len(inside))
	})
}

// numbers is a query of the numbers from first on, as column n, without recursion
// limits.
func numbers(first, count int) string {
	var b strings.Builder
	for i := range count {
		if i > 0 {
			b.WriteString(" UNION ALL ")
		}
		if i == 0 {
			fmt.Fprintf(&b, "SELECT %d n", first)
		} else {
			fmt.Fprintf(&b, "SELECT %d", first+i)
		}
	}
	return b.String()
}

// TestFailoverInsideASnapshot goes on at the replica while tables are copied.
func TestFailoverInsideASnapshot(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		primary := onOwn(t, own(t, of, nil))
		for range 20 { // so that the names of the primary's files are greater than the replica's
			primary.set(t, "FLUSH BINARY LOGS")
		}
		const rows = 1500
		primary.exec(t, "INSERT INTO crm.items SELECT n, 'old' FROM ("+numbers(2, rows-1)+") s")
		replica := replicaOf(t, primary)
		s := primary.source(t, primary.config("items"))
		s.chunkRows = 50
		r := capturetest.Open(t, s, "")
		state := map[string]string{}
		for copied := 0; copied < 300; {
			copied += apply(t, state, r.Next())
		}
		primary.exec(t, "UPDATE crm.items SET name = 'new' WHERE id % 7 = 0; DELETE FROM crm.items WHERE id % 11 = 0")
		r.Close()
		caughtUp(t, primary, replica, "SELECT CONCAT(COUNT(*), ' ', SUM(name = 'new')) FROM crm.items")
		takeOver(t, primary, replica)
		s = replica.source(t, replica.config("items"))
		s.chunkRows = 50
		again := capturetest.Open(t, s, r.Last())
		for again.Last().IsZero() || replica.harness().Copying(t, again.Last()) {
			apply(t, state, again.Next())
			if len(again.Positions) == 5 {
				replica.exec(t, "UPDATE crm.items SET name = 'newest' WHERE id % 13 = 0")
			}
		}
		replica.exec(t, "INSERT INTO crm.items VALUES (100000, 'end')")
		for state["100000"] == "" {
			apply(t, state, again.Next())
		}
		records, err := query(t.Context(), replica.db, "SELECT id, name FROM crm.items")
		if err != nil {
			t.Fatal(err)
		}
		if len(records) != len(state) {
			t.Errorf("%d rows were captured, and the table has %d", len(state), len(records))
		}
		for _, rec := range records {
			if got := state[rec.text(0)]; got != rec.text(1) {
				t.Errorf("row %s is %q, captured %q", rec.text(0), rec.text(1), got)
			}
		}
	})
}

// apply keeps the rows of items, and counts those of a snapshot. A row that goes
// back fails the test.
func apply(t *testing.T, state map[string]string, seen []capturetest.Seen) (read int) {
	t.Helper()
	age := map[string]int{"old": 1, "a": 1, "new": 2, "newest": 3, "end": 3}
	for _, c := range seen {
		if c.Op == schemas.Delete {
			delete(state, capturetest.RenderValue(c.Before[0]))
			continue
		}
		if c.Op == schemas.Read {
			read++
		}
		id, name := capturetest.RenderValue(c.After[0]), string(c.After[1].Bytes)
		if age[name] < age[state[id]] || c.Op == schemas.Read && state[id] != "" {
			t.Errorf("row %s was %q, then came %s", id, state[id], c.Text)
		}
		state[id] = name
	}
	return read
}

// TestFailoverToALateReplica refuses a replica that never had what was read.
func TestFailoverToALateReplica(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		primary := onOwn(t, own(t, of, nil))
		replica := replicaOf(t, primary)
		caughtUp(t, primary, replica, "SELECT COUNT(*) FROM crm.items")
		stop := "STOP REPLICA"
		if replica.maria {
			stop = "STOP SLAVE"
		}
		replica.set(t, stop)
		r := capturetest.Open(t, primary.source(t, primary.config("items")), "")
		primary.exec(t, "INSERT INTO crm.items VALUES (2, 'lost')")
		r.Until(`c items => {id: 2, name: "lost"}`)
		r.Close()
		takeOver(t, primary, replica)
		replica.refused(t, replica.config("items"), r.Last(), "holds transactions that the server has not", "--resnapshot")
		// Its own transactions have the numbers of those that were lost.
		for i := range 5 {
			replica.exec(t, fmt.Sprintf("INSERT INTO crm.items VALUES (%d, 'other')", 10+i))
		}
		replica.refused(t, replica.config("items"), r.Last(), "the saved position", "--resnapshot")
	})
}

// TestReplicaThatLogsNothing refuses one that leaves its primary's changes out of
// its log.
func TestReplicaThatLogsNothing(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		primary := onOwn(t, own(t, of, nil))
		settings := map[string]string{"log_replica_updates": "OFF"}
		if primary.maria {
			settings = map[string]string{"log_slave_updates": "OFF"}
		}
		server, err := local.StartMySQLReplica(t.Context(), primary.server, local.MySQLOptions{Settings: settings})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Stop() })
		replica := openBed(t, server, "")
		replica.name = "crm"
		caughtUp(t, primary, replica, "SELECT COUNT(*) FROM crm.items")
		replica.refused(t, replica.config("items"), "", "is a replica, and leaves out of its log", "restart it")
	})
}
