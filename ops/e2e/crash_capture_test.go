package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/demo/world"
	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/schemas/registry"
	"sluice/stream/kafka"
)

// TestCaptureCrash kills `sluice capture` with SIGKILL at random moments, the
// first ones during the snapshot, and now and then the database server, while a
// load and stranger transactions write. Afterwards the tables rebuilt from Kafka
// must be those of the database, row by row, and no event may be there twice.
// ROUNDS is how often, SEED repeats a run's choices.
func TestCaptureCrash(t *testing.T) {
	rounds, seed := number("ROUNDS", 5), number("SEED", uint64(time.Now().UnixNano()))
	for _, of := range []struct {
		name  string
		start func(*testing.T, uint64) victim
	}{
		{"postgres", startPostgresVictim},
		{"mysql", startMySQLVictim},
		{"mariadb", startMariaDBVictim},
		{"mysql-without-gtids", startPlainVictim},
	} {
		t.Run(of.name, func(t *testing.T) {
			t.Logf("ROUNDS=%d SEED=%d", rounds, seed)
			c := newCrash(t, seed, of.start(t, seed))
			stop := c.load(seed)
			c.start()
			for n := range rounds {
				c.round(n, rounds)
			}
			stop()
			c.settle()
			c.compare()
		})
	}
}

// victim is a database that is captured and killed. Its tables have one of their
// own for the harness: mark, whose rows come behind all else.
type victim interface {
	// settings is the capture's block in the configuration; its dsn is
	// ${CRASH_DSN}.
	settings() string
	dsn() string
	// topics is what the names of the tables' topics begin with.
	topics() string
	Kill() error
	Restart(ctx context.Context) error
	// writers write until ctx is done. A server that is killed under them does not
	// end them.
	writers(seed uint64) []func(ctx context.Context)
	// last writes the rows of a table whose columns came and went once more, so
	// that each has all of them, and then to mark.
	last(ctx context.Context) error
	// keys are the columns of the tables' primary keys; of a table without one,
	// none.
	keys() map[string][]string
	// table reads all rows of a table, values as neutral texts by column.
	table(ctx context.Context, name string, row func(map[string]string)) error
	// least are tables of which rows must be left, for the test to prove anything.
	least() []string
}

// crash is what the test needs: the database with its tables, a Kafka, and the
// capture in a process of its own.
type crash struct {
	victim
	t        *testing.T
	r        *rand.Rand
	dir      string
	kafka    kafka.Config
	registry *registry.Client
	env      []string
	capture  *world.Proc
	begun    int64 // where in its log its present life begins
}

// The Kafka transactions are small, so that many positions lie inside one of the
// database.
const crashYAML = `kafka: {brokers: ["${SLUICE_KAFKA}"], topics: {partitions: 1}}
registry: {url: "${SLUICE_REGISTRY}"}
captures:
  crash:
    commit: {bytes: 1MiB}
`

func newCrash(t *testing.T, seed uint64, v victim) *crash {
	t.Helper()
	c := &crash{victim: v, t: t, dir: t.TempDir(), r: rand.New(rand.NewPCG(seed, 5))}
	ctx := t.Context()
	var addr string
	if os.Getenv("SLUICE_TEST_KAFKA") == "apache" {
		addr = localtest.Apache(t).Addr()
	} else {
		b, err := world.StartBroker(ctx, binary, filepath.Join(c.dir, "kafka"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Stop() })
		addr = b.Addr()
	}
	c.kafka = kafka.Config{Brokers: []string{addr}}
	c.kafka.Defaults()
	reg, err := local.StartRegistry(ctx, c.kafka, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reg.Close() })
	if c.registry, err = (registry.Config{URL: reg.URL()}).Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.registry.Close)
	if err := os.WriteFile(filepath.Join(c.dir, "sluice.yaml"), []byte(crashYAML+v.settings()), 0o600); err != nil {
		t.Fatal(err)
	}
	c.env = []string{"CRASH_DSN=" + v.dsn(), "SLUICE_KAFKA=" + addr, "SLUICE_REGISTRY=" + reg.URL()}
	return c
}

// round kills once.
func (c *crash) round(n, rounds uint64) {
	c.t.Helper()
	// Little time for the first third, so that the snapshot is met.
	longest := 2500 * time.Millisecond
	if n < (rounds+2)/3 {
		longest = 700 * time.Millisecond
	}
	after, server := time.Duration(c.r.Int64N(int64(longest))), c.r.IntN(6) == 0
	pause(c.t.Context(), after)
	c.supervise()
	if !server {
		c.t.Logf("round %d: kill -9 of capture after %s", n, after)
		c.capture.Kill()
		c.restart()
		return
	}
	c.t.Logf("round %d: kill -9 of the database after %s", n, after)
	if err := c.Kill(); err != nil {
		c.t.Fatal(err)
	}
	if err := c.Restart(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// start starts the capture.
func (c *crash) start() {
	c.t.Helper()
	var err error
	if c.capture, err = world.StartRole(binary, c.dir, filepath.Join(c.dir, "sluice.yaml"), c.env, "capture"); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = c.capture.Stop(ctx) // may have been stopped
		if c.t.Failed() {
			c.t.Logf("the last words of sluice capture:\n%s", c.capture.Tail(25))
		}
	})
}

// supervise starts the capture again if the database went away while it was
// checked before the start: that ends it with a word, as a wrong address would. A
// capture that has started ends for nothing.
func (c *crash) supervise() {
	c.t.Helper()
	select {
	case <-c.capture.Done():
	default:
		return
	}
	said, err := os.ReadFile(c.capture.Log)
	if err != nil {
		c.t.Fatal(err)
	}
	life := string(said[c.begun:])
	if strings.Contains(life, "starting capture crash") || !crashed(life) {
		c.t.Fatalf("sluice capture ended by itself:\n%s", life)
	}
	c.t.Logf("the capture found no database, starting it again; it said: %s", strings.TrimSpace(life))
	c.restart()
}

// restart starts the capture after its end.
func (c *crash) restart() {
	c.t.Helper()
	if info, err := os.Stat(c.capture.Log); err == nil {
		c.begun = info.Size()
	}
	if err := c.capture.Restart(); err != nil {
		c.t.Fatal(err)
	}
}

// load begins to write to the database; stop ends it and waits.
func (c *crash) load(seed uint64) (stop func()) {
	ctx, cancel := context.WithCancel(c.t.Context())
	var all sync.WaitGroup
	for _, write := range c.writers(seed) {
		all.Go(func() { write(ctx) })
	}
	return sync.OnceFunc(func() { cancel(); all.Wait() })
}

// settle waits until the capture has committed everything, and stops it.
func (c *crash) settle() {
	c.t.Helper()
	if err := c.last(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 4*time.Minute)
	defer cancel()
	ok := poll(ctx, func() bool {
		c.supervise()
		seen := false
		err := c.kafka.ReadToEnd(ctx, nil, func(*kgo.Record) error { seen = true; return nil }, c.topics()+"crash_mark")
		return err == nil && seen
	})
	if !ok {
		c.t.Fatal("not everything arrived within four minutes")
	}
	// A snapshot may still run beside the stream.
	ctx, cancel = context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	want, last := c.expected(), ""
	ok = poll(ctx, func() bool {
		last = c.rebuild().difference(want)
		return last == ""
	})
	if !ok {
		c.t.Fatalf("Kafka and the database still differ:\n%s", last)
	}
	stopping, stopped := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer stopped()
	if err := c.capture.Stop(stopping); err != nil {
		c.t.Errorf("stopping the capture: %v", err)
	}
}

// compare is the verdict.
func (c *crash) compare() {
	c.t.Helper()
	got, want := c.rebuild(), c.expected()
	rows := 0
	for _, t := range want {
		rows += len(t)
	}
	lives, tx, copying := c.lives()
	c.t.Logf("%d lives of the capture, of which %d began inside a transaction and %d inside a snapshot", lives, tx, copying)
	c.t.Logf("%d rows of %d tables in the database, %d records in Kafka: %s", rows, len(want), got.records, got.ops())
	if d := got.difference(want); d != "" {
		c.t.Errorf("Kafka and the database differ:\n%s", d)
	}
	for _, twice := range got.twice {
		c.t.Errorf("an event is there twice: %s", twice)
	}
	for _, op := range "crudt" {
		if got.count[byte(op)] == 0 {
			c.t.Errorf("the load made no %c: the test proves less than it says", op)
		}
	}
	for _, table := range c.least() {
		if len(want[table]) == 0 {
			c.t.Errorf("the load left no rows of %s", table)
		}
	}
}

// lives counts, by what the capture said, how often it went on from a saved
// position, and what that lay in.
func (c *crash) lives() (all, inTransaction, inSnapshot int) {
	c.t.Helper()
	said, err := os.ReadFile(c.capture.Log)
	if err != nil {
		c.t.Fatal(err)
	}
	for line := range bytes.Lines(said) {
		var begun struct{ Msg, Position string }
		if json.Unmarshal(line, &begun) != nil || begun.Msg != "capture claimed" {
			continue
		}
		all++
		var at struct {
			Row    int
			Copies struct{ Runs []json.RawMessage }
		}
		if begun.Position == "" {
			continue // the first one, or killed before it had saved any
		}
		if err := json.Unmarshal([]byte(begun.Position), &at); err != nil {
			c.t.Errorf("reading position %s: %v", begun.Position, err)
		}
		if at.Row > 0 {
			inTransaction++
		}
		if len(at.Copies.Runs) > 0 {
			inSnapshot++
		}
	}
	return all, inTransaction, inSnapshot
}

// crashed reports whether the words of a client are those of one whose server
// went away.
func crashed(text string) bool {
	for _, s := range []string{
		"connection refused", "connection reset", "broken pipe", "unexpected EOF", "use of closed network connection",
		// PostgreSQL and its clients
		"server closed the connection", "perhaps the backend died", "could not connect", "connection to server",
		"terminating connection", "the database system is", "cannot reach PostgreSQL", "conn closed", "failed to connect",
		// MySQL, MariaDB and their clients
		"invalid connection", "bad connection", "gone away", "Lost connection", "Can't connect", "connection was killed", "shutdown in progress", "cannot reach the server",
	} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(s)) {
			return true
		}
	}
	return false
}
