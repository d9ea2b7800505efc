package avro

import (
	"sluice/schemas"
)

// Record encodes and decodes flat records, the entity topics' form. It is safe
// for concurrent use.
type Record struct {
	Schema string
	Table  *schemas.Table

	encoder encoder
	decoder decoder
}

// CompileRecord compiles the encoder and decoder of a flat record with standard
// logicalTypes. The record's name is t.Name, its namespace t.Schema. A table
// that cannot be described is a *schemas.Fault.
func CompileRecord(t *schemas.Table) (*Record, error) {
	r := &Record{Table: t}
	p := profile{flat: true, record: fullName(t.Schema, t.Name), names: map[string]*node{}}
	n, err := compileRows(&r.encoder, t, all(t), refuse, p)
	if err != nil {
		return nil, err
	}
	r.Schema = n.text()
	r.decoder = decoder{record: t.FullName(), ops: r.encoder.ops}
	return r, nil
}

// ParseRecord compiles the encoder and decoder of a flat record from its schema,
// ours or another's. A schema that is no record of columns is a *schemas.Fault.
func ParseRecord(schema string) (*Record, error) {
	n, err := parse(schema)
	if err != nil {
		return nil, err
	}
	t, ops, err := tableOf(n, "schema", refuse)
	if err != nil {
		return nil, err
	}
	return &Record{
		Schema: schema, Table: t,
		encoder: newEncoder(t.FullName(), ops),
		decoder: decoder{record: t.FullName(), ops: ops},
	}, nil
}

// Append appends the Avro bytes of row.
func (r *Record) Append(dst []byte, row schemas.Row) ([]byte, error) {
	return r.encoder.append(dst, row)
}

// Decode reads one record, which data must be exactly; the values live in a.
func (r *Record) Decode(data []byte, a *schemas.Arena) (schemas.Row, error) {
	in := reader{data: a.Copy(data), arena: a}
	row, err := r.decoder.row(&in, "")
	if err != nil {
		return nil, err
	}
	return row, in.end(r.decoder.record)
}
