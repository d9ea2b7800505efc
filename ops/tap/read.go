package tap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/stream/kafka"
)

// Span says what of a topic to read.
type Span struct {
	// From is "start", "end", or the offset to begin with in every partition;
	// a negative one counts back from the end.
	From string
	// Limit ends the reading after that many records; 0: none.
	Limit int
	// Follow waits for more at the end, until ctx ends.
	Follow bool
}

// errEnough ends the reading at the limit.
var errEnough = errors.New("enough")

// Read calls fn for the committed records of the topic within the span; within
// a partition in order. A topic that does not exist is a *schemas.Fault.
func Read(ctx context.Context, c kafka.Config, topic string, span Span, log *slog.Logger, fn func(*kgo.Record) error) error {
	opts, err := c.Options("sluice.tap", log)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(append(opts,
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // the last offset is often a transaction's marker
	)...)
	if err != nil {
		return fmt.Errorf("opening a client of kafka: %w", err)
	}
	defer cl.Close()
	from, ends, err := offsets(ctx, kadm.NewClient(cl), topic, span.From)
	if err != nil {
		return err
	}
	if !span.Follow {
		for p, end := range ends {
			if from[p] >= end {
				delete(ends, p)
				delete(from, p)
			}
		}
		if len(ends) == 0 {
			return nil
		}
	}
	consume := map[int32]kgo.Offset{}
	for p, at := range from {
		consume[p] = kgo.NewOffset().At(at)
	}
	cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: consume})
	err = poll(ctx, cl, ends, span, fn)
	if errors.Is(err, errEnough) || span.Follow && ctx.Err() != nil {
		return nil
	}
	return err
}

// patience is how long the end of a topic may stay away before what is left is
// taken for hidden behind an open transaction.
const patience = 10 * time.Second

func poll(ctx context.Context, cl *kgo.Client, ends map[int32]int64, span Span, fn func(*kgo.Record) error) error {
	left := span.Limit
	for span.Follow || len(ends) > 0 {
		waiting, cancel := context.WithTimeout(ctx, patience)
		fetches := cl.PollFetches(waiting)
		cancel()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.DeadlineExceeded) {
				return fmt.Errorf("reading %s/%d: %w", e.Topic, e.Partition, e.Err)
			}
		}
		if fetches.NumRecords() == 0 && !span.Follow {
			return &schemas.Fault{
				Where: fmt.Sprintf("partitions %v", slices.Sorted(maps.Keys(ends))),
				What:  "the last records are not readable: a transaction is open on them",
				Cure:  "its producer ends it, or its timeout does; try again, or wait with --follow",
			}
		}
		for it := fetches.RecordIter(); !it.Done(); {
			rec := it.Next()
			end, open := ends[rec.Partition]
			if !span.Follow && (!open || rec.Offset >= end) {
				continue
			}
			if rec.Offset+1 >= end {
				delete(ends, rec.Partition)
			}
			if rec.Attrs.IsControl() {
				continue
			}
			if err := fn(rec); err != nil {
				return err
			}
			if left--; left == 0 {
				return errEnough
			}
		}
	}
	return nil
}

// offsets says where to begin and what the ends are, by partition.
func offsets(ctx context.Context, adm *kadm.Client, topic, at string) (from, ends map[int32]int64, err error) {
	starts, err := adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, nil, fmt.Errorf("listing the starts of %s: %w", topic, err)
	}
	tails, err := adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, nil, fmt.Errorf("listing the ends of %s: %w", topic, err)
	}
	if missing := tails.Error(); missing != nil || len(tails[topic]) == 0 {
		return nil, nil, &schemas.Fault{
			Where: "topic " + topic, What: "cannot be read", Err: missing,
			Cure: "see the topics of the configuration with: sluice check",
		}
	}
	from, ends = map[int32]int64{}, map[int32]int64{}
	for p, tail := range tails[topic] {
		start := starts[topic][p].Offset
		ends[p] = tail.Offset
		switch at {
		case "", "start":
			from[p] = start
		case "end":
			from[p] = tail.Offset
		default:
			n, err := strconv.ParseInt(at, 10, 64)
			if err != nil {
				return nil, nil, &schemas.Fault{
					Where: "--from " + at, What: "is no place to begin", Cure: "write start, end, or an offset such as 120 or -10",
				}
			}
			if n < 0 {
				n += tail.Offset
			}
			from[p] = min(max(n, start), tail.Offset)
		}
	}
	return from, ends, nil
}
