package avro

import (
	"errors"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"

	"sluice/schemas"
)

// debezium is an envelope with what Debezium writes and we do not: coarser
// times, nanoseconds, named types of its other connectors, null last, a source
// block of MySQL, and a field of a later version.
const debezium = `{"type":"record","name":"Envelope","namespace":"shop.crm.contacts","fields":[
{"name":"before","type":["null",{"type":"record","name":"Value","fields":[
 {"name":"id","type":{"type":"int","connect.default":0},"default":0},
 {"name":"opens","type":{"type":"int","connect.version":1,"connect.name":"io.debezium.time.Time"}},
 {"name":"day","type":{"type":"int","connect.version":1,"connect.name":"org.apache.kafka.connect.data.Date","logicalType":"date"}},
 {"name":"clock","type":{"type":"int","connect.version":1,"connect.name":"org.apache.kafka.connect.data.Time","logicalType":"time-millis"}},
 {"name":"stamp","type":[{"type":"long","connect.version":1,"connect.name":"io.debezium.time.NanoTimestamp"},"null"]},
 {"name":"year","type":{"type":"int","connect.version":1,"connect.name":"io.debezium.time.Year"}},
 {"name":"labels","type":{"type":"string","connect.version":1,"connect.parameters":{"allowed":"a,b"},"connect.name":"io.debezium.data.EnumSet"}},
 {"name":"seen","type":{"type":"long","logicalType":"timestamp-millis"}},
 {"name":"code","type":{"type":"fixed","name":"Code","size":2}},
 {"name":"amount","type":{"type":"bytes","scale":2,"precision":64,"connect.version":1,"connect.parameters":{"scale":"2"},"connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}},
 {"name":"tiny","type":{"type":"int","connect.type":"int8"}}
],"connect.name":"shop.crm.contacts.Value"}],"default":null},
{"name":"after","type":["null","Value"],"default":null},
{"name":"source","type":{"type":"record","name":"Source","namespace":"io.debezium.connector.mysql","fields":[
 {"name":"server_id","type":"long"},{"name":"gtid","type":["null","string"],"default":null}],
 "connect.name":"io.debezium.connector.mysql.Source"}},
{"name":"extra","type":{"type":"array","items":{"type":"map","values":["null","double",{"type":"record","name":"E","fields":[{"name":"n","type":"null"}]}]}}},
{"name":"nothing","type":{"type":"array","items":"E"}},
{"name":"transaction","type":["null",{"type":"record","name":"block","namespace":"event","fields":[
 {"name":"id","type":"string"},{"name":"total_order","type":"long"},{"name":"data_collection_order","type":"long"}],
 "connect.version":1,"connect.name":"event.block"}],"default":null},
{"name":"op","type":"string"},
{"name":"ts_ms","type":["null","long"],"default":null}
],"connect.version":2,"connect.name":"shop.crm.contacts.Envelope"}`

func debeziumNative() map[string]any {
	row := map[string]any{
		"id": int32(5), "opens": int32(3_600_000), "day": int32(20000), "clock": int32(1), "stamp": map[string]any{"long": int64(1)},
		"year": int32(2026), "labels": "a,b", "seen": int64(1764000000123), "code": []byte("DE"),
		"amount": []byte{0x01, 0x00}, "tiny": int32(-128),
	}
	return map[string]any{
		"before": nil, "after": map[string]any{"shop.crm.contacts.Value": row},
		"source": map[string]any{"server_id": int64(223344), "gtid": map[string]any{"string": "a:1-9"}},
		"extra": []any{
			map[string]any{"a": map[string]any{"double": 1.5}, "b": nil},
			map[string]any{"c": map[string]any{"shop.crm.contacts.E": map[string]any{"n": nil}}},
		},
		"nothing": []any{map[string]any{"n": nil}, map[string]any{"n": nil}},
		"transaction": map[string]any{"event.block": map[string]any{
			"id": "t1", "total_order": int64(1), "data_collection_order": int64(1),
		}},
		"op": "c", "ts_ms": map[string]any{"long": int64(1764000000123)},
	}
}

// debeziumBytes are written by goavro.
func debeziumBytes(t testing.TB) []byte {
	t.Helper()
	codec, err := goavro.NewCodec(without(debezium, "default", "logicalType"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := codec.BinaryFromNative(nil, debeziumNative())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDebeziumEnvelope(t *testing.T) {
	d, err := ParseEnvelope(debezium)
	if err != nil {
		t.Fatal(err)
	}
	if d.Table.FullName() != "crm.contacts" || d.Table.Source.FullName() != "io.debezium.connector.mysql.Source" {
		t.Errorf("tables %s and %s", d.Table.FullName(), d.Table.Source.FullName())
	}
	c := schemas.Change{ID: []byte("mine"), Before: schemas.Row{{}}}
	if err := d.Decode(debeziumBytes(t), new(schemas.Arena), &c); err != nil {
		t.Fatal(err)
	}
	if c.Op != schemas.Create || c.Table != d.Table || string(c.ID) != "mine" || c.Before != nil {
		t.Errorf("decoded %+v", c)
	}
	for _, w := range []struct {
		column string
		typ    schemas.TypeName
		value  schemas.Value
	}{
		{"id", schemas.Int32Type, schemas.IntOf(5)},
		{"opens", schemas.TimeType, schemas.IntOf(3_600_000_000)},
		{"day", schemas.DateType, schemas.IntOf(20000)},
		{"clock", schemas.TimeType, schemas.IntOf(1000)},
		{"stamp", schemas.Int64Type, schemas.IntOf(1)},
		{"year", schemas.Int32Type, schemas.IntOf(2026)},
		{"labels", schemas.StringType, text("a,b")},
		{"seen", schemas.InstantType, schemas.IntOf(1764000000123000)},
		{"code", schemas.BytesType, schemas.BytesOf([]byte("DE"))},
		{"amount", schemas.DecimalType, schemas.DecimalOf([]byte{1, 0}, 2)},
		{"tiny", schemas.Int16Type, schemas.IntOf(-128)},
	} {
		at := d.Table.Column(w.column)
		if at < 0 || d.Table.Columns[at].Type.Name != w.typ || !c.After[at].Equal(w.value) {
			t.Errorf("%s: column %d, %+v, value %v", w.column, at, d.Table.Columns[at].Type, c.After[at])
		}
	}
	if v := d.Table.Columns[0].Default; v == nil || v.Int() != 0 {
		t.Errorf("default of id: %v", v)
	}
	if got := c.Source[d.Table.Source.Column("gtid")]; !got.Equal(text("a:1-9")) {
		t.Errorf("gtid: %v", got)
	}
}

// TestForeignRecord: a flat record of another writer is written as it wants it.
func TestForeignRecord(t *testing.T) {
	const schema = `{"type":"record","name":"R","fields":[
		{"name":"clock","type":{"type":"int","logicalType":"time-millis"}},
		{"name":"seen","type":["long","null"]},
		{"name":"code","type":{"type":"fixed","name":"Code","size":2}},
		{"name":"code2","type":["null","Code"]}]}`
	r, err := ParseRecord(schema)
	if err != nil {
		t.Fatal(err)
	}
	row := schemas.Row{schemas.IntOf(2000), {}, schemas.BytesOf([]byte("DE")), {}}
	data, err := r.Append(nil, row)
	if want := "\x04\x02DE\x00"; err != nil || string(data) != want {
		t.Errorf("%x, %v; want %x", data, err, want)
	}
	got, err := r.Decode(data, new(schemas.Arena))
	if err != nil || !got.Equal(row) {
		t.Errorf("%v, %v", got, err)
	}
	row[0] = schemas.IntOf(2001)
	_, err = r.Append(nil, row)
	wantError(t, "unit", err, "field clock", "no multiple of 1000")
	row[0], row[2] = schemas.IntOf(2000), schemas.BytesOf([]byte("DEU"))
	_, err = r.Append(nil, row)
	wantError(t, "size", err, "field code", "3 bytes where 2")
}

func TestSchemasRefused(t *testing.T) {
	record := func(fields string) string { return `{"type":"record","name":"R","fields":[` + fields + `]}` }
	deep := strings.Repeat(`{"type":"array","items":`, 100) + `"int"` + strings.Repeat(`}`, 100)
	for _, c := range []struct{ schema, want string }{
		{`{`, "not JSON"},
		{`"int"`, "record is expected"},
		{`17`, "no Avro type"},
		{`{}`, "no type"},
		{`[[]]`, "union directly in a union"},
		{record(`{"name":"a","type":"Unknown"}`), `"Unknown" is not defined`},
		{record(`{"name":"a","type":["null","R"]}`), `"R" is not defined`},
		{record(`{"name":"a","type":{"type":"map","values":"int"}}`), "no column type for Avro map"},
		{record(`{"name":"a","type":"null"}`), "no column type for Avro null"},
		{record(`{"name":"a","type":["int","string"]}`), "no column type for Avro union"},
		{record(`{"name":"a","type":["null"]}`), "no column type for Avro union"},
		{record(`{"name":"a","type":{"type":"record","name":"R2","fields":[]}}`), "schema.a: record R2 has no fields"},
		{record(`{"name":"a","type":{"type":"enum","name":"E","symbols":[]}}`), "is empty"},
		{record(`{"name":"a","type":{"type":"fixed","name":"F","size":0}}`), "is empty"},
		{record(`{"name":"a","type":{"type":"record","name":"V","connect.name":"io.debezium.data.VariableScaleDecimal","fields":[]}}`), "not a record of int and bytes"},
		{record(`{"name":"a","type":{"type":"bytes","logicalType":"decimal","precision":1e9}}`), "a decimal of precision"},
		{record(`{"name":"a","type":` + deep + `}`), "nests deeper"},
		{`{"type":"record","fields":[]}`, "has no name"},
	} {
		_, err := ParseRecord(c.schema)
		wantFault(t, c.schema, err, c.want)
	}
	for _, c := range []struct{ schema, want string }{
		{`"int"`, "envelope is expected"},
		{record(`{"name":"op","type":"string"}`), "lacks before, after or op"},
		{strings.Replace(debezium, `"after","type":["null","Value"]`, `"after","type":["null",{"type":"record","name":"V2","fields":[]}]`, 1), "different types"},
		{strings.Replace(debezium, `"after","type":["null","Value"]`, `"after","type":"int"`, 1), "different types"},
	} {
		_, err := ParseEnvelope(c.schema)
		wantFault(t, c.schema, err, c.want)
	}
}

func TestTablesRefused(t *testing.T) {
	table := func(columns ...schemas.Column) *schemas.Table {
		return &schemas.Table{Schema: "public", Name: "t", Columns: columns}
	}
	str := typed(schemas.StringType)
	for _, c := range []struct {
		table *schemas.Table
		want  string
	}{
		{table(schemas.Column{Name: "a b", Type: str}, schemas.Column{Name: "a_b", Type: str}), `"a b" and "a_b" have the same Avro name`},
		{table(schemas.Column{Name: "a"}), "public.t.a: the column has no type"},
		{table(schemas.Column{Name: "a", Type: typed(schemas.ArrayType)}), "without an element type"},
		{table(schemas.Column{Name: "a", Type: arrayOf(schemas.Type{}, true)}), "public.t.a[]: the column has no type"},
		{table(schemas.Column{Name: "a", Type: str, Default: ptr(schemas.IntOf(1))}), "its default: kind int where text"},
		{table(schemas.Column{Name: "a", Type: typed(schemas.Int16Type), Default: ptr(schemas.IntOf(1 << 20))}), "its default: 1048576 is out of range"},
		{table(schemas.Column{Name: "a", Type: decimalType(4, 1), Default: ptr(schemas.DecimalOf([]byte{1}, 3))}), "its default: its scale is 3"},
	} {
		_, err := CompileEnvelope("erp", c.table, Options{})
		wantFault(t, c.want, err, c.want)
		_, err = CompileRecord(c.table)
		wantFault(t, c.want, err, c.want)
	}
}

func wantFault(t *testing.T, name string, err error, part string) {
	t.Helper()
	var f *schemas.Fault
	if !errors.As(err, &f) || !strings.Contains(err.Error(), part) {
		t.Errorf("%s: error %v, want a Fault with %q", name, err, part)
	}
}
