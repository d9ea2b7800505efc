package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"sluice/ops/local/localtest"
	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/stream"
	"sluice/stream/kafka"
)

func TestMain(m *testing.M) {
	if runChild() {
		return
	}
	goleak.VerifyTestMain(m)
}

// patience bounds every wait of the tests; none of them measures time.
const patience = 60 * time.Second

// world is one stream's topics, and the producer of its raw topic.
type world struct {
	t        testing.TB
	kafka    kafka.Config
	registry *registry.Client
	client   *kgo.Client
	name     string // of the stream
	topic    string // raw
	envelope *avro.Envelope
	keyID    int
	valueID  int
}

var rawTable = &schemas.Table{
	Schema: "public", Name: "things", Key: []int{0},
	Columns: []schemas.Column{
		{Name: "id", Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "name", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
	},
	Source: &schemas.Table{Name: "Source", Columns: []schemas.Column{{Name: "ts_ms", Type: schemas.Type{Name: schemas.Int64Type}}}},
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, localtest.Kafka(t))
}

func newWorldOn(t testing.TB, kc kafka.Config) *world {
	t.Helper()
	w := &world{t: t, kafka: kc}
	prefix := localtest.Prefix(t)
	w.name, w.topic = prefix+"_thing", prefix+"_erp.public.things"
	reg, err := localtest.Registry(t).Open()
	w.must(err)
	w.registry = reg
	t.Cleanup(reg.Close)
	opts, err := w.kafka.Options("test", nil)
	w.must(err)
	w.client, err = kgo.NewClient(append(opts, kgo.MetadataMinAge(50*time.Millisecond))...)
	w.must(err)
	t.Cleanup(w.client.Close)
	w.envelope, err = avro.CompileEnvelope(prefix+"_erp", rawTable, avro.Options{})
	w.must(err)
	ctx := w.context()
	w.keyID, err = reg.Register(ctx, w.topic+"-key", w.envelope.KeySchema)
	w.must(err)
	w.valueID, err = reg.Register(ctx, w.topic+"-value", w.envelope.ValueSchema)
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) context() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	w.t.Cleanup(cancel)
	return ctx
}

// raw is a record of the raw topic as a capture writes it.
func (w *world) raw(op schemas.Op, id int, name string) *kgo.Record {
	w.t.Helper()
	row := schemas.Row{schemas.IntOf(int64(id)), schemas.TextOf([]byte(name))}
	c := schemas.Change{Op: op, Table: rawTable, Source: schemas.Row{schemas.IntOf(1)}}
	if op == schemas.Delete {
		c.Before = row
	} else {
		c.After = row
	}
	key, err := w.envelope.AppendKey(registry.AppendHeader(nil, w.keyID), row)
	w.must(err)
	value, err := w.envelope.AppendValue(registry.AppendHeader(nil, w.valueID), &c, time.Now())
	w.must(err)
	return &kgo.Record{Topic: w.topic, Key: key, Value: value, Headers: []kgo.RecordHeader{
		{Key: schemas.HeaderPosition, Value: fmt.Appendf(nil, "%d", id)},
	}}
}

func (w *world) produce(records ...*kgo.Record) {
	w.t.Helper()
	w.must(w.client.ProduceSync(w.context(), records...).FirstErr())
}

// ensure creates a topic.
func (w *world) ensure(topics ...string) {
	w.t.Helper()
	w.must(w.kafka.Ensure(w.context(), w.client, false, topics...))
}

// copyStage makes an output of each row, whose name says what else to do.
type copyStage struct {
	topic string
	table *schemas.Table
	// before, if set, runs before each batch.
	before func(items []*stream.Item) error
}

func newStage(name string) *copyStage {
	return &copyStage{topic: "entity." + name, table: &schemas.Table{
		Schema: "entity", Name: "thing",
		Columns: []schemas.Column{{Name: "name", Type: schemas.Type{Name: schemas.StringType}}},
	}}
}

func (s *copyStage) Process(_ context.Context, items []*stream.Item) error {
	if s.before != nil {
		if err := s.before(items); err != nil {
			return err
		}
	}
	for _, it := range items {
		switch {
		case it.Fate != stream.Pending:
			continue
		case it.Change.Table == nil:
			it.Filter("tombstone")
			continue
		}
		row := it.Change.KeyRow()
		out := stream.Output{
			Topic: s.topic, Table: s.table, Key: strconv.AppendInt(nil, row[it.Change.Table.Key[0]].Int(), 10),
			Headers: []stream.Header{{Key: schemas.HeaderPosition, Value: it.Change.ID}, {Key: schemas.HeaderSource, Value: []byte(it.Topic)}},
		}
		name := string(row[1].Bytes)
		switch {
		case name == "skip":
			it.Filter("skip")
		case name == "park":
			it.Park("no_good", errors.New("the name is park"))
		case name == "silent":
		case name == "misfit":
			out.Row = schemas.Row{schemas.Value{}} // null in a required column
			it.Out = append(it.Out, out)
		case it.Change.Op == schemas.Delete:
			it.Out = append(it.Out, out)
		default:
			out.Row = schemas.Row{row[1]}
			it.Out = append(it.Out, out)
		}
	}
	return nil
}

// running is a process of the stream.
type running struct {
	*Process
	t      testing.TB
	prom   *prometheus.Registry
	cancel context.CancelFunc
	done   chan struct{}
	err    error
	once   sync.Once
}

// start runs the stream until the test ends or stop.
func (w *world) start(instance string, stage stream.Processor, change ...func(*Process)) *running {
	w.t.Helper()
	return w.startWith(instance, stage, w.registry, change...)
}

func (w *world) startWith(instance string, stage stream.Processor, reg schemaRegistry, change ...func(*Process)) *running {
	w.t.Helper()
	r := &running{t: w.t, prom: prometheus.NewRegistry(), done: make(chan struct{})}
	p, err := build(w.name, Config{Batch: Batch{Records: 100}}, Topics{Inputs: []string{w.topic}}, []stream.Processor{stage}, instance,
		w.kafka, reg, testLog(), r.prom)
	w.must(err)
	p.sessionTimeout = testSession()
	for _, c := range change {
		c(p)
	}
	r.Process = p
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() {
		defer close(r.done)
		r.err = p.Run(ctx)
	}()
	w.t.Cleanup(func() { r.cancel(); <-r.done })
	return r
}

// testSession is the shortest session that the broker allows.
func testSession() time.Duration {
	if os.Getenv("SLUICE_TEST_KAFKA") == "apache" {
		return 6 * time.Second
	}
	return 2 * time.Second
}

func testLog() *slog.Logger {
	if os.Getenv("SLUICE_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return nil
}

// stop drains the process, which must go well.
func (r *running) stop() {
	r.t.Helper()
	r.once.Do(func() {
		r.cancel()
		<-r.done
		if r.err != nil {
			r.t.Errorf("Run returned %v", r.err)
		}
	})
}

// counts are the counters by "fate" or "fate reason".
func (r *running) counts() map[string]int {
	r.t.Helper()
	out := map[string]int{}
	families, err := r.prom.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "sluice_stream_records_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			out[strings.TrimSpace(labels["fate"]+" "+labels["reason"])] = int(m.GetCounter().GetValue())
		}
	}
	return out
}

// consumed is how many records were consumed so far.
func (r *running) consumed() int { return r.counts()[fateConsumed] }

// balanced checks that every consumed record has a fate, and returns how many
// were consumed. The engine must have stopped, or be without work: a look in the
// middle of the counting sees half of it.
func (r *running) balanced() int {
	r.t.Helper()
	c := r.counts()
	sum := 0
	for key, n := range c {
		if key != fateConsumed {
			sum += n
		}
	}
	if c[fateConsumed] != sum {
		r.t.Errorf("consumed %d, but the fates are %d: %v", c[fateConsumed], sum, c)
	}
	return c[fateConsumed]
}

// eventually waits until ok.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			w.t.Fatalf("waited %s in vain for: %s", patience, what)
		}
	}
}

// drained waits until the group has nothing left to read.
func (w *world) drained() {
	w.t.Helper()
	var told error // a broker that has just restarted may hang up on the question
	defer func() {
		if w.t.Failed() && told != nil {
			w.t.Logf("asking for the lag: %v", told)
		}
	}()
	w.eventually("lag 0", func() bool {
		lags, err := kafka.Lag(w.context(), w.client, GroupID(w.name), w.topic, RetryTopic(w.name))
		if told = err; err != nil {
			return false
		}
		left := int64(0)
		for _, l := range lags {
			left += l.Lag
		}
		return left == 0 && len(lags) > 0
	})
}

// committed reads what readers of committed records see of a topic. The topic
// must be at rest.
func (w *world) committed(topic string) []*kgo.Record {
	w.t.Helper()
	var out []*kgo.Record
	w.must(w.kafka.ReadToEnd(w.context(), nil, func(r *kgo.Record) error {
		out = append(out, r)
		return nil
	}, topic))
	return out
}

// positions counts the records of a topic by their position.
func positions(records []*kgo.Record) map[string]int {
	out := map[string]int{}
	for _, r := range records {
		out[headerOf(r, schemas.HeaderPosition)]++
	}
	return out
}

func headerOf(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// onceEach checks that the outputs hold each of the positions 0..n-1 exactly once.
func (w *world) onceEach(n int) {
	w.t.Helper()
	got := positions(w.committed("entity." + w.name))
	missing, double := 0, 0
	for i := range n {
		switch c := got[strconv.Itoa(i)]; {
		case c == 0:
			missing++
		case c > 1:
			double++
		}
	}
	if missing > 0 || double > 0 || len(got) != n {
		w.t.Fatalf("of %d inputs, %d are missing and %d came more than once (%d positions)", n, missing, double, len(got))
	}
}

func equalCounts(t testing.TB, got, want map[string]int) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}
