package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/run"
	"sluice/ops/tap"
)

type tapCmd struct {
	Topic  string `arg:"" predictor:"topic" help:"The topic to read."`
	From   string `default:"start" placeholder:"PLACE" help:"start, end, an offset, or -N for the last N of each partition."`
	Limit  int    `short:"n" placeholder:"N" help:"Stop after N records."`
	Key    bool   `short:"k" help:"Print {\"key\", \"value\"} instead of the value alone."`
	Meta   bool   `short:"m" help:"Print partition, offset, time and headers, too."`
	Follow bool   `short:"f" help:"Wait for more, until Ctrl-C."`
	Output string `short:"o" default:"json" enum:"table,json" placeholder:"FORMAT" help:"json: one object a line; table: short columns for reading."`
}

// Help teaches the verb.
func (tapCmd) Help() string {
	return `Examples:

	sluice tap entity.customer --key | jq 'select(.value.segment == "high")'
	sluice tap erp.public.orders --from end --follow

Avro is decoded by the schema registry: decimals are texts with all their digits, bytes are base64. A tombstone is null. What cannot be decoded is {"undecoded": its bytes in base64, "error": why}.

Records come in order within a partition, not across partitions.`
}

// tapped is one line of the output.
type tapped struct {
	Partition *int32          `json:"partition,omitempty"`
	Offset    *int64          `json:"offset,omitempty"`
	Time      string          `json:"time,omitempty"`
	Headers   headers         `json:"headers,omitempty"`
	Key       json.RawMessage `json:"key"`
	Value     json.RawMessage `json:"value"`
}

// Run runs the verb.
func (c *tapCmd) Run(s *session) error {
	f, err := s.load("kafka", "registry")
	if err != nil {
		return err
	}
	if err := run.AskKafka(s.ctx, f.Kafka); err != nil {
		return f.Place(err)
	}
	d, closing, err := s.decoder(f)
	if err != nil {
		return err
	}
	defer closing()
	if c.Output == "table" {
		fmt.Fprintf(s.stdout, tapLine, "PARTITION", "OFFSET", "TIME", "KEY", "VALUE")
	}
	span := tap.Span{From: c.From, Limit: c.Limit, Follow: c.Follow}
	return tap.Read(s.ctx, f.Kafka, c.Topic, span, s.quiet(), func(r *kgo.Record) error {
		value := d.Value(s.ctx, r.Value)
		if c.Output == "json" && !c.Key && !c.Meta {
			_, err := fmt.Fprintf(s.stdout, "%s\n", value)
			return err
		}
		key := d.Key(s.ctx, r.Key)
		if c.Output == "table" {
			_, err := fmt.Fprintf(s.stdout, tapLine, fmt.Sprint(r.Partition), fmt.Sprint(r.Offset),
				r.Timestamp.UTC().Format(time.RFC3339), short(string(key), 24), short(string(value), 120))
			return err
		}
		out := tapped{Key: key, Value: value}
		if c.Meta {
			out.Partition, out.Offset = &r.Partition, &r.Offset
			out.Time, out.Headers = r.Timestamp.UTC().Format(time.RFC3339Nano), r.Headers
		}
		return line(s.stdout, out)
	})
}

// tapLine has fixed columns: records are shown as they come, before their
// widths are known.
const tapLine = "%-9s  %-8s  %-20s  %-24s  %s\n"

// headers are written as one object; of headers of the same name the last wins,
// as for all readers of sluice's headers.
type headers []kgo.RecordHeader

// MarshalJSON writes the headers as texts.
func (h headers) MarshalJSON() ([]byte, error) {
	out := make(map[string]string, len(h))
	for _, kv := range h {
		out[kv.Key] = string(kv.Value)
	}
	return json.Marshal(out)
}
