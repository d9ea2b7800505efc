package deliver

import (
	"errors"
	"time"

	"sluice/schemas"
)

// Config is the deliver block of a sink.
type Config struct {
	// MaxInFlight is how many writes are under way at once; default 64.
	MaxInFlight int `yaml:"max_in_flight"`
	// MaxBatch is how many deliveries, each of another key, a write may hold;
	// default 1.
	MaxBatch int `yaml:"max_batch"`
	// MaxBuffered bounds the records in hand; above it nothing more is
	// fetched. Default 64MiB.
	MaxBuffered schemas.Size `yaml:"max_buffered"`
	Backoff     Backoff      `yaml:"backoff"`
	Breaker     Breaker      `yaml:"breaker"`
}

// Backoff is how a failed delivery is tried again.
type Backoff struct {
	// InitialInterval is the wait after the first failure; it doubles with each
	// further one up to MaxInterval. Defaults 2s and 60s.
	InitialInterval time.Duration `yaml:"initial_interval"`
	MaxInterval     time.Duration `yaml:"max_interval"`
	// MaxAttempts parks a delivery after so many failed attempts; 0, the
	// default, tries without end. An attempt counts only if the target took or
	// refused another delivery after it and before the breaker opened: what
	// fails while nothing else succeeds is an outage, and an outage parks
	// nothing.
	MaxAttempts int `yaml:"max_attempts"`
}

// Breaker is when a target is left alone, and for how long.
type Breaker struct {
	// ConsecutiveFailures in a row open the breaker; default 5.
	ConsecutiveFailures int `yaml:"consecutive_failures"`
	// FailureRatio opens it too, when that share of the writes of the last
	// minute failed, out of at least 20. 0, the default: not asked.
	FailureRatio float64 `yaml:"failure_ratio"`
	// OpenFor is how long the target is left alone; default 10s.
	OpenFor time.Duration `yaml:"open_for"`
	// HalfOpen is how many deliveries probe the target after that, and must
	// all succeed; default 1.
	HalfOpen int `yaml:"half_open"`
}

// Defaults sets what was left out.
func (c *Config) Defaults() {
	set(&c.MaxInFlight, 64)
	set(&c.MaxBatch, 1)
	set(&c.MaxBuffered, 64<<20)
	set(&c.Backoff.InitialInterval, 2*time.Second)
	set(&c.Backoff.MaxInterval, max(60*time.Second, c.Backoff.InitialInterval))
	set(&c.Breaker.ConsecutiveFailures, 5)
	set(&c.Breaker.OpenFor, 10*time.Second)
	set(&c.Breaker.HalfOpen, 1)
}

func set[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Validate says all that is wrong, as *schemas.Fault with a path relative to
// the block.
func (c *Config) Validate() error {
	var errs []error
	need := func(ok bool, where, what, cure string) {
		if !ok {
			errs = append(errs, &schemas.Fault{Where: where, What: what, Cure: cure})
		}
	}
	need(c.MaxInFlight > 0 && c.MaxInFlight <= 10000, "max_in_flight", "is not between 1 and 10000", "leave it out for 64")
	need(c.MaxBatch > 0 && c.MaxBatch <= 10000, "max_batch", "is not between 1 and 10000", "leave it out for 1")
	need(c.MaxBuffered >= 1<<20, "max_buffered", "is less than 1MiB", "leave it out for 64MiB")
	need(c.Backoff.InitialInterval > 0, "backoff.initial_interval", "is not above zero", "write a duration such as 2s")
	need(c.Backoff.MaxInterval >= c.Backoff.InitialInterval, "backoff.max_interval",
		"is shorter than backoff.initial_interval", "write a longer duration such as 60s")
	need(c.Backoff.MaxAttempts >= 0, "backoff.max_attempts", "is below zero", "write 0 to try without end")
	need(c.Breaker.ConsecutiveFailures > 0, "breaker.consecutive_failures", "is not above zero", "leave it out for 5")
	need(c.Breaker.FailureRatio >= 0 && c.Breaker.FailureRatio <= 1, "breaker.failure_ratio",
		"is not between 0 and 1", "write a share such as 0.5")
	need(c.Breaker.OpenFor > 0, "breaker.open_for", "is not above zero", "write a duration such as 10s")
	need(c.Breaker.HalfOpen > 0, "breaker.half_open", "is not above zero", "leave it out for 1")
	return errors.Join(errs...)
}
