package pump_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestOutageOfKafkaPausesAndGoesOn(t *testing.T) {
	b := newBroker(t)
	r := newRig(t, b)
	src := newTape(t, 100)
	src.size = func() int { return 500 }
	p := r.pump(src)
	stop, _ := r.run(p)
	eventually(t, "the first events acknowledged", func() bool { return src.ackedUpTo() == 100 })
	b.stop()
	src.grow(400_000) // far more than the pump may hold
	read := -1
	eventually(t, "the reading to pause", func() bool {
		src.mu.Lock()
		defer src.mu.Unlock()
		still := src.cursor == read && !src.inNext && read > 100
		read = src.cursor
		return still
	})
	if read > 150_000 {
		t.Errorf("%d events were read while Kafka was away; that is no bound", read)
	}
	b.start()
	eventually(t, "all events acknowledged", func() bool { return src.ackedUpTo() == 400_100 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	r.wantOnce(src, 400_100)
}

// TestExactlyOnceUnderFaults breaks connections before and after requests are
// carried out, injects errors of the broker, loses the source, restarts the
// broker, and lets other instances take over, all at random.
func TestExactlyOnceUnderFaults(t *testing.T) {
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		t.Run("", func(t *testing.T) { chaos(t, rand.New(rand.NewPCG(rand.Uint64(), 1))) })
	}
}

func chaos(t *testing.T, rng *rand.Rand) {
	b := newBroker(t)
	r := newRig(t, b)
	r.cfg.Interval = 2 * time.Millisecond
	const total = 6000
	have := 0
	type instance struct {
		src   *tape
		stop  func() error
		ended <-chan struct{}
	}
	var all []instance
	start := func() instance {
		src := newTape(t, have)
		src.size = func() int { return 1 + rand.IntN(60) }
		src.lose = func() bool { return rand.IntN(150) == 0 }
		stop, ended := r.run(r.pump(src))
		all = append(all, instance{src, stop, ended})
		return all[len(all)-1]
	}
	faults := []kfake.Fault{
		{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.RequestTimedOut},
		{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.UnknownServerError},
		{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.CoordinatorNotAvailable},
		{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.InvalidProducerEpoch},
		{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.ConcurrentTransactions},
		{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.CoordinatorLoadInProgress},
		{Keys: []kmsg.Key{kmsg.AddPartitionsToTxn}, Err: kerr.UnknownServerError},
		{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicasAfterAppend},
		{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut},
		{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.OutOfOrderSequenceNumber},
		{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.UnknownServerError},
		{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition},
	}
	in := start()
	b.cut.Store(2000)
	for have < total {
		n := 100 + rng.IntN(400)
		have += n
		in.src.grow(n)
		what := rng.IntN(6)
		t.Logf("event %d, act %d", have, what)
		switch what {
		case 0:
			b.stop()
			b.start()
		case 1:
			// Somebody takes over. One of the two must stop: as a rule the
			// older one, but the younger if the older began anew in between.
			old, young := in, start()
			eventually(t, "one of two instances to stop", func() bool {
				select {
				case <-old.ended:
					in = young
				case <-young.ended:
					in = old
				default:
					old.src.grow(1) // so that it writes
					young.src.grow(1)
					return false
				}
				return true
			})
			have = max(have, old.src.length(), young.src.length())
			in.src.grow(have - in.src.length())
		case 2: // stop in good order, start again
			if err := in.stop(); err != nil {
				t.Fatalf("draining: %v", err)
			}
			in = start()
		default:
			b.cluster.Fault(faults[rng.IntN(len(faults))])
		}
		want := have - rng.IntN(n)
		eventually(t, "progress", func() bool {
			select {
			case <-in.ended:
				t.Fatalf("the only instance ended: %v", in.stop())
			default:
			}
			return in.src.ackedUpTo() >= want
		})
	}
	b.cut.Store(0)
	eventually(t, "all events acknowledged", func() bool { return in.src.ackedUpTo() == have })
	if err := in.stop(); err != nil {
		t.Fatal(err)
	}
	r.wantOnce(in.src, have)
	opens := 0
	for _, i := range all {
		opens += len(i.src.opens)
	}
	t.Logf("%d events, %d instances, the source opened %d times", have, len(all), opens)
}
