package tap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/local/localtest"
	"sluice/schemas"
	"sluice/schemas/registry"
	"sluice/stream/kafka"
)

// topic makes a topic of one partition and fills it in a committed transaction,
// with an aborted one before it.
func topic(t *testing.T, kc kafka.Config, records ...*kgo.Record) string {
	t.Helper()
	name := localtest.Prefix(t)
	opts, err := kc.Options("test", nil)
	if err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(append(opts, kgo.TransactionalID(name))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	kc.Topics.Partitions = 1
	if err := kc.Ensure(t.Context(), cl, false, name); err != nil {
		t.Fatal(err)
	}
	commit(t, cl, kgo.TryAbort, &kgo.Record{Topic: name, Value: []byte("aborted")})
	for _, r := range records {
		r.Topic = name
	}
	commit(t, cl, kgo.TryCommit, records...)
	return name
}

func commit(t *testing.T, cl *kgo.Client, end kgo.TransactionEndTry, records ...*kgo.Record) {
	t.Helper()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

func values(t *testing.T, kc kafka.Config, topic string, span Span) []string {
	t.Helper()
	var got []string
	err := Read(t.Context(), kc, topic, span, nil, func(r *kgo.Record) error {
		got = append(got, string(r.Value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestReadsTheSpan(t *testing.T) {
	kc := localtest.Kafka(t)
	var records []*kgo.Record
	for i := range 5 {
		records = append(records, &kgo.Record{Value: fmt.Append(nil, i)})
	}
	// Offsets: 0 aborted, 1 its marker, 2 to 6 the values, 7 the marker.
	name := topic(t, kc, records...)
	for _, c := range []struct {
		span Span
		want string
	}{
		{Span{}, "0 1 2 3 4"},
		{Span{From: "start", Limit: 2}, "0 1"},
		{Span{From: "4"}, "2 3 4"},
		{Span{From: "-2"}, "4"},
		{Span{From: "-100", Limit: 1}, "0"},
		{Span{From: "100"}, ""},
		{Span{From: "end"}, ""},
	} {
		if got := strings.Join(values(t, kc, name, c.span), " "); got != c.want {
			t.Errorf("%+v = %q, want %q", c.span, got, c.want)
		}
	}
}

func TestFollowsUntilToldToStop(t *testing.T) {
	kc := localtest.Kafka(t)
	name := topic(t, kc, &kgo.Record{Value: []byte("first")})
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan string)
	done := make(chan error)
	go func() {
		done <- Read(ctx, kc, name, Span{Follow: true}, nil, func(r *kgo.Record) error {
			got <- string(r.Value)
			return nil
		})
	}()
	if v := <-got; v != "first" {
		t.Errorf("first = %q", v)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(kc.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: name, Value: []byte("later")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if v := <-got; v != "later" {
		t.Errorf("then = %q", v)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("stopping is no error: %v", err)
	}
}

func TestFaults(t *testing.T) {
	kc := localtest.Kafka(t)
	name := topic(t, kc, &kgo.Record{Value: []byte("x")})
	for what, args := range map[string][2]string{"no topic": {name + "none", ""}, "no place": {name, "soon"}} {
		err := Read(t.Context(), kc, args[0], Span{From: args[1]}, nil, func(*kgo.Record) error { return nil })
		var f *schemas.Fault
		if !errors.As(err, &f) || f.Cure == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestDecodesByTheRegistry(t *testing.T) {
	reg, err := localtest.Registry(t).Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reg.Close)
	schema := `{"type":"record","name":"customer","namespace":"entity","fields":[{"name":"name","type":["null","string"]}]}`
	id, err := reg.Register(t.Context(), localtest.Prefix(t)+"-value", schema)
	if err != nil {
		t.Fatal(err)
	}
	record := append(registry.AppendHeader(nil, id), encode(t, schema, map[string]any{"name": map[string]any{"string": "Ann"}})...)
	d := NewDecoder(reg)
	for _, c := range []struct {
		data       []byte
		value, key string
	}{
		{nil, "null", "null"},
		{record, `{"name":"Ann"}`, `{"name":"Ann"}`},
		{[]byte(`{"a": 1}`), `{"a": 1}`, `"{\"a\": 1}"`},
		{[]byte("12"), "12", `"12"`},
		{[]byte("text"), `"text"`, `"text"`},
		{[]byte{}, `""`, `""`},
	} {
		if got := string(d.Value(t.Context(), c.data)); got != c.value {
			t.Errorf("value of %q = %s, want %s", c.data, got, c.value)
		}
		if got := string(d.Key(t.Context(), c.data)); got != c.key {
			t.Errorf("key of %q = %s, want %s", c.data, got, c.key)
		}
	}
	for _, bad := range [][]byte{record[:len(record)-1], registry.AppendHeader(nil, 1<<20), {0xff, 0xfe}} {
		got := string(d.Value(t.Context(), bad))
		if !strings.HasPrefix(got, `{"undecoded":"`) || !strings.Contains(got, `"error":"`) {
			t.Errorf("%x = %s", bad, got)
		}
	}
	if !slices.Equal(d.Value(t.Context(), record), d.Value(t.Context(), record)) {
		t.Error("the second reading differs")
	}
}
