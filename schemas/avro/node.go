package avro

import (
	"encoding/json"

	"sluice/schemas"
)

// node is an Avro schema as a tree. A named type that occurs twice is the same
// *node twice.
type node struct {
	// kind is Avro's word: null, boolean, int, long, float, double, bytes,
	// string, record, enum, fixed, array, map, union.
	kind string
	// name is the full name of a record, enum or fixed.
	name     string
	fields   []field
	symbols  []string
	items    *node   // of an array or map
	branches []*node // of a union
	// table is what a struct's record was described from.
	table *schemas.Table
	size  int // of a fixed

	// The rest are properties beside Avro's own.
	connectName    string
	connectType    string
	connectDoc     string
	connectDefault json.RawMessage
	version        int
	params         []param
	logical        string
	decimal        *decimalProps
	// sluiceSymbols are the values of an enum that is a string here.
	sluiceSymbols []string
}

// param is one of connect.parameters.
type param struct{ name, value string }

// decimalProps are the properties of bytes with a scale.
type decimalProps struct{ precision, scale int }

// field of a record.
type field struct {
	name string
	// column is the column's own name where Avro does not allow it.
	column string
	doc    string
	node   *node
	// def is the default; nil: none.
	def json.RawMessage
}

// columnName is the name that the field has in a Table.
func (f *field) columnName() string {
	if f.column != "" {
		return f.column
	}
	return f.name
}

func (n *node) param(name string) (string, bool) {
	for _, p := range n.params {
		if p.name == name {
			return p.value, true
		}
	}
	return "", false
}

// optional looks at a union of null and one other type: other is that
// type and order says which comes first. For any other schema ok is false.
func (n *node) optional() (other *node, order union, ok bool) {
	if n.kind != "union" || len(n.branches) != 2 {
		return nil, 0, false
	}
	switch {
	case n.branches[0].kind == "null" && n.branches[1].kind != "null":
		return n.branches[1], nullFirst, true
	case n.branches[1].kind == "null" && n.branches[0].kind != "null":
		return n.branches[0], nullLast, true
	}
	return nil, 0, false
}

// union says where null stands in a column's union.
type union uint8

const (
	required union = iota
	nullFirst
	nullLast
)

// indexes are the bytes of the union's index, for a value and for null.
func (u union) indexes() (present, absent uint8) {
	if u == nullLast {
		return 0, 2
	}
	return 2, 0
}
