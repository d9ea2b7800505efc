package state

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Look is a value as it was found. Value is nil where there is none.
type Look struct {
	Value []byte
	// Changelog says that the value is that of the changelog, and Why it is not
	// that of Redis.
	Changelog bool
	Why       string
}

// Look finds the value of one key without restoring or writing anything: in
// Redis, or, where that does not answer or has not seen all, in the changelog.
func (t *Table) Look(ctx context.Context, partition int32, key string) (Look, error) {
	next, err := t.tail(ctx, partition)
	if err != nil {
		return Look{}, fmt.Errorf("looking how far %s has come: %w", ChangelogTopic(t.name), err)
	}
	found, err := t.client.HMGet(ctx, t.key(partition), "", key).Result()
	if ctx.Err() != nil {
		return Look{}, ctx.Err()
	}
	l := Look{Changelog: true}
	if err != nil {
		l.Why = "redis does not answer: " + err.Error()
	} else {
		text, _ := found[0].(string)
		switch have := marker(text).next(); {
		case have < 0:
			l.Why = fmt.Sprintf("redis has no state of %s, partition %d", t.name, partition)
		case have < next:
			l.Why = fmt.Sprintf("redis has the state of %s, partition %d, up to offset %d only, and the changelog up to %d", t.name, partition, have, next)
		default:
			l.Changelog = false
		}
	}
	if !l.Changelog {
		if text, ok := found[1].(string); ok {
			l.Value = []byte(text)
		}
		return l, nil
	}
	take := func(r *kgo.Record) error {
		if string(r.Key) == key {
			l.Value = r.Value
			if len(r.Value) == 0 {
				l.Value = nil
			}
		}
		return nil
	}
	if err := t.kafka.ReadPartitions(ctx, t.log, take, map[string][]int32{ChangelogTopic(t.name): {partition}}); err != nil {
		return Look{}, fmt.Errorf("reading %s, partition %d: %w", ChangelogTopic(t.name), partition, err)
	}
	return l, nil
}

// Seen is up to which offset of the input the changelog of a partition has seen
// all: a hash with a lesser Size.Next is behind.
func (t *Table) Seen(ctx context.Context, partition int32) (int64, error) {
	return t.tail(ctx, partition)
}

// Size is what Redis has of a partition.
type Size struct {
	// Records are the keys; Bytes is what Redis uses for them, by a sample, and 0
	// where it does not let MEMORY USAGE be asked.
	Records, Bytes int64
	// Next is the offset of the input up to which it has seen all; -1: it has
	// nothing.
	Next int64

	marker marker
}

// samples is how many values of a hash Redis looks at to estimate its size.
const samples = 50

// Sizes asks Redis for the sizes of partitions in one round trip, to each node
// where there are several.
func (t *Table) Sizes(ctx context.Context, partitions ...int32) ([]Size, error) {
	pipe := t.client.Pipeline()
	marks := make([]*redis.StringCmd, len(partitions))
	counts := make([]*redis.IntCmd, len(partitions))
	bytes := make([]*redis.IntCmd, len(partitions))
	for i, p := range partitions {
		marks[i], counts[i], bytes[i] = pipe.HGet(ctx, t.key(p), ""), pipe.HLen(ctx, t.key(p)), pipe.MemoryUsage(ctx, t.key(p), samples)
	}
	_, _ = pipe.Exec(ctx) // each command has its error
	all := make([]Size, len(partitions))
	for i := range partitions {
		for _, err := range []error{marks[i].Err(), counts[i].Err()} {
			if err != nil && !errors.Is(err, redis.Nil) {
				return nil, fmt.Errorf("asking redis for the size of the state of %s: %w", t.name, err)
			}
		}
		s := &all[i]
		s.marker = marker(marks[i].Val())
		s.Next, s.Bytes = s.marker.next(), bytes[i].Val()
		s.Records = counts[i].Val()
		if s.marker != "" {
			s.Records-- // the marker
		}
	}
	return all, nil
}
