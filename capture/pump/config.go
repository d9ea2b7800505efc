package pump

import (
	"errors"
	"fmt"
	"time"

	"sluice/schemas"
)

// Config is the commit block of a capture: how transactions are cut.
type Config struct {
	// Interval is the longest that the first change of a transaction waits for
	// company before the commit. While little comes it does not wait: each
	// commit follows the one before. Default 50ms.
	Interval time.Duration `yaml:"interval"`
	// Bytes is the size of a transaction that is committed without waiting for
	// the interval, as its records take it in memory. Of them 8MiB, or twice
	// Bytes if that is less, are held at a time, beside one batch of the
	// source, until Kafka has taken them. Default 32MiB.
	Bytes schemas.Size `yaml:"bytes"`
	// TransactionTimeout is after how long Kafka aborts a transaction of an
	// instance that is gone, and this one gives up on a commit and asks Kafka
	// what became of it. Default 60s.
	TransactionTimeout time.Duration `yaml:"transaction_timeout"`
	// Records is the capture's word on its records.
	Records Records `yaml:"-"`
	// SessionTimeout is after how long without a sign of life Kafka believes
	// the instance at work dead, and lets one that stands by take over. Brokers
	// allow 6s to 30m by default. Default 10s.
	SessionTimeout time.Duration `yaml:"session_timeout"`
	// TakeOver takes the capture from an instance at work instead of standing
	// by until that is gone.
	TakeOver bool `yaml:"take_over"`
	// Resnapshot ignores the saved position and starts with a snapshot.
	Resnapshot bool `yaml:"-"`
}

const (
	minBytes              = 1 << 20
	maxBytes              = 1 << 30
	maxTransactionTimeout = 15 * time.Minute // Kafka's transaction.max.timeout.ms
	maxSessionTimeout     = 30 * time.Minute // Kafka's group.max.session.timeout.ms
)

// inFlight is how much of the records is held in memory at most.
const inFlight = 8 << 20

// held is how much of the capture's records is held in memory.
func (c *Config) held() int { return min(2*int(c.Bytes), inFlight) }

// Defaults fills what is not set.
func (c *Config) Defaults() {
	if c.Interval == 0 {
		c.Interval = 50 * time.Millisecond
	}
	if c.Bytes == 0 {
		c.Bytes = 32 << 20
	}
	if c.TransactionTimeout == 0 {
		c.TransactionTimeout = time.Minute
	}
	if c.SessionTimeout == 0 {
		c.SessionTimeout = 10 * time.Second
	}
}

// Validate says what is wrong, each as a *schemas.Fault.
func (c *Config) Validate() error {
	var errs []error
	bad := func(where, what, cure string) {
		errs = append(errs, &schemas.Fault{Where: where, What: what, Cure: cure})
	}
	if c.Bytes < minBytes || c.Bytes > maxBytes {
		bad("bytes", fmt.Sprintf("a transaction of %s is out of bounds", c.Bytes), "choose 1MiB to 1GiB")
	}
	timeoutOK := c.TransactionTimeout >= time.Second && c.TransactionTimeout <= maxTransactionTimeout
	if !timeoutOK {
		bad("transaction_timeout", fmt.Sprintf("%s is out of bounds", c.TransactionTimeout),
			"choose 1s to 15m, which is what brokers allow by default")
	}
	if c.SessionTimeout < 100*time.Millisecond || c.SessionTimeout > maxSessionTimeout {
		bad("session_timeout", fmt.Sprintf("%s is out of bounds", c.SessionTimeout), "choose 6s to 30m, which is what brokers allow by default")
	}
	switch {
	case c.Interval < time.Millisecond:
		bad("interval", fmt.Sprintf("%s is out of bounds", c.Interval), "choose 1ms or more")
	case timeoutOK && c.Interval > c.TransactionTimeout/2:
		bad("interval", fmt.Sprintf("%s is more than half of transaction_timeout, %s", c.Interval, c.TransactionTimeout),
			"choose a shorter interval or a longer transaction_timeout")
	}
	return errors.Join(errs...)
}
