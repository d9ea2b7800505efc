package tap

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/linkedin/goavro/v2"

	"sluice/schemas"
	"sluice/schemas/avro"
)

func TestWritesEveryKindReadably(t *testing.T) {
	schema := `{"type":"record","name":"r","namespace":"n","fields":[
		{"name":"z","type":"string"},
		{"name":"a","type":["null","long"]},
		{"name":"none","type":["null","long"]},
		{"name":"dec","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
		{"name":"opt","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}]},
		{"name":"day","type":{"type":"int","logicalType":"date"}},
		{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
		{"name":"raw","type":"bytes"},
		{"name":"connect","type":{"type":"bytes","connect.name":"org.apache.kafka.connect.data.Decimal","connect.parameters":{"scale":"3"}}},
		{"name":"variable","type":{"type":"record","name":"v","connect.name":"io.debezium.data.VariableScaleDecimal","fields":[
			{"name":"scale","type":"int"},{"name":"value","type":"bytes"}]}},
		{"name":"again","type":["null","v"]},
		{"name":"list","type":{"type":"array","items":["null","string"]}},
		{"name":"map","type":{"type":"map","values":"double"}},
		{"name":"kind","type":{"type":"enum","name":"e","symbols":["HIGH","LOW"]}},
		{"name":"small","type":"float"},
		{"name":"yes","type":"boolean"},
		{"name":"tail","type":["string","n.v"]}]}`
	c, err := newCodec(schema)
	if err != nil {
		t.Fatal(err)
	}
	// 6.00 for a decimal(9,2) is 600 unscaled.
	data := encode(t, schema, map[string]any{
		"z": "a <b> \"c\"", "a": goavro.Union("long", int64(math.MaxInt64)), "none": nil,
		"dec": ratOf("-12.34"), "opt": goavro.Union("bytes.decimal", ratOf("6")), "day": dateOf("2024-02-29"),
		"at": timeOf("2024-02-29T12:00:00.000001Z"), "raw": []byte{0, 255},
		"connect": []byte{0xff, 0x38}, "variable": map[string]any{"scale": int32(1), "value": []byte{0x01, 0x00}},
		"again": goavro.Union("n.v", map[string]any{"scale": int32(-2), "value": []byte{7}}),
		"list":  []any{goavro.Union("string", "x"), nil}, "map": map[string]any{"b": 1.5, "a": math.Inf(1)},
		"kind": "HIGH", "small": float32(0.1), "yes": true, "tail": goavro.Union("string", "t"),
	})
	got, err := c.decode(data)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"z":"a <b> \"c\"","a":9223372036854775807,"none":null,"dec":"-12.34","opt":"6.00","day":"2024-02-29",` +
		`"at":"2024-02-29T12:00:00.000001Z","raw":"AP8=","connect":"-0.200","variable":"25.6","again":"700",` +
		`"list":["x",null],"map":{"a":"+Inf","b":1.5},"kind":"HIGH","small":0.1,"yes":true,"tail":"t"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !json.Valid(got) {
		t.Error("it is no JSON")
	}
}

func TestRefusesWhatIsNotTheSchemas(t *testing.T) {
	c, err := newCodec(`"string"`)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"cut": {6, 'a'}, "left over": {2, 'a', 'b'}} {
		if out, err := c.decode(data); err == nil {
			t.Errorf("%s: %s", name, out)
		}
	}
}

func TestReadsWhatTheCompiledEncoderWrites(t *testing.T) {
	table := &schemas.Table{Schema: "public", Name: "customers", Key: []int{0}, Columns: []schemas.Column{
		{Name: "id", Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "spend", Type: schemas.Type{Name: schemas.DecimalType, Precision: 14, Scale: 2}, Optional: true},
	}, Source: &schemas.Table{Name: "Source", Columns: []schemas.Column{{Name: "db", Type: schemas.Type{Name: schemas.StringType}}}}}
	row := schemas.Row{schemas.IntOf(7), schemas.DecimalOf([]byte{0x30, 0x39}, 2)}
	env, err := avro.CompileEnvelope("erp", table, avro.Options{})
	if err != nil {
		t.Fatal(err)
	}
	change := schemas.Change{Op: schemas.Create, Table: table, After: row, Source: schemas.Row{schemas.TextOf([]byte("erp"))}}
	data, err := env.AppendValue(nil, &change, timeOf("2024-02-29T12:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCodec(env.ValueSchema)
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.decode(data)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Op     string
		Before any
		After  struct {
			ID    int64
			Spend string
		}
		Source struct{ DB string }
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if got.Op != "c" || got.Before != nil || got.After.ID != 7 || got.After.Spend != "123.45" || got.Source.DB != "erp" {
		t.Errorf("decoded %s", out)
	}
}
