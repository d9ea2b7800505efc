package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func collect(into *[]string) func(*kgo.Record) error {
	return func(r *kgo.Record) error {
		*into = append(*into, string(r.Value))
		return nil
	}
}

func TestReadToEnd(t *testing.T) {
	_, c := broker(t)
	c.Topics.Partitions = 1
	plain := client(t, c)
	ctx := timeout(t)
	if err := c.Ensure(ctx, plain, true, "positions", "empty", "more"); err != nil {
		t.Fatal(err)
	}
	txn := client(t, c, kgo.TransactionalID("one"))
	produce(t, plain, "positions", "a")
	transact(t, txn, kgo.TryCommit, "positions", "b", "c")
	transact(t, txn, kgo.TryAbort, "positions", "never") // ends in an aborted record and a marker
	produce(t, plain, "more", "d")

	var got []string
	if err := c.ReadToEnd(ctx, nil, collect(&got), "positions", "empty", "more", "none"); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if fmt.Sprint(got) != "[a b c d]" {
		t.Error(got)
	}

	got = nil
	if err := c.ReadToEnd(ctx, nil, collect(&got)); err != nil || got != nil {
		t.Errorf("no topics: %v, %v", got, err)
	}
	stop := errors.New("enough")
	if err := c.ReadToEnd(ctx, nil, func(*kgo.Record) error { return stop }, "positions"); !errors.Is(err, stop) {
		t.Errorf("fn's error became %v", err)
	}
}

// An open transaction of somebody else hides what was committed after it began:
// reading must wait for it rather than miss the newest position.
func TestReadToEndWaitsForForeignTransaction(t *testing.T) {
	_, c := broker(t)
	c.Topics.Partitions = 1
	ctx := timeout(t)
	if err := c.Ensure(ctx, client(t, c), true, "positions"); err != nil {
		t.Fatal(err)
	}
	foreign, ours := client(t, c, kgo.TransactionalID("foreign")), client(t, c, kgo.TransactionalID("ours"))
	transact(t, ours, kgo.TryCommit, "positions", "old")
	if err := foreign.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, foreign, "positions", "foreign")
	transact(t, ours, kgo.TryCommit, "positions", "new")

	blocked, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if err := c.ReadToEnd(blocked, nil, func(*kgo.Record) error { return nil }, "positions"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("with the transaction open it ended with %v", err)
	}

	var got []string
	seen, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- c.ReadToEnd(ctx, nil, func(r *kgo.Record) error {
			if len(got) == 0 {
				close(seen)
			}
			return collect(&got)(r)
		}, "positions")
	}()
	<-seen // it has read "old" and the ends are fixed
	if err := foreign.EndTransaction(ctx, kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != "[old new]" {
		t.Error(got)
	}
}

func TestReadPartitions(t *testing.T) {
	_, c := broker(t)
	c.Topics.Partitions = 3
	ctx := timeout(t)
	cl := client(t, c, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := c.Ensure(ctx, cl, true, "receipts"); err != nil {
		t.Fatal(err)
	}
	for p := range int32(3) {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "receipts", Partition: p, Value: fmt.Append(nil, p)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	if err := c.ReadPartitions(ctx, nil, collect(&got), map[string][]int32{"receipts": {2, 0}}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if fmt.Sprint(got) != "[0 2]" {
		t.Error(got)
	}
}
