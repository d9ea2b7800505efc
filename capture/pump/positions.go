package pump

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
)

// PositionsTopic holds, compacted, the position of every capture: the key is the
// capture's name, the value {"position": ..., "saved_at": ..., "instance": ...}.
// A position of null starts with a snapshot.
const PositionsTopic = "sluice.positions"

// saved is a value of PositionsTopic.
type saved struct {
	Position json.RawMessage `json:"position"`
	SavedAt  time.Time       `json:"saved_at"`
	Instance string          `json:"instance"`
}

// position returns the position in the source's own words.
func (v saved) position() schemas.Position {
	if string(v.Position) == "null" {
		return ""
	}
	return schemas.Position(v.Position)
}

func (p *Pump) newSaved(at schemas.Position, now time.Time) saved {
	v := saved{Position: json.RawMessage(at), SavedAt: now.UTC().Truncate(time.Microsecond), Instance: p.instance}
	if at.IsZero() {
		v.Position = json.RawMessage("null")
	}
	return v
}

// record returns the Kafka record of v. The position's text is kept byte for
// byte, which json.Marshal would not do.
func (p *Pump) record(v saved) (*kgo.Record, error) {
	if !json.Valid(v.Position) {
		return nil, &schemas.Fault{
			Where: fmt.Sprintf("capture %q", p.name), What: fmt.Sprintf("the source gave a position that is no JSON: %q", v.Position),
			Cure: "this is an error in the source; report it",
		}
	}
	instance, err := json.Marshal(v.Instance)
	if err != nil {
		return nil, fmt.Errorf("encoding the instance name: %w", err)
	}
	value := make([]byte, 0, len(v.Position)+len(instance)+80)
	value = append(append(value, `{"position":`...), v.Position...)
	value = append(v.SavedAt.AppendFormat(append(value, `,"saved_at":"`...), time.RFC3339Nano), `","instance":`...)
	value = append(append(value, instance...), '}')
	return &kgo.Record{Topic: PositionsTopic, Key: []byte(p.name), Value: value, Timestamp: v.SavedAt}, nil
}

// ensurePositions creates the topic if missing: with one partition, and with
// small segments that are compacted soon, since it is read whole at every start
// and gets a record with every transaction.
func (p *Pump) ensurePositions(ctx context.Context, cl *kgo.Client) error {
	kc := p.kafka
	kc.Topics.Partitions = 1
	kc.Topics.Config = map[string]string{"segment.bytes": "16777216", "min.cleanable.dirty.ratio": "0.1"}
	if err := kc.Ensure(ctx, cl, true, PositionsTopic); err != nil {
		return fmt.Errorf("creating topic %q: %w", PositionsTopic, err)
	}
	return nil
}

// readPosition returns the last committed value of the capture; the zero saved
// if there is none. It waits for transactions that are open on the topic.
func (p *Pump) readPosition(ctx context.Context) (saved, error) {
	var last *kgo.Record
	err := p.kafka.ReadToEnd(ctx, p.log, func(r *kgo.Record) error {
		if string(r.Key) == p.name {
			last = r
		}
		return nil
	}, PositionsTopic)
	if err != nil {
		return saved{}, fmt.Errorf("reading the saved position: %w", err)
	}
	var v saved
	if last == nil || last.Value == nil {
		return v, nil
	}
	if err := json.Unmarshal(last.Value, &v); err != nil {
		return saved{}, &schemas.Fault{
			Where: fmt.Sprintf("topic %s, offset %d", PositionsTopic, last.Offset),
			What:  fmt.Sprintf("the saved position of capture %q is unreadable", p.name), Err: err,
			Cure: fmt.Sprintf("start with a new snapshot: sluice capture %s --resnapshot", p.name),
		}
	}
	return v, nil
}

// usurperTime bounds how long a fenced pump looks for who fenced it.
const usurperTime = 5 * time.Second

// usurper looks for the claim of an instance that took the capture after was. A
// producer is fenced, too, when Kafka gave up its transaction during an outage;
// then there is no such claim and the pump may go on.
func (p *Pump) usurper(ctx context.Context, was *saved) (saved, bool) {
	if was == nil {
		return saved{}, false // fenced before it had the capture
	}
	ctx, cancel := context.WithTimeout(ctx, usurperTime)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := p.readPosition(ctx)
		if err == nil && now.Instance != "" && now.Instance != p.instance &&
			(now.Instance != was.Instance || now.SavedAt.After(was.SavedAt)) {
			return now, true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return saved{}, false
		}
	}
}
