package mysql

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/schemas"
)

// TestLargeTransaction passes a transaction of 1,000,000 rows through a process of
// its own, whose memory stays small.
func TestLargeTransaction(t *testing.T) {
	if dsn := os.Getenv("SLUICE_TEST_LARGE_DSN"); dsn != "" {
		readLarge(t, dsn, os.Getenv("SLUICE_TEST_LARGE_TABLE"))
		return
	}
	if testing.Short() {
		t.Skip("writes 1,000,000 rows")
	}
	if _, err := os.ReadFile("/proc/self/status"); err != nil {
		t.Skip("the system does not tell what a process takes:", err)
	}
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		passLarge(t, of(t), "")
		if of(t).Flavour() == local.FlavourMySQL {
			passLarge(t, of(t), "SET SESSION binlog_transaction_compression = ON; ")
		}
	})
}

func passLarge(t *testing.T, server *local.MySQL, settings string) {
	t.Helper()
	b := newBed(t, server)
	b.exec(t, "CREATE TABLE items (id bigint PRIMARY KEY, name varchar(200), at datetime(6), price decimal(12,2))")
	r := capturetest.Open(t, b.source(t, b.config("items")), "")
	r.Settle(b.harness())
	r.Close()
	b.exec(t, "CREATE TABLE digits (d int PRIMARY KEY); INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)")
	b.set(t, settings+`INSERT INTO items SELECT 1 + f.d + 10 * e.d + 100 * d.d + 1000 * c.d + 10000 * b.d + 100000 * a.d, SHA2(f.d + 10 * e.d, 256), '2024-01-01', f.d
		FROM digits a STRAIGHT_JOIN digits b STRAIGHT_JOIN digits c STRAIGHT_JOIN digits d STRAIGHT_JOIN digits e STRAIGHT_JOIN digits f`)
	if n := b.ask(t, "SELECT COUNT(*) FROM items"); n != strconv.Itoa(largeRows) {
		t.Fatalf("%s rows were written", n)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLargeTransaction$", "-test.v")
	cmd.Env = append(os.Environ(), "SLUICE_TEST_LARGE_DSN="+b.dsn, "SLUICE_TEST_LARGE_TABLE="+b.name+".items", "SLUICE_TEST_LARGE_FROM="+string(r.Last()))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if _, kib, ok := strings.Cut(line, "VmHWM: "); ok {
			n, err := strconv.Atoi(strings.Fields(kib)[0])
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("the process took %d MiB", n>>10)
			if n > 128<<10 {
				t.Errorf("the process took %d MiB, over 128", n>>10)
			}
			return
		}
	}
	t.Fatalf("the process does not say what it took:\n%s", out)
}

const largeRows = 1_000_000

// readLarge is the process.
func readLarge(t *testing.T, dsn, table string) {
	c := Config{DSN: dsn, Tables: []string{table}, HeartbeatTopic: new(bool)}
	s, err := c.New("crm", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context(), schemas.Position(os.Getenv("SLUICE_TEST_LARGE_FROM"))); err != nil {
		t.Fatal(err)
	}
	seen := make([]bool, largeRows+1)
	for n := 0; n < largeRows; {
		batch, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range batch.Changes {
			n++
			if id := c.After[0].Int(); seen[id] {
				t.Fatalf("row %d came again", id)
			} else {
				seen[id] = true
			}
		}
		if err := s.Ack(t.Context(), batch.Position); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM") {
			fmt.Println(strings.Join(strings.Fields(line), " "))
		}
	}
}
