package api

import (
	"encoding/json"
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/schemas"
)

func col(t schemas.TypeName) *schemas.Column {
	return &schemas.Column{Name: "f", Type: schemas.Type{Name: t}}
}

func TestValuesAsJSON(t *testing.T) {
	instant := time.Date(2024, 2, 29, 23, 59, 58, 123456000, time.UTC)
	list := col(schemas.ArrayType)
	list.Type.Elem = col(schemas.DateType)
	point := col(schemas.StructType)
	point.Type.Record = &schemas.Table{Columns: []schemas.Column{*col(schemas.Float64Type), {Name: "on", Type: list.Type}}}
	points := col(schemas.ArrayType)
	points.Type.Elem = point
	aPoint := schemas.ListOf(schemas.Row{schemas.FloatOf(0.5), schemas.ListOf(schemas.Row{schemas.IntOf(1)})})
	for _, c := range []struct {
		col  *schemas.Column
		v    schemas.Value
		want string
	}{
		{col(schemas.BoolType), schemas.BoolOf(true), `true`},
		{col(schemas.Int64Type), schemas.IntOf(math.MinInt64), `-9223372036854775808`},
		{col(schemas.Float64Type), schemas.FloatOf(0.1), `0.1`},
		{col(schemas.Float32Type), schemas.FloatOf(float64(float32(0.1))), `0.1`},
		{col(schemas.Float64Type), schemas.FloatOf(1e300), `1e+300`},
		{col(schemas.StringType), schemas.TextOf([]byte("a\"b")), `"a\"b"`},
		{col(schemas.BytesType), schemas.BytesOf([]byte{0, 255}), `"AP8="`},
		{col(schemas.JSONType), schemas.TextOf([]byte(`{"a": [1]}`)), `{"a": [1]}`},
		{col(schemas.JSONType), schemas.TextOf([]byte(`{broken`)), `"{broken"`},
		{col(schemas.DateType), schemas.IntOf(19782), `"2024-02-29"`},
		{col(schemas.DateType), schemas.IntOf(-1), `"1969-12-31"`},
		{col(schemas.TimeType), schemas.IntOf(86399_000001), `"23:59:59.000001"`},
		{col(schemas.MilliTimestampType), schemas.IntOf(instant.UnixMilli()), `"2024-02-29T23:59:58.123"`},
		{col(schemas.MicroTimestampType), schemas.IntOf(instant.UnixMicro()), `"2024-02-29T23:59:58.123456"`},
		{col(schemas.InstantType), schemas.IntOf(instant.UnixMicro()), `"2024-02-29T23:59:58.123456Z"`},
		{col(schemas.DurationType), schemas.IntOf(-1_500_000), `"-PT1.5S"`},
		{col(schemas.DecimalType), schemas.DecimalOf([]byte{0xff}, 2), `-0.01`},
		{col(schemas.DecimalType), schemas.DecimalOf([]byte{0x00}, 2), `0.00`},
		{col(schemas.VarDecimalType), schemas.DecimalOf([]byte{0x07}, -3), `7e3`},
		{col(schemas.StringType), schemas.Value{}, `null`},
		{point, aPoint, `{"f":0.5,"on":["1970-01-02"]}`},
		{points, schemas.ListOf(schemas.Row{aPoint, {}}), `[{"f":0.5,"on":["1970-01-02"]},null]`},
		{list, schemas.ListOf(schemas.Row{schemas.IntOf(0), {}}), `["1970-01-01",null]`},
	} {
		got, err := appendField(nil, c.col, c.v)
		if err != nil || string(got) != c.want {
			t.Errorf("%v of type %d gave %s %v, want %s", c.v.Kind, c.col.Type.Name, got, err, c.want)
		}
		field, err := fieldOf(c.col, c.v)
		if err != nil {
			t.Errorf("%s as a field: %v", c.want, err)
			continue
		}
		viaTemplate, err := toJSON(field)
		var a, b any
		if err != nil || json.Unmarshal([]byte(viaTemplate), &a) != nil || json.Unmarshal(got, &b) != nil {
			t.Errorf("%s as a field gave %s %v", c.want, viaTemplate, err)
		}
	}
	for _, f := range []float64{math.NaN(), math.Inf(1)} {
		if got, err := appendField(nil, col(schemas.Float64Type), schemas.FloatOf(f)); err == nil {
			t.Errorf("%v became %s", f, got)
		}
	}
}

func TestUnknownFieldsAreLeftOut(t *testing.T) {
	table := &schemas.Table{Columns: []schemas.Column{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	row := schemas.Row{{Kind: schemas.Unchanged}, schemas.IntOf(1), {Kind: schemas.Absent}}
	if got, err := appendObject(nil, table, row); err != nil || string(got) != `{"b":1}` {
		t.Errorf("got %s %v", got, err)
	}
}

func TestDecimalsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "unscaled")
		scale := rapid.Int32Range(-20, 30).Draw(t, "scale")
		n := new(big.Int).SetBytes(raw)
		if raw[0]&0x80 != 0 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
		}
		want := new(big.Rat).SetInt(n)
		ten := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(scale, -scale))), nil))
		if scale >= 0 {
			want.Quo(want, ten)
		} else {
			want.Mul(want, ten)
		}
		text := string(decimal(schemas.DecimalOf(raw, scale)))
		got, ok := new(big.Rat).SetString(text)
		if !ok || got.Cmp(want) != 0 || !json.Valid([]byte(text)) {
			t.Fatalf("%v e-%d became %s", n, scale, text)
		}
	})
}
