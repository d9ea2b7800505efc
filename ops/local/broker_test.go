package local_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/local"
)

// child is an embedded broker in a process of its own.
type child struct {
	dir, addr string
	cmd       *exec.Cmd
	in        *os.File
}

func newChild(t *testing.T) *child {
	t.Helper()
	port, err := local.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{dir: t.TempDir(), addr: "127.0.0.1:" + strconv.Itoa(port)}
	c.start(t)
	t.Cleanup(func() { c.kill(t) })
	return c
}

func (c *child) start(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.cmd, c.in = exec.Command(self), w
	c.cmd.Env = append(os.Environ(), brokerDir+"="+c.dir, brokerAddr+"="+c.addr)
	c.cmd.Stdin, c.cmd.Stderr = r, os.Stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("tcp", c.addr); err == nil {
			conn.Close()
			return
		}
		select {
		case <-deadline.C:
			t.Fatal("the broker does not listen after 30 s")
		case <-tick.C:
		}
	}
}

// kill sends SIGKILL: the broker writes nothing more.
func (c *child) kill(t *testing.T) {
	t.Helper()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
	c.in.Close()
}

func createTopic(t *testing.T, addr, topic string, partitions int32) {
	t.Helper()
	if _, err := kadm.NewClient(client(t, addr)).CreateTopic(t.Context(), partitions, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
}

// committed reads the topic up to its end as a read_committed consumer sees
// it, in order of partition and offset.
func committed(t *testing.T, addr, topic string) []string {
	t.Helper()
	// A transaction's end marker takes an offset, so the markers are kept to see
	// when the end is reached.
	cl := client(t, addr, kgo.ConsumeTopics(topic), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(100*time.Millisecond))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ends, err := kadm.NewClient(cl).ListCommittedOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	var out []string
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("reading %s, ends not reached %v: %v", topic, left, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				out = append(out, string(r.Value))
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return out
}

func TestBrokerKeepsWhatItHeldOverClose(t *testing.T) {
	dir := t.TempDir()
	b, err := local.StartBroker(t.Context(), local.BrokerOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	addr := b.Addr()
	createTopic(t, addr, "t", 1)
	cl := client(t, addr, kgo.TransactionalID("x"))
	transact(t, cl, "t", kgo.TryCommit, "one")
	transact(t, cl, "t", kgo.TryAbort, "aborted")
	b.Close()
	b.Close()
	b, err = local.StartBroker(t.Context(), local.BrokerOptions{Dir: dir, Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if b.Addr() != addr {
		t.Errorf("the broker listens on %s, want %s", b.Addr(), addr)
	}
	transact(t, cl, "t", kgo.TryCommit, "two")
	if got := strings.Join(committed(t, addr, "t"), " "); got != "one two" {
		t.Errorf("committed records: %s", got)
	}
}

func TestBrokerMakesNoTopicUnasked(t *testing.T) {
	b, err := local.StartBroker(t.Context(), local.BrokerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	cl := client(t, b.Addr(), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(1))
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "unasked", Value: []byte("v")}).FirstErr(); err == nil {
		t.Error("producing to a topic that does not exist succeeded")
	}
}

// TestBrokerSurvivesKill kills the broker while a producer commits small
// transactions over two topics, and asks afterwards that every acknowledged
// transaction is there, whole, in order, once, and that of the others each is
// there whole or not at all.
func TestBrokerSurvivesKill(t *testing.T) {
	c := newChild(t)
	createTopic(t, c.addr, "a", 1)
	createTopic(t, c.addr, "b", 1)
	const rounds = 5
	acked := map[int]bool{}
	n := 0
	for round := range rounds {
		ctx, cancel := context.WithCancel(t.Context())
		kill := time.AfterFunc(time.Duration(100+rand.IntN(300))*time.Millisecond, func() {
			_ = c.cmd.Process.Kill()
			cancel()
		})
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.addr), kgo.TransactionalID("x"), kgo.TransactionTimeout(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for ctx.Err() == nil {
			n++
			if produceBoth(ctx, cl, n) == nil {
				acked[n] = true
			}
		}
		kill.Stop()
		cl.Close()
		c.kill(t)
		c.start(t)
		t.Logf("round %d: %d transactions sent, %d acknowledged so far", round, n, len(acked))
	}
	// A last transaction of the same producer ends what a kill left open.
	cl := client(t, c.addr, kgo.TransactionalID("x"))
	n++
	if err := produceBoth(t.Context(), cl, n); err != nil {
		t.Fatalf("producing after the last kill: %v", err)
	}
	acked[n] = true

	seen := map[string]map[int]int{"a": {}, "b": {}}
	for topic, count := range seen {
		last := 0
		for _, v := range committed(t, c.addr, topic) {
			i, err := strconv.Atoi(v)
			if err != nil {
				t.Fatal(err)
			}
			if i < last {
				t.Errorf("topic %s: transaction %d after %d", topic, i, last)
			}
			last = i
			count[i]++
		}
	}
	for i := 1; i <= n; i++ {
		a, b := seen["a"][i], seen["b"][i]
		if a != b || a != 0 && a != 3 || acked[i] && a != 3 {
			t.Errorf("transaction %d (acknowledged %v): %d records in a, %d in b, want 3 in each or none", i, acked[i], a, b)
		}
	}
	if len(acked) < rounds {
		t.Errorf("only %d transactions were acknowledged: the test has proven little", len(acked))
	}
}

// produceBoth commits three records in each of two topics in one transaction.
func produceBoth(ctx context.Context, cl *kgo.Client, n int) error {
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	value := []byte(strconv.Itoa(n))
	// A record that may have reached the broker is not given up when ctx ends,
	// so the promises are awaited beside it.
	promises := make(chan error, 6)
	for range 3 {
		for _, topic := range []string{"a", "b"} {
			cl.Produce(ctx, &kgo.Record{Topic: topic, Value: value}, func(_ *kgo.Record, err error) { promises <- err })
		}
	}
	for range cap(promises) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-promises:
			if err != nil {
				return fmt.Errorf("producing: %w", err)
			}
		}
	}
	return cl.EndTransaction(ctx, kgo.TryCommit)
}

func TestBrokerKeepsGroupOffsetsOverKill(t *testing.T) {
	c := newChild(t)
	createTopic(t, c.addr, "t", 1)
	admin := kadm.NewClient(client(t, c.addr))
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 7, -1)
	if err := admin.CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	c.kill(t)
	c.start(t)
	got, err := admin.FetchOffsets(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := got.Lookup("t", 0); !ok || o.At != 7 {
		t.Errorf("committed offset after kill -9 = %+v, want 7", o)
	}
}
