package deliver

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/schemas"
)

const maxPoll = 1000

// poll fetches records and puts them into their lanes. No partition is revoked
// between a fetch and the end of that.
func (d *Deliver) poll(ctx context.Context, in *kgo.Client) {
	for ctx.Err() == nil {
		fetches := in.PollRecords(ctx, maxPoll)
		for _, e := range fetches.Errors() {
			d.fetchFailed(ctx, e)
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			part := d.part(p.Topic, p.Partition)
			if part == nil {
				return
			}
			for _, r := range p.Records {
				d.accept(r, part)
			}
		})
		d.flow.update()
		in.AllowRebalance()
	}
}

func (d *Deliver) accept(r *kgo.Record, p *part) {
	if p.before != nil && r.Offset < p.before.at {
		p.before = nil // the log begins anew; what was known of it is void
	}
	if r.Attrs.IsControl() || p.before.finished(r.Offset) {
		p.pass(r.Offset, r.LeaderEpoch)
		return
	}
	t := newTask(r, p, d.home)
	t.mark = p.add(r.Offset, r.LeaderEpoch)
	d.flow.take(t)
	if !d.lanes.push(t) {
		d.release(t)
	}
}

func (d *Deliver) fetchFailed(ctx context.Context, e kgo.FetchError) {
	switch {
	case ctx.Err() != nil:
	case errors.Is(e.Err, kerr.TopicAuthorizationFailed), errors.Is(e.Err, kerr.GroupAuthorizationFailed):
		d.fail(&schemas.Fault{
			Where: "topic " + e.Topic, What: "the broker does not let the consumer group " + d.group + " read it", Err: e.Err,
			Cure: "allow sluice's Kafka user to read the topic and the group",
		})
	default:
		d.log.Warn("fetching failed; it is tried again", "topic", e.Topic, "partition", e.Partition, "error", e.Err)
	}
}

func (d *Deliver) part(topic string, id int32) *part {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.parts[spot{topic, id}]
}

func (d *Deliver) all() []*part {
	d.mu.Lock()
	defer d.mu.Unlock()
	parts := make([]*part, 0, len(d.parts))
	for _, p := range d.parts {
		parts = append(parts, p)
	}
	return parts
}

func (d *Deliver) pick(which map[string][]int32) []*part {
	d.mu.Lock()
	defer d.mu.Unlock()
	var parts []*part
	for topic, ids := range which {
		for _, id := range ids {
			if p := d.parts[spot{topic, id}]; p != nil {
				parts = append(parts, p)
			}
		}
	}
	return parts
}

// let forgets partitions.
func (d *Deliver) let(parts []*part) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range parts {
		delete(d.parts, spot{p.topic, p.id})
		d.metrics.lag.DeleteLabelValues(d.group, p.topic, strconv.Itoa(int(p.id)))
	}
}

func (d *Deliver) assigned(ctx context.Context, _ *kgo.Client, which map[string][]int32) {
	d.log.Info("partitions assigned", "partitions", which)
	if len(which) == 0 {
		return
	}
	before := d.finishedBefore(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	for topic, ids := range which {
		for _, id := range ids {
			p := newPart(topic, id)
			if c, ok := before.Lookup(topic, id); ok {
				p.before = parseAhead(c.At, c.Metadata)
			}
			d.parts[spot{topic, id}] = p
		}
	}
	d.lagSeen.Store(false)
}

// finishedBefore fetches what the members before this one have committed. Not to
// know it means to deliver some records again, and no more.
func (d *Deliver) finishedBefore(ctx context.Context) kadm.OffsetResponses {
	ctx, cancel := context.WithTimeout(ctx, cutTimeout)
	defer cancel()
	commits, err := kadm.NewClient(d.out).FetchOffsets(ctx, d.group)
	if err != nil && ctx.Err() == nil && !errors.Is(err, kerr.GroupIDNotFound) {
		d.log.Warn("fetching what was finished before failed; some records are delivered again", "error", err)
	}
	return commits
}

// revoked lets partitions go to another member: no new work for them, those
// that wait for their next try are given up at once, those under way may
// finish; then what is done is committed. In this order, so that the next
// member never works beside this one on the same key.
func (d *Deliver) revoked(ctx context.Context, in *kgo.Client, which map[string][]int32) {
	parts := d.pick(which)
	if len(parts) == 0 {
		return
	}
	d.log.Info("partitions revoked", "partitions", which)
	d.lanes.giveUp(parts)
	d.settleWithin(ctx, revokeTimeout, parts)
	d.lanes.cancel(false)
	d.settleWithin(ctx, cutTimeout, parts)
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), cutTimeout)
	defer cancel()
	d.commit(bounded, in, func() []*part { return parts })
	d.let(parts)
	d.flow.update()
}

func (d *Deliver) settleWithin(ctx context.Context, bound time.Duration, parts []*part) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bound)
	defer cancel()
	for _, p := range parts {
		p.wait(ctx)
	}
}

// lost forgets partitions that another member has already.
func (d *Deliver) lost(_ context.Context, _ *kgo.Client, which map[string][]int32) {
	parts := d.pick(which)
	d.log.Warn("partitions lost: another member has them, what is under way here is cut", "partitions", which)
	d.let(parts)
	d.lanes.giveUp(parts)
	d.lanes.cancel(false)
	d.flow.update()
}

// commitAlong commits what is finished from time to time.
func (d *Deliver) commitAlong(ctx context.Context, in *kgo.Client) {
	tick := time.NewTicker(commitInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.commit(ctx, in, d.all)
		}
	}
}

// commit commits the marks of the partitions. They are listed once no other
// commit is under way. A failed commit is made good by the next one.
func (d *Deliver) commit(ctx context.Context, in *kgo.Client, list func() []*part) {
	d.committing.Lock()
	defer d.committing.Unlock()
	offsets := map[string]map[int32]kgo.EpochOffset{}
	byName := map[spot]*part{}
	notes := map[spot]string{}
	for _, p := range list() {
		at, note, due := p.due()
		if !due {
			continue
		}
		if offsets[p.topic] == nil {
			offsets[p.topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[p.topic][p.id] = at
		byName[spot{p.topic, p.id}], notes[spot{p.topic, p.id}] = p, note
	}
	if len(offsets) == 0 {
		return
	}
	in.CommitOffsetsSync(d.annotate(ctx, notes), offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			if ctx.Err() == nil {
				d.log.Warn("committing offsets failed; it is tried again", "error", err)
			}
			return
		}
		for _, rt := range resp.Topics {
			for _, rp := range rt.Partitions {
				err := kerr.ErrorForCode(rp.ErrorCode)
				if errors.Is(err, kerr.OffsetMetadataTooLarge) {
					d.bare.Store(true) // the broker allows less than the default
				}
				if err != nil {
					d.log.Warn("committing an offset failed; it is tried again", "topic", rt.Topic, "partition", rp.Partition, "error", err)
				} else if p := byName[spot{rt.Topic, rp.Partition}]; p != nil {
					p.noteCommitted(offsets[rt.Topic][rp.Partition].Offset, notes[spot{rt.Topic, rp.Partition}])
				}
			}
		}
	})
}

// annotate makes the commits under ctx carry the notes as their metadata.
func (d *Deliver) annotate(ctx context.Context, notes map[spot]string) context.Context {
	if d.bare.Load() {
		return ctx
	}
	return kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		for i := range req.Topics {
			t := &req.Topics[i]
			for j := range t.Partitions {
				if note := notes[spot{t.Topic, t.Partitions[j].Partition}]; note != "" {
					t.Partitions[j].Metadata = &note
				}
			}
		}
		return nil
	})
}
