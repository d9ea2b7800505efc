package run

import (
	"context"
	"strings"

	"sluice/ops/config"
	"sluice/sinks"
	"sluice/stream/loop"
)

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
