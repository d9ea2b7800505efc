package deliver

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// breaker stands between the lanes and one target.
//
//	closed ──failures──► open ──open_for──► half-open ──a probe fails──► open
//	   ▲                                        │
//	   └──────────────probes succeed────────────┘
type breaker struct {
	cb       *gobreaker.TwoStepCircuitBreaker[struct{}]
	halfOpen uint32
	// openings counts how often it opened; proofs how often the target took or
	// refused a delivery.
	openings, proofs atomic.Int64
	// changes has one token when the state changed.
	changes chan struct{}
}

var (
	errTarget = errors.New("the target failed")
	errNoWord = errors.New("nothing learnt about the target")
)

// answer is what a write told about the target.
type answer uint8

const (
	// alive: the target took or refused something.
	alive answer = iota
	// failing: it, or the way to it, is in trouble.
	failing
	// noWord: the write was cut short, or the target asked for patience.
	noWord
)

const (
	ratioWindow = time.Minute
	ratioBucket = 5 * time.Second
	ratioLeast  = 20
)

func newBreaker(name string, c Breaker) *breaker {
	b := &breaker{halfOpen: uint32(c.HalfOpen), changes: make(chan struct{}, 1)}
	st := gobreaker.Settings{
		Name:        name,
		MaxRequests: uint32(c.HalfOpen),
		Timeout:     c.OpenFor,
		ReadyToTrip: func(n gobreaker.Counts) bool {
			if int(n.ConsecutiveFailures) >= c.ConsecutiveFailures {
				return true
			}
			all := n.TotalFailures + n.TotalSuccesses
			return c.FailureRatio > 0 && all >= ratioLeast && float64(n.TotalFailures) >= c.FailureRatio*float64(all)
		},
		IsExcluded: func(err error) bool { return errors.Is(err, errNoWord) },
		// It is called under the breaker's lock: note it and be gone.
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.openings.Add(1)
			}
			select {
			case b.changes <- struct{}{}:
			default:
			}
		},
	}
	if c.FailureRatio > 0 {
		st.Interval, st.BucketPeriod = ratioWindow, ratioBucket
	}
	b.cb = gobreaker.NewTwoStepCircuitBreaker[struct{}](st)
	return b
}

// open reports whether a write has a chance to be allowed now.
func (b *breaker) open() bool {
	switch b.cb.State() {
	case gobreaker.StateClosed:
		return true
	case gobreaker.StateHalfOpen:
		n := b.cb.Counts()
		return n.Requests-n.TotalExclusions < b.halfOpen
	default:
		return false
	}
}

// allow asks for one write; if it is allowed, call what it returns with the
// outcome.
func (b *breaker) allow() (func(answer), bool) {
	done, err := b.cb.Allow()
	if err != nil {
		return nil, false
	}
	return func(a answer) {
		switch a {
		case alive:
			b.proofs.Add(1)
			done(nil)
		case failing:
			done(errTarget)
		default:
			done(errNoWord)
		}
	}, true
}

// begin notes that an attempt of t begins.
func (b *breaker) begin(t *task) { t.epoch = b.openings.Load() }

// fail notes that the attempt of t failed.
func (b *breaker) fail(t *task) { t.unproven, t.proof = true, b.proofs.Load() }

// charge decides whether the last failed attempt of t counts: only if the
// target answered something else since it failed, and the breaker has not opened
// since it began: its own failure may have been what opened it.
func (b *breaker) charge(t *task) {
	if t.unproven && t.epoch == b.openings.Load() && t.proof < b.proofs.Load() {
		t.charged++
	}
	t.unproven = false
}

// closed reports whether the target is taken to be well.
func (b *breaker) closed() bool { return b.cb.State() == gobreaker.StateClosed }
