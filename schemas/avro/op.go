package avro

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"sluice/schemas"
)

// code is how a value that is there is written and read.
type code uint8

const (
	// Up to codeDecimal the encoder writes them in its loop.

	codeText       code = iota // Text as string
	codeLong                   // Int as long
	codeBool                   // Bool as boolean
	codeInt                    // Int as int or long, between low and high
	codeDecimal                // Decimal as bytes
	codeFloat                  // Float as float
	codeDouble                 // Float as double
	codeBytes                  // Bytes as bytes
	codeFixed                  // Bytes as fixed
	codeVarDecimal             // Decimal as a record of scale and bytes
	codeEnum                   // Text as enum
	codeArray                  // List as array
	codeStruct                 // List as record
)

// head is the part of an op that every value needs. An encoder has them in a
// slice of their own, so that a wide row's are in a few cache lines.
type head struct {
	code code
	// kind is the Kind that the column's values have.
	kind schemas.Kind
	// union is how many bytes the index in a union takes: 0, not in one, or 1.
	union uint8
	// present is the index that says there is a value, absent that of null.
	present, absent uint8
}

// op is one column, compiled.
type op struct {
	head
	// missing says what becomes of Absent and Unchanged.
	missing missing
	// scale of a decimal, size of a fixed.
	scale int32
	size  int32
	// times: the Avro number is multiplied with it when read.
	times int64
	// low and high bound an Int, in the Avro number's unit.
	low, high int64
	// most and least are the bounds of a decimal by its precision; most is nil
	// where there is none.
	most, least []byte
	symbols     [][]byte
	elem        *op
	// fields are those of a struct.
	fields []op
	// zero is the Avro bytes that stand for Absent in a required column.
	zero []byte
	// unavailable is those for Unchanged; nil where the type has none.
	unavailable []byte
	column      *schemas.Column
}

// missing is what is done where the source sent no value.
type missing uint8

const (
	// fallback: null or the zero of the type, as an envelope's reader expects.
	fallback missing = iota
	// refuse: an error in a required column.
	refuse
	// strict: always an error; for keys.
	strict
)

// kindOf is the Kind of each type's values.
var kindOf = [...]schemas.Kind{
	schemas.InvalidType:        schemas.Null,
	schemas.BoolType:           schemas.Bool,
	schemas.Int16Type:          schemas.Int,
	schemas.Int32Type:          schemas.Int,
	schemas.Int64Type:          schemas.Int,
	schemas.Float32Type:        schemas.Float,
	schemas.Float64Type:        schemas.Float,
	schemas.StringType:         schemas.Text,
	schemas.BytesType:          schemas.Bytes,
	schemas.DecimalType:        schemas.Decimal,
	schemas.VarDecimalType:     schemas.Decimal,
	schemas.DateType:           schemas.Int,
	schemas.TimeType:           schemas.Int,
	schemas.ZonedTimeType:      schemas.Text,
	schemas.MilliTimestampType: schemas.Int,
	schemas.MicroTimestampType: schemas.Int,
	schemas.ZonedTimestampType: schemas.Text,
	schemas.InstantType:        schemas.Int,
	schemas.DurationType:       schemas.Int,
	schemas.UUIDType:           schemas.Text,
	schemas.JSONType:           schemas.Text,
	schemas.XMLType:            schemas.Text,
	schemas.EnumType:           schemas.Text,
	schemas.BitsType:           schemas.Bytes,
	schemas.StructType:         schemas.List,
	schemas.ArrayType:          schemas.List,
}

// limits is the range of an Int by its type.
func limits(t schemas.TypeName) (low, high int64) {
	switch t {
	case schemas.Int16Type:
		return math.MinInt16, math.MaxInt16
	case schemas.Int32Type, schemas.DateType:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

// compile makes the op of a column that is written as n.
func compile(n *node, c *schemas.Column, m missing) (*op, error) {
	o := &op{head: head{kind: kindOf[c.Type.Name]}, column: c, missing: m, times: 1}
	if inner, order, ok := n.optional(); ok {
		n, o.union = inner, 1
		o.present, o.absent = order.indexes()
	}
	name, times, ok := n.recognise()
	if !ok || name != c.Type.Name {
		return nil, fault(c.Name, "", "Avro %s is no form of the column's type", n.kind)
	}
	o.times = times
	switch n.kind {
	case "boolean":
		o.code, o.zero = codeBool, []byte{0}
	case "int", "long":
		o.code, o.zero = codeInt, []byte{0}
		o.low, o.high = limits(name)
		if n.kind == "int" {
			o.low, o.high = max(o.low, math.MinInt32), min(o.high, math.MaxInt32)
		}
		o.low, o.high = max(o.low, math.MinInt64/times), min(o.high, math.MaxInt64/times)
		if o.low == math.MinInt64 && o.high == math.MaxInt64 {
			o.code = codeLong
		}
	case "float":
		o.code, o.zero = codeFloat, make([]byte, 4)
	case "double":
		o.code, o.zero = codeDouble, make([]byte, 8)
	case "string":
		o.code, o.zero = codeText, appendBytes(nil, zeroText(name))
		o.unavailable = appendBytes(nil, unavailable)
	case "bytes":
		o.code, o.zero = codeBytes, []byte{0}
		switch name {
		case schemas.BytesType:
			o.unavailable = appendBytes(nil, unavailable)
		case schemas.DecimalType:
			o.code, o.scale, o.zero = codeDecimal, int32(c.Type.Scale), []byte{2, 0}
			if p := c.Type.Precision; p > 0 {
				most := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(p)), nil)
				most.Sub(most, big.NewInt(1))
				o.most, o.least = twosComplement(most), twosComplement(most.Neg(most))
			}
		}
	case "fixed":
		o.code, o.size, o.zero = codeFixed, int32(n.size), make([]byte, n.size)
	case "enum":
		o.code = codeEnum
		for _, s := range n.symbols {
			o.symbols = append(o.symbols, []byte(s)[:len(s):len(s)])
		}
	case "record":
		if name == schemas.StructType {
			return o, o.compileStruct(n, c)
		}
		o.code, o.zero = codeVarDecimal, []byte{0, 2, 0}
	case "array":
		o.code, o.zero = codeArray, []byte{0}
		var err error
		if o.elem, err = compile(n.items, c.Type.Elem, strict); err != nil {
			return nil, err
		}
		o.unavailable = o.elem.arrayOfUnavailable(c.Type)
		o.elem.unavailable = nil // an element alone is just a value
	}
	return o, nil
}

var unavailable = []byte(schemas.UnavailableValue)

// arrayOfUnavailable is the array that says Unchanged, of o's elements: the one
// text or binary that says so, or its bytes as numbers. Nil: there is none.
func (o *op) arrayOfUnavailable(array schemas.Type) []byte {
	if !array.HasPlaceholder() {
		return nil
	}
	count, elements := 0, []byte(nil)
	add := func(value []byte) {
		elements = slices.Concat(elements, []byte{o.present}[:o.union], value)
		count++
	}
	switch {
	case o.unavailable != nil:
		add(o.unavailable)
	case o.times == 1:
		for _, b := range unavailable {
			add(appendLong(nil, int64(b)))
		}
	default: // another unit than the column's: its numbers would be others
		return nil
	}
	return slices.Concat(appendLong(nil, int64(count)), elements, []byte{0})
}

// saysUnavailable reports whether the list is what arrayOfUnavailable wrote.
func saysUnavailable(list schemas.Row) bool {
	switch {
	case len(list) == 1:
		k := list[0].Kind
		return (k == schemas.Text || k == schemas.Bytes) && string(list[0].Bytes) == schemas.UnavailableValue
	case len(list) != len(unavailable):
		return false
	}
	for i, v := range list {
		if v.Kind != schemas.Int || v.Int() != int64(unavailable[i]) {
			return false
		}
	}
	return true
}

// preferDefault makes a column's default what stands for Absent, where it has
// one: for a reader of the schema it is what such a column holds.
func (o *op) preferDefault() {
	if d := o.column.Default; d != nil && o.union == 0 && d.Known() {
		if b, bad := o.appendValue(nil, d); bad == "" {
			o.zero = b
		}
	}
}

// zeroText is the text that stands for a value that was not sent.
func zeroText(t schemas.TypeName) []byte {
	switch t {
	case schemas.ZonedTimeType:
		return []byte("00:00:00Z")
	case schemas.ZonedTimestampType:
		return []byte("1970-01-01T00:00:00Z")
	}
	return nil
}

// tableOf reads the columns of a record, and compiles them.
func tableOf(n *node, where string, m missing) (*schemas.Table, []op, error) {
	if n.kind != "record" {
		return nil, nil, fault(where, "", "Avro %s where a record is expected", n.kind)
	}
	t := &schemas.Table{Columns: make([]schemas.Column, len(n.fields))}
	t.Schema, t.Name = splitName(n.name)
	ops := make([]op, len(n.fields))
	for i := range n.fields {
		f := &n.fields[i]
		c := &t.Columns[i]
		c.Name, c.Doc = f.columnName(), f.doc
		inner, err := column(f.node, c, where+"."+c.Name)
		if err != nil {
			return nil, nil, err
		}
		_, times, _ := inner.recognise()
		c.Default = parseDefault(inner, &c.Type, times, f.def)
		o, err := compile(f.node, c, m)
		if err != nil {
			return nil, nil, err
		}
		ops[i] = *o
	}
	return t, ops, nil
}

// column fills in what the node says of a column's type, and returns the node
// without its null.
func column(n *node, c *schemas.Column, where string) (*node, error) {
	if inner, _, ok := n.optional(); ok {
		n, c.Optional = inner, true
	}
	name, times, ok := n.recognise()
	if !ok {
		return nil, fault(where, "leave the column out at its source",
			"no column type for Avro %s %s", n.kind, n.connectName)
	}
	t := &c.Type
	t.Name = name
	switch name {
	case schemas.DecimalType:
		if n.decimal != nil {
			t.Precision, t.Scale = n.decimal.precision, n.decimal.scale
		}
		if n.connectName == connectDecimal {
			precision, _ := n.param(paramPrecision)
			t.Precision, _ = strconv.Atoi(precision)
			if scale, ok := n.param(paramScale); ok {
				t.Scale, _ = strconv.Atoi(scale)
			}
		}
		if t.Precision < 0 || t.Precision > 1<<17 || t.Scale < -1<<17 || t.Scale > 1<<17 {
			return nil, fault(where, "", "a decimal of precision %d and scale %d", t.Precision, t.Scale)
		}
	case schemas.VarDecimalType:
		if len(n.fields) != 2 || n.fields[0].node.kind != "int" || n.fields[1].node.kind != "bytes" {
			return nil, fault(where, "", "%s is not a record of int and bytes", connectVarDecimal)
		}
	case schemas.BitsType:
		length, _ := n.param(paramLength)
		t.Precision, _ = strconv.Atoi(length)
	case schemas.EnumType:
		t.Symbols = n.enumSymbols()
	case schemas.StructType:
		if len(n.fields) == 0 {
			return nil, fault(where, "leave the column out at its source", "record %s has no fields", n.name)
		}
		var err error
		if t.Record, _, err = tableOf(n, where, strict); err != nil {
			return nil, err
		}
		t.Record.Doc = n.connectDoc
	case schemas.ArrayType:
		t.Elem = &schemas.Column{}
		if _, err := column(n.items, t.Elem, where+"[]"); err != nil {
			return nil, err
		}
	}
	if n.connectName != forms[name].connect && n.connectName != connectMilliTime && name != schemas.StructType {
		t.Meaning = n.connectName
	}
	if name == schemas.TimeType && times == 1000 {
		t.Precision = 3
	}
	return n, nil
}

func (n *node) enumSymbols() []string {
	if n.kind == "enum" {
		return n.symbols
	}
	if len(n.sluiceSymbols) > 0 {
		return n.sluiceSymbols
	}
	if allowed, _ := n.param(paramAllowed); allowed != "" && n.sluiceSymbols == nil {
		return strings.Split(allowed, ",")
	}
	return nil
}
