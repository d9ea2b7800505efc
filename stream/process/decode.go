package process

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/stream"
)

// undecodable is a record that is no change of a table; another try will not
// help.
type undecodable struct{ err error }

func (e *undecodable) Error() string { return e.err.Error() }
func (e *undecodable) Unwrap() error { return e.err }

func asUndecodable(err error, to **undecodable) bool { return errors.As(err, to) }

// decoder turns raw records into items. Compiled schemas are kept.
type decoder struct {
	registry  *registry.Client
	retry     string
	envelopes map[int]*avro.EnvelopeDecoder
	keys      map[int][]string
	// tables are the envelopes' tables with their keys, one for each pair of
	// schemas.
	tables map[[2]int]*schemas.Table
	arena  schemas.Arena
}

func newDecoder(reg *registry.Client, retry string) *decoder {
	return &decoder{
		registry: reg, retry: retry, envelopes: map[int]*avro.EnvelopeDecoder{},
		keys: map[int][]string{}, tables: map[[2]int]*schemas.Table{},
	}
}

// reset frees what the last batch was decoded into.
func (d *decoder) reset() { d.arena.Reset() }

// item takes over a record. One that was replayed goes by the topic it was
// parked from.
func (d *decoder) item(r *kgo.Record) stream.Item {
	it := stream.Item{Input: stream.Input{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp, Key: r.Key, Value: r.Value,
	}}
	if len(r.Headers) > 0 {
		it.Headers = make([]stream.Header, len(r.Headers))
		for i, h := range r.Headers {
			it.Headers[i] = stream.Header{Key: h.Key, Value: h.Value}
		}
	}
	if from := it.Header(schemas.HeaderDLQTopic); r.Topic == d.retry && from != nil {
		it.Topic = string(from)
	}
	return it
}

// decode fills in it.Change. An error is *undecodable, or about the registry.
func (d *decoder) decode(ctx context.Context, it *stream.Item) error {
	if it.Value == nil {
		return nil
	}
	id, data, err := registry.SplitHeader(it.Value)
	if err != nil {
		return &undecodable{err}
	}
	env, err := d.envelope(ctx, id)
	if err != nil {
		return err
	}
	if err := env.Decode(data, &d.arena, &it.Change); err != nil {
		return &undecodable{err}
	}
	it.Change.ID = it.Header(schemas.HeaderPosition)
	it.Change.Table, err = d.table(ctx, id, env, it.Key)
	return err
}

func (d *decoder) envelope(ctx context.Context, id int) (*avro.EnvelopeDecoder, error) {
	if env := d.envelopes[id]; env != nil {
		return env, nil
	}
	text, err := d.schema(ctx, id)
	if err != nil {
		return nil, err
	}
	env, err := avro.ParseEnvelope(text)
	if err != nil {
		return nil, &undecodable{fmt.Errorf("schema %d: %w", id, err)}
	}
	d.envelopes[id] = env
	return env, nil
}

// schema fetches a schema. That the registry does not know it is the record's
// fault; any other error is not.
func (d *decoder) schema(ctx context.Context, id int) (string, error) {
	text, err := d.registry.Schema(ctx, id)
	if err == nil {
		return text, nil
	}
	if errors.Is(err, registry.ErrUnknownSchema) {
		return "", &undecodable{err}
	}
	return "", fmt.Errorf("fetching schema %d: %w", id, err)
}

// table is the envelope's table with the key that the record's Kafka key has.
func (d *decoder) table(ctx context.Context, value int, env *avro.EnvelopeDecoder, key []byte) (*schemas.Table, error) {
	if len(key) == 0 {
		return env.Table, nil
	}
	id, _, err := registry.SplitHeader(key)
	if err != nil {
		return nil, &undecodable{fmt.Errorf("key: %w", err)}
	}
	pair := [2]int{id, value}
	if t := d.tables[pair]; t != nil {
		return t, nil
	}
	text, err := d.schema(ctx, id)
	if err != nil {
		return nil, err
	}
	rec, err := avro.ParseRecord(text)
	if err != nil {
		return nil, &undecodable{fmt.Errorf("key schema %d: %w", id, err)}
	}
	t := *env.Table
	for _, c := range rec.Table.Columns {
		i := t.Column(c.Name)
		if i < 0 {
			return nil, &undecodable{fmt.Errorf("key schema %d: its field %q is no column of %s", id, c.Name, t.FullName())}
		}
		t.Key = append(t.Key, i)
	}
	d.tables[pair] = &t
	return &t, nil
}
