package pump

import "time"

// pace decides how long the first change of a transaction waits for company.
//
// A commit costs the same for one record as for thousands. While little comes,
// each commit follows the one before it at once: what arrived meanwhile is the
// next transaction, and no change waits for a clock. The more comes, the longer
// a transaction is gathered, up to the interval, so that a capture that has much
// to catch up with spends its time on records and not on commits.
//
// What comes is measured in bytes, not by the clock of the source, which may be
// wrong, nor by whether the source has more at hand: a database that sends as
// fast as it can has, again and again, nothing at hand.
type pace struct {
	interval time.Duration // the longest wait
	worth    int           // so many bytes an interval are worth all of it

	bytes int       // what came within about the last interval
	last  time.Time // when the last transaction was closed
}

// worthwhile is what a commit costs about as much as, in bytes of records.
const worthwhile = 1 << 20

func newPace(c Config) pace {
	return pace{interval: c.Interval, worth: min(int(c.Bytes)/4, worthwhile)}
}

// closed notes a transaction of so many bytes that takes no more.
func (p *pace) closed(bytes int, now time.Time) {
	left := min(max(0, p.interval-now.Sub(p.last)), p.interval)
	p.bytes = int(float64(p.bytes)*float64(left)/float64(p.interval)) + bytes
	p.last = now
}

// wait is how long the first change of the next transaction waits.
func (p *pace) wait() time.Duration {
	if p.bytes >= p.worth {
		return p.interval
	}
	return time.Duration(float64(p.interval) * float64(p.bytes) / float64(p.worth))
}
