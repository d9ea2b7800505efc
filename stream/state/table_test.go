package state_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/stream/kafka"
	"sluice/stream/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a table over one Redis and one Kafka, and a writer of its changelog.
type rig struct {
	t      *testing.T
	name   string
	kafka  kafka.Config
	client redis.UniversalClient
	log    *kgo.Client
	real   bool // not miniredis
}

// onEach runs a test on miniredis and, where there is one, on a real Redis, and on
// a cluster of one node.
func onEach(t *testing.T, test func(*rig)) {
	t.Run("miniredis", func(t *testing.T) { test(newRig(t, miniredis.RunT(t).Addr())) })
	t.Run("redis", func(t *testing.T) {
		server, err := local.StartRedis(t.Context(), local.RedisOptions{})
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { _ = server.Stop() })
		r := newRig(t, server.Addr())
		r.real = true
		test(r)
	})
	t.Run("cluster", func(t *testing.T) {
		server, err := local.StartRedis(t.Context(), local.RedisOptions{Args: []string{"--cluster-enabled", "yes"}})
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { _ = server.Stop() })
		node := redis.NewClient(&redis.Options{Addr: server.Addr()})
		defer func() { _ = node.Close() }()
		if err := node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
			t.Fatal(err)
		}
		for !strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok") {
			if t.Context().Err() != nil {
				t.Fatal("the cluster does not come up")
			}
		}
		c := state.Config{Addresses: []string{server.Addr()}, Cluster: true}
		client, err := c.Open()
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, server.Addr())
		r.must(r.client.Close())
		r.client, r.real = client, true
		t.Cleanup(func() { _ = client.Close() })
		test(r)
	})
}

func newRig(t *testing.T, addr string) *rig {
	t.Helper()
	r := &rig{t: t, name: localtest.Prefix(t) + "_customer", kafka: localtest.Kafka(t)}
	r.kafka.Topics.Partitions = 2
	r.client = redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = r.client.Close() })
	opts, err := r.kafka.Options("test", nil)
	r.must(err)
	r.log, err = kgo.NewClient(append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID(r.name))...)
	r.must(err)
	t.Cleanup(r.log.Close)
	r.must(r.kafka.Ensure(t.Context(), r.log, true, state.ChangelogTopic(r.name)))
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) table() *state.Table { return state.New(r.name, r.client, r.kafka, nil) }

// set is one batch of partition 1: it writes to Redis and, where commit, to the
// changelog. An empty value removes.
func (r *rig) set(table *state.Table, next int64, commit kgo.TransactionEndTry, pairs ...string) {
	r.t.Helper()
	p := &state.Part{Partition: 1, Next: next}
	for i := 0; i < len(pairs); i += 2 {
		p.Keys = append(p.Keys, pairs[i])
	}
	r.must(table.Read(r.t.Context(), []*state.Part{p}))
	for i := range p.Keys {
		p.Values[i] = []byte(pairs[2*i+1])
	}
	r.must(table.Write(r.t.Context(), []*state.Part{p}))
	r.must(r.log.BeginTransaction())
	for i, key := range p.Keys {
		rec := &kgo.Record{
			Topic: state.ChangelogTopic(r.name), Partition: 1, Key: []byte(key), Value: p.Values[i],
			Headers: []kgo.RecordHeader{{Key: state.HeaderNext, Value: strconv.AppendInt(nil, next, 10)}},
		}
		if len(rec.Value) == 0 {
			rec.Value = nil
		}
		r.must(r.log.ProduceSync(r.t.Context(), rec).FirstErr())
	}
	r.must(r.log.EndTransaction(r.t.Context(), commit))
}

// want checks what a table has of partition 1.
func (r *rig) want(table *state.Table, pairs ...string) {
	r.t.Helper()
	p := &state.Part{Partition: 1}
	for i := 0; i < len(pairs); i += 2 {
		p.Keys = append(p.Keys, pairs[i])
	}
	r.must(table.Read(r.t.Context(), []*state.Part{p}))
	for i, key := range p.Keys {
		if got := string(p.Values[i]); got != pairs[2*i+1] {
			r.t.Errorf("%s is %q, want %q", key, got, pairs[2*i+1])
		}
	}
}

func TestReadsWhatWasWritten(t *testing.T) {
	onEach(t, func(r *rig) {
		a := r.table()
		r.want(a, "x", "")
		r.set(a, 10, kgo.TryCommit, "x", "1", "y", "2")
		r.set(a, 20, kgo.TryCommit, "x", "", "z", "3")
		r.want(a, "x", "", "y", "2", "z", "3")
		r.want(r.table(), "x", "", "y", "2", "z", "3") // another process
		p := &state.Part{Partition: 0, Keys: []string{"y"}}
		r.must(a.Read(t.Context(), []*state.Part{p}))
		if p.Values[0] != nil {
			t.Error("a partition has the value of another")
		}
		entries := make([]string, 0, 10_000)
		for i := range 5_000 {
			entries = append(entries, fmt.Sprint("k", i), fmt.Sprint("v", i))
		}
		r.set(a, 30, kgo.TryCommit, entries...)
		r.want(a, entries...)
	})
}

// TestRestores: whatever Redis loses, no answer is given from less than what was
// committed.
func TestRestores(t *testing.T) {
	key := func(r *rig) string { return "sluice:state:{" + r.name + "/1}" }
	for name, lose := range map[string]func(r *rig, before map[string]string){
		"all":     func(r *rig, _ map[string]string) { r.must(r.client.FlushAll(r.t.Context()).Err()) },
		"nothing": func(*rig, map[string]string) {},
		"the last batch": func(r *rig, before map[string]string) {
			r.must(r.client.Del(r.t.Context(), key(r)).Err())
			r.must(r.client.HSet(r.t.Context(), key(r), before).Err())
		},
		"the marker": func(r *rig, _ map[string]string) { r.must(r.client.HDel(r.t.Context(), key(r), "").Err()) },
		"and holds what nobody wrote": func(r *rig, _ map[string]string) {
			r.must(r.client.HSet(r.t.Context(), key(r), "", "nonsense").Err())
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(r *rig) {
				a := r.table()
				r.set(a, 10, kgo.TryCommit, "x", "1", "y", "1", "gone", "1")
				before := r.client.HGetAll(t.Context(), key(r)).Val()
				r.set(a, 20, kgo.TryCommit, "x", "2", "z", "2", "gone", "")
				lose(r, before)
				r.want(a, "x", "2", "y", "1", "z", "2", "gone", "")
				lose(r, before)
				r.want(r.table(), "x", "2", "y", "1", "z", "2", "gone", "")
				r.set(a, 30, kgo.TryCommit, "y", "3") // it can be written again
				r.want(a, "x", "2", "y", "3")
			})
		})
	}
}

// TestChangelogWithoutRecordsAtItsEnd: aborted transactions do not hide up to where
// the changelog has seen its input.
func TestChangelogWithoutRecordsAtItsEnd(t *testing.T) {
	onEach(t, func(r *rig) {
		a := r.table()
		r.set(a, 10, kgo.TryCommit, "x", "1")
		for i := range 70 {
			r.set(a, int64(20+i), kgo.TryAbort, "x", "ahead")
		}
		r.want(r.table(), "x", "ahead") // the records come again, and lead there
		r.must(r.client.FlushAll(t.Context()).Err())
		r.want(r.table(), "x", "1")
	})
}

// TestTwoWriters: who has read before another wrote cannot write over it.
func TestTwoWriters(t *testing.T) {
	onEach(t, func(r *rig) {
		a, b := r.table(), r.table()
		ctx := context.WithoutCancel(t.Context())
		p := &state.Part{Partition: 1, Next: 5, Keys: []string{"x"}}
		r.must(a.Read(ctx, []*state.Part{p}))
		r.set(b, 10, kgo.TryCommit, "x", "b")
		p.Values[0] = []byte("a")
		if err := a.Write(ctx, []*state.Part{p}); !errors.Is(err, state.ErrMoved) {
			t.Errorf("Write = %v, want ErrMoved", err)
		}
		r.want(a, "x", "b")
		r.set(a, 20, kgo.TryCommit, "x", "a")
		r.want(b, "x", "a")
	})
}

// TestScriptsAreGivenAgain: a Redis that was started anew knows no scripts.
func TestScriptsAreGivenAgain(t *testing.T) {
	onEach(t, func(r *rig) {
		a := r.table()
		r.set(a, 10, kgo.TryCommit, "x", "1")
		r.must(r.client.ScriptFlush(t.Context()).Err())
		r.set(a, 20, kgo.TryCommit, "x", "2")
		r.want(a, "x", "2")
	})
}

// TestForeignChangelog: a record that no table wrote stops, and is named.
func TestForeignChangelog(t *testing.T) {
	onEach(t, func(r *rig) {
		r.must(r.log.BeginTransaction())
		r.must(r.log.ProduceSync(t.Context(), &kgo.Record{Topic: state.ChangelogTopic(r.name), Partition: 1, Key: []byte("x"), Value: []byte("y")}).FirstErr())
		r.must(r.log.EndTransaction(t.Context(), kgo.TryCommit))
		err := r.table().Read(t.Context(), []*state.Part{{Partition: 1, Keys: []string{"x"}}})
		if err == nil {
			t.Fatal("no error")
		}
	})
}
