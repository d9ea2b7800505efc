package pump

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff waits longer after each failure in a row: from 100 ms, doubling, to
// 10 s, of which half is random so that many captures do not come back at once.
// The zero backoff is ready.
type backoff struct{ failures int }

const (
	minWait = 100 * time.Millisecond
	maxWait = 10 * time.Second
)

// next returns how long to wait now.
func (b *backoff) next() time.Duration {
	d := min(minWait<<min(b.failures, 10), maxWait)
	b.failures++
	return d/2 + rand.N(d/2+1)
}

// reset is called after a success.
func (b *backoff) reset() { b.failures = 0 }

// sleep waits, and reports whether it came to the end before ctx was done.
func (b *backoff) sleep(ctx context.Context) bool {
	t := time.NewTimer(b.next())
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
