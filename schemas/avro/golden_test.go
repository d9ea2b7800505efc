package avro

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"

	"sluice/schemas"
)

var update = flag.Bool("update", false, "write testdata anew")

// everything has a column of each type, required, optional and with defaults.
func everything() (*schemas.Table, schemas.Row) {
	enum := schemas.Type{Name: schemas.EnumType, Symbols: []string{"high", "standard"}}
	table := &schemas.Table{Schema: "public", Name: "every-thing", Key: []int{1, 0}, Source: postgresSource()}
	var row schemas.Row
	add := func(name string, t schemas.Type, v schemas.Value) {
		table.Columns = append(table.Columns, schemas.Column{Name: name, Type: t, Optional: v.IsNull()})
		row = append(row, v)
	}
	add("id", typed(schemas.Int64Type), schemas.IntOf(-1))
	add("tenant", typed(schemas.UUIDType), text("7f3d8b9e-6a9e-4d2f-8a53-5c1c1d2e3f40"))
	add("bool", typed(schemas.BoolType), schemas.BoolOf(true))
	add("int16", typed(schemas.Int16Type), schemas.IntOf(-32768))
	add("int32", typed(schemas.Int32Type), schemas.IntOf(2147483647))
	add("float32", typed(schemas.Float32Type), schemas.FloatOf(1.5))
	add("float64", typed(schemas.Float64Type), schemas.FloatOf(-0.1))
	add("text", typed(schemas.StringType), text("Größe"))
	add("bytes", typed(schemas.BytesType), schemas.BytesOf([]byte{0, 0xff}))
	add("numeric", decimalType(12, 2), schemas.DecimalOf([]byte{0xff, 0x38}, 2))
	add("bare numeric", typed(schemas.VarDecimalType), schemas.DecimalOf([]byte{0x7b}, 1))
	add("other numeric", typed(schemas.VarDecimalType), schemas.Value{})
	add("date", typed(schemas.DateType), schemas.IntOf(20000))
	add("time", typed(schemas.TimeType), schemas.IntOf(86_399_999_999))
	add("timetz", typed(schemas.ZonedTimeType), text("15:04:05Z"))
	add("timestamp3", typed(schemas.MilliTimestampType), schemas.IntOf(1764000000123))
	add("timestamp", typed(schemas.MicroTimestampType), schemas.IntOf(1764000000123456))
	add("timestamptz", typed(schemas.ZonedTimestampType), text("2025-11-24T16:00:00.123456Z"))
	add("instant", typed(schemas.InstantType), schemas.IntOf(1764000000123456))
	add("interval", typed(schemas.DurationType), schemas.IntOf(-1))
	add("json", typed(schemas.JSONType), text(`{"a":1}`))
	add("xml", typed(schemas.XMLType), text("<a/>"))
	add("enum", enum, text("standard"))
	add("bit", schemas.Type{Name: schemas.BitsType, Precision: 5}, schemas.BytesOf([]byte{0x15}))
	add("ltree", schemas.Type{Name: schemas.StringType, Meaning: "io.debezium.data.Ltree"}, text("a.b"))
	add("time3", schemas.Type{Name: schemas.TimeType, Precision: 3}, schemas.IntOf(86_399_999_000))
	add("point", sampleType(schemas.StructType), schemas.ListOf(schemas.Row{schemas.FloatOf(-1.5), {}}))
	add("no point", sampleType(schemas.StructType), schemas.Value{})
	add("vector", schemas.Type{
		Name: schemas.ArrayType, Meaning: "io.debezium.data.DoubleVector", Elem: &schemas.Column{Type: typed(schemas.Float64Type)},
	}, schemas.ListOf(schemas.Row{schemas.FloatOf(0.5)}))
	add("tags", arrayOf(typed(schemas.StringType), true), schemas.ListOf(schemas.Row{text("a"), {}}))
	add("numbers", arrayOf(decimalType(5, 1), false), schemas.ListOf(nil))
	add("no text", typed(schemas.StringType), schemas.Value{})
	for _, c := range []struct {
		name string
		t    schemas.Type
		v    schemas.Value
	}{
		{"segment", enum, text("high")},
		{"rebate", decimalType(5, 3), schemas.DecimalOf([]byte{7}, 0)},
		{"flags", typed(schemas.BytesType), schemas.BytesOf([]byte{0x80, 0})},
		{"since", typed(schemas.DateType), schemas.IntOf(0)},
	} {
		table.Columns = append(table.Columns, schemas.Column{
			Name: c.name, Type: c.t, Optional: true, Default: ptr(c.v), Doc: "What \"it\" is.",
		})
		row = append(row, schemas.Value{})
	}
	return table, row
}

// TestGolden pins the bytes on the wire; -update writes them anew.
func TestGolden(t *testing.T) {
	table, row := everything()
	source := sourceRow("every-thing")
	for name, o := range map[string]Options{"envelope": {}, "envelope_logical": {LogicalTypes: true}} {
		e := compiled(t, table, o)
		golden(t, name+".value.json", schemaText(t, e.ValueSchema))
		golden(t, name+".key.json", schemaText(t, e.KeySchema))
		value, err := e.AppendValue(nil, &schemas.Change{Op: schemas.Update, Before: row, After: row, Source: source}, processed)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".value.hex", hexText(value))
		key, err := e.AppendKey(nil, row)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".key.hex", hexText(key))
	}
	e := compiled(t, customers(), Options{})
	golden(t, "customers.value.json", schemaText(t, e.ValueSchema))
	removed, err := e.AppendValue(nil, &schemas.Change{
		Op:     schemas.Delete,
		Before: schemas.Row{schemas.IntOf(7), absent, absent, absent, absent, absent, absent},
		Source: sourceRow("customers"),
	}, processed)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "customers.delete.hex", hexText(removed))

	r := flat(t, table)
	golden(t, "record.json", schemaText(t, r.Schema))
	data, err := r.Append(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "record.hex", hexText(data))
}

// TestDefaultsOracle: goavro takes our defaults for defaults of their columns.
func TestDefaultsOracle(t *testing.T) {
	table, row := everything()
	for _, schema := range []string{compiled(t, table, Options{}).ValueSchema, flat(t, table).Schema} {
		if _, err := goavro.NewCodec(without(schema, "logicalType")); err != nil {
			t.Error(err)
		}
	}
	// A record without its fields with defaults is read as one with them.
	r := flat(t, table)
	codec, err := goavro.NewCodec(without(r.Schema, "logicalType"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.Append(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	native, _, err := codec.NativeFromBinary(data)
	if err != nil {
		t.Fatal(err)
	}
	fields := native.(map[string]any)
	for _, name := range []string{"segment", "since"} {
		delete(fields, name)
	}
	if data, err = codec.BinaryFromNative(nil, fields); err != nil {
		t.Fatal(err)
	}
	var a schemas.Arena
	got, err := r.Decode(data, &a)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"segment", "since"} {
		at := table.Column(name)
		if !got[at].Equal(*table.Columns[at].Default) {
			t.Errorf("%s: goavro's default is %v", name, got[at])
		}
	}
}

func schemaText(t *testing.T, schema string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(schema), "", " "); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), '\n')
}

func hexText(data []byte) []byte {
	var b strings.Builder
	for len(data) > 0 {
		n := min(32, len(data))
		b.WriteString(hex.EncodeToString(data[:n]) + "\n")
		data = data[n:]
	}
	return []byte(b.String())
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; if that is meant, go test -run TestGolden -update\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}
