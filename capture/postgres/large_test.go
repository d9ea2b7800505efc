package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sluice/schemas"
)

// TestLargeTransaction passes 250 MB of one transaction through a process of its
// own, whose memory stays small. Two million rows of 50 bytes take as little.
func TestLargeTransaction(t *testing.T) {
	if dsn := os.Getenv("SLUICE_TEST_LARGE_DSN"); dsn != "" {
		readLarge(t, dsn, os.Getenv("SLUICE_TEST_LARGE_SLOT"))
		return
	}
	if testing.Short() {
		t.Skip("writes 250 MB")
	}
	if _, err := os.ReadFile("/proc/self/status"); err != nil {
		t.Skip("the system does not tell what a process takes:", err)
	}
	needs14(t)
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id bigint PRIMARY KEY, name text, at timestamptz)")
	from := b.begin(t, b.config("public.items"))
	b.exec(t, fmt.Sprintf("INSERT INTO items SELECT i, repeat('x', 1000), now() FROM generate_series(1, %d) i", largeRows))
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLargeTransaction$", "-test.v")
	cmd.Env = append(os.Environ(), "SLUICE_TEST_LARGE_DSN="+b.dsn, "SLUICE_TEST_LARGE_SLOT="+b.slot, "SLUICE_TEST_LARGE_FROM="+string(from))
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

const largeRows = 250_000

// readLarge is the process.
func readLarge(t *testing.T, dsn, slot string) {
	c := Config{DSN: dsn, Tables: []string{"public.items"}, Slot: slot, Snapshot: SnapshotConfig{Mode: Never}, HeartbeatTopic: new(bool)}
	c.Spill.Dir = t.TempDir()
	s, err := c.New("erp", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context(), schemas.Position(os.Getenv("SLUICE_TEST_LARGE_FROM"))); err != nil {
		t.Fatal(err)
	}
	for n := int64(0); n < largeRows; {
		batch, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range batch.Changes {
			if n++; c.After[0].Int() != n {
				t.Fatalf("row %d came in place %d", c.After[0].Int(), n)
			}
		}
		if err := s.Ack(t.Context(), batch.Position); err != nil {
			t.Fatal(err)
		}
	}
	if st := s.stream.spill; st.spilled != 1 {
		t.Errorf("%d transactions went to disk, want 1", st.spilled)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(filepath.Join("/proc", "self", "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Println("VmHWM: " + strings.TrimSpace(kib))
		}
	}
}
