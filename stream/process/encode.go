package process

import (
	"context"
	"fmt"

	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/stream"
)

// reasonEncode parks what does not fit the schema of the output.
const reasonEncode = "encode"

// encoder encodes outputs. For each pair of topic and table, once, the schema is
// compiled and registered, and the topic created.
type encoder struct {
	registry schemaRegistry
	known    map[target]*compiled
	// ensure creates a topic if it is missing.
	ensure  func(ctx context.Context, topic string) error
	scratch []byte
}

type target struct {
	topic string
	table *schemas.Table
}

type compiled struct {
	record *avro.Record
	id     int
}

func newEncoder(r schemaRegistry) *encoder {
	return &encoder{registry: r, known: map[target]*compiled{}}
}

// prepare readies the topic and the schema of an output.
func (e *encoder) prepare(ctx context.Context, o *stream.Output) error {
	t := target{o.Topic, o.Table}
	if _, ok := e.known[t]; ok {
		return nil
	}
	if err := e.ensure(ctx, o.Topic); err != nil {
		return fmt.Errorf("creating %s: %w", o.Topic, err)
	}
	if o.Table == nil {
		e.known[t] = nil
		return nil
	}
	record, err := avro.CompileRecord(o.Table)
	if err != nil {
		return fmt.Errorf("topic %s: %w", o.Topic, err)
	}
	id, err := e.registry.Register(ctx, o.Topic+"-value", record.Schema)
	if err != nil {
		return fmt.Errorf("registering the schema of %s: %w", o.Topic, err)
	}
	e.known[t] = &compiled{record, id}
	return nil
}

// value encodes an output that was prepared; the bytes live in a. nil for a
// tombstone.
func (e *encoder) value(o *stream.Output, a *schemas.Arena) ([]byte, error) {
	if o.Table == nil {
		return o.Value, nil
	}
	if o.Row == nil {
		return nil, nil
	}
	c := e.known[target{o.Topic, o.Table}]
	var err error
	e.scratch, err = c.record.Append(registry.AppendHeader(e.scratch[:0], c.id), o.Row)
	if err != nil {
		return nil, err
	}
	return a.Copy(e.scratch), nil
}
