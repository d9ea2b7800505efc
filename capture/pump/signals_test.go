package pump_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/capture"
	"sluice/capture/pump"
)

// obedient is a source that takes signals and remembers the last as its position
// would.
type obedient struct {
	*tape
	mu   sync.Mutex
	seen []capture.Signal
	last int64
}

func (o *obedient) Signal(_ context.Context, s capture.Signal) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, s)
	o.last = s.Number
	return nil
}

func (o *obedient) Signalled() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

func (o *obedient) tables() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	for _, s := range o.seen {
		out = append(out, s.Tables...)
	}
	return out
}

// TestSignals: each signal of this capture reaches the source once, also those
// given while it was stopped; those of others, unreadable ones and those from
// before its first start do not.
func TestSignals(t *testing.T) {
	r := newRig(t, newBroker(t))
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Brokers...), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	signal := func(capture, value string) {
		t.Helper()
		record := &kgo.Record{Topic: pump.SignalsTopic, Key: []byte(capture), Value: []byte(value)}
		if err := cl.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	kc := r.kafka
	kc.Topics.Partitions = 1
	if err := kc.Ensure(t.Context(), cl, false, pump.SignalsTopic); err != nil {
		t.Fatal(err)
	}
	signal(r.name, `{"action":"snapshot","tables":["before"]}`)
	src := &obedient{tape: newTape(t, 10), last: -1}
	stop, _ := r.run(r.pump(src))
	eventually(t, "10 events acknowledged", func() bool { return src.ackedUpTo() == 10 })
	signal("other", `{"action":"snapshot","tables":["other"]}`)
	signal(r.name, `not JSON`)
	// The source listens from the end of the topic as it was when it looked: what
	// comes before is not for it, so ask until one is heard.
	eventually(t, "a signal is heard", func() bool {
		signal(r.name, `{"action":"snapshot","tables":["first"]}`)
		return len(src.tables()) > 0
	})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	signal(r.name, `{"action":"snapshot","tables":["stopped"],"where":"a > 1"}`)
	stop, _ = r.run(r.pump(src))
	eventually(t, "the signal of the stop is heard", func() bool { return slices.Contains(src.tables(), "stopped") })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	numbers := map[int64]bool{}
	for _, s := range src.seen {
		if numbers[s.Number] {
			t.Errorf("signal %d came twice", s.Number)
		}
		numbers[s.Number] = true
		switch s.Tables[0] {
		case "before", "other":
			t.Errorf("the source was told of %s", s.Tables[0])
		}
	}
	if last := src.seen[len(src.seen)-1]; last.Where != "a > 1" || last.Action != capture.CopyTables {
		t.Errorf("the last signal is %+v", last)
	}
}
