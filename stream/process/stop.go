package process

import (
	"fmt"
	"time"

	"sluice/schemas"
	"sluice/stream"
)

// parkings are how many records were parked when, the oldest first.
type parkings []parking

type parking struct {
	at time.Time
	n  int
}

func (p *parkings) add(n int, now time.Time) {
	if n > 0 {
		*p = append(*p, parking{now, n})
	}
}

// since forgets what was before, and sums up the rest.
func (p *parkings) since(from time.Time) int {
	sum, keep := 0, (*p)[:0]
	for _, one := range *p {
		if !one.at.Before(from) {
			keep, sum = append(keep, one), sum+one.n
		}
	}
	*p = keep
	return sum
}

// tooMany is the fault if the batch would park more than Config.Stop allows.
func (p *Process) tooMany(b *batch, now time.Time) error {
	most := p.cfg.Stop.Parked
	if most == 0 {
		return nil
	}
	before, here := p.parkings.since(now.Add(-p.cfg.Stop.Within)), b.tally.parked()
	if here == 0 || before+here <= most {
		return nil
	}
	for i, it := range b.items {
		if it.Fate == stream.Parked {
			from := b.from[i]
			return &schemas.Fault{
				Where: fmt.Sprintf("stream %s: topic %s, partition %d, offset %d", p.name, from.topic, from.partition, from.offset),
				What:  fmt.Sprintf("%d records would be parked within %s, and process.stop.parked is %d; this one since %s", before+here, p.cfg.Stop.Within, most, it.Reason),
				Cure:  "mend the rule or the source, or raise process.stop.parked; nothing was parked, and the next start reads on from here",
				Err:   it.Err,
			}
		}
	}
	return nil
}

// parked is how many were parked, for whatever reason.
func (t tally) parked() (n int) {
	for key, count := range t {
		if key[0] == fateParked {
			n += count
		}
	}
	return n
}
