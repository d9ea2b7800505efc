package avro

import (
	"fmt"
	"reflect"

	"sluice/schemas"
)

// structure describes a struct as a record. One that was described before is
// the same node, so that the schema's text defines it once.
func (p *profile) structure(t *schemas.Table, where string) (*node, error) {
	if t == nil || t.Name == "" || len(t.Columns) == 0 {
		return nil, fault(where, "", "a struct without a name or fields")
	}
	name := fullName(t.Schema, t.Name)
	if n := p.names[name]; n != nil {
		if n.table == nil || !reflect.DeepEqual(n.table, t) {
			return nil, fault(where, "give one of the two another name", "the name %s is that of another type", name)
		}
		return n, nil
	}
	inner := profile{flat: p.flat, logical: p.logical, record: name, names: p.names}
	n, err := inner.rows(t, all(t))
	if err != nil {
		return nil, err
	}
	if t.Schema != connectSpace {
		n.connectName, n.version = name, 1
	}
	n.connectDoc, n.table = t.Doc, t
	p.names[name] = n
	return n, nil
}

// compileStruct completes the op of a struct. Its fields are all there or the
// struct is not: a source never leaves out a part of a value.
func (o *op) compileStruct(n *node, c *schemas.Column) error {
	if c.Type.Record == nil || len(n.fields) == 0 || len(n.fields) != len(c.Type.Record.Columns) {
		return fault(c.Name, "", "record %s is no form of the struct", n.name)
	}
	o.code = codeStruct
	for i := range n.fields {
		f, err := compile(n.fields[i].node, &c.Type.Record.Columns[i], strict)
		if err != nil {
			return err
		}
		o.fields = append(o.fields, *f)
		if f.union != 0 {
			o.zero = append(o.zero, f.absent)
			continue
		}
		o.zero = append(o.zero, f.zero...)
	}
	return nil
}

func (o *op) appendStruct(dst []byte, values schemas.Row) ([]byte, string) {
	if len(values) != len(o.fields) {
		return dst, fmt.Sprintf("%d values for a struct of %d fields", len(values), len(o.fields))
	}
	for i := range values {
		var bad string
		if dst, bad = o.fields[i].appendValue(dst, &values[i]); bad != "" {
			return dst, o.fields[i].column.Name + ": " + bad
		}
	}
	return dst, ""
}

// readStruct reads the fields. No struct is empty, so that an array of them is
// never longer than its bytes.
func (o *op) readStruct(r *reader, v *schemas.Value) {
	row := r.arena.Row(len(o.fields))
	for i := range o.fields {
		if o.fields[i].read(r, &row[i]); r.bad != "" {
			return
		}
	}
	*v = schemas.ListOf(row)
}
