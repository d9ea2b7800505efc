package avro

import (
	"strings"

	"sluice/schemas"
)

// EnvelopeDecoder decodes the envelopes of one schema. It is safe for
// concurrent use.
type EnvelopeDecoder struct {
	// Table is what the schema says of the table: its columns' types by
	// connect.name, and its Source block. Key is not known from it.
	Table *schemas.Table

	name   string
	fields []envelopeField
	row    decoder
	source decoder
}

// part is what a field of an envelope holds.
type part uint8

const (
	other part = iota
	before
	after
	source
	operation
	transaction
)

type envelopeField struct {
	part part
	name string
	node *node
	// optional: in a union, where index says that there is a value.
	optional bool
	index    uint8
}

// ParseEnvelope compiles the decoder of an envelope from its schema: one that
// CompileEnvelope made, or Debezium. What a column's connect.name and logicalType
// do not tell, its Avro type does. A schema that is no envelope, or has columns
// that no column type is for (records, maps), is a *schemas.Fault.
func ParseEnvelope(schema string) (*EnvelopeDecoder, error) {
	n, err := parse(schema)
	if err != nil {
		return nil, err
	}
	if n.kind != "record" {
		return nil, fault("schema", "", "Avro %s where the record of an envelope is expected", n.kind)
	}
	d := &EnvelopeDecoder{name: n.name}
	var value *node
	var from *schemas.Table
	seen := map[part]bool{}
	for i := range n.fields {
		f := &n.fields[i]
		inner, null, optional := f.node.optional()
		if !optional {
			inner = f.node
		}
		e := envelopeField{name: f.name, node: f.node, optional: optional}
		e.index, _ = null.indexes()
		switch {
		case f.name == "before" || f.name == "after":
			e.part = before
			if f.name == "after" {
				e.part = after
			}
			if value == nil {
				value = inner
				d.Table, d.row.ops, err = tableOf(value, n.name+"."+f.name, refuse)
			} else if value != inner {
				err = fault(n.name, "", "before and after are different types")
			}
		case f.name == "source" && inner.kind == "record":
			e.part = source
			from, d.source.ops, err = tableOf(inner, n.name+".source", refuse)
		case f.name == "transaction" && isTransactionBlock(inner):
			e.part = transaction
		case f.name == "op" && inner.kind == "string":
			e.part = operation
		}
		if err != nil {
			return nil, err
		}
		seen[e.part] = true
		d.fields = append(d.fields, e)
	}
	if !seen[before] || !seen[after] || !seen[operation] {
		return nil, fault(n.name, "read the topic with the schema of its envelopes",
			"no envelope of a change: it lacks before, after or op")
	}
	d.Table.Source = from
	d.Table.Schema, d.Table.Name = tableName(value.name)
	d.row.record, d.source.record = n.name, n.name
	return d, nil
}

// tableName reads "<capture>.<schema>.<table>.Value"; dots in a table's name
// stay, those in a capture's cannot be told.
func tableName(value string) (schema, table string) {
	space, _ := splitName(value)
	parts := strings.SplitN(space, ".", 3)
	switch len(parts) {
	case 3:
		return parts[1], parts[2]
	case 2:
		return parts[0], parts[1]
	}
	return "", space
}

// Decode reads one envelope, which data must be exactly, into c; the values live
// in a. c.Table becomes d.Table; ID and OtherKey are not in the bytes and are
// left alone. After an error c is not to be used.
func (d *EnvelopeDecoder) Decode(data []byte, a *schemas.Arena, c *schemas.Change) error {
	r := reader{data: a.Copy(data), arena: a}
	c.Table, c.Op, c.Before, c.After, c.Source = d.Table, 0, nil, nil, nil
	c.Transaction = schemas.TransactionPlace{}
	for i := range d.fields {
		f := &d.fields[i]
		start := r.at
		var err error
		switch {
		case f.part == other:
			f.node.skip(&r)
		case f.optional && !r.present(f.index):
		case f.part == operation:
			c.Op = r.operation()
		case f.part == before:
			c.Before, err = d.row.row(&r, "before.")
		case f.part == after:
			c.After, err = d.row.row(&r, "after.")
		case f.part == transaction:
			c.Transaction = schemas.TransactionPlace{ID: r.take(r.long()), Total: r.long(), Collection: r.long()}
		case f.part == source:
			c.Source, err = d.source.row(&r, "source.")
		}
		if err != nil {
			return err
		}
		if r.bad != "" {
			return &Error{Record: d.name, Field: f.name, Offset: start, What: r.bad}
		}
	}
	if c.Op == 0 {
		return &Error{Record: d.name, Field: "op", Offset: r.at, What: "no operation"}
	}
	return r.end(d.name)
}

// isTransactionBlock reports whether n is what transactionField describes.
func isTransactionBlock(n *node) bool {
	if n.kind != "record" || len(n.fields) != 3 {
		return false
	}
	for i, kind := range []string{"string", "long", "long"} {
		if n.fields[i].node.kind != kind {
			return false
		}
	}
	return n.fields[0].name == "id" && n.fields[1].name == "total_order" && n.fields[2].name == "data_collection_order"
}

// operation reads the letter of the operation.
func (r *reader) operation() schemas.Op {
	b := r.take(r.long())
	if len(b) != 1 || strings.IndexByte("cudrtm", b[0]) < 0 {
		r.failf("%.20q is no operation", b)
		return 0
	}
	return schemas.Op(b[0])
}
