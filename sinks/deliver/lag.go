package deliver

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const lagInterval = time.Second

// watchLag keeps the lag gauge of the assigned partitions.
func (d *Deliver) watchLag(ctx context.Context, in *kgo.Client) {
	tick := time.NewTicker(lagInterval)
	defer tick.Stop()
	for {
		member, generation := in.GroupMetadata()
		d.joined.Store(member != "" && generation >= 0)
		if d.joined.Load() {
			bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
			err := d.measureLag(bounded)
			cancel()
			if err != nil && ctx.Err() == nil {
				d.log.Warn("measuring the lag failed", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// measureLag sets the lag of each partition: what lies between the offset
// below which all is finished and the last stable offset.
func (d *Deliver) measureLag(ctx context.Context) error {
	adm := kadm.NewClient(d.out)
	parts := d.all()
	ends, err := adm.ListCommittedOffsets(ctx, d.topics...)
	if err != nil {
		return fmt.Errorf("listing the ends of %q: %w", d.topics, err)
	}
	var starts kadm.ListedOffsets
	var commits kadm.OffsetResponses
	for _, p := range parts {
		end, ok := ends.Lookup(p.topic, p.id)
		if !ok || end.Err != nil {
			return fmt.Errorf("listing the end of %s/%d: %w", p.topic, p.id, end.Err)
		}
		at, known := p.passed()
		if !known {
			// Nothing read yet: the group is where it has committed, or at
			// the start.
			if starts == nil {
				if starts, err = adm.ListStartOffsets(ctx, d.topics...); err != nil {
					return fmt.Errorf("listing the starts of %q: %w", d.topics, err)
				}
				if commits, err = adm.FetchOffsets(ctx, d.group); err != nil {
					return fmt.Errorf("fetching the offsets of %s: %w", d.group, err)
				}
			}
			start, _ := starts.Lookup(p.topic, p.id)
			at = start.Offset
			if c, ok := commits.Lookup(p.topic, p.id); ok {
				at = max(at, c.At)
			}
		}
		d.setLag(p, max(0, end.Offset-at))
	}
	d.lagSeen.Store(true)
	return nil
}

// setLag sets the gauge of a partition that is still here.
func (d *Deliver) setLag(p *part, lag int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.parts[spot{p.topic, p.id}] == p {
		d.metrics.lag.WithLabelValues(d.group, p.topic, strconv.Itoa(int(p.id))).Set(float64(lag))
	}
}
