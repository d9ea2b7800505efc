package avro

import (
	"slices"
	"strconv"
	"strings"

	"sluice/schemas"
)

// profile is how tables are described.
type profile struct {
	// flat: Avro's own logicalTypes instead of Connect's names.
	flat bool
	// logical adds logicalType to Connect's names.
	logical bool
	// record is the full name of the record, names what is named in it.
	record string
	names  map[string]*node
}

// rows describes a record of the columns.
func (p *profile) rows(t *schemas.Table, columns []*schemas.Column) (*node, error) {
	n := &node{kind: "record", name: p.record}
	owner := map[string]string{}
	for _, c := range columns {
		where := t.FullName() + "." + c.Name
		name := FieldName(c.Name)
		if other, taken := owner[name]; taken {
			return nil, fault(where, "rename one of the columns, or leave one out",
				"columns %q and %q have the same Avro name %q", other, c.Name, name)
		}
		owner[name] = c.Name
		f := field{name: name, doc: c.Doc}
		if name != c.Name {
			f.column = c.Name
		}
		inner, err := p.value(c, name, where)
		if err != nil {
			return nil, err
		}
		if f.def, err = defaultJSON(c); err != nil {
			return nil, fault(where, "", "its default: %v", err)
		}
		if f.def != nil && !p.flat && inner.name == "" {
			inner.connectDefault = f.def
		}
		f.node = inner
		if c.Optional {
			f.node = &node{kind: "union", branches: []*node{{kind: "null"}, inner}}
			if f.def != nil {
				slices.Reverse(f.node.branches)
			} else {
				f.def = []byte("null")
			}
		}
		n.fields = append(n.fields, f)
	}
	return n, nil
}

// value describes a column's values, but for whether they may be null.
func (p *profile) value(c *schemas.Column, name, where string) (*node, error) {
	t := &c.Type
	if t.Name == schemas.InvalidType || int(t.Name) >= len(forms) {
		return nil, fault(where, "", "the column has no type")
	}
	f := forms[t.Name]
	n := &node{kind: f.kind}
	switch t.Name {
	case schemas.ArrayType:
		if t.Elem == nil {
			return nil, fault(where, "", "an array without an element type")
		}
		e, err := p.value(t.Elem, name+"_item", where+"[]")
		if err != nil {
			return nil, err
		}
		if t.Elem.Optional {
			e = &node{kind: "union", branches: []*node{{kind: "null"}, e}}
		}
		n.items = e
		if t.Meaning != "" {
			n.connectName, n.version = t.Meaning, 1
		}
		return n, nil
	case schemas.StructType:
		return p.structure(t.Record, where)
	case schemas.VarDecimalType:
		return p.varDecimal(), nil
	case schemas.Int16Type:
		n.connectType = connectInt16
	case schemas.DecimalType:
		return p.decimal(n, t), nil
	case schemas.EnumType:
		if p.flat {
			return p.enum(n, t.Symbols, name), nil
		}
		allowed := strings.Join(t.Symbols, ",")
		n.params = []param{{paramAllowed, allowed}}
		if !slices.Equal(strings.Split(allowed, ","), t.Symbols) {
			n.sluiceSymbols = nonNil(t.Symbols)
		}
	case schemas.BitsType:
		n.params = []param{{paramLength, strconv.Itoa(t.Precision)}}
	}
	if t.Meaning != "" || t.Name == schemas.TimeType && t.Precision == 3 {
		p.meaning(n, t)
		return n, nil
	}
	if f.connect != "" && (!p.flat || f.logical == "") {
		n.connectName, n.version = f.connect, 1
	}
	if p.flat || p.logical || f.connect == "" {
		n.logical = f.logical
	}
	return n, nil
}

// meaning describes a value by the name that its type brings; a reader that
// does not know it sees the type's own Avro form. Connect's own temporal types
// always have a logicalType too.
func (p *profile) meaning(n *node, t *schemas.Type) {
	n.connectName, n.version = t.Meaning, 1
	if n.connectName == "" {
		n.connectName = connectMilliTime
	}
	m, known := byConnectName[n.connectName]
	if !known || m.name != t.Name {
		return
	}
	n.kind = m.kind
	if logical := connectLogical[n.connectName]; p.flat || p.logical || strings.HasPrefix(n.connectName, connectData) {
		n.logical = logical
	}
}

// decimal describes a number with a fixed scale. Avro knows no scale below zero
// or above the precision; Connect's parameters do. Without a precision Connect
// says 64.
func (p *profile) decimal(n *node, t *schemas.Type) *node {
	precision := t.Precision
	if precision == 0 {
		precision = 64
	}
	fits := t.Scale >= 0 && t.Scale <= precision
	if fits {
		n.decimal, n.logical = &decimalProps{precision: precision, scale: t.Scale}, "decimal"
	}
	if p.flat && fits && t.Precision > 0 {
		return n
	}
	n.connectName, n.version = connectDecimal, 1
	n.params = []param{{paramScale, strconv.Itoa(t.Scale)}}
	if t.Precision > 0 {
		n.params = append(n.params, param{paramPrecision, strconv.Itoa(t.Precision)})
	}
	return n
}

func (p *profile) varDecimal() *node {
	if n := p.names[connectVarDecimal]; n != nil {
		return n
	}
	n := &node{
		kind: "record", name: connectVarDecimal, connectName: connectVarDecimal,
		connectDoc: "Variable scaled decimal", version: 1,
		fields: []field{{name: "scale", node: &node{kind: "int"}}, {name: "value", node: &node{kind: "bytes"}}},
	}
	p.names[n.name] = n
	return n
}

// enum describes an enum of a flat record as Avro's enum where Avro allows the
// symbols, else as a string.
func (p *profile) enum(n *node, symbols []string, name string) *node {
	if legalSymbols(symbols) {
		n.kind, n.symbols = "enum", symbols
		n.name = p.record + "_" + name
		for p.names[n.name] != nil {
			n.name += "_"
		}
		p.names[n.name] = n
		return n
	}
	n.sluiceSymbols = nonNil(symbols)
	return n
}

func legalSymbols(symbols []string) bool {
	for i, s := range symbols {
		if !legalName(s) || slices.Contains(symbols[:i], s) {
			return false
		}
	}
	return len(symbols) > 0
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// all returns pointers to the table's columns.
func all(t *schemas.Table) []*schemas.Column {
	out := make([]*schemas.Column, len(t.Columns))
	for i := range t.Columns {
		out[i] = &t.Columns[i]
	}
	return out
}
