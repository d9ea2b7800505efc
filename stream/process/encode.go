package process

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/stream"
	"sluice/stream/kafka"
)

// encoder turns outputs into records. A topic is made and its schema registered
// before its first record.
type encoder struct {
	registry *registry.Client
	formats  map[format]*compiled
	topics   map[string]bool
}

type format struct {
	topic string
	table *schemas.Table
}

type compiled struct {
	id     int
	record *avro.Record
}

func newEncoder(reg *registry.Client) *encoder {
	return &encoder{registry: reg, formats: map[format]*compiled{}, topics: map[string]bool{}}
}

func (e *encoder) record(ctx context.Context, kc kafka.Config, cl *kgo.Client, o stream.Output) (*kgo.Record, error) {
	if !e.topics[o.Topic] {
		if err := kc.Ensure(ctx, cl, true, o.Topic); err != nil {
			return nil, err
		}
		e.topics[o.Topic] = true
	}
	r := &kgo.Record{Topic: o.Topic, Key: o.Key}
	if len(o.Headers) > 0 {
		r.Headers = make([]kgo.RecordHeader, len(o.Headers))
		for i, h := range o.Headers {
			r.Headers[i] = kgo.RecordHeader{Key: h.Key, Value: h.Value}
		}
	}
	if o.Row == nil {
		return r, nil
	}
	f, err := e.format(ctx, o)
	if err != nil {
		return nil, err
	}
	r.Value, err = f.record.Append(registry.AppendHeader(make([]byte, 0, 256), f.id), o.Row)
	return r, err
}

func (e *encoder) format(ctx context.Context, o stream.Output) (*compiled, error) {
	at := format{o.Topic, o.Table}
	if f := e.formats[at]; f != nil {
		return f, nil
	}
	rec, err := avro.CompileRecord(o.Table)
	if err != nil {
		return nil, err
	}
	id, err := e.registry.Register(ctx, o.Topic+"-value", rec.Schema)
	if err != nil {
		return nil, err
	}
	f := &compiled{id, rec}
	e.formats[at] = f
	return f, nil
}
