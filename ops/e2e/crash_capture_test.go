package e2e

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/demo/world"
	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/schemas/registry"
	"sluice/stream/kafka"
)

// TestCaptureCrash kills `sluice capture` with SIGKILL at random moments, the
// first ones during the snapshot, and now and then the database server, while
// pgbench and stranger transactions write. Afterwards the tables rebuilt from
// Kafka must be those of the database, row by row, and no event may be there
// twice. ROUNDS is how often, SEED repeats a run's choices.
func TestCaptureCrash(t *testing.T) {
	rounds, seed := number("ROUNDS", 5), number("SEED", uint64(time.Now().UnixNano()))
	t.Logf("ROUNDS=%d SEED=%d", rounds, seed)
	c := newCrash(t, seed)
	r := rand.New(rand.NewPCG(seed, 5))
	stop := c.load()
	c.start()
	for n := range rounds {
		// Little time for the first third, so that the snapshot is met.
		longest := 2500 * time.Millisecond
		if n < (rounds+2)/3 {
			longest = 700 * time.Millisecond
		}
		after, server := time.Duration(r.Int64N(int64(longest))), r.IntN(6) == 0
		pause(t.Context(), after)
		c.supervise()
		if server {
			t.Logf("round %d: kill -9 of postgres after %s", n, after)
			if err := c.pg.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := c.pg.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Logf("round %d: kill -9 of capture after %s", n, after)
		c.capture.Kill()
		c.restart()
	}
	stop()
	c.settle()
	c.compare()
}

// crash is what the test needs: the database with its tables, a Kafka, and the
// capture in a process of its own.
type crash struct {
	t        *testing.T
	seed     uint64
	dir      string
	pg       *local.Postgres
	kafka    kafka.Config
	registry *registry.Client
	env      []string
	capture  *world.Proc
	begun    int64 // where in its log its present life begins
}

const crashYAML = `kafka: {brokers: ["${SLUICE_KAFKA}"], topics: {partitions: 1}}
registry: {url: "${SLUICE_REGISTRY}"}
captures:
  crash:
    postgres:
      dsn: ${CRASH_DSN}
      tables: ["public.pgbench_*", "public.crash_*"]
      heartbeat: 1s
`

func newCrash(t *testing.T, seed uint64) *crash {
	t.Helper()
	localtest.Postgres(t) // says why it skips where there is none
	c := &crash{t: t, seed: seed, dir: t.TempDir()}
	ctx := t.Context()
	var err error
	// It is killed: what it has confirmed must be on the disk.
	if c.pg, err = local.StartPostgres(ctx, local.PostgresOptions{Durable: true, Settings: map[string]string{"max_wal_size": "1GB"}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.pg.Stop() })
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
	if err := os.WriteFile(filepath.Join(c.dir, "sluice.yaml"), []byte(crashYAML), 0o600); err != nil {
		t.Fatal(err)
	}
	c.env = []string{"CRASH_DSN=" + c.pg.DSN("postgres"), "SLUICE_KAFKA=" + addr, "SLUICE_REGISTRY=" + reg.URL()}
	c.tables()
	return c
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
func (c *crash) load() (stop func()) {
	ctx, cancel := context.WithCancel(c.t.Context())
	var both sync.WaitGroup
	both.Go(func() { c.pgbench(ctx) })
	both.Go(func() { (&oddJobs{t: c.t, dsn: c.pg.DSN("postgres"), r: rand.New(rand.NewPCG(c.seed, 6))}).run(ctx) })
	return sync.OnceFunc(func() { cancel(); both.Wait() })
}

// settle waits until the capture has committed everything, and stops it.
func (c *crash) settle() {
	c.t.Helper()
	db, err := pgx.Connect(c.t.Context(), c.pg.DSN("postgres"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close(context.Background())
	// Rows written before a column was added are sent again with it; the mark
	// comes behind all else.
	for _, sql := range []string{"UPDATE crash_shape SET n = n + 1", "INSERT INTO crash_mark VALUES (1)"} {
		if _, err := db.Exec(c.t.Context(), sql); err != nil {
			c.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 4*time.Minute)
	defer cancel()
	ok := poll(ctx, func() bool {
		c.supervise()
		seen := false
		err := c.kafka.ReadToEnd(ctx, nil, func(*kgo.Record) error { seen = true; return nil }, "crash.public.crash_mark")
		return err == nil && seen
	})
	if !ok {
		c.t.Fatal("not everything arrived within four minutes")
	}
	// A snapshot may still run beside the stream.
	ctx, cancel = context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	last := ""
	ok = poll(ctx, func() bool {
		last = c.rebuild().difference(c.expected())
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
	if len(want["crash_items"]) == 0 || len(want["pgbench_accounts"]) == 0 {
		c.t.Errorf("the load left %d items and %d accounts", len(want["crash_items"]), len(want["pgbench_accounts"]))
	}
}
