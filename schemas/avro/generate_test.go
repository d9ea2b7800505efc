package avro

import (
	"fmt"
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
		if rapid.IntRange(0, 3).Draw(t, "default") == 0 {
			c.Default = ptr(genValue(t, &c.Type))
		}
		table.Columns = append(table.Columns, c)
	}
	return table
}

func genType(t *rapid.T, depth int) schemas.Type {
	last := schemas.ArrayType
	if depth == 0 {
		last--
	}
	typ := schemas.Type{Name: schemas.TypeName(rapid.IntRange(1, int(last)).Draw(t, "type"))}
	switch typ.Name {
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
	}
	return typ
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
