package dlq

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/local/localtest"
	"sluice/schemas"
	"sluice/stream/kafka"
)

// bench is a sink's topics on a broker.
type bench struct {
	t    *testing.T
	kc   kafka.Config
	cl   *kgo.Client
	sink string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, kc: localtest.Kafka(t), sink: localtest.Prefix(t)}
	b.kc.Topics.Partitions = 1
	var err error
	if b.cl, err = kgo.NewClient(kgo.SeedBrokers(b.kc.Brokers...)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.cl.Close)
	if err := b.kc.Ensure(t.Context(), b.cl, false, b.topic()); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) topic() string { return "dlq.sink." + b.sink }

func (b *bench) produce(r *kgo.Record) {
	b.t.Helper()
	if err := b.cl.ProduceSync(b.t.Context(), r).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

// park puts a dead letter of an entity's record.
func (b *bench) park(key, reason string, offset int, at time.Time) {
	b.t.Helper()
	b.produce(&kgo.Record{Topic: b.topic(), Key: []byte(key), Value: []byte("value of " + key), Headers: []kgo.RecordHeader{
		{Key: schemas.HeaderPosition, Value: []byte("p-" + key)},
		{Key: schemas.HeaderDLQReason, Value: []byte(reason)},
		{Key: schemas.HeaderDLQError, Value: []byte("the whole story")},
		{Key: schemas.HeaderDLQTopic, Value: []byte("entity.customer")},
		{Key: schemas.HeaderDLQPartition, Value: []byte("3")},
		{Key: schemas.HeaderDLQOffset, Value: fmt.Append(nil, offset)},
		{Key: schemas.HeaderDLQTime, Value: []byte(at.Format(time.RFC3339))},
		{Key: schemas.HeaderDLQAttempts, Value: []byte("2")},
		{Key: schemas.HeaderDLQStatus, Value: []byte("422")},
	}})
}

func (b *bench) list() []*Letter {
	b.t.Helper()
	letters, err := List(b.t.Context(), b.kc, nil, []string{b.topic()})
	if err != nil {
		b.t.Fatal(err)
	}
	return letters
}

// replay returns the outcomes by key: why refused, or "".
func (b *bench) replay(letters []*Letter, o Options) map[string]string {
	b.t.Helper()
	out := map[string]string{}
	err := Replay(b.t.Context(), b.kc, nil, letters, o, func(o Outcome) { out[string(o.Letter.Key)] = o.Refused })
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// retried are the records of the retry topic.
func (b *bench) retried() []*kgo.Record {
	b.t.Helper()
	var out []*kgo.Record
	err := b.kc.ReadToEnd(b.t.Context(), nil, func(r *kgo.Record) error {
		out = append(out, r)
		return nil
	}, "retry.sink."+b.sink)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

var noon = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

func TestListsOldestFirst(t *testing.T) {
	b := newBench(t)
	b.park("late", "permanent", 11, noon.Add(time.Hour))
	b.park("early", "permanent", 10, noon)
	letters := b.list()
	if len(letters) != 2 || string(letters[0].Key) != "early" {
		t.Fatalf("letters = %v", letters)
	}
	l := letters[0]
	if l.ID() != b.topic()+"/0/1" || l.Reason != "permanent" || l.Error != "the whole story" || l.Attempts != 2 ||
		l.Status != "422" || l.SourceTopic != "entity.customer" || l.SourcePartition != 3 || l.SourceOffset != 10 ||
		!l.Parked.Equal(noon) || l.State != Parked {
		t.Errorf("letter = %+v", l)
	}
	if len(l.Headers) != 1 || l.Headers[0].Key != schemas.HeaderPosition {
		t.Errorf("the original's headers = %v", l.Headers)
	}
}

func TestReplaysTheOriginalAndSaysSo(t *testing.T) {
	b := newBench(t)
	b.park("a", "permanent", 10, noon)
	if why := b.replay(b.list(), Options{})["a"]; why != "" {
		t.Fatalf("refused: %s", why)
	}
	sent := b.retried()
	if len(sent) != 1 || string(sent[0].Key) != "a" || string(sent[0].Value) != "value of a" {
		t.Fatalf("retried = %v", sent)
	}
	got := map[string]string{}
	for _, h := range sent[0].Headers {
		got[h.Key] = string(h.Value)
	}
	want := map[string]string{
		schemas.HeaderPosition: "p-a", schemas.HeaderDLQID: b.topic() + "/0/0",
		schemas.HeaderDLQTopic: "entity.customer", schemas.HeaderDLQPartition: "3", schemas.HeaderDLQOffset: "10",
	}
	if !maps.Equal(got, want) {
		t.Errorf("headers = %v, want %v", got, want)
	}
	again := b.list()
	if again[0].State != Replayed {
		t.Errorf("state = %s", again[0].State)
	}
	if why := b.replay(again, Options{})["a"]; !strings.Contains(why, "before") {
		t.Errorf("a second replay: %q", why)
	}
	b.replay(again, Options{Force: true})
	if n := len(b.retried()); n != 2 {
		t.Errorf("forced: %d records in the retry topic, want 2", n)
	}
}

func TestDryRunDoesNothing(t *testing.T) {
	b := newBench(t)
	b.park("a", "permanent", 10, noon)
	if why, ok := b.replay(b.list(), Options{DryRun: true})["a"]; !ok || why != "" {
		t.Errorf("outcome = %q, %v", why, ok)
	}
	if sent := b.retried(); len(sent) != 0 {
		t.Errorf("retried = %v", sent)
	}
}

func TestRefusesWhatWasOvertaken(t *testing.T) {
	b := newBench(t)
	receipts := "receipts." + b.sink
	if err := b.kc.Ensure(t.Context(), b.cl, true, receipts); err != nil {
		t.Fatal(err)
	}
	receipt := func(key, topic string, partition, offset int) {
		b.produce(&kgo.Record{
			Topic: receipts, Key: []byte("customer/" + key),
			Value: fmt.Appendf(nil, `{"topic":%q,"partition":%d,"offset":%d}`, topic, partition, offset),
		})
	}
	for _, key := range []string{"newer", "older", "elsewhere", "forgotten", "none"} {
		b.park(key, "permanent", 10, noon)
	}
	receipt("newer", "entity.customer", 3, 5)
	receipt("newer", "entity.customer", 3, 11)
	receipt("older", "entity.customer", 3, 9)
	receipt("elsewhere", "entity.customer", 2, 11) // another partition: not to be compared
	receipt("forgotten", "entity.customer", 3, 11)
	b.produce(&kgo.Record{Topic: receipts, Key: []byte("customer/forgotten")})
	for key, why := range b.replay(b.list(), Options{}) {
		if refused := why != ""; refused != (key == "newer") {
			t.Errorf("%s: refused %q", key, why)
		}
	}
	b.replay(b.list()[:1], Options{Force: true})
	if n := len(b.retried()); n != 5 {
		t.Errorf("%d were replayed, want 5", n)
	}
}

func TestALetterThatFailedAgainKnowsItsFirstSource(t *testing.T) {
	b := newBench(t)
	b.park("a", "permanent", 10, noon)
	b.produce(&kgo.Record{Topic: b.topic(), Key: []byte("a"), Headers: []kgo.RecordHeader{
		{Key: schemas.HeaderDLQID, Value: []byte(b.topic() + "/0/0")},
		{Key: schemas.HeaderDLQTopic, Value: []byte("retry.sink." + b.sink)},
		{Key: schemas.HeaderDLQPartition, Value: []byte("0")},
		{Key: schemas.HeaderDLQOffset, Value: []byte("99")},
		{Key: schemas.HeaderDLQTime, Value: []byte(noon.Add(time.Hour).Format(time.RFC3339))},
	}})
	second := b.list()[1]
	if second.SourceTopic != "entity.customer" || second.SourcePartition != 3 || second.SourceOffset != 10 {
		t.Errorf("source = %s/%d/%d", second.SourceTopic, second.SourcePartition, second.SourceOffset)
	}
}

func TestChoosesTopics(t *testing.T) {
	b := newBench(t)
	stream := "dlq.stream." + b.sink + "x"
	if err := b.kc.Ensure(t.Context(), b.cl, false, stream); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		names []string
		want  []string
	}{
		{[]string{b.sink}, []string{b.topic()}},
		{[]string{"sink." + b.sink, b.topic()}, []string{b.topic()}},
		{[]string{b.sink + "x", b.sink}, []string{b.topic(), stream}},
	} {
		got, err := Topics(t.Context(), b.cl, c.names...)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q = %q, %v; want %q", c.names, got, err, c.want)
		}
	}
	_, err := Topics(t.Context(), b.cl, "nobody")
	var f *schemas.Fault
	if !errors.As(err, &f) || !strings.Contains(f.Cure, b.topic()) {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestStopsAtTheRateWhenTold(t *testing.T) {
	b := newBench(t)
	b.park("a", "permanent", 10, noon)
	ctx, cancel := context.WithCancel(t.Context())
	letters := b.list()
	cancel()
	err := Replay(ctx, b.kc, nil, letters, Options{Rate: 0.001}, func(Outcome) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	if n := len(b.retried()); n != 0 {
		t.Errorf("%d were replayed", n)
	}
}

func TestParseID(t *testing.T) {
	topic, partition, offset, err := ParseID("dlq.sink.crm/2/41")
	if err != nil || topic != "dlq.sink.crm" || partition != 2 || offset != 41 {
		t.Errorf("got %s %d %d %v", topic, partition, offset, err)
	}
	for _, bad := range []string{"", "12", "dlq.sink.crm", "dlq.sink.crm/x/1", "dlq.sink.crm/0/-1", "entity.customer/0/1", "dlq.sink.crm/0/1/2"} {
		if _, _, _, err := ParseID(bad); err == nil {
			t.Errorf("%q is taken for an id", bad)
		}
	}
}
