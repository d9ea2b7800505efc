package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ReadToEnd calls fn for every committed record of the topics, from their start
// to what was their end when the call began; within a partition in order.
// Tombstones are passed on; a topic that does not exist has no records. It ends
// with fn's first error.
//
// The end is the high watermark, not the last stable offset: a transaction that
// somebody left open hides every later record, committed ones too, so ReadToEnd
// waits until it is ended (by its producer, by the next one with the same
// transactional id, or by its timeout).
func (c Config) ReadToEnd(ctx context.Context, log *slog.Logger, fn func(*kgo.Record) error, topics ...string) error {
	if len(topics) == 0 {
		return nil // an empty list would read every topic
	}
	all := make(map[string][]int32, len(topics))
	for _, t := range topics {
		all[t] = nil
	}
	return c.ReadPartitions(ctx, log, fn, all)
}

// ReadPartitions is [Config.ReadToEnd] for some partitions of each topic; an
// empty list means all of them.
func (c Config) ReadPartitions(ctx context.Context, log *slog.Logger, fn func(*kgo.Record) error, partitions map[string][]int32) error {
	if len(partitions) == 0 {
		return nil
	}
	_, err := c.read(ctx, log, fn, partitions, math.MaxInt64)
	return err
}

// ReadLast is [Config.ReadToEnd] for the last n offsets of one partition, of which
// markers of transactions, and what was compacted away, give no records. whole
// reports whether these were all that it has.
func (c Config) ReadLast(ctx context.Context, log *slog.Logger, fn func(*kgo.Record) error, topic string, partition int32, n int64) (whole bool, err error) {
	return c.read(ctx, log, fn, map[string][]int32{topic: {partition}}, n)
}

func (c Config) read(ctx context.Context, log *slog.Logger, fn func(*kgo.Record) error, partitions map[string][]int32, last int64) (whole bool, err error) {
	adm, err := c.open("sluice.reader", log)
	if err != nil {
		return false, err
	}
	defer adm.Close()
	r := reader{adm: kadm.NewClient(adm), log: log, topics: make([]string, 0, len(partitions)), last: last, whole: true}
	for t := range partitions {
		r.topics = append(r.topics, t)
	}
	from, err := r.begin(ctx, partitions)
	if err != nil || len(r.ends) == 0 {
		return r.whole, err
	}

	cl, err := c.open("sluice.reader", log,
		kgo.ConsumePartitions(from),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// The last offset of a partition is often a marker of a transaction;
		// without seeing it there is no knowing that the end is reached.
		kgo.KeepControlRecords(),
	)
	if err != nil {
		return false, err
	}
	defer cl.Close()
	return r.whole, r.run(ctx, cl, fn)
}

type spot struct {
	topic     string
	partition int32
}

// reader keeps what is still to be read.
type reader struct {
	adm    *kadm.Client
	log    *slog.Logger
	topics []string
	// last is how many offsets from the end are read; whole says that there are
	// no more.
	last  int64
	whole bool
	ends  map[spot]int64 // first offset not to read; done partitions are taken out
}

// begin lists the starts and ends, and returns where to consume from. Empty
// partitions are left out.
func (r *reader) begin(ctx context.Context, partitions map[string][]int32) (map[string]map[int32]kgo.Offset, error) {
	ends, err := r.adm.ListEndOffsets(ctx, r.topics...)
	if err != nil {
		return nil, fmt.Errorf("listing the ends of %q: %w", r.topics, err)
	}
	starts, err := r.adm.ListStartOffsets(ctx, r.topics...)
	if err != nil {
		return nil, fmt.Errorf("listing the starts of %q: %w", r.topics, err)
	}
	wanted := func(topic string, partition int32) bool {
		if len(partitions[topic]) == 0 {
			return true
		}
		for _, p := range partitions[topic] {
			if p == partition {
				return true
			}
		}
		return false
	}

	from := make(map[string]map[int32]kgo.Offset)
	r.ends = make(map[spot]int64)
	for topic, ps := range ends {
		for p, end := range ps {
			if p < 0 || !wanted(topic, p) {
				continue // -1 stands for a topic that does not exist
			}
			start, ok := starts.Lookup(topic, p)
			if err := errors.Join(end.Err, start.Err); err != nil {
				return nil, fmt.Errorf("listing offsets of %s/%d: %w", topic, p, err)
			}
			if !ok || start.Offset >= end.Offset {
				continue
			}
			if from[topic] == nil {
				from[topic] = make(map[int32]kgo.Offset)
			}
			first := start.Offset
			if r.last < end.Offset-first {
				first, r.whole = end.Offset-r.last, false
			}
			from[topic][p] = kgo.NewOffset().At(first)
			r.ends[spot{topic, p}] = end.Offset
		}
	}
	return from, nil
}

// run polls until every partition has reached its end.
func (r *reader) run(ctx context.Context, cl *kgo.Client, fn func(*kgo.Record) error) error {
	const patience = 2 * time.Second
	silent := 0
	for len(r.ends) > 0 {
		pollCtx, cancel := context.WithTimeout(ctx, patience)
		fetches := cl.PollFetches(pollCtx)
		cancel()
		if ctx.Err() != nil {
			return fmt.Errorf("reading %q to the end: %w", r.topics, context.Cause(ctx))
		}
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.DeadlineExceeded) {
				return fmt.Errorf("reading %s/%d: %w", e.Topic, e.Partition, e.Err)
			}
		}
		if fetches.NumRecords() == 0 {
			if silent++; silent%5 == 0 && r.log != nil {
				r.log.Warn("waiting for the end of a topic: a transaction is open on it, or its broker is away", "left", r.left())
			}
			r.skipTrimmed(ctx)
			continue
		}
		silent = 0
		var err error
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if err == nil {
				err = r.take(p, fn)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// take hands one partition's records on, up to its end.
func (r *reader) take(p kgo.FetchTopicPartition, fn func(*kgo.Record) error) error {
	at := spot{p.Topic, p.Partition}
	for _, rec := range p.Records {
		end, open := r.ends[at]
		if !open {
			return nil
		}
		if rec.Offset < end && !rec.Attrs.IsControl() {
			if err := fn(rec); err != nil {
				return fmt.Errorf("taking record %d of %s/%d: %w", rec.Offset, p.Topic, p.Partition, err)
			}
		}
		if rec.Offset+1 >= end {
			delete(r.ends, at)
		}
	}
	return nil
}

// skipTrimmed takes out partitions whose records were deleted while they were
// being read: their ends will never be seen.
func (r *reader) skipTrimmed(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	starts, err := r.adm.ListStartOffsets(ctx, r.topics...)
	if err != nil {
		return // the broker is away: nothing is known, keep waiting
	}
	for at, end := range r.ends {
		if start, ok := starts.Lookup(at.topic, at.partition); ok && start.Err == nil && start.Offset >= end {
			delete(r.ends, at)
		}
	}
}

func (r *reader) left() []string {
	var left []string
	for at, end := range r.ends {
		left = append(left, fmt.Sprintf("%s/%d up to offset %d", at.topic, at.partition, end))
	}
	return left
}
