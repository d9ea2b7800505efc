package process

import (
	"context"
	"errors"
	"fmt"

	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/stream"
)

// reasonUndecodable parks what is no envelope.
const reasonUndecodable = "undecodable"

// undecodable is an error that no later try mends.
type undecodable struct{ error }

func (u undecodable) Unwrap() error { return u.error }

// decoder decodes raw records, or flat ones; each pair of schemas is compiled once.
type decoder struct {
	registry  schemaRegistry
	flat      bool
	records   map[int]*avro.Record
	envelopes map[int]*avro.EnvelopeDecoder
	keys      map[int][]string // names of the key columns
	tables    map[ids]*schemas.Table
	// bad are ids of schemas that are no envelope, or no key.
	bad map[int]error
}

// ids are the schemas of a record's key, 0 for none, and value.
type ids struct{ key, value int }

func newDecoder(r schemaRegistry, flat bool) *decoder {
	return &decoder{
		registry: r, flat: flat, records: map[int]*avro.Record{}, envelopes: map[int]*avro.EnvelopeDecoder{}, keys: map[int][]string{},
		tables: map[ids]*schemas.Table{}, bad: map[int]error{},
	}
}

// decode fills it.Change; the values live in a. A tombstone leaves Change.Table
// nil. An undecodable error is the record's, any other the registry's.
func (d *decoder) decode(ctx context.Context, it *stream.Item, a *schemas.Arena) error {
	if it.Value == nil {
		return nil
	}
	id, body, err := registry.SplitHeader(it.Value)
	if err != nil {
		return undecodable{fmt.Errorf("value: %w", err)}
	}
	if d.flat {
		return d.record(ctx, id, body, it, a)
	}
	envelope, err := d.envelope(ctx, id)
	if err != nil {
		return err
	}
	table := envelope.Table
	if len(it.Key) > 0 {
		keyID, _, err := registry.SplitHeader(it.Key)
		if err != nil {
			return undecodable{fmt.Errorf("key: %w", err)}
		}
		if table, err = d.keyed(ctx, ids{keyID, id}, envelope.Table); err != nil {
			return err
		}
	}
	if err := envelope.Decode(body, a, &it.Change); err != nil {
		return undecodable{fmt.Errorf("value of schema %d: %w", id, err)}
	}
	it.Change.Table = table
	return nil
}

// record decodes a flat record.
func (d *decoder) record(ctx context.Context, id int, body []byte, it *stream.Item, a *schemas.Arena) error {
	r, ok := d.records[id]
	if !ok {
		text, err := d.schema(ctx, id)
		if err != nil {
			return err
		}
		if r, err = avro.ParseRecord(text); err != nil {
			return d.refuse(id, err)
		}
		d.records[id] = r
	}
	row, err := r.Decode(body, a)
	if err != nil {
		return undecodable{fmt.Errorf("value of schema %d: %w", id, err)}
	}
	it.Change.Table, it.Change.After = r.Table, row
	return nil
}

func (d *decoder) envelope(ctx context.Context, id int) (*avro.EnvelopeDecoder, error) {
	if e, ok := d.envelopes[id]; ok {
		return e, nil
	}
	text, err := d.schema(ctx, id)
	if err != nil {
		return nil, err
	}
	e, err := avro.ParseEnvelope(text)
	if err != nil {
		return nil, d.refuse(id, err)
	}
	d.envelopes[id] = e
	return e, nil
}

// keyed returns the table with its Key, which only the key's schema tells.
func (d *decoder) keyed(ctx context.Context, pair ids, t *schemas.Table) (*schemas.Table, error) {
	if keyed, ok := d.tables[pair]; ok {
		return keyed, nil
	}
	names, ok := d.keys[pair.key]
	if !ok {
		text, err := d.schema(ctx, pair.key)
		if err != nil {
			return nil, err
		}
		record, err := avro.ParseRecord(text)
		if err != nil {
			return nil, d.refuse(pair.key, err)
		}
		for _, c := range record.Table.Columns {
			names = append(names, c.Name)
		}
		d.keys[pair.key] = names
	}
	keyed := *t
	keyed.Key = nil
	for _, name := range names {
		i := t.Column(name)
		if i < 0 {
			return nil, undecodable{fmt.Errorf("key: %s has no column %s", t.FullName(), name)}
		}
		keyed.Key = append(keyed.Key, i)
	}
	d.tables[pair] = &keyed
	return &keyed, nil
}

// schema fetches a schema. That the registry does not know the id is the
// record's fault: what no producer registered is no record of ours.
func (d *decoder) schema(ctx context.Context, id int) (string, error) {
	if err, ok := d.bad[id]; ok {
		return "", undecodable{err}
	}
	text, err := d.registry.Schema(ctx, id)
	if errors.Is(err, registry.ErrUnknownSchema) {
		return "", undecodable{err}
	}
	if err != nil {
		return "", fmt.Errorf("fetching schema %d: %w", id, err)
	}
	return text, nil
}

func (d *decoder) refuse(id int, err error) error {
	d.bad[id] = fmt.Errorf("schema %d: %w", id, err)
	return undecodable{d.bad[id]}
}
