package process

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/stream/kafka"
)

const (
	lagInterval = time.Second
	lagTimeout  = 10 * time.Second
)

type partition struct {
	topic string
	id    int32
}

// watch keeps the lag of the partitions that are assigned to this member.
func (p *Process) watch(ctx context.Context, admin, member *kgo.Client) {
	shown := map[partition]bool{}
	defer func() { p.forget(shown, nil) }()
	tick := time.NewTicker(lagInterval)
	defer tick.Stop()
	joined := false
	for {
		id, generation := member.GroupMetadata()
		if id != "" && generation >= 0 {
			if !joined {
				joined = true
				p.ready()
			}
			bounded, cancel := context.WithTimeout(ctx, lagTimeout)
			err := p.measure(bounded, admin, id, shown)
			cancel()
			if err != nil && ctx.Err() == nil {
				p.log.Warn("measuring the lag", "error", err)
			}
			p.lagKnown.Store(err == nil)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// measure sets the gauges of the member's partitions. While the group rebalances
// they are those of before: a gauge that is away looks like a lag of zero.
func (p *Process) measure(ctx context.Context, admin *kgo.Client, member string, shown map[partition]bool) error {
	groups, err := kadm.NewClient(admin).DescribeGroups(ctx, p.group)
	if err != nil {
		return fmt.Errorf("describing the group %s: %w", p.group, err)
	}
	mine := shown
	if group := groups[p.group]; group.State == "Stable" {
		mine = map[partition]bool{}
		for _, m := range group.Members {
			if assigned, ok := m.Assigned.AsConsumer(); ok && m.MemberID == member {
				for _, t := range assigned.Topics {
					for _, id := range t.Partitions {
						mine[partition{t.Topic, id}] = true
					}
				}
			}
		}
	}
	lags, err := kafka.Lag(ctx, admin, p.group, append([]string{p.retry}, p.topics.Inputs...)...)
	if err != nil {
		return err
	}
	p.forget(shown, mine)
	for _, l := range lags {
		if at := (partition{l.Topic, l.Partition}); mine[at] {
			p.metrics.lag.WithLabelValues(p.group, l.Topic, strconv.Itoa(int(l.Partition))).Set(float64(l.Lag))
			shown[at] = true
		}
	}
	return nil
}

// forget takes the gauges of partitions that are no longer ours.
func (p *Process) forget(shown, keep map[partition]bool) {
	for at := range shown {
		if !keep[at] {
			p.metrics.lag.DeleteLabelValues(p.group, at.topic, strconv.Itoa(int(at.id)))
			delete(shown, at)
		}
	}
}
