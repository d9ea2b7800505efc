package pump_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"sluice/capture"
	"sluice/capture/pump"
	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/stream/kafka"
)

func TestMain(m *testing.M) {
	if serveBroker() {
		return
	}
	goleak.VerifyTestMain(m)
}

// broker is an embedded broker whose connections can be cut: before a request
// is read, or after it was carried out and before its answer is written.
type broker struct {
	t       testing.TB
	dir     string
	port    int
	cluster *kfake.Cluster
	// cut is the share of reads and writes that break their connection, in
	// millionths.
	cut atomic.Int64
}

func newBroker(t testing.TB) *broker {
	b := &broker{t: t, dir: t.TempDir()}
	b.start()
	t.Cleanup(func() { b.cut.Store(0); b.cluster.Close() })
	return b
}

// start starts the broker, again on the same port and data after stop.
func (b *broker) start() {
	b.t.Helper()
	var err error
	b.cluster, err = kfake.NewCluster(
		kfake.DataDir(b.dir), kfake.GroupMinSessionTimeout(time.Millisecond), kfake.Ports(b.port), kfake.DefaultNumPartitions(4),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			l, err := net.Listen(network, address)
			return &cutListener{l, b}, err
		}))
	if err != nil {
		b.t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(b.cluster.ListenAddrs()[0])
	if _, err := fmt.Sscan(port, &b.port); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) stop() { b.cluster.Close() }

func (b *broker) config() kafka.Config {
	return kafka.Config{
		Brokers: []string{fmt.Sprintf("127.0.0.1:%d", b.port)},
		Topics:  kafka.Topics{Partitions: 3, ReplicationFactor: 1},
	}
}

type cutListener struct {
	net.Listener
	b *broker
}

func (l *cutListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &cutConn{c, l.b}, nil
}

type cutConn struct {
	net.Conn
	b *broker
}

var errCut = errors.New("connection cut by the test")

func (c *cutConn) Read(p []byte) (int, error)  { return c.maybe(c.Conn.Read, p) }
func (c *cutConn) Write(p []byte) (int, error) { return c.maybe(c.Conn.Write, p) }

func (c *cutConn) maybe(do func([]byte) (int, error), p []byte) (int, error) {
	if share := c.b.cut.Load(); share > 0 && rand.Int64N(1e6) < share {
		_ = c.Conn.Close()
		return 0, errCut
	}
	return do(p)
}

// schemaRegistry answers as much as a producer needs. refuse, if it is set, is
// asked with each subject and may refuse it with that status.
func schemaRegistry(t testing.TB, refuse func(subject string) int) (*registry.Client, *sync.Map) {
	var mu sync.Mutex
	ids, byID := map[string]int{}, &sync.Map{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		subject, isPost := strings.CutPrefix(r.URL.Path, "/subjects/")
		subject = strings.TrimSuffix(subject, "/versions")
		if !isPost || r.Method != http.MethodPost {
			http.NotFound(w, r)
			return
		}
		if refuse != nil {
			if code := refuse(subject); code != 0 {
				w.WriteHeader(code)
				fmt.Fprintf(w, `{"error_code":%d,"message":"the schema of %s is refused"}`, code, subject)
				return
			}
		}
		var body struct{ Schema string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		id, ok := ids[body.Schema]
		if !ok {
			id = len(ids) + 1
			ids[body.Schema] = id
			byID.Store(id, body.Schema)
		}
		fmt.Fprintf(w, `{"id":%d}`, id)
	}))
	t.Cleanup(srv.Close)
	cl, err := registry.Config{URL: srv.URL}.Open()
	if err != nil {
		t.Fatal(err)
	}
	return cl, byID
}

// rig is what a test of a pump needs.
type rig struct {
	t       testing.TB
	name    string
	kafka   kafka.Config
	reg     *registry.Client
	schemas *sync.Map
	cfg     pump.Config
	log     *slog.Logger
}

func newRig(t testing.TB, b *broker) *rig {
	reg, byID := schemaRegistry(t, nil)
	return &rig{
		t: t, name: "erp", kafka: b.config(), reg: reg, schemas: byID,
		cfg: pump.Config{Interval: 5 * time.Millisecond, TakeOver: true},
		log: testLog(t),
	}
}

// testLog writes to the test's log where it is verbose.
func testLog(t testing.TB) *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	return slog.New(slog.DiscardHandler)
}

func (r *rig) pump(src capture.Source) *pump.Pump {
	r.t.Helper()
	p, err := pump.New(r.name, src, r.cfg, avro.Options{}, r.kafka, r.reg, r.log, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// run starts the pump. stop drains it and returns what Run returned; ended is
// closed when Run has returned by itself.
func (r *rig) run(p *pump.Pump) (stop func() error, ended <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	var err error
	go func() { defer close(done); err = p.Run(ctx) }()
	stop = func() error { cancel(); <-done; return err }
	r.t.Cleanup(func() { _ = stop() })
	return stop, done
}

// records returns the committed records of a topic.
func (r *rig) records(topic string) []*kgo.Record {
	r.t.Helper()
	var out []*kgo.Record
	err := r.kafka.ReadToEnd(r.t.Context(), r.log, func(rec *kgo.Record) error {
		out = append(out, rec)
		return nil
	}, topic)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// saved returns the last committed position.
func (r *rig) saved() (string, schemas.Position) {
	r.t.Helper()
	var v struct {
		Position json.RawMessage `json:"position"`
		Instance string          `json:"instance"`
	}
	for _, rec := range r.records(pump.PositionsTopic) {
		if string(rec.Key) != r.name {
			continue
		}
		if err := json.Unmarshal(rec.Value, &v); err != nil {
			r.t.Fatal(err)
		}
	}
	return v.Instance, schemas.Position(v.Position)
}

// wantOnce checks that the topic holds the first n events of the tape, each
// once, whole, in the order of their keys, each delete with its tombstone.
func (r *rig) wantOnce(src *tape, n int) {
	r.t.Helper()
	topic := r.name + ".public.items"
	count := make([]int, n)
	last := map[string]int{}
	owes := map[string]string{} // key -> position of a delete whose tombstone must come next
	decoders := map[int]*avro.EnvelopeDecoder{}
	var arena schemas.Arena
	wrong := 0
	bad := func(format string, args ...any) {
		if wrong++; wrong < 20 {
			r.t.Errorf(format, args...)
		}
	}
	for _, rec := range r.records(topic) {
		key, id := string(rec.Key), ""
		if len(rec.Headers) > 0 && rec.Headers[0].Key == schemas.HeaderPosition {
			id = string(rec.Headers[0].Value)
		}
		var i int
		if _, err := fmt.Sscanf(id, "e/%d", &i); err != nil || i >= n {
			bad("record %d/%d has position %q", rec.Partition, rec.Offset, id)
			continue
		}
		if owed := owes[key]; (owed != "") != (rec.Value == nil) || (owed != "" && owed != id) {
			bad("event %s: owed tombstone %q, value %d bytes", id, owed, len(rec.Value))
		}
		delete(owes, key)
		if rec.Value == nil {
			continue
		}
		count[i]++
		if before, ok := last[key]; ok && before >= i {
			bad("event %d of its key came after %d", i, before)
		}
		last[key] = i

		schemaID, body, err := registry.SplitHeader(rec.Value)
		if err != nil {
			bad("event %s: %v", id, err)
			continue
		}
		d := decoders[schemaID]
		if d == nil {
			text, _ := r.schemas.Load(schemaID)
			if d, err = avro.ParseEnvelope(fmt.Sprint(text)); err != nil {
				r.t.Fatal(err)
			}
			decoders[schemaID] = d
		}
		var c schemas.Change
		if err := d.Decode(body, &arena, &c); err != nil {
			bad("event %s: %v", id, err)
			continue
		}
		row := c.KeyRow()
		if note := string(row[2].Bytes); row[0].Int() != int64(i%src.keys) || note != fmt.Sprintf("note %d", i) {
			bad("event %s holds id %d, note %q", id, row[0].Int(), note)
		}
		if c.Op == schemas.Delete {
			owes[key] = id
		}
		arena.Reset()
	}
	for i, c := range count {
		if c != 1 {
			bad("event %d is there %d times", i, c)
		}
	}
	for key, id := range owes {
		bad("key %x: the tombstone of %s is missing", key, id)
	}
}

// eventually waits until ok, checked at once and every few milliseconds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(90 * time.Second)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited too long for: %s", what)
		}
	}
}
