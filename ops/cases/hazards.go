package cases

import (
	"math"
	"strings"
	"time"

	"sluice/schemas"
	"sluice/stream/rules"
)

// hazard is a value that real data has and rules forget.
type hazard struct {
	name  string
	value schemas.Value
}

func textOf(s string) schemas.Value { return schemas.TextOf([]byte(s)) }

// texts are hazards of text columns; some look like dates, since texts hold
// them.
var texts = []hazard{
	{"empty", textOf("")},
	{"blank", textOf(" \t\u00a0 ")},
	{"very long", textOf(strings.Repeat("long ", 40_000))},
	{"emoji", textOf("👩🏽‍🚀🏳️‍🌈 e\u0301")},
	{"right to left", textOf("مرحبا \u202eabc\u202c שלום")},
	{"control characters", textOf("a\x00b\x07\x1b[31m\r\n\u200b")},
	{"invalid UTF-8", textOf("M\xfcller \xc3\x28 \xff")},
	{"quotes", textOf(`O'Brien "x" \ ${A} {{.}} <b>`)},
	{"leap day", textOf("29.02.2024")},
	{"no leap day", textOf("29.02.2023")},
	{"DST gap", textOf("2024-03-31 02:30:00")},
	{"DST overlap", textOf("2024-10-27 02:30:00")},
	{"huge number", textOf("1" + strings.Repeat("0", 400))},
}

// hazards of a type of column; null is not among them.
func hazards(t schemas.Type) []hazard {
	whole := func(bits int) []hazard {
		return []hazard{
			{"zero", schemas.IntOf(0)},
			{"minus one", schemas.IntOf(-1)},
			{"least", schemas.IntOf(-1 << (bits - 1))},
			{"greatest", schemas.IntOf(1<<(bits-1) - 1)},
		}
	}
	day := func(s string) int64 {
		at, err := time.Parse(time.DateTime, s)
		if err != nil {
			panic(err) // a constant below
		}
		return at.UnixMicro()
	}
	moments := []struct {
		name string
		at   int64
	}{
		{"leap day", day("2024-02-29 12:00:00")},
		{"DST gap", day("2024-03-31 02:30:00")},
		{"DST overlap", day("2024-10-27 02:30:00")},
		{"epoch", 0},
		{"before the epoch", -1},
		{"year 1", day("0001-01-01 00:00:00")},
		{"year 9999", day("9999-12-31 23:59:59")},
		{"year 12000", day("9999-12-31 23:59:59") + 2000*365*86400*1_000_000},
	}
	var out []hazard
	switch t.Name {
	case schemas.BoolType:
		return []hazard{{"true", schemas.BoolOf(true)}, {"false", schemas.BoolOf(false)}}
	case schemas.Int16Type:
		return whole(16)
	case schemas.Int32Type:
		return whole(32)
	case schemas.Int64Type:
		return whole(64)
	case schemas.Float32Type, schemas.Float64Type:
		return []hazard{
			{"zero", schemas.FloatOf(0)},
			{"minus zero", schemas.FloatOf(math.Copysign(0, -1))},
			{"NaN", schemas.FloatOf(math.NaN())},
			{"infinity", schemas.FloatOf(math.Inf(1))},
			{"greatest", schemas.FloatOf(math.MaxFloat64)},
			{"least", schemas.FloatOf(-math.MaxFloat64)},
			{"tiny", schemas.FloatOf(math.SmallestNonzeroFloat64)},
		}
	case schemas.DecimalType, schemas.VarDecimalType:
		digits, scale := 60, 30
		if t.Name == schemas.DecimalType {
			digits, scale = t.Precision, t.Scale
		}
		nines := strings.Repeat("9", digits-scale) + "." + strings.Repeat("9", scale)
		for _, d := range []struct{ name, text string }{
			{"zero", "0." + strings.Repeat("0", scale)}, {"greatest", nines}, {"least", "-" + nines}, {"finest", "0." + strings.Repeat("0", max(0, scale-1)) + "1"},
		} {
			if v, ok := rules.ParseDecimal(strings.TrimSuffix(d.text, ".")); ok {
				out = append(out, hazard{d.name, v})
			}
		}
	case schemas.DateType:
		for _, m := range moments {
			out = append(out, hazard{m.name, schemas.IntOf(int64(math.Floor(float64(m.at) / 86400e6)))})
		}
	case schemas.MilliTimestampType:
		for _, m := range moments {
			out = append(out, hazard{m.name, schemas.IntOf(m.at / 1000)})
		}
	case schemas.MicroTimestampType, schemas.InstantType:
		for _, m := range moments {
			out = append(out, hazard{m.name, schemas.IntOf(m.at)})
		}
	case schemas.ZonedTimestampType:
		for _, m := range moments {
			out = append(out, hazard{m.name, textOf(time.UnixMicro(m.at).UTC().Format(time.RFC3339Nano))})
		}
		out = append(out, hazard{"infinity", textOf("infinity")})
	case schemas.TimeType, schemas.DurationType:
		return []hazard{{"zero", schemas.IntOf(0)}, {"24 hours", schemas.IntOf(86400e6)}, {"greatest", schemas.IntOf(math.MaxInt64)}, {"least", schemas.IntOf(math.MinInt64)}}
	case schemas.StringType, schemas.XMLType, schemas.EnumType, schemas.UUIDType, schemas.ZonedTimeType:
		return texts
	case schemas.JSONType:
		return []hazard{{"empty object", textOf("{}")}, {"JSON null", textOf("null")}, {"deep", textOf(strings.Repeat("[", 500) + strings.Repeat("]", 500))}}
	case schemas.BytesType, schemas.BitsType:
		return []hazard{{"empty", schemas.BytesOf([]byte{})}, {"any bytes", schemas.BytesOf([]byte{0, 0xff, 0x80})}}
	case schemas.ArrayType:
		out = append(out, hazard{"empty", schemas.ListOf(nil)}, hazard{"a NULL in it", schemas.ListOf(schemas.Row{{}})})
		for _, h := range hazards(t.Elem.Type) {
			out = append(out, hazard{h.name, schemas.ListOf(schemas.Row{h.value})})
		}
	}
	return out
}

// plain is an ordinary value of a type.
func plain(t schemas.Type) schemas.Value {
	switch t.Name {
	case schemas.BoolType:
		return schemas.BoolOf(true)
	case schemas.Int16Type, schemas.Int32Type, schemas.Int64Type:
		return schemas.IntOf(7)
	case schemas.Float32Type, schemas.Float64Type:
		return schemas.FloatOf(7.5)
	case schemas.DecimalType, schemas.VarDecimalType:
		v, _ := rules.ParseDecimal("7")
		if t.Name == schemas.DecimalType {
			if fitted, problem := rules.FitDecimal(v, t); problem == "" {
				return fitted
			}
			v, _ = rules.ParseDecimal("0")
			v, _ = rules.FitDecimal(v, t)
		}
		return v
	case schemas.DateType:
		return schemas.IntOf(19_900)
	case schemas.MilliTimestampType:
		return schemas.IntOf(1_719_400_000_000)
	case schemas.MicroTimestampType, schemas.InstantType:
		return schemas.IntOf(1_719_400_000_000_000)
	case schemas.ZonedTimestampType:
		return textOf("2024-06-26T11:06:40Z")
	case schemas.TimeType, schemas.DurationType:
		return schemas.IntOf(3600e6)
	case schemas.ZonedTimeType:
		return textOf("12:00:00Z")
	case schemas.UUIDType:
		return textOf("6f1c2a52-3b0e-4c80-9a5d-0d2b3a1f4e55")
	case schemas.JSONType:
		return textOf(`{"a":1}`)
	case schemas.XMLType:
		return textOf("<a/>")
	case schemas.EnumType:
		if len(t.Symbols) > 0 {
			return textOf(t.Symbols[0])
		}
	case schemas.StringType:
		return textOf("Plain")
	case schemas.BytesType, schemas.BitsType:
		return schemas.BytesOf([]byte{1})
	case schemas.ArrayType:
		return schemas.ListOf(schemas.Row{plain(t.Elem.Type)})
	case schemas.StructType:
		row := make(schemas.Row, len(t.Record.Columns))
		for i := range row {
			row[i] = plain(t.Record.Columns[i].Type)
		}
		return schemas.ListOf(row)
	}
	return schemas.Value{}
}
