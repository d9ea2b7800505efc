package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
)

// tally counts the events of one entity at each stage, each event once: by key
// and position in the topics, by place in the receipts.
type tally struct {
	raw, entity, receipts, parked map[string]int
}

// tallies counts all of the topics' records, by entity.
func tallies(ctx context.Context, read reader, capture, sink string) (map[string]*tally, error) {
	all := map[string]*tally{}
	for _, e := range Entities {
		t := &tally{map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}}
		all[e.Name] = t
		for _, part := range []struct {
			topic string
			into  map[string]int
		}{
			{e.RawTopic(capture), t.raw},
			{"entity." + e.Name, t.entity},
			{"dlq.stream." + e.Name, t.parked},
		} {
			raw := part.topic == e.RawTopic(capture)
			err := read(ctx, part.topic, func(r *kgo.Record) error {
				if raw && r.Value == nil {
					return nil // the tombstone that follows each delete
				}
				part.into[string(r.Key)+" @ "+header(r, schemas.HeaderPosition)]++
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	err := read(ctx, "dlq.sink."+sink, func(r *kgo.Record) error {
		if t := all[strings.TrimPrefix(header(r, schemas.HeaderDLQTopic), "entity.")]; t != nil {
			t.parked[string(r.Key)+" @ "+header(r, schemas.HeaderPosition)]++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = read(ctx, "receipts."+sink, func(r *kgo.Record) error {
		var receipt struct {
			Entity, Key, Position string
		}
		if err := json.Unmarshal(r.Value, &receipt); err != nil {
			return fmt.Errorf("receipt at %s/%d/%d: %w", r.Topic, r.Partition, r.Offset, err)
		}
		if t := all[receipt.Entity]; t != nil {
			t.receipts[receipt.Key+" @ "+receipt.Position]++
		}
		return nil
	})
	return all, err
}

// reader calls fn with every committed record of a topic; a topic that does not
// exist has none.
type reader func(ctx context.Context, topic string, fn func(*kgo.Record) error) error

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// twice counts the surplus of a stage.
func twice(m map[string]int) (n int) {
	for _, times := range m {
		n += times - 1
	}
	return n
}
