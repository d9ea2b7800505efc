package avro

import (
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/big"

	"pgregory.net/rapid"

	"sluice/schemas"
)

// genTable draws a table of any columns, with names that Avro does and does not
// allow.
func genTable(t *rapid.T) *schemas.Table {
	table := &schemas.Table{Schema: "public", Name: "things"}
	names := map[string]bool{}
	for i := range rapid.IntRange(1, 12).Draw(t, "columns") {
		name := rapid.SampledFrom([]string{"id", "Größe", "1st", "a.b", "with space", "\U0001f600", "_x", "tél"}).Draw(t, "name")
		if names[FieldName(name)] {
			name = fmt.Sprintf("c%d", i)
		}
		names[FieldName(name)] = true
		c := schemas.Column{
			Name: name, Type: genType(t, 2), Optional: rapid.Bool().Draw(t, "optional"),
			Doc: rapid.SampledFrom([]string{"", "what \"it\" is"}).Draw(t, "doc"),
		}
		if rapid.IntRange(0, 3).Draw(t, "default") == 0 && !hasStruct(c.Type) {
			c.Default = ptr(genValue(t, &c.Type))
		}
		table.Columns = append(table.Columns, c)
	}
	return table
}

func genType(t *rapid.T, depth int) schemas.Type {
	last := schemas.ArrayType
	if depth == 0 {
		last = schemas.StructType - 1
	}
	typ := schemas.Type{Name: schemas.TypeName(rapid.IntRange(1, int(last)).Draw(t, "type"))}
	switch typ.Name {
	case schemas.StringType, schemas.BytesType, schemas.Int32Type, schemas.BoolType:
		typ.Meaning = rapid.SampledFrom([]string{"", "io.debezium.data.Ltree"}).Draw(t, "meaning")
	case schemas.DateType:
		typ.Meaning = rapid.SampledFrom([]string{"", connectData + "Date"}).Draw(t, "meaning")
	case schemas.MilliTimestampType:
		typ.Meaning = rapid.SampledFrom([]string{"", connectData + "Timestamp"}).Draw(t, "meaning")
	case schemas.TimeType:
		typ.Precision = rapid.SampledFrom([]int{0, 3}).Draw(t, "precision")
		if typ.Precision == 3 {
			typ.Meaning = rapid.SampledFrom([]string{"", connectData + "Time"}).Draw(t, "meaning")
		}
	case schemas.StructType:
		typ.Record = genStruct(t, depth-1)
	case schemas.DecimalType:
		typ.Precision = rapid.IntRange(0, 40).Draw(t, "precision")
		typ.Scale = rapid.IntRange(-3, 42).Draw(t, "scale")
	case schemas.BitsType:
		typ.Precision = rapid.IntRange(1, 70).Draw(t, "bits")
	case schemas.EnumType:
		typ.Symbols = rapid.SampledFrom([][]string{
			{"high", "standard"}, {"one"}, {"two words", "ok"}, {"with,comma", "b"}, {"Grün", "1"},
		}).Draw(t, "symbols")
	case schemas.ArrayType:
		typ.Elem = &schemas.Column{Type: genType(t, depth-1), Optional: rapid.Bool().Draw(t, "optional element")}
		typ.Meaning = rapid.SampledFrom([]string{"", "io.debezium.data.DoubleVector"}).Draw(t, "meaning")
	}
	return typ
}

// genStruct draws the fields of a struct, named so that equal names have equal
// fields.
func genStruct(t *rapid.T, depth int) *schemas.Table {
	s := &schemas.Table{Schema: rapid.SampledFrom([]string{"io.things", connectSpace}).Draw(t, "namespace"), Doc: "A thing"}
	for i := range rapid.IntRange(1, 4).Draw(t, "fields") {
		s.Columns = append(s.Columns, schemas.Column{
			Name: fmt.Sprintf("f-%d", i), Type: genType(t, depth), Optional: rapid.Bool().Draw(t, "optional"),
		})
	}
	hash := fnv.New64a()
	describeColumns(hash, s.Columns)
	s.Name = fmt.Sprintf("S%x", hash.Sum64())
	return s
}

func describeColumns(w io.Writer, columns []schemas.Column) {
	for i := range columns {
		c := columns[i]
		for ; c.Type.Elem != nil; c = *c.Type.Elem {
			fmt.Fprint(w, c.Optional, c.Type.Meaning, "[]")
		}
		record := c.Type.Record
		if c.Type.Record = nil; record != nil {
			fmt.Fprint(w, record.Schema, record.Name)
			describeColumns(w, record.Columns)
		}
		fmt.Fprintf(w, "%+v", c)
	}
}

func hasStruct(t schemas.Type) bool {
	return t.Name == schemas.StructType || t.Elem != nil && hasStruct(t.Elem.Type)
}

// genRow draws a row of values that the table's columns may have.
func genRow(t *rapid.T, columns []schemas.Column) schemas.Row {
	row := make(schemas.Row, len(columns))
	for i := range columns {
		row[i] = genMaybe(t, &columns[i])
	}
	return row
}

func genMaybe(t *rapid.T, c *schemas.Column) schemas.Value {
	if c.Optional && rapid.Bool().Draw(t, "null") {
		return schemas.Value{}
	}
	return genValue(t, &c.Type)
}

func genValue(t *rapid.T, typ *schemas.Type) schemas.Value {
	switch kindOf[typ.Name] {
	case schemas.Bool:
		return schemas.BoolOf(rapid.Bool().Draw(t, "bool"))
	case schemas.Int:
		low, high := limits(typ.Name)
		if typ.Name == schemas.TimeType {
			low, high = 0, 86_400_000_000
			if typ.Precision == 3 {
				return schemas.IntOf(1000 * rapid.Int64Range(0, 86_400_000).Draw(t, "millis"))
			}
		}
		return schemas.IntOf(rapid.Int64Range(low, high).Draw(t, "int"))
	case schemas.Float:
		if typ.Name == schemas.Float32Type {
			return schemas.FloatOf(float64(rapid.Float32().Draw(t, "float32")))
		}
		return schemas.FloatOf(rapid.Float64().Draw(t, "float64"))
	case schemas.Text:
		if typ.Name == schemas.EnumType {
			return text(rapid.SampledFrom(typ.Symbols).Draw(t, "symbol"))
		}
		return text(rapid.StringN(0, 100, 300).Draw(t, "text"))
	case schemas.Bytes:
		return schemas.BytesOf(rapid.SliceOfN(rapid.Byte(), 0, 90).Draw(t, "bytes"))
	case schemas.Decimal:
		return genDecimal(t, typ)
	case schemas.List:
		if typ.Name == schemas.StructType {
			return schemas.ListOf(genRow(t, typ.Record.Columns))
		}
		row := make(schemas.Row, rapid.IntRange(0, 5).Draw(t, "length"))
		for i := range row {
			row[i] = genMaybe(t, typ.Elem)
		}
		return schemas.ListOf(row)
	}
	panic("no kind")
}

func genDecimal(t *rapid.T, typ *schemas.Type) schemas.Value {
	n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "digits"))
	if typ.Precision > 0 {
		n.Mod(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(typ.Precision)), nil))
	}
	if rapid.Bool().Draw(t, "negative") {
		n.Neg(n)
	}
	scale := int32(typ.Scale)
	if typ.Name == schemas.VarDecimalType {
		scale = rapid.Int32Range(math.MinInt16, math.MaxInt16).Draw(t, "scale")
	}
	return schemas.DecimalOf(twosComplement(n), scale)
}
