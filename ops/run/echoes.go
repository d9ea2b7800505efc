package run

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"sluice/ops/config"
	"sluice/sinks"
	"sluice/stream"
	"sluice/stream/loop"
)

// guard is the loop guard of an entity; nil where nothing that is written leads
// back to it.
func (b *builder) guard(entity string) (stream.Processor, error) {
	plan := b.file.LoopPlan(entity)
	if plan.Empty() {
		return nil, nil
	}
	store, err := b.store()
	if err != nil {
		return nil, err
	}
	return loop.NewGuard(entity, plan, b.file.Loop, store, b.options.Log, b.health.registerer())
}

// echoes are what a sink remembers; nil where nothing that it writes comes back.
func (b *builder) echoes(sink string) (sinks.Echoes, error) {
	back := b.file.SinkEchoes(sink)
	if len(back) == 0 {
		return nil, nil
	}
	store, err := b.store()
	if err != nil {
		return nil, err
	}
	return echoes{loop.NewMarks(sink, back, b.file.Loop, store)}, nil
}

// store is the Redis of the loop guard; nil if the file has none, as where no
// guard remembers anything.
func (b *builder) store() (loop.Store, error) {
	if !b.file.Redis.Set() {
		return nil, nil
	}
	client, err := b.remote()
	if err != nil {
		return nil, err
	}
	return loop.OnRedis(client), nil
}

// remote is the client of Redis that all share.
func (b *builder) remote() (redis.UniversalClient, error) {
	if b.redis == nil {
		client, err := b.file.Redis.Open()
		if err != nil {
			return nil, b.file.Place(err)
		}
		b.redis = client
	}
	return b.redis, nil
}

// echoes hands a sink's deliveries to the loop guard's marks: sinks and streams
// do not know each other.
type echoes struct{ marks *loop.Marks }

// Before leaves marks of the deliveries.
func (e echoes) Before(ctx context.Context, batch []*sinks.Delivery) ([]bool, error) {
	return e.marks.Before(ctx, writes(batch))
}

// After tells which marks are needed no longer.
func (e echoes) After(ctx context.Context, batch []*sinks.Delivery, errs []*sinks.Error) error {
	outcomes := make([]loop.Outcome, len(batch))
	for i, err := range errs {
		switch {
		case err == nil:
			// Of a deletion of what was not there nothing comes back.
			if batch[i].Receipt.Action == "unchanged" {
				outcomes[i] = loop.Refused
			}
		case err.Class == sinks.Retry:
			outcomes[i] = loop.Unclear
		default:
			outcomes[i] = loop.Refused
		}
	}
	return e.marks.After(ctx, writes(batch), outcomes)
}

func writes(batch []*sinks.Delivery) []loop.Write {
	all := make([]loop.Write, len(batch))
	for i, d := range batch {
		all[i] = loop.Write{
			Entity: strings.TrimPrefix(d.Topic, config.EntityTopic("")), Key: string(d.Key),
			Table: d.Table, Row: d.Row, ID: d.IdempotencyKey, TargetID: d.Receipt.DestinationID,
		}
	}
	return all
}

var _ sinks.Echoes = echoes{}
