package deliver

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"sluice/schemas"
)

func testBreaker() *breaker {
	return newBreaker("x", Breaker{ConsecutiveFailures: 3, OpenFor: time.Second, HalfOpen: 1})
}

func tell(t *testing.T, b *breaker, as ...answer) {
	t.Helper()
	for _, a := range as {
		say, ok := b.allow()
		if !ok {
			t.Fatal("the breaker allowed no write")
		}
		say(a)
	}
}

func TestBreakerOpensProbesAndCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := testBreaker()
		tell(t, b, failing, failing, alive, failing, failing, noWord)
		if !b.closed() {
			t.Fatal("open before three failures in a row")
		}
		tell(t, b, failing)
		if b.open() {
			t.Fatal("a write may start though three failed in a row")
		}
		<-time.After(time.Second + time.Millisecond)
		if !b.open() {
			t.Fatal("no probe may start after the pause")
		}
		say, _ := b.allow()
		if b.open() {
			t.Fatal("a second probe may start beside the first")
		}
		say(noWord)
		if !b.open() || b.closed() {
			t.Fatal("a probe that taught nothing must leave room for another")
		}
		tell(t, b, failing)
		if b.open() || b.openings.Load() != 2 {
			t.Fatal("a failed probe must open the breaker again")
		}
		<-time.After(time.Second + time.Millisecond)
		tell(t, b, alive)
		if !b.closed() {
			t.Fatal("a good probe must close the breaker")
		}
	})
}

func TestOnlyFailuresOfATargetThatAnswersOthersCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, tk := testBreaker(), &task{}
		b.begin(tk)
		tell(t, b, alive, failing)
		b.fail(tk)
		b.charge(tk)
		if tk.charged != 0 {
			t.Fatal("a failure counted before the target answered anything else")
		}
		b.begin(tk)
		b.fail(tk)
		tell(t, b, alive)
		b.charge(tk)
		b.charge(tk)
		if tk.charged != 1 {
			t.Fatalf("counted %d times, want once", tk.charged)
		}
		b.begin(tk)
		b.fail(tk)
		tell(t, b, failing, failing, failing)
		<-time.After(time.Second + time.Millisecond)
		tell(t, b, alive, alive)
		b.charge(tk)
		if tk.charged != 1 {
			t.Fatal("a failure before an outage counted after it")
		}
		b.begin(tk)
		tell(t, b, failing, failing, failing)
		b.fail(tk) // it was the one that opened the breaker
		<-time.After(time.Second + time.Millisecond)
		tell(t, b, alive, alive)
		b.charge(tk)
		if tk.charged != 1 {
			t.Fatal("the failure that opened the breaker counted")
		}
	})
}

func TestFailureRatioOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker("x", Breaker{ConsecutiveFailures: 1000, FailureRatio: 0.5, OpenFor: time.Second, HalfOpen: 1})
		for range 9 {
			tell(t, b, failing, alive)
		}
		if !b.closed() {
			t.Fatal("open on fewer writes than the ratio needs")
		}
		tell(t, b, alive, failing)
		if b.closed() {
			t.Fatal("closed though half of 20 writes failed")
		}
	})
}

func TestBackoffDoublesWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Backoff{InitialInterval: time.Duration(rapid.Int64Range(1, 1e11).Draw(t, "initial"))}
		b.MaxInterval = b.InitialInterval + time.Duration(rapid.Int64Range(0, 1e13).Draw(t, "more"))
		try := rapid.IntRange(1, 200).Draw(t, "try")
		whole := float64(b.InitialInterval)
		for range try - 1 {
			whole = min(2*whole, float64(b.MaxInterval))
		}
		got := float64(b.wait(try))
		if got < whole/2-1 || got > whole+1 {
			t.Fatalf("wait(%d) = %v, want from half of %v to all of it", try, time.Duration(got), time.Duration(whole))
		}
		after := time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "after"))
		if p := patience(after); p < after || p > after+after/10 {
			t.Fatalf("patience(%v) = %v", after, p)
		}
	})
}

func TestConfigDefaultsAreValid(t *testing.T) {
	var c Config
	c.Defaults()
	before := c
	c.Defaults()
	if c != before {
		t.Fatal("a second Defaults changed something")
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	for path, spoil := range map[string]func(*Config){
		"max_in_flight":                func(c *Config) { c.MaxInFlight = -1 },
		"max_batch":                    func(c *Config) { c.MaxBatch = -1 },
		"max_buffered":                 func(c *Config) { c.MaxBuffered = 1 },
		"backoff.initial_interval":     func(c *Config) { c.Backoff.InitialInterval = -1 },
		"backoff.max_interval":         func(c *Config) { c.Backoff.MaxInterval = 1 },
		"backoff.max_attempts":         func(c *Config) { c.Backoff.MaxAttempts = -1 },
		"breaker.consecutive_failures": func(c *Config) { c.Breaker.ConsecutiveFailures = -1 },
		"breaker.failure_ratio":        func(c *Config) { c.Breaker.FailureRatio = 2 },
		"breaker.open_for":             func(c *Config) { c.Breaker.OpenFor = -1 },
		"breaker.half_open":            func(c *Config) { c.Breaker.HalfOpen = -1 },
	} {
		var c Config
		c.Defaults()
		spoil(&c)
		var f *schemas.Fault
		if err := c.Validate(); !errors.As(err, &f) || f.Where != path || f.Cure == "" {
			t.Errorf("spoilt %s: got %v", path, err)
		}
	}
}
