package pump_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/capture/pump"
	"sluice/schemas"
	"sluice/schemas/avro"
)

func TestEveryEventOnceThenAckThenTheEnd(t *testing.T) {
	r := newRig(t, newBroker(t))
	src := newTape(t, 1000)
	src.ends = true
	if err := r.pump(src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantOnce(src, 1000)
	if got := src.ackedUpTo(); got != 1000 {
		t.Errorf("acknowledged up to %d, want 1000", got)
	}
	if _, at := r.saved(); at != position(1000) {
		t.Errorf("saved position %q, want %q byte for byte", at, position(1000))
	}
	if src.opens[0] != "" || src.closes == 0 {
		t.Errorf("first opened at %q, closed %d times", src.opens[0], src.closes)
	}
}

func TestAckComesAfterTheCommit(t *testing.T) {
	r := newRig(t, newBroker(t))
	src := newTape(t, 300)
	src.ends = true
	acks := 0
	src.onAck = func(next int) {
		acks++
		if _, at := r.saved(); at != position(next) {
			t.Errorf("event %d acknowledged while Kafka says %s", next, at)
		}
	}
	r.cfg.Interval = 1e6
	if err := r.pump(src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if acks == 0 {
		t.Error("nothing was acknowledged")
	}
}

func TestGoesOnFromTheSavedPosition(t *testing.T) {
	r := newRig(t, newBroker(t))
	src := newTape(t, 500)
	stop, _ := r.run(r.pump(src))
	eventually(t, "500 events acknowledged", func() bool { return src.ackedUpTo() == 500 })
	if err := stop(); err != nil {
		t.Fatalf("a drained pump returned %v", err)
	}
	src.grow(500)
	src.ends = true
	if err := r.pump(src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := src.opens[len(src.opens)-1]; got != position(500) {
		t.Errorf("opened again at %q, want %q", got, position(500))
	}
	r.wantOnce(src, 1000)
}

func TestResnapshotIgnoresTheSavedPosition(t *testing.T) {
	r := newRig(t, newBroker(t))
	src := newTape(t, 50)
	src.ends = true
	if err := r.pump(src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := newTape(t, 50)
	again.ends = true
	lost := false
	again.lose = func() bool { // the second Open must go on, not start over
		if again.cursor > 20 && !lost {
			lost = true
			return true
		}
		return false
	}
	r.cfg.Resnapshot = true
	if err := r.pump(again).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again.opens[0] != "" || len(again.opens) != 2 || again.opens[1] == "" {
		t.Errorf("opened at %q, want the zero position once", again.opens)
	}
}

func TestDrainCommitsWhatWasRead(t *testing.T) {
	b := newBroker(t)
	r := newRig(t, b)
	src := newTape(t, 0)
	p := r.pump(src)
	if p.Ready() == nil {
		t.Error("a pump that was not started says that it is ready")
	}
	stop, _ := r.run(p)
	eventually(t, "the source open", func() bool { return p.Ready() == nil })
	gate := make(chan struct{}) // no transaction ends before it is opened
	b.cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		b.cluster.SleepControl(func() { <-gate })
		return nil, nil, false
	})
	src.grow(200)
	waiting := func() bool {
		src.mu.Lock()
		defer src.mu.Unlock()
		return src.inNext && src.cursor == 200
	}
	eventually(t, "all events read", waiting)
	if err := p.Ready(); err != nil {
		t.Errorf("a pump at work says that it is not ready: %v", err)
	}
	if got := src.ackedUpTo(); got != 0 {
		t.Fatalf("%d events acknowledged before a transaction has ended", got)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	eventually(t, "the end of reading", func() bool { return !waiting() })
	close(gate)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if got := src.ackedUpTo(); got != 200 {
		t.Errorf("acknowledged up to %d, want 200", got)
	}
	r.wantOnce(src, 200)
	if err := p.Ready(); err == nil {
		t.Error("a stopped pump says that it is ready")
	}
}

// TestCommitsWithoutWaitingWhileLittleComes has an interval that is longer than
// the test may take.
func TestCommitsWithoutWaitingWhileLittleComes(t *testing.T) {
	r := newRig(t, newBroker(t))
	r.cfg.Interval, r.cfg.TransactionTimeout, r.cfg.Bytes = 5*time.Minute, 15*time.Minute, 64<<20
	src := newTape(t, 10)
	stop, _ := r.run(r.pump(src))
	for have := 10; have <= 50; have += 10 {
		eventually(t, "a few events acknowledged", func() bool { return src.ackedUpTo() == have })
		src.grow(10)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	r.wantOnce(src, 60)
}

func TestHeartbeatSavesThePositionAlone(t *testing.T) {
	r := newRig(t, newBroker(t))
	src := newTape(t, 10)
	stop, _ := r.run(r.pump(src))
	eventually(t, "the events acknowledged", func() bool { return src.ackedUpTo() == 10 })
	before := len(r.records(r.name + ".public.items"))
	src.heartbeat()
	eventually(t, "the heartbeat's position saved", func() bool {
		_, at := r.saved()
		return at == `{"next":10,"beat":1}`
	})
	if after := len(r.records(r.name + ".public.items")); after != before {
		t.Errorf("a heartbeat wrote %d records", after-before)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestLostSourceIsOpenedAgainWithoutLossOrDouble(t *testing.T) {
	r := newRig(t, newBroker(t))
	src := newTape(t, 600)
	src.ends = true
	calls, refused := 0, false
	src.lose = func() bool { calls++; return calls%25 == 0 }
	src.onOpen = func(schemas.Position) error {
		if len(src.opens) == 2 && !refused {
			refused = true
			return errors.New("connection refused")
		}
		return nil
	}
	if err := r.pump(src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(src.opens) < 4 {
		t.Errorf("opened %d times, want some losses", len(src.opens))
	}
	r.wantOnce(src, 600)
}

func TestSecondInstanceFencesTheFirst(t *testing.T) {
	r := newRig(t, newBroker(t))
	first, second := newTape(t, 100), newTape(t, 100)
	stopFirst, ended := r.run(r.pump(first))
	eventually(t, "the first instance at work", func() bool { return first.ackedUpTo() == 100 })
	old, _ := r.saved()
	stopSecond, _ := r.run(r.pump(second))
	eventually(t, "the second instance at work", second.isOpen)
	who, _ := r.saved()
	if who == old {
		t.Fatalf("both instances are called %q", who)
	}

	first.grow(10) // so that it writes
	<-ended
	err := stopFirst()
	var f *schemas.Fault
	if !errors.As(err, &f) {
		t.Fatalf("the fenced instance returned %v, want a *schemas.Fault", err)
	}
	if text := f.Error(); !strings.Contains(text, who) || !strings.Contains(text, `"erp"`) || f.Cure == "" {
		t.Errorf("the fault does not name the instance %s, the capture and a cure: %s", who, text)
	}
	second.grow(10)
	eventually(t, "the second instance going on", func() bool { return second.ackedUpTo() == 110 })
	if err := stopSecond(); err != nil {
		t.Fatal(err)
	}
	r.wantOnce(second, 110)
}

func TestWaitsForAForeignTransactionOnThePositions(t *testing.T) {
	r := newRig(t, newBroker(t))
	src := newTape(t, 10)
	src.ends = true
	if err := r.pump(src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Brokers...), kgo.TransactionalID("somebody"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	foreign := &kgo.Record{Topic: pump.PositionsTopic, Key: []byte("other"), Value: []byte(`{"position":null}`)}
	if err := cl.ProduceSync(t.Context(), foreign).FirstErr(); err != nil {
		t.Fatal(err)
	}

	next := newTape(t, 20)
	next.ends = true
	var ended atomic.Bool
	next.onOpen = func(from schemas.Position) error {
		if !ended.Load() {
			t.Errorf("opened at %q while the positions were hidden behind an open transaction", from)
		}
		if from != position(10) {
			t.Errorf("opened at %q, want %q", from, position(10))
		}
		return nil
	}
	p := r.pump(next)
	done := make(chan error, 1)
	go func() { done <- p.Run(t.Context()) }()
	eventually(t, "the pump to be waiting", func() bool { return p.Ready() != nil && len(r.claims()) > 0 })
	ended.Store(true)
	if err := cl.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	r.wantOnce(next, 20)
}

// claims returns the uncommitted view of the positions.
func (r *rig) claims() []*kgo.Record {
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Brokers...), kgo.ConsumeTopics(pump.PositionsTopic))
	if err != nil {
		r.t.Fatal(err)
	}
	defer cl.Close()
	return cl.PollFetches(r.t.Context()).Records()
}

func TestGoesOnWhereKafkaGaveUpItsTransaction(t *testing.T) {
	b := newBroker(t)
	r := newRig(t, b)
	src := newTape(t, 10)
	stop, ended := r.run(r.pump(src))
	eventually(t, "the first events acknowledged", func() bool { return src.ackedUpTo() == 10 })
	// What a coordinator answers that has aborted the transaction by its timeout,
	// and what it answers a producer that was fenced: nobody has claimed the
	// capture, so it must be the former.
	b.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.ProducerFenced})
	src.grow(10)
	eventually(t, "the next events acknowledged", func() bool {
		select {
		case <-ended:
			t.Fatalf("stopped: %v", stop())
		default:
		}
		return src.ackedUpTo() == 20
	})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	r.wantOnce(src, 20)
}

func TestKeyChangeTruncateAndTableWithoutKey(t *testing.T) {
	r := newRig(t, newBroker(t))
	src := newTape(t, 4)
	src.ends = true
	bare := itemTable()
	bare.Name, bare.Key = "bare", nil
	src.spoil = func(i int, c *schemas.Change) {
		row := c.KeyRow()
		switch i {
		case 0:
			c.Op, c.Before, c.After, c.OtherKey = schemas.Delete, row, nil, schemas.Row{schemas.IntOf(70)}
		case 1:
			c.Op, c.After, c.OtherKey = schemas.Create, row, schemas.Row{schemas.IntOf(7)}
		case 2:
			c.Op, c.Before, c.After = schemas.Truncate, nil, nil
		case 3:
			c.Table = bare
		}
	}
	if err := r.pump(src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, topic := range []string{"erp.public.items", "erp.public.bare"} {
		for _, rec := range r.records(topic) {
			line := fmt.Sprintf("key=%d value=%v", len(rec.Key), rec.Value != nil)
			for _, h := range rec.Headers {
				if h.Key != schemas.HeaderPosition {
					line += fmt.Sprintf(" %s=%x", h.Key, h.Value)
				}
			}
			got[string(rec.Headers[0].Value)] += line + "\n"
		}
	}
	// Zigzag of 70 is 140 (8c 01), of 7 is 14 (0e); the key's schema has id 1.
	want := map[string]string{
		eventID(0): "key=6 value=true __debezium.newkey=00000000018c01\nkey=6 value=false __debezium.newkey=00000000018c01\n",
		eventID(1): "key=6 value=true __debezium.oldkey=00000000010e\n",
		eventID(2): "key=0 value=true\n",
		eventID(3): "key=0 value=true\n",
	}
	for id, w := range want {
		if got[id] != w {
			t.Errorf("event %s:\n%swant\n%s", id, got[id], w)
		}
	}
}

func TestMetricsCountWhatIsCommitted(t *testing.T) {
	r := newRig(t, newBroker(t))
	prom := prometheus.NewPedanticRegistry()
	src := newTape(t, 68)                             // 17 keys: 17 creates, 34 updates, 17 deletes
	for _, src := range []*tape{newTape(t, 0), src} { // the second takes the place of the first
		p, err := pump.New(r.name, src, r.cfg, avro.Options{}, r.kafka, r.reg, r.log, prom)
		if err != nil {
			t.Fatal(err)
		}
		if src.ends = true; p.Run(t.Context()) != nil {
			t.Fatal("the pump did not come to its end")
		}
	}
	families, err := prom.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "sluice_capture_")
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"records_total erp c public.items": 17,
		"records_total erp u public.items": 34,
		"records_total erp d public.items": 17,
		"buffered_bytes erp":               0,
	} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	if got["bytes_total erp"] == 0 || got["transactions_total erp"] == 0 || got["lag_seconds erp"] == 0 {
		t.Errorf("bytes, transactions or lag are not counted: %v", got)
	}
}

func TestConfig(t *testing.T) {
	var c pump.Config
	c.Defaults()
	if err := c.Validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	for where, bad := range map[string]pump.Config{
		"bytes":               {Bytes: 10},
		"interval":            {Interval: 1},
		"transaction_timeout": {TransactionTimeout: 1e15},
	} {
		bad.Defaults()
		var f *schemas.Fault
		if err := bad.Validate(); !errors.As(err, &f) || f.Where != where {
			t.Errorf("%+v: %v, want a fault at %q", bad, err, where)
		}
	}
	slow := pump.Config{Interval: 40e9}
	slow.Defaults()
	if slow.Validate() == nil {
		t.Error("an interval of 40s is taken with a transaction timeout of 60s")
	}
}
