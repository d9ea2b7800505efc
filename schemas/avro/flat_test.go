package avro

import (
	"testing"

	"github.com/linkedin/goavro/v2"

	"sluice/schemas"
)

// messages is a flat table with structs in it.
func messages() *schemas.Table {
	long, str := typed(schemas.Int64Type), typed(schemas.StringType)
	return &schemas.Table{
		Schema: "things", Name: "message", Flat: true, Topic: "message", Key: []int{0},
		KeyName: "io.things.MessageKey", ValueName: "io.things.MessageValue",
		Columns: []schemas.Column{
			{Name: "prefix", Type: str},
			{Name: "ts_ms", Type: long, Optional: true},
			{Name: "source", Type: schemas.Type{Name: schemas.StructType, Record: postgresSource()}},
			{Name: "message", Type: schemas.Type{Name: schemas.StructType, Record: &schemas.Table{
				Schema: "io.things", Name: "Message", Doc: "What was said",
				Columns: []schemas.Column{
					{Name: "prefix", Type: str, Optional: true}, {Name: "content", Type: typed(schemas.BytesType), Optional: true},
				},
			}}},
			{Name: "counts", Optional: true, Type: arrayOf(schemas.Type{Name: schemas.StructType, Record: &schemas.Table{
				Schema: "event", Name: "collection",
				Columns: []schemas.Column{{Name: "data_collection", Type: str}, {Name: "event_count", Type: long}},
			}}, false)},
		},
	}
}

func messageChange() *schemas.Change {
	return &schemas.Change{Op: schemas.Message, After: schemas.Row{
		text("audit"), schemas.IntOf(1764000000123), schemas.ListOf(sourceRow("things")),
		schemas.ListOf(schemas.Row{text("audit"), schemas.BytesOf([]byte{0, 1})}),
		schemas.ListOf(schemas.Row{
			schemas.ListOf(schemas.Row{text("public.a"), schemas.IntOf(3)}),
			schemas.ListOf(schemas.Row{text("public.b"), schemas.IntOf(4)}),
		}),
	}}
}

// TestFlatGolden pins the bytes of records without an envelope, and asks goavro
// what they say.
func TestFlatGolden(t *testing.T) {
	e := compiled(t, messages(), Options{})
	golden(t, "flat.value.json", schemaText(t, e.ValueSchema))
	golden(t, "flat.key.json", schemaText(t, e.KeySchema))
	value, err := e.AppendValue(nil, messageChange(), processed)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "flat.value.hex", hexText(value))
	key, err := e.AppendKey(nil, messageChange().After)
	if err != nil {
		t.Fatal(err)
	}
	if want := "\x0aaudit"; string(key) != want {
		t.Errorf("the key is %q, want %q", key, want)
	}
	codec, err := goavro.NewCodec(e.ValueSchema)
	if err != nil {
		t.Fatal(err)
	}
	native, rest, err := codec.NativeFromBinary(value)
	if err != nil || len(rest) > 0 {
		t.Fatalf("goavro: %v, %d bytes left", err, len(rest))
	}
	counts := native.(map[string]any)["counts"].(map[string]any)["array"].([]any)
	if got := counts[1].(map[string]any); got["data_collection"] != "public.b" || got["event_count"] != int64(4) {
		t.Errorf("goavro reads %v", got)
	}
	r, err := ParseRecord(e.ValueSchema)
	if err != nil {
		t.Fatal(err)
	}
	if row, err := r.Decode(value, new(schemas.Arena)); err != nil || !row.Equal(messageChange().After) {
		t.Errorf("decoded %v, %v", row, err)
	}
}

func TestFlatTableIsWhole(t *testing.T) {
	for what, spoil := range map[string]func(*schemas.Table){
		"no name of the value": func(t *schemas.Table) { t.ValueName = "" },
		"no name of the key":   func(t *schemas.Table) { t.KeyName = "" },
		"no topic":             func(t *schemas.Table) { t.Topic = "" },
		"two structs of one name": func(t *schemas.Table) {
			t.Columns[4].Type.Elem.Type.Record.Schema, t.Columns[4].Type.Elem.Type.Record.Name = "io.things", "Message"
		},
		"an empty struct": func(t *schemas.Table) { t.Columns[3].Type.Record.Columns = nil },
	} {
		table := messages()
		spoil(table)
		if _, err := CompileEnvelope("erp", table, Options{}); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	e := compiled(t, messages(), Options{})
	for what, spoil := range map[string]func(schemas.Row){
		"an absent column":   func(r schemas.Row) { r[1] = absent },
		"an absent field":    func(r schemas.Row) { r[3] = schemas.ListOf(schemas.Row{text("a"), absent}) },
		"a short struct":     func(r schemas.Row) { r[3] = schemas.ListOf(schemas.Row{text("a")}) },
		"no row for a field": func(r schemas.Row) { r[2] = schemas.Value{} },
	} {
		c := messageChange()
		spoil(c.After)
		if out, err := e.AppendValue([]byte("x"), c, processed); err == nil || string(out) != "x" {
			t.Errorf("%s: wrote %x, error %v", what, out, err)
		}
	}
}

// TestKeyOnly has a key that the value does not repeat.
func TestKeyOnly(t *testing.T) {
	table := &schemas.Table{
		Schema: "things", Name: "heartbeat", Flat: true, Topic: "__debezium-heartbeat.*", Key: []int{0}, KeyOnly: true,
		KeyName: "io.things.ServerNameKey", ValueName: "io.things.Heartbeat",
		Columns: []schemas.Column{{Name: "serverName", Type: typed(schemas.StringType)}, {Name: "ts_ms", Type: typed(schemas.Int64Type)}},
	}
	e := compiled(t, table, Options{})
	row := schemas.Row{text("erp"), schemas.IntOf(70)}
	key, err := e.AppendKey(nil, row)
	if err != nil || string(key) != "\x06erp" {
		t.Errorf("the key is %q, %v", key, err)
	}
	value, err := e.AppendValue(nil, &schemas.Change{Op: schemas.Create, After: row}, processed)
	if err != nil || string(value) != "\x8c\x01" {
		t.Errorf("the value is %q, %v", value, err)
	}
	for what, r := range map[string]schemas.Row{"short": row[:1], "empty": nil} {
		if _, err := e.AppendKey(nil, r); err == nil {
			t.Errorf("%s: the key of such a row was written", what)
		}
		if _, err := e.AppendValue(nil, &schemas.Change{Op: schemas.Create, After: r}, processed); err == nil {
			t.Errorf("%s: the value of such a row was written", what)
		}
	}
	for what, key := range map[string][]int{"key last": {1}, "key alone": {0, 1}} {
		spoilt := *table
		spoilt.Key = key
		if _, err := CompileEnvelope("erp", &spoilt, Options{}); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// TestTransactionBlock goes through the envelope and back.
func TestTransactionBlock(t *testing.T) {
	e := compiled(t, customers(), Options{})
	d, err := ParseEnvelope(e.ValueSchema)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []schemas.TransactionPlace{{}, {ID: []byte("555:24023128"), Total: 3, Collection: 1}} {
		c := schemas.Change{Op: schemas.Create, After: customerRow(), Source: sourceRow("customers"), Transaction: want}
		data, err := e.AppendValue(nil, &c, processed)
		if err != nil {
			t.Fatal(err)
		}
		got := schemas.Change{Transaction: schemas.TransactionPlace{Total: 9}}
		if err := d.Decode(data, new(schemas.Arena), &got); err != nil {
			t.Fatal(err)
		}
		if g := got.Transaction; string(g.ID) != string(want.ID) || g.Total != want.Total || g.Collection != want.Collection {
			t.Errorf("read %+v, want %+v", g, want)
		}
	}
}
