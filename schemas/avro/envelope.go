package avro

import (
	"time"

	"sluice/schemas"
)

// Options of the raw topics' schemas.
type Options struct {
	// LogicalTypes adds Avro's logicalType beside connect.name.
	LogicalTypes bool `yaml:"logical_types"`
}

// Envelope encodes the changes of one Table of one capture. It is safe for
// concurrent use.
type Envelope struct {
	// KeySchema is empty for a table without a key.
	KeySchema, ValueSchema string

	table *schemas.Table
	// key writes the key columns alone; keyAt are their indexes in a row.
	key    encoder
	keyAt  []int
	row    encoder
	source encoder
	// skip is how many columns of a flat table stand in the key alone.
	skip int
}

// CompileEnvelope compiles the encoder of a table's raw topic: of envelopes, or
// of a flat table's records. A table that
// cannot be described (a column without a type, two columns whose names differ
// only in what Avro does not allow) is a *schemas.Fault. Without a Source the
// envelope has no source block.
func CompileEnvelope(capture string, t *schemas.Table, o Options) (*Envelope, error) {
	if t.Flat {
		return compileFlat(t, o)
	}
	space := fullName(capture, t.Schema, t.Name)
	e := &Envelope{table: t, keyAt: t.Key}
	named := map[string]*node{}

	value, err := compileRows(&e.row, t, all(t), fallback,
		profile{logical: o.LogicalTypes, record: space + ".Value", names: named})
	if err != nil {
		return nil, err
	}
	value.connectName = value.name
	optional := &node{kind: "union", branches: []*node{{kind: "null"}, value}}
	fields := []field{
		{name: "before", node: optional, def: jsonNull},
		{name: "after", node: optional, def: jsonNull},
	}
	if t.Source != nil {
		source, err := compileRows(&e.source, t.Source, all(t.Source), fallback,
			profile{logical: o.LogicalTypes, record: fullName(t.Source.Schema, t.Source.Name), names: named})
		if err != nil {
			return nil, err
		}
		source.connectName, source.version = source.name, 1
		fields = append(fields, field{name: "source", node: source})
	}
	fields = append(fields, transactionField(), field{name: "op", node: &node{kind: "string"}},
		timeField("ts_ms"), timeField("ts_us"), timeField("ts_ns"))
	envelope := &node{
		kind: "record", name: space + ".Envelope", fields: fields,
		version: 2, connectName: space + ".Envelope",
	}
	e.ValueSchema = envelope.text()
	return e, e.compileKey(space+".Key", 0, o)
}

// compileKey describes the key columns as a record of that full name.
func (e *Envelope) compileKey(name string, version int, o Options) error {
	t := e.table
	if len(t.Key) == 0 {
		return nil
	}
	columns := make([]*schemas.Column, len(t.Key))
	for i, at := range t.Key {
		columns[i] = &t.Columns[at]
	}
	key, err := compileRows(&e.key, t, columns, strict,
		profile{logical: o.LogicalTypes, record: name, names: map[string]*node{}})
	if err != nil {
		return err
	}
	key.connectName, key.version = key.name, version
	e.KeySchema = key.text()
	return nil
}

var jsonNull = []byte("null")

// compileRows describes the columns as a record and compiles its encoder.
func compileRows(e *encoder, t *schemas.Table, columns []*schemas.Column, m missing, p profile) (*node, error) {
	n, err := p.rows(t, columns)
	if err != nil {
		return nil, err
	}
	ops := make([]op, len(columns))
	for i, c := range columns {
		o, err := compile(n.fields[i].node, c, m)
		if err != nil {
			return nil, err
		}
		o.preferDefault()
		ops[i] = *o
	}
	*e = newEncoder(t.FullName(), ops)
	return n, nil
}

// transactionField is Debezium's transaction block: the id of the transaction
// and the event's place in it.
func transactionField() field {
	block := &node{
		kind: "record", name: "event.block", version: 1, connectName: "event.block",
		fields: []field{
			{name: "id", node: &node{kind: "string"}},
			{name: "total_order", node: &node{kind: "long"}},
			{name: "data_collection_order", node: &node{kind: "long"}},
		},
	}
	return field{name: "transaction", node: &node{kind: "union", branches: []*node{{kind: "null"}, block}}, def: jsonNull}
}

func timeField(name string) field {
	return field{name: name, node: &node{kind: "union", branches: []*node{{kind: "null"}, {kind: "long"}}}, def: jsonNull}
}

// AppendKey appends the Avro bytes of the key of row, a row of the table. The
// table must have a key.
func (e *Envelope) AppendKey(dst []byte, row schemas.Row) ([]byte, error) {
	if len(row) != e.skip+len(e.row.ops) || len(e.keyAt) == 0 {
		return dst, e.row.errorf("", "no key in a row of %d values; the table has %d columns, %d of them in its key",
			len(row), e.skip+len(e.row.ops), len(e.keyAt))
	}
	out := dst
	for i, at := range e.keyAt {
		var bad string
		if out, bad = e.key.ops[i].appendValue(out, &row[at]); bad != "" {
			return dst, e.row.errorf(e.key.ops[i].column.Name, "in the key: %s", bad)
		}
	}
	return out, nil
}

// AppendOtherKey appends the Avro bytes of a row of the key columns alone.
func (e *Envelope) AppendOtherKey(dst []byte, key schemas.Row) ([]byte, error) {
	if len(e.keyAt) == 0 {
		return dst, e.row.errorf("", "the table has no key")
	}
	return e.key.append(dst, key)
}

// Memo remembers the bytes of the last source block, for changes that share one:
// the rows of a snapshot's chunk. Who uses the memory of rows again calls
// Forget before. The zero Memo is ready for use.
type Memo struct {
	row   *schemas.Value // the first of the block
	of    *Envelope
	bytes []byte
}

// Forget makes m ready for rows whose memory was used before.
func (m *Memo) Forget() { m.row, m.of = nil, nil }

// AppendValue appends the Avro bytes of the envelope of c, a change of the
// table; now is when it was processed. Of a flat table it appends c.After.
func (e *Envelope) AppendValue(dst []byte, c *schemas.Change, now time.Time) ([]byte, error) {
	return e.AppendShared(dst, c, now, nil)
}

// AppendShared is AppendValue for changes that share source blocks; m remembers
// the last.
func (e *Envelope) AppendShared(dst []byte, c *schemas.Change, now time.Time, m *Memo) ([]byte, error) {
	if e.table.Flat {
		return e.row.append(dst, c.After[min(e.skip, len(c.After)):])
	}
	out, err := e.appendImage(dst, c.Before)
	if err != nil {
		return dst, err
	}
	if out, err = e.appendImage(out, c.After); err != nil {
		return dst, err
	}
	if e.table.Source != nil {
		if out, err = e.appendSource(out, c.Source, m); err != nil {
			return dst, err
		}
	}
	if c.Op >= 0x80 {
		return dst, e.row.errorf("op", "%d is no operation", c.Op)
	}
	nanos := now.UnixNano()
	out = append(appendTransaction(out, &c.Transaction), 2 /* 1 letter */, byte(c.Op), 2)
	out = append(appendLong(out, floorDiv(nanos, 1e6)), 2)
	out = append(appendLong(out, floorDiv(nanos, 1e3)), 2)
	return appendLong(out, nanos), nil
}

func (e *Envelope) appendSource(dst []byte, source schemas.Row, m *Memo) ([]byte, error) {
	if m == nil || len(source) == 0 {
		return e.source.append(dst, source)
	}
	if m.row == &source[0] && m.of == e {
		return append(dst, m.bytes...), nil
	}
	out, err := e.source.append(dst, source)
	if err == nil {
		m.row, m.of = &source[0], e
		m.bytes = append(m.bytes[:0], out[len(dst):]...)
	}
	return out, err
}

func (e *Envelope) appendImage(dst []byte, row schemas.Row) ([]byte, error) {
	if row == nil {
		return append(dst, 0), nil
	}
	return e.row.append(append(dst, 2), row)
}

// appendTransaction writes the transaction block, null without an id.
func appendTransaction(dst []byte, t *schemas.TransactionPlace) []byte {
	if len(t.ID) == 0 {
		return append(dst, 0)
	}
	return appendLong(appendLong(appendBytes(append(dst, 2), t.ID), t.Total), t.Collection)
}

// floorDiv is what time.UnixMilli and UnixMicro give, before 1970 too.
func floorDiv(n, by int64) int64 {
	q := n / by
	if n%by < 0 {
		q--
	}
	return q
}
