package process

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/stream"
)

// reasonUndecodable is why a record was parked that is no record of a table.
const reasonUndecodable = "undecodable"

// batch is the records of one transaction and what becomes of them.
type batch struct {
	items []stream.Item
	out   []*kgo.Record
}

// batch decodes the records, runs the stages over them, and encodes their
// outputs. Its memory lives until the next batch.
func (p *Process) batch(ctx context.Context, cl *kgo.Client, records []*kgo.Record) (*batch, error) {
	b := &batch{items: make([]stream.Item, 0, len(records))}
	p.decoder.reset()
	origins := make([]*kgo.Record, 0, len(records))
	for _, r := range records {
		if r.Attrs.IsControl() {
			continue
		}
		b.items = append(b.items, p.decoder.item(r))
		origins = append(origins, r)
	}
	pending := make([]*stream.Item, len(b.items))
	for i := range b.items {
		it := &b.items[i]
		pending[i] = it
		err := p.decoder.decode(ctx, it)
		var bad *undecodable
		switch {
		case err == nil:
		case asUndecodable(err, &bad):
			it.Park(reasonUndecodable, bad)
		default:
			return nil, err
		}
	}
	for _, stage := range p.stages {
		if err := stage.Process(ctx, pending); err != nil {
			return nil, err
		}
	}
	for i := range b.items {
		it := &b.items[i]
		switch it.Fate {
		case stream.Filtered:
		case stream.Parked:
			p.log.Warn("parked", "topic", it.Topic, "partition", it.Partition, "offset", it.Offset, "reason", it.Reason, "error", it.Err)
			b.out = append(b.out, deadLetter(dlqTopic(p.name), origins[i], it, time.Now()))
		default:
			for _, o := range it.Out {
				r, err := p.encoder.record(ctx, p.kafka, cl, o)
				if err != nil {
					return nil, fmt.Errorf("%s/%d/%d: %w", it.Topic, it.Partition, it.Offset, err)
				}
				b.out = append(b.out, r)
			}
		}
	}
	return b, nil
}

// produce writes the batch's records and waits until Kafka has them.
func (b *batch) produce(ctx context.Context, s *kgo.GroupTransactSession) error {
	var failed atomic.Pointer[error]
	for _, r := range b.out {
		s.Produce(ctx, r, func(r *kgo.Record, err error) {
			if err != nil {
				err = fmt.Errorf("writing to topic %q: %w", r.Topic, err)
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	if err := s.Client().Flush(ctx); err != nil {
		return fmt.Errorf("writing a transaction: %w", err)
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// count counts a committed batch.
func (b *batch) count(m *metrics) {
	for i := range b.items {
		it := &b.items[i]
		m.records.WithLabelValues("consumed", "").Inc()
		switch it.Fate {
		case stream.Filtered:
			m.records.WithLabelValues("filtered", it.Reason).Inc()
		case stream.Parked:
			m.records.WithLabelValues("parked", it.Reason).Inc()
		default:
			m.records.WithLabelValues("delivered", "").Inc()
		}
	}
}

const dlqPrefix = "sluice.dlq."

// deadLetter is the record as it came, and why it is parked.
func deadLetter(topic string, r *kgo.Record, it *stream.Item, now time.Time) *kgo.Record {
	out := &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value}
	from, partition, offset := r.Topic, strconv.Itoa(int(r.Partition)), strconv.FormatInt(r.Offset, 10)
	for _, h := range r.Headers {
		switch {
		// A replayed one is parked anew, with its present reason and its
		// first origin.
		case h.Key == schemas.HeaderDLQTopic:
			from = string(h.Value)
		case h.Key == schemas.HeaderDLQPartition:
			partition = string(h.Value)
		case h.Key == schemas.HeaderDLQOffset:
			offset = string(h.Value)
		case !strings.HasPrefix(h.Key, dlqPrefix):
			out.Headers = append(out.Headers, h)
		}
	}
	for _, h := range [][2]string{
		{schemas.HeaderDLQReason, it.Reason},
		{schemas.HeaderDLQError, it.Err.Error()},
		{schemas.HeaderDLQTopic, from},
		{schemas.HeaderDLQPartition, partition},
		{schemas.HeaderDLQOffset, offset},
		{schemas.HeaderDLQTime, now.UTC().Format(time.RFC3339)},
	} {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
	}
	return out
}
