package pump_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"sluice/capture/pump"
	"sluice/ops/local/localtest"
	"sluice/schemas"
)

// TestOnWhateverKafkaThereIs is the way of a capture on the Kafka that the test
// environment lends (SLUICE_TEST_KAFKA=apache for the real one): work, lose the
// source, stop, go on, be fenced in the middle of a load.
func TestOnWhateverKafkaThereIs(t *testing.T) {
	reg, byID := schemaRegistry(t, nil)
	r := &rig{
		t: t, name: localtest.Prefix(t), kafka: localtest.Kafka(t), reg: reg, schemas: byID,
		cfg: pump.Config{Interval: 5 * time.Millisecond, TakeOver: true}, log: testLog(t),
	}
	tapeOf := func(n int) *tape {
		src := newTape(t, n)
		src.size = func() int { return 1 + rand.IntN(400) }
		src.lose = func() bool { return rand.IntN(40) == 0 }
		return src
	}

	src := tapeOf(10_000)
	src.ends = true
	if err := r.pump(src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantOnce(src, 10_000)

	first := tapeOf(60_000)
	stopFirst, ended := r.run(r.pump(first))
	eventually(t, "the first instance at work", func() bool { return first.ackedUpTo() > 12_000 })
	second := tapeOf(60_000)
	stopSecond, secondEnded := r.run(r.pump(second))
	survivor, stop, fenced := second, stopSecond, stopFirst
	eventually(t, "one of two instances to stop", func() bool {
		select {
		case <-ended:
			return true
		case <-secondEnded: // the first began anew between the second's steps
			survivor, stop, fenced = first, stopFirst, stopSecond
			return true
		default:
			first.grow(1)
			second.grow(1)
			return false
		}
	})
	err := fenced()
	if _, ok := errors.AsType[*schemas.Fault](err); !ok {
		t.Errorf("the fenced instance returned %v, want a *schemas.Fault", err)
	}
	total := max(first.length(), second.length())
	survivor.grow(total - survivor.length())
	eventually(t, "all events acknowledged", func() bool { return survivor.ackedUpTo() == total })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	r.wantOnce(survivor, total)
}
