package sinktest

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Fault is one way to misbehave.
type Fault string

// The faults. Those "after" come when the write has been applied.
const (
	None Fault = ""
	// Slow waits for Faults.Delay before it answers.
	Slow Fault = "slow"
	// ResetBefore and ResetAfter break the connection.
	ResetBefore Fault = "reset before"
	ResetAfter  Fault = "reset after"
	// Throttle and ThrottleDate answer 429 with a Retry-After, in seconds and
	// as a date.
	Throttle     Fault = "throttle"
	ThrottleDate Fault = "throttle until"
	// Unavailable answers 503 without a Retry-After; Internal 500.
	Unavailable Fault = "unavailable"
	Internal    Fault = "internal"
	// Truncate promises more of the answer than it sends.
	Truncate Fault = "truncate after"
)

// Faults is how often which fault comes, by chance from a seed.
type Faults struct {
	// Chance of each fault, 0 to 1; what is left over is None.
	Chance map[Fault]float64
	// Delay of Slow.
	Delay time.Duration
	// Patience is what Retry-After asks for, in whole seconds.
	Patience time.Duration
}

// order fixes the order in which the chances are laid out, so that a seed gives
// the same faults each time.
var order = []Fault{Slow, ResetBefore, ResetAfter, Throttle, ThrottleDate, Unavailable, Internal, Truncate}

func (f Faults) draw(r *rand.Rand) Fault {
	x := r.Float64()
	for _, fault := range order {
		if x -= f.Chance[fault]; x < 0 {
			return fault
		}
	}
	return None
}

// reset breaks the connection without an answer.
func reset() { panic(http.ErrAbortHandler) }

// before misbehaves instead of the write. True: the request is answered.
func (f Fault) before(w http.ResponseWriter, r *http.Request, set Faults) bool {
	switch f {
	case Slow:
		timer := time.NewTimer(set.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			reset()
		}
	case ResetBefore:
		reset()
	case Throttle:
		w.Header().Set("Retry-After", strconv.Itoa(int(set.Patience/time.Second)))
		answer(w, http.StatusTooManyRequests, `{"error":"too many requests"}`)
		return true
	case ThrottleDate:
		w.Header().Set("Retry-After", time.Now().Add(set.Patience).UTC().Format(http.TimeFormat))
		answer(w, http.StatusTooManyRequests, `{"error":"too many requests"}`)
		return true
	case Unavailable:
		answer(w, http.StatusServiceUnavailable, `{"error":"not now"}`)
		return true
	case Internal:
		answer(w, http.StatusInternalServerError, `{"error":"it broke"}`)
		return true
	}
	return false
}

// after misbehaves when the write has been applied and body is the answer.
func (f Fault) after(w http.ResponseWriter, body string) {
	switch f {
	case ResetAfter:
		reset()
	case Truncate:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+100))
	}
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}
