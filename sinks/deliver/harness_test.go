package deliver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/local/localtest"
	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/sinks"
	"sluice/sinks/api"
	"sluice/sinks/sinktest"
	"sluice/stream/kafka"
)

// patient is how long a test waits for what must come, on a busy machine.
const patient = 60 * time.Second

// world is one sink's surroundings: topic, registry, target.
type world struct {
	t       testing.TB
	name    string
	topic   string
	kc      kafka.Config
	reg     *registry.Client
	cl      *kgo.Client
	target  *sinktest.Server
	record  *avro.Record
	id      int
	version map[string]int64
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, name: localtest.Prefix(t), kc: localtest.Kafka(t), target: sinktest.NewServer(t, 7), version: map[string]int64{}}
	w.topic = "entity." + w.name
	opts, err := w.kc.Options("test", nil)
	if err != nil {
		t.Fatal(err)
	}
	if w.cl, err = kgo.NewClient(opts...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.cl.Close)
	if w.reg, err = localtest.Registry(t).Open(); err != nil {
		t.Fatal(err)
	}
	table := *sinktest.Table
	table.Name = w.name
	if w.record, err = avro.CompileRecord(&table); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	if w.id, err = w.reg.Register(ctx, w.topic+"-value", w.record.Schema); err != nil {
		t.Fatal(err)
	}
	if err = w.kc.Ensure(ctx, w.cl, true, w.topic); err != nil {
		t.Fatal(err)
	}
	return w
}

// next is the record of the next version of a key; del makes it a deletion.
func (w *world) next(key string, del bool) *kgo.Record {
	w.version[key]++
	v := w.version[key]
	r := &kgo.Record{
		Topic: w.topic, Key: []byte(key),
		Headers: []kgo.RecordHeader{
			{Key: schemas.HeaderPosition, Value: []byte("0/" + strconv.FormatInt(v, 16))},
			{Key: schemas.HeaderRules, Value: []byte("1-cafe")},
		},
	}
	if !del {
		var err error
		r.Value, err = w.record.Append(registry.AppendHeader(nil, w.id), sinktest.State(key, v).Row)
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return r
}

func (w *world) put(records ...*kgo.Record) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	if err := w.cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// states puts one more version of each key.
func (w *world) states(keys ...string) {
	w.t.Helper()
	var records []*kgo.Record
	for _, k := range keys {
		records = append(records, w.next(k, false))
	}
	w.put(records...)
}

// quick has short waits, so that tests end soon.
func quick() Config {
	return Config{
		MaxInFlight: 16,
		Backoff:     Backoff{InitialInterval: 20 * time.Millisecond, MaxInterval: 200 * time.Millisecond},
		Breaker:     Breaker{ConsecutiveFailures: 5, OpenFor: 100 * time.Millisecond},
	}
}

func (w *world) sink() sinks.Sink {
	w.t.Helper()
	s, err := api.Config{
		URL:     w.target.URL,
		Timeout: 5 * time.Second,
		Create:  &api.Request{Path: "/records"},
		Update:  &api.Request{Path: "/records/{{.Key | path}}"},
		Delete:  &api.Request{Path: "/records/{{.Key | path}}"},
		ID:      "id",
	}.Open(w.name, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

// engine is a running Deliver.
type engine struct {
	*Deliver
	t    testing.TB
	prom *prometheus.Registry
	stop context.CancelFunc
	done chan struct{}
	err  error
}

func (w *world) start(cfg Config, sink sinks.Sink, change ...func(*Deliver)) *engine {
	w.t.Helper()
	return w.startWith(cfg, sink, w.reg, change...)
}

func (w *world) startWith(cfg Config, sink sinks.Sink, reg schemaSource, change ...func(*Deliver)) *engine {
	w.t.Helper()
	e := &engine{t: w.t, prom: prometheus.NewRegistry(), done: make(chan struct{})}
	out := io.Discard
	if os.Getenv("SLUICE_TEST_LOG") != "" {
		out = os.Stderr
	}
	var err error
	e.Deliver, err = newDeliver(w.name, cfg, []string{w.topic}, sink, nil, w.kc, reg, slog.New(slog.NewTextHandler(out, nil)), e.prom)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range change {
		c(e.Deliver)
	}
	var ctx context.Context
	ctx, e.stop = context.WithCancel(context.Background())
	go func() {
		defer close(e.done)
		e.err = e.Run(ctx)
	}()
	w.t.Cleanup(func() { e.end() })
	return e
}

// end drains the engine and returns what Run returned.
func (e *engine) end() error {
	e.stop()
	<-e.done
	return e.err
}

// eventually waits until ok, which says what it still misses.
func eventually(t testing.TB, ok func() error) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(patient)
	defer deadline.Stop()
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("still not after %v: %v", patient, err)
		case <-tick.C:
		}
	}
}

// arrived waits until the target has the newest version of every key but those.
func (w *world) arrived(but ...string) {
	w.t.Helper()
	skip := map[string]bool{}
	for _, k := range but {
		skip[k] = true
	}
	eventually(w.t, func() error {
		for k, v := range w.version {
			if got, _ := w.target.Version(k); got != v && !skip[k] {
				return fmt.Errorf("the target has version %d of %s, want %d", got, k, v)
			}
		}
		return nil
	})
}

// counts reads the fates of the records.
func (e *engine) counts() map[string]int {
	e.t.Helper()
	fams, err := e.prom.Gather()
	if err != nil {
		e.t.Fatal(err)
	}
	got := map[string]int{}
	for _, f := range fams {
		if f.GetName() != "sluice_sink_records_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "fate" {
					got[l.GetValue()] += int(m.GetCounter().GetValue())
				}
			}
		}
	}
	return got
}

// settledAt waits until so many records have a fate, and checks the sum.
func (e *engine) settledAt(delivered, parked int) {
	e.t.Helper()
	eventually(e.t, func() error {
		c := e.counts()
		if c[fateDelivered] != delivered || c[fateParked] != parked {
			return fmt.Errorf("counts are %v, want %d delivered and %d parked", c, delivered, parked)
		}
		return nil
	})
	if c := e.counts(); c[fateConsumed] != delivered+parked {
		e.t.Errorf("counts are %v: consumed is not the sum of the fates", c)
	}
}

// all reads a topic to its end.
func (w *world) all(topic string) []*kgo.Record {
	w.t.Helper()
	var mu sync.Mutex
	var records []*kgo.Record
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	err := w.kc.ReadToEnd(ctx, nil, func(r *kgo.Record) error {
		mu.Lock()
		defer mu.Unlock()
		records = append(records, r)
		return nil
	}, topic)
	if err != nil {
		w.t.Fatal(err)
	}
	return records
}

func headerOf(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

func (w *world) noDeadLetters() {
	w.t.Helper()
	if dead := w.all("dlq.sink." + w.name); len(dead) != 0 {
		w.t.Errorf("%d dead letters, want none; the first: %s", len(dead), headerOf(dead[0], schemas.HeaderDLQError))
	}
}

// lag is what the group has not finished, by Kafka's own account.
func (w *world) caughtUp() {
	w.t.Helper()
	eventually(w.t, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patient)
		defer cancel()
		lags, err := kafka.Lag(ctx, w.cl, "sluice.sink."+w.name, w.topic)
		if err != nil {
			return err
		}
		for _, l := range lags {
			if l.Lag != 0 {
				return fmt.Errorf("%s/%d has lag %d", l.Topic, l.Partition, l.Lag)
			}
		}
		return nil
	})
}

func receiptsOf(t testing.TB, records []*kgo.Record) map[string]receiptValue {
	t.Helper()
	got := map[string]receiptValue{}
	for _, r := range records {
		var v receiptValue
		if err := json.Unmarshal(r.Value, &v); err != nil {
			t.Fatalf("receipt %s: %v", r.Value, err)
		}
		got[string(r.Key)] = v
	}
	return got
}
