package kafka_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/local/localtest"
	"sluice/stream/kafka"
)

// TestOnThisBroker takes the promises that hang on a broker's own ways to
// whichever broker localtest gives: topics, open and aborted transactions,
// markers at the end, lag, fencing.
func TestOnThisBroker(t *testing.T) {
	c, prefix := localtest.Kafka(t), localtest.Prefix(t)
	c.Topics.Partitions = 1
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	open := func(more ...kgo.Opt) *kgo.Client {
		opts, err := c.Options("test", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		cl, err := kgo.NewClient(append(opts, more...)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
		return cl
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	topic, group, id := prefix+"positions", prefix+"group", prefix+"id"
	plain := open()
	must(c.Check(ctx, plain))
	must(c.Ensure(ctx, plain, true, topic))
	must(c.Ensure(ctx, plain, true, topic))

	say := func(cl *kgo.Client, value string) {
		t.Helper()
		must(cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Key: []byte(value), Value: []byte(value)}).FirstErr())
	}
	ours, foreign := open(kgo.TransactionalID(id)), open(kgo.TransactionalID(prefix+"foreign"))
	must(ours.BeginTransaction())
	say(ours, "a")
	say(ours, "b")
	must(ours.EndTransaction(ctx, kgo.TryCommit)) // offsets 0, 1, marker 2
	must(foreign.BeginTransaction())
	say(foreign, "open") // 3
	must(ours.BeginTransaction())
	say(ours, "c")
	must(ours.EndTransaction(ctx, kgo.TryCommit)) // 4, marker 5

	lag := func(committed, want int64) {
		t.Helper()
		var o kadm.Offsets
		o.AddOffset(topic, 0, committed, -1)
		must(kadm.NewClient(plain).CommitAllOffsets(ctx, group, o))
		rows, err := kafka.Lag(ctx, plain, group)
		must(err)
		if len(rows) != 1 || rows[0].Lag != want {
			t.Errorf("committed %d: got %+v, want a lag of %d", committed, rows, want)
		}
	}
	lag(1, 5)
	lag(2, 3) // past the marker lies the open transaction
	must(foreign.EndTransaction(ctx, kgo.TryAbort))

	var got []string
	must(c.ReadToEnd(ctx, nil, func(r *kgo.Record) error {
		got = append(got, string(r.Value))
		return nil
	}, topic))
	if fmt.Sprint(got) != "[a b c]" {
		t.Errorf("read %v", got)
	}
	lag(2, 3) // c, its marker, and the marker of the abort
	lag(5, 0) // markers alone

	second := open(kgo.TransactionalID(id))
	must(second.BeginTransaction())
	say(second, "d")
	must(ours.BeginTransaction())
	err := ours.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("late")}).FirstErr()
	if err == nil {
		err = ours.EndTransaction(ctx, kgo.TryCommit)
	}
	if !kafka.IsFenced(err) {
		t.Errorf("the first holder of the id got %v, which is not taken for fenced", err)
	}
	must(second.EndTransaction(ctx, kgo.TryCommit))
}
