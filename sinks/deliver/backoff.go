package deliver

import (
	"math/rand/v2"
	"time"
)

// wait is how long to wait after the try with that number (from 1): half of
// the interval for certain and up to the other half by chance, where the
// interval doubles with each try up to MaxInterval. Known as equal jitter; see
// "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
func (b Backoff) wait(try int) time.Duration {
	d := b.InitialInterval
	for i := 1; i < try && d < b.MaxInterval; i++ {
		d *= 2
	}
	d = min(d, b.MaxInterval)
	return d/2 + time.Duration(rand.Int64N(int64(d/2)+1))
}

// patience is how long to wait where the target asked for at least d: as long
// as it asked and up to a tenth more by chance, so that the keys that were
// refused together do not return together.
func patience(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int64N(int64(d/10)+1))
}
