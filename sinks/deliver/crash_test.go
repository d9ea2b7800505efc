package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/ops/local/localtest"
	"sluice/sinks"
	"sluice/sinks/sinktest"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// heldSink lets a test hold writes of chosen keys.
type heldSink struct {
	sinks.Sink
	mu    sync.Mutex
	holds map[string]chan struct{}
	began map[string]int
}

func hold(s sinks.Sink, keys ...string) *heldSink {
	h := &heldSink{Sink: s, holds: map[string]chan struct{}{}, began: map[string]int{}}
	for _, k := range keys {
		h.holds[k] = make(chan struct{})
	}
	return h
}

func (h *heldSink) Write(ctx context.Context, batch []*sinks.Delivery) error {
	key := string(batch[0].Key)
	h.mu.Lock()
	gate := h.holds[key]
	h.began[key]++
	h.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return h.Sink.Write(ctx, batch)
}

func (h *heldSink) begun(key string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.began[key] == 0 {
		return fmt.Errorf("the write of %s has not begun", key)
	}
	return nil
}

func (h *heldSink) free(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.holds[key])
	delete(h.holds, key)
}

// An engine that dies loses nothing, and repeats only under the same
// idempotency keys. To die is to leave the group without a commit: the broker
// refuses all commits of the group from a moment on, as if they had never been
// sent.
func TestDyingLosesNothing(t *testing.T) {
	if localtest.Kafka(t).Brokers[0] != localtest.Broker(t).Addr() {
		t.Skip("only the embedded broker refuses commits at will")
	}
	w := newWorld(t)
	var dead atomic.Bool
	localtest.Broker(t).Cluster().ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		localtest.Broker(t).Cluster().KeepControl()
		r := req.(*kmsg.OffsetCommitRequest)
		if !dead.Load() || r.Group != "sluice.sink."+w.name {
			return nil, nil, false
		}
		resp := r.ResponseKind().(*kmsg.OffsetCommitResponse)
		for _, rt := range r.Topics {
			at := kmsg.NewOffsetCommitResponseTopic()
			at.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				p := kmsg.NewOffsetCommitResponseTopicPartition()
				p.Partition, p.ErrorCode = rp.Partition, kerr.UnknownMemberID.Code
				at.Partitions = append(at.Partitions, p)
			}
			resp.Topics = append(resp.Topics, at)
		}
		return resp, nil, true
	})
	w.target.SetFaults(sinktest.Faults{Chance: map[sinktest.Fault]float64{sinktest.ResetAfter: 0.1, sinktest.Slow: 0.2}, Delay: time.Millisecond})
	all := keys("k", 30)
	for range 10 {
		w.states(all...)
	}
	const deaths = 4
	for n := range deaths {
		e := w.start(quick(), w.sink())
		least := (n + 1) * 40
		eventually(t, func() error {
			if c := e.counts(); c[fateDelivered] < least {
				return fmt.Errorf("counts are %v", c)
			}
			return nil
		})
		dead.Store(true)
		if err := e.end(); err != nil {
			t.Fatal(err)
		}
		if c := e.counts(); c[fateConsumed] != c[fateDelivered]+c[fateParked] {
			t.Errorf("counts of an engine that died are %v", c)
		}
		dead.Store(false)
	}
	if w.target.Repeats() == 0 {
		t.Error("nothing was repeated: no engine died with work uncommitted")
	}
	e := w.start(quick(), w.sink())
	w.arrived()
	w.caughtUp()
	w.inOrder(all...) // by the memory of idempotency keys, no repeat had an effect
	if err := e.end(); err != nil {
		t.Fatal(err)
	}
	w.noDeadLetters()
}

func TestDrainFinishesWhatIsUnderWay(t *testing.T) {
	w := newWorld(t)
	s := hold(w.sink(), "slow")
	w.states("slow")
	e := w.start(quick(), s)
	eventually(t, func() error { return s.begun("slow") })
	e.stop()
	select {
	case <-e.done:
		t.Fatal("Run returned while a write was under way")
	case <-time.After(50 * time.Millisecond):
	}
	s.free("slow")
	if err := e.end(); err != nil {
		t.Fatal(err)
	}
	e.settledAt(1, 0)
	w.caughtUp()
}

// A second member takes half of the partitions while both work: no two of them
// ever write the same key at once, and each version takes effect once.
func TestPartitionsMoveBetweenMembers(t *testing.T) {
	w := newWorld(t)
	w.target.SetFaults(sinktest.Faults{Chance: map[sinktest.Fault]float64{sinktest.Slow: 1}, Delay: 3 * time.Millisecond})
	all := keys("k", 40)
	stop := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				w.states(all...)
			}
		}
	})
	first := w.start(quick(), w.sink())
	working := func(e *engine, least int) {
		t.Helper()
		eventually(t, func() error {
			if c := e.counts(); c[fateDelivered] < least {
				return fmt.Errorf("counts are %v, want %d delivered", c, least)
			}
			return nil
		})
	}
	working(first, 100)
	second := w.start(quick(), w.sink())
	working(second, 100)
	for range 2 {
		if err := second.end(); err != nil {
			t.Fatal(err)
		}
		second = w.start(quick(), w.sink())
		working(second, 50)
	}
	if err := first.end(); err != nil {
		t.Fatal(err)
	}
	close(stop)
	load.Wait()
	w.target.SetFaults(sinktest.Faults{})
	w.arrived()
	w.inOrder(all...)
	w.caughtUp()
	w.noDeadLetters()
}

// A delivery in backoff does not keep its partition from moving on.
func TestRevocationDoesNotWaitForBackoff(t *testing.T) {
	w := newWorld(t)
	cfg := quick()
	cfg.Backoff = Backoff{InitialInterval: time.Hour, MaxInterval: time.Hour}
	cfg.Breaker.ConsecutiveFailures = 1000
	all := keys("k", 16)
	for _, k := range all {
		w.target.Refuse(k, 500)
	}
	w.states(all...)
	first := w.start(cfg, w.sink())
	eventually(t, func() error {
		if n := w.target.Requests(); n < len(all) {
			return fmt.Errorf("%d tries", n)
		}
		return nil
	})
	second := w.start(cfg, w.sink())
	eventually(t, func() error {
		if len(second.all()) < 2 {
			return errors.New("the second member has no partitions")
		}
		return nil
	})
	for _, k := range all {
		w.target.Refuse(k, 0)
	}
	if err := first.end(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if n := len(second.all()); n < 8 {
			return fmt.Errorf("the second member has %d partitions", n)
		}
		return nil
	})
	if err := second.end(); err != nil {
		t.Fatal(err)
	}
	w.start(quick(), w.sink())
	w.arrived()
}

// What is in hand stays bounded while the target takes nothing.
func TestBufferIsBounded(t *testing.T) {
	w := newWorld(t)
	cfg := quick()
	cfg.MaxBuffered = 1 << 20
	gate := hold(w.sink(), keys("k", 8)...)
	big := strings.Repeat("x", 4000)
	for n := range 40 {
		for i := range 50 {
			r := w.next(fmt.Sprint("k", i%8), false)
			r.Headers[1].Value = []byte(fmt.Sprint(big, n))
			w.put(r)
		}
	}
	e := w.start(cfg, gate)
	eventually(t, func() error {
		if !e.flow.paused.Load() {
			return errors.New("fetching is not paused")
		}
		return nil
	})
	// One fetch beyond the bound may be in hand: at most maxPoll records.
	const beyond = 1 << 20 * 6
	if n := e.flow.buffered.Load(); n < 1<<20 || n > 1<<20+beyond {
		t.Errorf("%d bytes in hand, want about 1 MiB and at most %d", n, 1<<20+beyond)
	}
	for _, k := range keys("k", 8) {
		gate.free(k)
	}
	w.arrived()
	e.settledAt(2000, 0)
	if n := e.flow.buffered.Load(); n != 0 {
		t.Errorf("%d bytes in hand when all is done", n)
	}
}

// A registry that is away makes records wait; they are neither parked nor held
// against the target.
func TestRegistryAway(t *testing.T) {
	w := newWorld(t)
	away := &flakySchemas{schemaSource: w.reg}
	away.down.Store(true)
	w.states("a", "b")
	w.put(w.next("gone", true)) // needs no schema
	e := w.startWith(quick(), w.sink(), away)
	e.settledAt(1, 0)
	eventually(t, func() error {
		if away.asked.Load() < 6 {
			return errors.New("not asked again")
		}
		return nil
	})
	if e.breaker.openings.Load() != 0 {
		t.Error("the registry's absence opened the target's breaker")
	}
	away.down.Store(false)
	w.version["gone"] = 0
	w.arrived()
	e.settledAt(3, 0)
	w.noDeadLetters()
}

type flakySchemas struct {
	schemaSource
	down  atomic.Bool
	asked atomic.Int64
}

func (f *flakySchemas) Schema(ctx context.Context, id int) (string, error) {
	f.asked.Add(1)
	if f.down.Load() {
		return "", errors.New("connection refused")
	}
	return f.schemaSource.Schema(ctx, id)
}

// A batch holds deliveries of different keys, and each has its own fate.
func TestBatchesKeepOrderAndFates(t *testing.T) {
	w := newWorld(t)
	cfg := quick()
	cfg.MaxBatch, cfg.MaxInFlight = 8, 2
	w.target.Refuse("k3", 422)
	all := keys("k", 20)
	for range 5 {
		w.states(all...)
	}
	w.target.SetFaults(sinktest.Faults{Chance: map[sinktest.Fault]float64{sinktest.ResetAfter: 0.03, sinktest.Throttle: 0.03}})
	e := w.start(cfg, w.sink())
	w.arrived("k3")
	e.settledAt(95, 5)
	w.inOrder(slices.DeleteFunc(all, func(k string) bool { return k == "k3" })...)
}

// A key that is stuck does not make the others come again after a restart.
func TestStuckKeyMakesNothingElseComeAgain(t *testing.T) {
	w := newWorld(t)
	s := hold(w.sink(), "stuck")
	w.states("stuck")
	all := keys("k", 30)
	for range 3 {
		w.states(all...)
	}
	e := w.start(quick(), s)
	e.settledAt(90, 0)
	eventually(t, func() error { return s.begun("stuck") })
	// Longer than the drain waits for it, the write is cut.
	e.drainFor = 10 * time.Millisecond
	if err := e.end(); err != nil {
		t.Fatal(err)
	}
	before := w.target.Requests()
	w.states("new")
	e = w.start(quick(), w.sink())
	w.arrived()
	e.settledAt(2, 0)
	w.caughtUp()
	if n := w.target.Requests() - before; n != 4 { // update and create of each
		t.Errorf("%d requests after the restart, want 4 for the stuck and the new key", n)
	}
}
