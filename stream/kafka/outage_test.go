package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A broker that goes away in the middle of a transaction pauses the producer;
// when it is back, the transaction is whole.
func TestOutagePausesAndDropsNothing(t *testing.T) {
	dir := t.TempDir()
	first, c := broker(t, kfake.DataDir(dir))
	c.Topics.Partitions = 1
	ctx := timeout(t)
	if err := c.Ensure(ctx, client(t, c), false, "orders"); err != nil {
		t.Fatal(err)
	}

	noticed := notice{ch: make(chan struct{})}
	cl, err := c.open("test", slog.New(&noticed), kgo.TransactionalID("one"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	transact(t, cl, kgo.TryCommit, "orders", "a")

	first.Close()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produced := make(chan error, 1)
	cl.Produce(ctx, &kgo.Record{Topic: "orders", Value: []byte("b")}, func(_ *kgo.Record, err error) { produced <- err })
	select {
	case <-noticed.ch: // the client has tried and met nobody
	case <-ctx.Done():
		t.Fatal("the client did not notice that the broker is away")
	}

	_, port, _ := net.SplitHostPort(c.Brokers[0])
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	broker(t, kfake.DataDir(dir), kfake.Ports(n))
	if err := <-produced; err != nil {
		t.Fatal("the record was dropped:", err)
	}
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := c.ReadToEnd(ctx, nil, collect(&got), "orders"); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if fmt.Sprint(got) != "[a b]" {
		t.Error(got)
	}
}

// notice is a log whose first line closes a channel.
type notice struct {
	once sync.Once
	ch   chan struct{}
}

func (n *notice) Enabled(context.Context, slog.Level) bool { return true }
func (n *notice) Handle(context.Context, slog.Record) error {
	n.once.Do(func() { close(n.ch) })
	return nil
}
func (n *notice) WithAttrs([]slog.Attr) slog.Handler { return n }
func (n *notice) WithGroup(string) slog.Handler      { return n }
