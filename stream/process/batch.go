package process

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/stream"
)

const (
	reasonTooLarge = "too_large"
	// reasonNoOutput filters an item that every stage let pass and none made
	// anything of.
	reasonNoOutput = "no_output"
)

// batch is the records of one transaction and what becomes of them. Its memory
// is used again for the next, once all that was produced of it is settled.
type batch struct {
	slab  []stream.Item
	items []*stream.Item
	// from are where the items were read: an item of the retry topic says in
	// its Topic where it came from first.
	from    []place
	headers []stream.Header
	arena   schemas.Arena

	records []kgo.Record
	owners  []int // of each record: the index of its item
	made    []kgo.RecordHeader
	tally   tally
}

// load takes over what was fetched.
func (b *batch) load(p *Process, fetches kgo.Fetches) {
	n := fetches.NumRecords()
	if cap(b.slab) < n {
		b.slab = make([]stream.Item, n)
		b.items = make([]*stream.Item, 0, n)
	}
	b.slab, b.items, b.from, b.headers = b.slab[:n], b.items[:0], b.from[:0], b.headers[:0]
	fetches.EachRecord(func(r *kgo.Record) {
		if r.Attrs.IsControl() {
			return // only its offset counts
		}
		it := &b.slab[len(b.items)]
		it.Input = stream.Input{
			Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp, Key: r.Key, Value: r.Value,
		}
		start := len(b.headers)
		for _, h := range r.Headers {
			b.headers = append(b.headers, stream.Header(h))
		}
		it.Headers = b.headers[start:len(b.headers):len(b.headers)]
		b.from = append(b.from, place{r.Topic, r.Partition, r.Offset})
		if r.Topic == p.retry {
			if topic := it.Header(schemas.HeaderDLQTopic); topic != nil {
				it.Topic = string(topic)
			} else if len(p.topics.Inputs) == 1 {
				it.Topic = p.topics.Inputs[0]
			}
		}
		b.items = append(b.items, it)
	})
}

// prepare decides what becomes of the items, and fills the records and the
// tally. It writes nothing, so that it may be called again after an error.
func (b *batch) prepare(ctx context.Context, p *Process) error {
	b.arena.Reset()
	b.records, b.owners, b.made, b.tally = b.records[:0], b.owners[:0], b.made[:0], tally{}
	for i, it := range b.items {
		it.Change, it.Fate, it.Reason, it.Err, it.Out = schemas.Change{}, stream.Pending, "", nil, it.Out[:0]
		if err := p.tooLarge[b.from[i]]; err != nil {
			it.Park(reasonTooLarge, err)
			continue
		}
		if err := p.decoder.decode(ctx, it, &b.arena); err != nil {
			var own undecodable
			if !errors.As(err, &own) {
				return err
			}
			it.Park(reasonUndecodable, own)
			continue
		}
		if it.Change.ID = it.Header(schemas.HeaderPosition); it.Change.ID == nil {
			// Another producer's record: where it lies names the event.
			id := fmt.Appendf(b.arena.Grow(len(b.from[i].topic)+40), "%s/%d/%d", b.from[i].topic, b.from[i].partition, b.from[i].offset)
			b.arena.Keep(len(id))
			it.Change.ID = id
		}
	}
	for i, stage := range p.stages {
		if err := stage.Process(ctx, b.items); err != nil {
			return fmt.Errorf("stage %d: %w", i+1, err)
		}
	}
	now := time.Now()
	for i := range b.items {
		if err := b.settle(ctx, p, i, now); err != nil {
			return err
		}
	}
	return nil
}

// settle makes the records of one item, and counts it.
func (b *batch) settle(ctx context.Context, p *Process, i int, now time.Time) error {
	it := b.items[i]
	if it.Fate == stream.Pending && len(it.Out) == 0 {
		it.Filter(reasonNoOutput)
	}
	if it.Fate == stream.Pending {
		if err := b.outputs(ctx, p, i); err != nil {
			return err
		}
	}
	switch it.Fate {
	case stream.Pending:
		b.tally[[2]string{fateDelivered, ""}]++
	case stream.Filtered:
		b.tally[[2]string{fateFiltered, it.Reason}]++
	case stream.Parked:
		b.records, b.owners = append(b.records, p.deadLetter(it, now)), append(b.owners, i)
		b.tally[[2]string{fateParked, it.Reason}]++
	}
	return nil
}

// outputs encodes the outputs of an item, all or none.
func (b *batch) outputs(ctx context.Context, p *Process, i int) error {
	it, mark := b.items[i], len(b.records)
	for n := range it.Out {
		o := &it.Out[n]
		if err := p.encoder.prepare(ctx, o); err != nil {
			return err
		}
		value, err := p.encoder.value(o, &b.arena)
		if err != nil {
			b.records, b.owners = b.records[:mark], b.owners[:mark]
			it.Park(reasonEncode, fmt.Errorf("output to %s, key %s: %w", o.Topic, strconv.Quote(string(o.Key)), err))
			return nil
		}
		start := len(b.made)
		for _, h := range o.Headers {
			b.made = append(b.made, kgo.RecordHeader(h))
		}
		b.records = append(b.records, kgo.Record{
			Topic: o.Topic, Partition: o.Partition, Key: o.Key, Value: value, Headers: b.made[start:len(b.made):len(b.made)],
		})
		b.owners = append(b.owners, i)
	}
	return nil
}

// parked logs what was parked: one line a reason.
func (b *batch) parked(p *Process) {
	var told map[string]bool
	for i, it := range b.items {
		if it.Fate != stream.Parked || told[it.Reason] {
			continue
		}
		if told == nil {
			told = map[string]bool{}
		}
		told[it.Reason] = true
		p.log.Warn("parked in "+p.dlq, "reason", it.Reason, "records", b.tally[[2]string{fateParked, it.Reason}],
			"error", it.Err, "topic", b.from[i].topic, "partition", b.from[i].partition, "offset", b.from[i].offset)
	}
}
