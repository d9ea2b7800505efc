package dlq

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/stream/kafka"
)

// Options of a replay.
type Options struct {
	// DryRun decides, and produces nothing.
	DryRun bool
	// Force replays what would be refused: replayed before, or overtaken.
	Force bool
	// Rate bounds the letters a second; 0: as fast as Kafka takes them.
	Rate float64
}

// Outcome is what became of one letter of a replay.
type Outcome struct {
	Letter *Letter
	// Refused says why the letter was not replayed; empty: it was, or would
	// have been.
	Refused string
}

// Replay produces the letters to their retry topics, in the order given, and
// calls told after each; a letter that was told without Refused is durable. The
// producer is idempotent: its own retries never double a record. On an error
// the rest was not replayed.
func Replay(ctx context.Context, c kafka.Config, log *slog.Logger, letters []*Letter, o Options, told func(Outcome)) error {
	overtaken, err := receipts(ctx, c, log, letters)
	if err != nil {
		return err
	}
	opts, err := c.Options("sluice.dlq", log)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("opening a client of kafka: %w", err)
	}
	defer cl.Close()
	var pace <-chan time.Time
	if o.Rate > 0 {
		ticker := time.NewTicker(time.Duration(float64(time.Second) / o.Rate))
		defer ticker.Stop()
		pace = ticker.C
	}
	ensured := map[string]bool{}
	for _, l := range letters {
		if why := refuse(l, overtaken); why != "" && !o.Force {
			told(Outcome{l, why})
			continue
		}
		if o.DryRun {
			told(Outcome{Letter: l})
			continue
		}
		topic := retryTopic(l.Topic)
		if !ensured[topic] {
			if err := c.Ensure(ctx, cl, false, topic); err != nil {
				return err
			}
			ensured[topic] = true
		}
		if pace != nil {
			select {
			case <-pace:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err := cl.ProduceSync(ctx, l.record(topic)).FirstErr(); err != nil {
			return fmt.Errorf("replaying %s to %s: %w", l.ID(), topic, err)
		}
		told(Outcome{Letter: l})
	}
	return nil
}

// record is the original record with the id of the dead letter and where it was
// first read: the engines tell by that which rules or entity it is for.
func (l *Letter) record(topic string) *kgo.Record {
	headers := slices.Clone(l.Headers)
	add := func(name, value string) {
		headers = append(headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
	}
	add(schemas.HeaderDLQID, l.ID())
	if l.SourceTopic != "" {
		add(schemas.HeaderDLQTopic, l.SourceTopic)
		add(schemas.HeaderDLQPartition, strconv.Itoa(int(l.SourcePartition)))
		add(schemas.HeaderDLQOffset, strconv.FormatInt(l.SourceOffset, 10))
	}
	return &kgo.Record{Topic: topic, Key: l.Key, Value: l.Value, Headers: headers}
}

func refuse(l *Letter, receipts map[string]receipt) string {
	if l.State == Replayed {
		return "it was replayed before"
	}
	if r, ok := receipts[receiptKey(l)]; ok && r.Topic == l.SourceTopic && r.Partition == l.SourcePartition && r.Offset > l.SourceOffset {
		return fmt.Sprintf("the target has a newer state of this key, from %s/%d/%d", r.Topic, r.Partition, r.Offset)
	}
	return ""
}

// receipt is what of a record of receipts.<sink> is asked for here.
type receipt struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// receiptKey names the receipt of a letter's key: "<sink>\0<entity>/<key>".
func receiptKey(l *Letter) string {
	return strings.TrimPrefix(l.Topic, sinkPrefix) + "\x00" + strings.TrimPrefix(l.SourceTopic, "entity.") + "/" + string(l.Key)
}

// receipts reads the newest receipts of the keys of the sinks' letters.
func receipts(ctx context.Context, c kafka.Config, log *slog.Logger, letters []*Letter) (map[string]receipt, error) {
	wanted, topics := map[string]bool{}, map[string]bool{}
	for _, l := range letters {
		if sink, ok := strings.CutPrefix(l.Topic, sinkPrefix); ok {
			wanted[receiptKey(l)] = true
			topics["receipts."+sink] = true
		}
	}
	found := map[string]receipt{}
	for topic := range topics {
		sink := strings.TrimPrefix(topic, "receipts.")
		err := c.ReadToEnd(ctx, log, func(r *kgo.Record) error {
			key := sink + "\x00" + string(r.Key)
			if !wanted[key] {
				return nil
			}
			delete(found, key)
			if r.Value == nil {
				return nil
			}
			var in receipt
			if err := json.Unmarshal(r.Value, &in); err != nil {
				return &schemas.Fault{
					Where: fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset), What: "is no receipt", Err: err,
					Cure: "look at it with: sluice tap " + topic + " --key",
				}
			}
			found[key] = in
			return nil
		}, topic)
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
