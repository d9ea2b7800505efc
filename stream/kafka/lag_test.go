package kafka

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestLag(t *testing.T) {
	_, c := broker(t)
	c.Topics.Partitions = 1
	ctx := timeout(t)
	cl := client(t, c)
	if err := c.Ensure(ctx, cl, false, "orders", "idle"); err != nil {
		t.Fatal(err)
	}
	txn := client(t, c, kgo.TransactionalID("one"))
	// offsets: a 0, b 1, marker 2, x 3, marker 4 (aborted)
	transact(t, txn, kgo.TryCommit, "orders", "a", "b")
	transact(t, txn, kgo.TryAbort, "orders", "x")

	commit := func(offset int64) {
		t.Helper()
		var o kadm.Offsets
		o.AddOffset("orders", 0, offset, -1)
		if err := kadm.NewClient(cl).CommitAllOffsets(ctx, "group", o); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when, want string, topics ...string) {
		t.Helper()
		lags, err := Lag(ctx, cl, "group", topics...)
		if err != nil {
			t.Fatal(when, err)
		}
		if got := fmt.Sprint(lags); got != want {
			t.Errorf("%s: got %s, want %s", when, got, want)
		}
	}

	check("no group", "[]")
	check("no commit", "[{idle 0 -1 0 0} {orders 0 -1 5 5}]", "orders", "idle", "none")
	commit(1)
	check("one read", "[{orders 0 1 5 4}]")
	commit(2)
	check("all read, markers and aborted records left", "[{orders 0 2 5 0}]")

	if err := txn.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, txn, "orders", "open")
	check("open transaction", "[{orders 0 2 6 1}]")
	if err := txn.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	check("committed", "[{orders 0 2 7 2}]")
	commit(100)
	check("committed past the end of a topic made anew", "[{orders 0 100 7 7}]")
	if err := c.Ensure(ctx, client(t, c), false, "none"); err != nil {
		t.Fatal(err)
	}
	check("a topic that was missing a moment ago", "[{none 0 -1 0 0}]", "none")
	commit(6)
	check("drained", "[{orders 0 6 7 0}]")
}
