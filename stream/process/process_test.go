package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/stream"
)

// TestFates takes one record of each fate through the engine. The topics do not
// exist before.
func TestFates(t *testing.T) {
	w := newWorld(t)
	r := w.start("a", newStage(w.name))
	w.eventually("ready", func() bool { return r.Ready() == nil })

	create, remove := w.raw(schemas.Create, 1, "Ada"), w.raw(schemas.Delete, 2, "Bob")
	tombstone := &kgo.Record{Topic: w.topic, Key: remove.Key}
	poison := &kgo.Record{Topic: w.topic, Key: []byte("k"), Value: []byte("\x7fnot avro"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}}
	unknown := &kgo.Record{Topic: w.topic, Value: registry.AppendHeader(nil, 99999999)}
	cut := w.raw(schemas.Create, 3, "Cut")
	cut.Value = cut.Value[:len(cut.Value)/2]
	badKey := w.raw(schemas.Create, 4, "Key")
	badKey.Key = []byte("plain")
	noPosition := w.raw(schemas.Create, 9, "Other")
	noPosition.Headers = nil
	w.produce(create, remove, tombstone, poison, unknown, cut, badKey, noPosition,
		w.raw(schemas.Create, 5, "skip"), w.raw(schemas.Create, 6, "park"), w.raw(schemas.Create, 7, "silent"), w.raw(schemas.Create, 8, "misfit"))
	w.drained()
	r.stop()

	equalCounts(t, r.counts(), map[string]int{
		"consumed": 12, "delivered": 3, "filtered tombstone": 1, "filtered skip": 1, "filtered no_output": 1,
		"parked undecodable": 4, "parked no_good": 1, "parked encode": 1,
	})

	for _, out := range w.committed("entity." + w.name) {
		switch position := headerOf(out, schemas.HeaderPosition); position {
		case "1":
			id, body, err := registry.SplitHeader(out.Value)
			w.must(err)
			text, err := w.registry.Schema(w.context(), id)
			w.must(err)
			record, err := avro.ParseRecord(text)
			w.must(err)
			row, err := record.Decode(body, new(schemas.Arena))
			w.must(err)
			if string(out.Key) != "1" || len(row) != 1 || string(row[0].Bytes) != "Ada" {
				t.Errorf("key %q, row %v", out.Key, row)
			}
		case "2":
			if string(out.Key) != "2" || out.Value != nil {
				t.Errorf("a delete became key %q, value %q", out.Key, out.Value)
			}
		default:
			if want := fmt.Sprintf("%s/%d/%d", w.topic, noPosition.Partition, noPosition.Offset); position != want {
				t.Errorf("position %q, want %q", position, want)
			}
		}
	}

	letters := map[string]*kgo.Record{}
	for _, l := range w.committed(DeadLetterTopic(w.name)) {
		letters[headerOf(l, schemas.HeaderDLQPartition)+"/"+headerOf(l, schemas.HeaderDLQOffset)] = l
	}
	for name, c := range map[string]struct {
		record        *kgo.Record
		reason, error string
	}{
		"poison":         {poison, "undecodable", "begins with 0x7f"},
		"unknown schema": {unknown, "undecodable", "schema 99999999"},
		"cut short":      {cut, "undecodable", "value of schema"},
		"key":            {badKey, "undecodable", "key: no header"},
	} {
		l := letters[fmt.Sprintf("%d/%d", c.record.Partition, c.record.Offset)]
		if l == nil {
			t.Errorf("%s: no dead letter", name)
			continue
		}
		if !bytes.Equal(l.Key, c.record.Key) || !bytes.Equal(l.Value, c.record.Value) {
			t.Errorf("%s: the dead letter is %q = %q", name, l.Key, l.Value)
		}
		for _, h := range c.record.Headers {
			if headerOf(l, h.Key) != string(h.Value) {
				t.Errorf("%s: lost the header %s", name, h.Key)
			}
		}
		if got := headerOf(l, schemas.HeaderDLQReason); got != c.reason {
			t.Errorf("%s: reason %q", name, got)
		}
		if got := headerOf(l, schemas.HeaderDLQError); !strings.Contains(got, c.error) {
			t.Errorf("%s: error %q", name, got)
		}
		if got := headerOf(l, schemas.HeaderDLQTopic); got != w.topic {
			t.Errorf("%s: topic %q", name, got)
		}
		if _, err := time.Parse(time.RFC3339, headerOf(l, schemas.HeaderDLQTime)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(letters) != 6 {
		t.Errorf("%d dead letters", len(letters))
	}
}

// TestRetry: a replayed dead letter is processed as a record of its own topic,
// and parked anew with its first origin if it fails again.
func TestRetry(t *testing.T) {
	w := newWorld(t)
	w.ensure(RetryTopic(w.name))
	replay := func(id int, name string) *kgo.Record {
		r := w.raw(schemas.Create, id, name)
		r.Topic = RetryTopic(w.name)
		r.Headers = append(r.Headers,
			kgo.RecordHeader{Key: schemas.HeaderDLQID, Value: []byte("dlq.stream.x/0/7")},
			kgo.RecordHeader{Key: schemas.HeaderDLQTopic, Value: []byte("erp.public.first")},
			kgo.RecordHeader{Key: schemas.HeaderDLQPartition, Value: []byte("3")},
			kgo.RecordHeader{Key: schemas.HeaderDLQOffset, Value: []byte("42")})
		return r
	}
	bare := w.raw(schemas.Create, 3, "Eve")
	bare.Topic = RetryTopic(w.name)
	w.produce(replay(1, "Ada"), replay(2, "park"), bare)
	r := w.start("a", newStage(w.name))
	w.drained()
	r.stop()
	equalCounts(t, r.counts(), map[string]int{"consumed": 3, "delivered": 2, "parked no_good": 1})
	for _, out := range w.committed("entity." + w.name) {
		want := map[string]string{"1": "erp.public.first", "3": w.topic}[string(out.Key)]
		if got := headerOf(out, schemas.HeaderSource); got != want {
			t.Errorf("key %s: the stage saw the topic %q, want %q", out.Key, got, want)
		}
	}
	letters := w.committed(DeadLetterTopic(w.name))
	if len(letters) != 1 {
		t.Fatalf("%d dead letters", len(letters))
	}
	seen := map[string]int{}
	for _, h := range letters[0].Headers {
		seen[h.Key+"="+string(h.Value)]++
	}
	for _, want := range []string{
		schemas.HeaderDLQTopic + "=erp.public.first", schemas.HeaderDLQPartition + "=3", schemas.HeaderDLQOffset + "=42",
		schemas.HeaderDLQReason + "=no_good", schemas.HeaderPosition + "=2",
	} {
		if seen[want] != 1 {
			t.Errorf("%d headers %s in %v", seen[want], want, seen)
		}
	}
}

// TestFaultStops: a *schemas.Fault of a stage ends Run, and nothing is committed.
func TestFaultStops(t *testing.T) {
	w := newWorld(t)
	w.ensure(w.topic)
	w.produce(w.raw(schemas.Create, 0, "Ada"))
	stage := newStage(w.name)
	stage.before = func([]*stream.Item) error {
		return fmt.Errorf("topic x: %w", &schemas.Fault{Where: "from[0].key", What: "is wrong", Cure: "mend it"})
	}
	r := w.start("a", stage)
	<-r.done
	var fault *schemas.Fault
	if !errors.As(r.err, &fault) || fault.Where != "from[0].key" {
		t.Fatalf("Run returned %v", r.err)
	}
	if err := r.Ready(); err == nil || !strings.Contains(err.Error(), "is wrong") {
		t.Errorf("Ready says %v", err)
	}
	if n := r.balanced(); n != 0 {
		t.Errorf("counted %d records that were not committed", n)
	}
	stage.before = nil
	r = w.start("a", stage)
	w.drained()
	r.stop()
	w.onceEach(1)
}

// TestStageError: a passing error of a stage is tried again on the same records.
func TestStageError(t *testing.T) {
	w := newWorld(t)
	w.ensure(w.topic)
	stage := newStage(w.name)
	var tries atomic.Int32
	shown := make(chan error, 1)
	var r *running
	ready := make(chan struct{})
	stage.before = func([]*stream.Item) error {
		<-ready
		if tries.Add(1) <= 2 {
			return errors.New("redis is away")
		}
		select {
		case shown <- r.Ready():
		default:
		}
		return nil
	}
	r = w.start("a", stage)
	close(ready)
	for i := range 50 {
		w.produce(w.raw(schemas.Create, i, "x"))
	}
	w.drained()
	r.stop()
	if err := <-shown; err == nil || !strings.Contains(err.Error(), "redis is away") {
		t.Errorf("while it waited, Ready said %v", err)
	}
	w.onceEach(50)
	r.stop()
	if n := r.balanced(); n != 50 {
		t.Errorf("consumed %d", n)
	}
}

// awayRegistry fails until it is there.
type awayRegistry struct {
	schemaRegistry
	there atomic.Bool
	asked atomic.Int32
}

func (a *awayRegistry) Schema(ctx context.Context, id int) (string, error) {
	a.asked.Add(1)
	if !a.there.Load() {
		return "", errors.New("connection refused")
	}
	return a.schemaRegistry.Schema(ctx, id)
}

// TestRegistryAway: records wait for the registry; none is parked.
func TestRegistryAway(t *testing.T) {
	w := newWorld(t)
	w.ensure(w.topic)
	for i := range 20 {
		w.produce(w.raw(schemas.Create, i, "x"))
	}
	away := &awayRegistry{schemaRegistry: w.registry}
	r := w.startWith("a", newStage(w.name), away)
	w.eventually("two questions to the registry", func() bool { return away.asked.Load() >= 2 })
	if err := r.Ready(); err == nil {
		t.Error("ready without a registry")
	}
	if n := r.balanced(); n != 0 {
		t.Errorf("consumed %d without a registry", n)
	}
	away.there.Store(true)
	w.drained()
	w.eventually("ready", func() bool { return r.Ready() == nil })
	r.stop()
	w.onceEach(20)
}

// TestDrainWithoutRegistry: a process that waits stops at once, and its records
// stay for the next.
func TestDrainWithoutRegistry(t *testing.T) {
	w := newWorld(t)
	w.ensure(w.topic)
	w.produce(w.raw(schemas.Create, 0, "x"))
	away := &awayRegistry{schemaRegistry: w.registry}
	r := w.startWith("a", newStage(w.name), away)
	w.eventually("a question to the registry", func() bool { return away.asked.Load() >= 1 })
	r.stop()
	r = w.start("a", newStage(w.name))
	w.drained()
	r.stop()
	w.onceEach(1)
}

// TestTooLarge: an output that the broker refuses for its size is parked, and
// the others of its transaction pass.
func TestTooLarge(t *testing.T) {
	w := newWorld(t)
	w.ensure(w.topic)
	// The client refuses what is larger than its limit as the broker would.
	small := w.kafka
	small.Topics.Config = map[string]string{"max.message.bytes": "2000"}
	w.must(small.Ensure(w.context(), w.client, true, "entity."+w.name))
	w.produce(w.raw(schemas.Create, 0, "x"), w.raw(schemas.Create, 1, string(incompressible(10_000))), w.raw(schemas.Create, 2, "y"))
	r := w.start("a", newStage(w.name))
	w.drained()
	r.stop()
	equalCounts(t, r.counts(), map[string]int{"consumed": 3, "delivered": 2, "parked too_large": 1})
	letters := w.committed(DeadLetterTopic(w.name))
	if len(letters) != 1 || headerOf(letters[0], schemas.HeaderPosition) != "1" {
		t.Errorf("%d dead letters", len(letters))
	}
}

func incompressible(n int) []byte {
	out := make([]byte, n)
	x := uint32(1)
	for i := range out {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		out[i] = 'a' + byte(x%26)
	}
	return out
}

// TestSameInstance: of two processes with one name, one stops and says why, and
// no record is doubled.
func TestSameInstance(t *testing.T) {
	w := newWorld(t)
	w.ensure(w.topic)
	first, second := w.start("same", newStage(w.name)), w.start("same", newStage(w.name))
	n := 0
	w.eventually("one of them stops", func() bool {
		w.produce(w.raw(schemas.Create, n, "x"), w.raw(schemas.Create, n+1, "x"))
		n += 2
		select {
		case <-first.done:
			return true
		case <-second.done:
			return true
		default:
			return false
		}
	})
	loser, winner := first, second
	select {
	case <-second.done:
		loser, winner = second, first
	default:
	}
	var fault *schemas.Fault
	if !errors.As(loser.err, &fault) || !strings.Contains(fault.What, "same --instance same") {
		t.Errorf("it stopped with %v", loser.err)
	}
	w.drained()
	winner.stop()
	w.onceEach(n)
	if got := first.balanced() + second.balanced(); got > n {
		t.Errorf("consumed %d of %d", got, n)
	}
}

// TestLag: the gauge shows the partitions of this member and ends at zero.
func TestLag(t *testing.T) {
	w := newWorld(t)
	w.ensure(w.topic)
	for i := range 30 {
		w.produce(w.raw(schemas.Create, i, "x"))
	}
	r := w.start("a", newStage(w.name))
	gauges := func() (n int, sum float64) {
		families, err := r.prom.Gather()
		w.must(err)
		for _, f := range families {
			if f.GetName() == "sluice_consumer_lag" {
				for _, m := range f.GetMetric() {
					n++
					sum += m.GetGauge().GetValue()
				}
			}
		}
		return n, sum
	}
	w.drained()
	w.eventually("a gauge of zero for each partition", func() bool { n, sum := gauges(); return n == 8 && sum == 0 })
	r.stop()
	if n, _ := gauges(); n != 0 {
		t.Errorf("%d gauges are left behind", n)
	}
}

// TestOffsetsPassMarkers: behind a transactional producer too, the committed
// offsets are the ends of the partitions in the end.
func TestOffsetsPassMarkers(t *testing.T) {
	w := newWorld(t)
	w.ensure(w.topic)
	opts, err := w.kafka.Options("test", nil)
	w.must(err)
	cl, err := kgo.NewClient(append(opts, kgo.TransactionalID(w.name+".capture"))...)
	w.must(err)
	defer cl.Close()
	transaction := func(how kgo.TransactionEndTry, from, to int) {
		w.must(cl.BeginTransaction())
		for i := from; i < to; i++ {
			cl.Produce(w.context(), w.raw(schemas.Create, i, "x"), nil)
		}
		w.must(cl.Flush(w.context()))
		w.must(cl.EndTransaction(w.context(), how))
	}
	transaction(kgo.TryCommit, 0, 20)
	transaction(kgo.TryAbort, 100, 120)
	r := w.start("a", newStage(w.name))
	w.drained()
	transaction(kgo.TryCommit, 20, 40)
	adm := kadm.NewClient(w.client)
	w.eventually("committed ends", func() bool {
		ends, err := adm.ListEndOffsets(w.context(), w.topic)
		w.must(err)
		commits, err := adm.FetchOffsets(w.context(), GroupID(w.name))
		w.must(err)
		behind := false
		ends.Each(func(end kadm.ListedOffset) {
			at, _ := commits.Lookup(end.Topic, end.Partition)
			behind = behind || at.At < end.Offset
		})
		return !behind
	})
	r.stop()
	w.onceEach(40)
	equalCounts(t, r.counts(), map[string]int{"consumed": 40, "delivered": 40})
}

// TestOrder: the outputs of one key come in the order of its records.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	w.ensure(w.topic)
	var records []*kgo.Record
	for i := range 600 {
		r := w.raw(schemas.Update, i%7, strconv.Itoa(i))
		r.Headers[0].Value = []byte(strconv.Itoa(i))
		records = append(records, r)
	}
	w.produce(records...)
	r := w.start("a", newStage(w.name))
	w.drained()
	r.stop()
	last := map[string]int{}
	for _, out := range w.committed("entity." + w.name) {
		n, err := strconv.Atoi(headerOf(out, schemas.HeaderPosition))
		w.must(err)
		if before, ok := last[string(out.Key)]; ok && n <= before {
			t.Fatalf("key %s: %d came after %d", out.Key, n, before)
		}
		last[string(out.Key)] = n
	}
	w.onceEach(600)
}

// TestLeaves: a drained process is no member of its group.
func TestLeaves(t *testing.T) {
	w := newWorld(t)
	r := w.start("a", newStage(w.name))
	w.eventually("ready", func() bool { return r.Ready() == nil })
	r.stop()
	groups, err := kadm.NewClient(w.client).DescribeGroups(w.context(), GroupID(w.name))
	w.must(err)
	if n := len(groups[GroupID(w.name)].Members); n != 0 {
		t.Errorf("%d members are left", n)
	}
}

func TestConfig(t *testing.T) {
	var c Config
	c.Defaults()
	if err := c.Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for want, change := range map[string]func(*Config){
		"batch.records":       func(c *Config) { c.Batch.Records = -1 },
		"batch.bytes":         func(c *Config) { c.Batch.Bytes = 1 },
		"transaction_timeout": func(c *Config) { c.TransactionTimeout = 1 },
	} {
		bad := c
		change(&bad)
		var fault *schemas.Fault
		if err := bad.Validate(); !errors.As(err, &fault) || fault.Where != want || fault.Cure == "" {
			t.Errorf("%s: %v", want, bad.Validate())
		}
	}
}
