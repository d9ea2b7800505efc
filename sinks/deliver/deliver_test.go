package deliver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/sinks"
	"sluice/sinks/sinktest"
)

func keys(prefix string, n int) []string {
	var ks []string
	for i := range n {
		ks = append(ks, fmt.Sprint(prefix, i))
	}
	return ks
}

// ordered checks that no key went back to an older version, but for repeats of
// what was not committed when an engine died: those begin anew and go on in
// order.
func (w *world) inOrder(keys ...string) {
	w.t.Helper()
	for _, k := range keys {
		var last int64
		for _, v := range w.target.History(k) {
			if v != sinktest.Deleted && v != last+1 {
				w.t.Errorf("key %s was written as %v, want each version once in order", k, w.target.History(k))
				break
			}
			last++
		}
	}
	if over := w.target.Overlaps(); len(over) > 0 {
		w.t.Errorf("two writes of one key were under way at once: %v", over)
	}
}

func TestDeliversStatesAndDeletionsWithReceipts(t *testing.T) {
	w := newWorld(t)
	w.states("a", "b", "a", "c")
	w.put(w.next("b", true))
	e := w.start(quick(), w.sink())
	e.settledAt(5, 0)
	w.version["b"] = 0
	w.arrived()
	w.inOrder("a", "c")
	if _, there := w.target.Get("b"); there {
		t.Error("b is at the target after its deletion")
	}
	w.caughtUp()
	if err := e.end(); err != nil {
		t.Fatal(err)
	}
	got := receiptsOf(t, w.all("receipts."+w.name))
	for key, want := range map[string]receiptValue{
		"a": {Action: "updated", Status: "200", Position: "0/2"},
		"b": {Action: "deleted", Status: "204", Position: "0/2"},
		"c": {Action: "created", Status: "201", Position: "0/1"},
	} {
		r, ok := got[w.name+"/"+key]
		if !ok || r.Entity != w.name || r.Key != key || r.Action != want.Action || r.Status != want.Status ||
			r.Position != want.Position || r.Rules != "1-cafe" || r.Topic != w.topic || len(r.IdempotencyKey) != 32 || r.At == "" {
			t.Errorf("receipt of %s: %+v, want %+v", key, r, want)
		}
		if !strings.HasPrefix(r.DestinationID, "T") && want.Action != "deleted" {
			t.Errorf("receipt of %s has destination id %q", key, r.DestinationID)
		}
	}
	w.noDeadLetters()
}

func TestRestartRepeatsNothing(t *testing.T) {
	w := newWorld(t)
	w.states(keys("k", 20)...)
	e := w.start(quick(), w.sink())
	e.settledAt(20, 0)
	if err := e.end(); err != nil {
		t.Fatal(err)
	}
	before := w.target.Requests()
	w.states("new")
	e = w.start(quick(), w.sink())
	w.arrived()
	e.settledAt(1, 0)
	if n := w.target.Requests() - before; n != 2 { // update, create
		t.Errorf("%d requests after a clean restart, want 2 for the one new record", n)
	}
}

func TestPoisonIsParkedWhileOthersFlow(t *testing.T) {
	w := newWorld(t)
	w.target.Refuse("poison", http.StatusUnprocessableEntity)
	var want []string
	for i := range 10 {
		k := fmt.Sprint("k", i)
		want = append(want, k)
		w.states(k, "poison")
	}
	junk := &kgo.Record{Topic: w.topic, Key: []byte("junk"), Value: []byte("no avro"), Headers: []kgo.RecordHeader{{Key: "x", Value: []byte("y")}}}
	w.put(junk)
	e := w.start(quick(), w.sink())
	e.settledAt(10, 11)
	w.arrived("poison")
	w.inOrder(want...)
	w.caughtUp()
	if got := e.breaker.openings.Load(); got != 0 {
		t.Errorf("refused records opened the breaker %d times", got)
	}
	reasons := map[string]int{}
	for _, r := range w.all("dlq.sink." + w.name) {
		reasons[headerOf(r, schemas.HeaderDLQReason)]++
		if headerOf(r, schemas.HeaderDLQTopic) != w.topic || headerOf(r, schemas.HeaderDLQError) == "" || headerOf(r, schemas.HeaderDLQOffset) == "" {
			t.Errorf("dead letter of %s has headers %v", r.Key, r.Headers)
		}
		switch string(r.Key) {
		case "junk":
			if string(r.Value) != "no avro" || headerOf(r, "x") != "y" {
				t.Errorf("the dead letter is not the record: %q %v", r.Value, r.Headers)
			}
		case "poison":
			if headerOf(r, schemas.HeaderDLQStatus) != "422" || headerOf(r, schemas.HeaderDLQAttempts) != "1" ||
				!strings.Contains(headerOf(r, schemas.HeaderDLQAnswer), "refused") || headerOf(r, schemas.HeaderPosition) == "" {
				t.Errorf("dead letter of poison has headers %v", r.Headers)
			}
		}
	}
	if reasons[reasonRefused] != 10 || reasons[reasonUndecodable] != 1 {
		t.Errorf("dead letters by reason: %v", reasons)
	}
}

func TestOutageOpensTheBreakerAndParksNothing(t *testing.T) {
	w := newWorld(t)
	cfg := quick()
	cfg.Backoff.MaxAttempts = 1 // an outage parks nothing even so
	w.states("first")
	e := w.start(cfg, w.sink())
	e.settledAt(1, 0)
	eventually(t, e.Ready)

	w.target.SetDown(true)
	all := keys("k", 50)
	w.states(all...)
	w.states(all...)
	eventually(t, func() error {
		if n := e.breaker.openings.Load(); n < 4 {
			return fmt.Errorf("the breaker opened %d times", n)
		}
		return nil
	})
	eventually(t, func() error {
		if err := e.Ready(); err == nil || !strings.Contains(err.Error(), "breaker") {
			return fmt.Errorf("Ready says %v in an outage", err)
		}
		return nil
	})
	eventually(t, func() error {
		if !e.flow.paused.Load() {
			return errors.New("fetching is not paused")
		}
		return nil
	})
	w.target.SetDown(false)
	w.arrived()
	e.settledAt(101, 0)
	w.inOrder(all...)
	eventually(t, e.Ready)
	if s := e.breaker.cb.State(); s != gobreaker.StateClosed {
		t.Errorf("the breaker is %v after the outage", s)
	}
	w.caughtUp()
	w.noDeadLetters()
}

func TestAttemptsRunOutForOneRecordOfAHealthyTarget(t *testing.T) {
	w := newWorld(t)
	cfg := quick()
	cfg.Backoff.MaxAttempts = 3
	w.target.Refuse("bad", http.StatusInternalServerError)
	w.states("bad")
	e := w.start(cfg, w.sink())
	n := 0
	eventually(t, func() error { // others flow meanwhile
		w.states(fmt.Sprint("k", n))
		n++
		if e.counts()[fateParked] == 0 {
			return errors.New("nothing parked")
		}
		return nil
	})
	e.settledAt(n, 1)
	dead := w.all("dlq.sink." + w.name)
	if len(dead) != 1 || headerOf(dead[0], schemas.HeaderDLQReason) != reasonAttempts || headerOf(dead[0], schemas.HeaderDLQStatus) != "500" {
		t.Fatalf("dead letters: %v", dead)
	}
}

func TestThrottlingUsesNothingUp(t *testing.T) {
	w := newWorld(t)
	cfg := quick()
	cfg.Backoff.MaxAttempts = 1
	w.target.SetFaults(sinktest.Faults{Chance: map[sinktest.Fault]float64{sinktest.Throttle: 0.4, sinktest.ThrottleDate: 0.3}})
	all := keys("k", 40)
	w.states(all...)
	w.states(all...)
	e := w.start(cfg, w.sink())
	w.arrived()
	e.settledAt(80, 0)
	w.inOrder(all...)
	if n := e.breaker.openings.Load(); n != 0 {
		t.Errorf("throttling opened the breaker %d times", n)
	}
	w.noDeadLetters()
}

func TestMisbehavingTargetLosesAndDoublesNothing(t *testing.T) {
	w := newWorld(t)
	w.target.SetFaults(sinktest.Faults{
		Chance: map[sinktest.Fault]float64{
			sinktest.Slow: 0.05, sinktest.ResetBefore: 0.05, sinktest.ResetAfter: 0.05, sinktest.Throttle: 0.05,
			sinktest.Unavailable: 0.05, sinktest.Internal: 0.05, sinktest.Truncate: 0.05,
		},
		Delay: 5 * time.Millisecond,
	})
	all := keys("k", 60)
	for range 5 {
		w.states(all...)
	}
	e := w.start(quick(), w.sink())
	w.arrived()
	e.settledAt(300, 0)
	w.inOrder(all...)
	w.caughtUp()
	w.noDeadLetters()
}

func TestRefusedCredentialsStopTheSinkAndParkNothing(t *testing.T) {
	w := newWorld(t)
	w.target.Forbid(true)
	w.states(keys("k", 10)...)
	e := w.start(quick(), w.sink())
	<-e.done
	var f *schemas.Fault
	if !errors.As(e.err, &f) || f.Where != "sinks."+w.name+".api.auth" || f.Cure == "" {
		t.Fatalf("Run returned %v, want a fault that names the auth block", e.err)
	}
	if e.Ready() == nil {
		t.Error("a sink that has stopped is ready")
	}
	w.noDeadLetters()
	w.target.Forbid(false)
	w.start(quick(), w.sink())
	w.arrived()
}

func TestRetryTopicIsDeliveredUnderTheSameIdempotencyKey(t *testing.T) {
	w := newWorld(t)
	w.target.Refuse("poison", http.StatusUnprocessableEntity)
	w.states("poison")
	var seen atomic.Pointer[[]sinks.Delivery]
	seen.Store(&[]sinks.Delivery{})
	spy := &spySink{Sink: w.sink(), saw: func(d *sinks.Delivery) {
		list := append(*seen.Load(), *d)
		seen.Store(&list)
	}}
	e := w.start(quick(), spy)
	e.settledAt(0, 1)
	dead := w.all("dlq.sink." + w.name)[0]
	w.target.Refuse("poison", 0)
	for _, named := range []bool{false, true} {
		r := &kgo.Record{Topic: "retry.sink." + w.name, Key: dead.Key, Value: dead.Value}
		for _, h := range dead.Headers {
			if !strings.HasPrefix(h.Key, dlqPrefix) || named && (h.Key == schemas.HeaderDLQTopic) {
				r.Headers = append(r.Headers, h)
			}
		}
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: schemas.HeaderDLQID, Value: []byte(dead.Topic + "/0/0")})
		before := len(*seen.Load())
		w.put(r)
		eventually(t, func() error {
			if len(*seen.Load()) == before {
				return errors.New("the replayed record has not been written")
			}
			return nil
		})
	}
	w.arrived()
	e.settledAt(2, 1)
	for _, d := range *seen.Load() {
		if d.Topic != w.topic || d.IdempotencyKey != (*seen.Load())[0].IdempotencyKey {
			t.Errorf("delivered as %s under %s", d.Topic, d.IdempotencyKey)
		}
	}
	if _, ok := receiptsOf(t, w.all("receipts."+w.name))[w.name+"/poison"]; !ok {
		t.Error("the replayed record left no receipt")
	}
}

// spySink sees every delivery before it is written. It is used with one key.
type spySink struct {
	sinks.Sink
	saw func(*sinks.Delivery)
}

func (s *spySink) Write(ctx context.Context, batch []*sinks.Delivery) error {
	for _, d := range batch {
		s.saw(d)
	}
	return s.Sink.Write(ctx, batch)
}
