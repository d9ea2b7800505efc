package avro

import (
	"errors"
	"time"

	"sluice/schemas"
)

// Options of the raw topics' schemas.
type Options struct {
	// LogicalTypes adds Avro's logicalType beside connect.name.
	LogicalTypes bool `yaml:"logical_types"`
}

// Envelope encodes the changes of one Table of one capture.
type Envelope struct {
	// KeySchema is empty for a table without a key.
	KeySchema, ValueSchema string
}

var errNotBuilt = errors.New("not built")

// CompileEnvelope compiles the encoder of a table's raw topic.
func CompileEnvelope(capture string, t *schemas.Table, o Options) (*Envelope, error) {
	return nil, errNotBuilt
}

// AppendKey appends the Avro bytes of the key of row (a row of the table).
func (e *Envelope) AppendKey(dst []byte, row schemas.Row) ([]byte, error) { return dst, errNotBuilt }

// AppendOtherKey appends the Avro bytes of a row of the key columns alone.
func (e *Envelope) AppendOtherKey(dst []byte, key schemas.Row) ([]byte, error) {
	return dst, errNotBuilt
}

// AppendValue appends the Avro bytes of the envelope of c; now is when it was
// processed.
func (e *Envelope) AppendValue(dst []byte, c *schemas.Change, now time.Time) ([]byte, error) {
	return dst, errNotBuilt
}

// Record encodes and decodes flat records, the entity topics' form.
type Record struct {
	Schema string
	Table  *schemas.Table
}

// CompileRecord compiles the encoder of a flat record with standard
// logicalTypes. The record's name is t.Name, its namespace t.Schema.
func CompileRecord(t *schemas.Table) (*Record, error) { return nil, errNotBuilt }

// Append appends the Avro bytes of row.
func (r *Record) Append(dst []byte, row schemas.Row) ([]byte, error) { return dst, errNotBuilt }

// ParseRecord compiles the decoder of a flat record from its schema.
func ParseRecord(schema string) (*Record, error) { return nil, errNotBuilt }

// Decode reads one record; the values live in a.
func (r *Record) Decode(data []byte, a *schemas.Arena) (schemas.Row, error) { return nil, errNotBuilt }

// EnvelopeDecoder decodes the envelopes of one schema.
type EnvelopeDecoder struct {
	// Table is what the schema says of the table: its columns' types by
	// connect.name, and its Source block. Key is not known from it.
	Table *schemas.Table
}

// ParseEnvelope compiles the decoder of an envelope from its schema.
func ParseEnvelope(schema string) (*EnvelopeDecoder, error) { return nil, errNotBuilt }

// Decode reads one envelope into c; the values live in a. c.Table becomes
// d.Table; ID and OtherKey are not in the bytes and are left alone.
func (d *EnvelopeDecoder) Decode(data []byte, a *schemas.Arena, c *schemas.Change) error {
	return errNotBuilt
}
