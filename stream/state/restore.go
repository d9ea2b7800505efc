package state

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// restoreBytes is how much of a changelog is written to Redis at once.
	restoreBytes = 1 << 20
	// tailRecords is how many offsets from its end a changelog is looked at to
	// learn up to where it has seen its input.
	tailRecords = 64
	// beside is how long a hash that is being restored outlives its process.
	beside = time.Hour
	// toldEvery is the time between two lines about a long restoring.
	toldEvery = 5 * time.Second
)

// nextOf is the header of a changelog's record.
func nextOf(r *kgo.Record) (int64, error) {
	for _, h := range r.Headers {
		if h.Key == HeaderNext {
			return strconv.ParseInt(string(h.Value), 10, 64)
		}
	}
	return 0, fmt.Errorf("offset %d of %s/%d has no header %s: another program wrote it", r.Offset, r.Topic, r.Partition, HeaderNext)
}

// tail is up to which offset of its input the changelog of the partition has seen
// all; 0: it is empty.
func (t *Table) tail(ctx context.Context, partition int32) (int64, error) {
	for last := int64(tailRecords); ; last *= 64 {
		next, found := int64(0), false
		whole, err := t.kafka.ReadLast(ctx, t.log, func(r *kgo.Record) error {
			n, err := nextOf(r)
			next, found = max(next, n), true
			return err
		}, ChangelogTopic(t.name), partition, last)
		if err != nil || found || whole {
			return next, err
		}
	}
}

// renamed puts a hash that is restored into the place of the old one.
var renamed = redis.NewScript(`
redis.call('HSET', KEYS[1], '', ARGV[1])
redis.call('PERSIST', KEYS[1])
redis.call('RENAME', KEYS[1], KEYS[2])
return 1`)

// Restore makes the hash of a partition anew from its changelog, beside the one
// that is there, and puts it in its place.
func (t *Table) Restore(ctx context.Context, partition int32) error {
	defer t.does("the state of %s, partition %d, to be restored from %s", t.name, partition, ChangelogTopic(t.name))()
	r := restoring{t: t, key: t.key(partition), made: t.key(partition) + ":" + t.writer, told: time.Now(), partition: partition}
	if err := r.run(ctx); err != nil {
		return fmt.Errorf("restoring the state of %s, partition %d, from %s: %w", t.name, partition, ChangelogTopic(t.name), err)
	}
	return nil
}

type restoring struct {
	t         *Table
	partition int32
	key, made string // made is the hash while it is being made

	set     []any
	gone    []string
	size    int
	records int64
	next    int64
	told    time.Time
}

func (r *restoring) run(ctx context.Context) error {
	begun := time.Now()
	if err := r.t.client.Del(ctx, r.made).Err(); err != nil {
		return err
	}
	take := func(rec *kgo.Record) error { return r.take(ctx, rec) }
	if err := r.t.kafka.ReadPartitions(ctx, r.t.log, take, map[string][]int32{ChangelogTopic(r.t.name): {r.partition}}); err != nil {
		return errors.Join(err, r.t.client.Del(context.WithoutCancel(ctx), r.made).Err())
	}
	if err := r.flush(ctx); err != nil {
		return err
	}
	mark := r.t.mark(r.next)
	if err := renamed.Run(ctx, r.t.client, []string{r.made, r.key}, string(mark)).Err(); err != nil {
		return err
	}
	r.t.mine[r.partition] = string(mark)
	if m := r.t.metrics; m != nil {
		m.restores.Inc()
		m.restored.Add(float64(r.records))
	}
	if r.records > 0 {
		r.t.log.Info("restored the state in redis", "partition", r.partition, "records", r.records, "took", time.Since(begun).Round(time.Millisecond))
	}
	return nil
}

func (r *restoring) take(ctx context.Context, rec *kgo.Record) error {
	next, err := nextOf(rec)
	if err != nil {
		return err
	}
	r.next = max(r.next, next)
	r.records++
	if r.t.Progress != nil {
		r.t.Progress(r.partition, rec.Offset, r.records)
	}
	if len(rec.Value) == 0 {
		r.gone = append(r.gone, string(rec.Key)) // after the values before it
		return nil
	}
	if len(r.gone) > 0 {
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	r.set = append(r.set, string(rec.Key), rec.Value)
	if r.size += len(rec.Key) + len(rec.Value); r.size < restoreBytes {
		return nil
	}
	if now := time.Now(); now.Sub(r.told) > toldEvery {
		r.told = now
		r.t.log.Info("restoring the state in redis", "partition", r.partition, "records", r.records)
	}
	return r.flush(ctx)
}

// flush writes what was taken: the values, then the removals.
func (r *restoring) flush(ctx context.Context) error {
	if len(r.set)+len(r.gone) == 0 {
		return nil
	}
	pipe := r.t.client.Pipeline()
	if len(r.set) > 0 {
		pipe.HSet(ctx, r.made, r.set...)
	}
	if len(r.gone) > 0 {
		pipe.HDel(ctx, r.made, r.gone...)
	}
	pipe.Expire(ctx, r.made, beside)
	_, err := pipe.Exec(ctx)
	r.set, r.gone, r.size = r.set[:0], r.gone[:0], 0
	return err
}
