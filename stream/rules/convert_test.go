package rules

import (
	"strings"
	"testing"
	"time"

	"sluice/schemas"
	"sluice/stream"
)

func typed(n schemas.TypeName) schemas.Type { return schemas.Type{Name: n} }

func numeric(p, s int) schemas.Type {
	return schemas.Type{Name: schemas.DecimalType, Precision: p, Scale: s}
}

// TestConversions takes a value through a column or an expression into a field.
func TestConversions(t *testing.T) {
	day := func(s string) int64 {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return at.Unix() / 86400
	}
	noon := time.Date(2024, 2, 29, 12, 0, 0, 123456000, time.UTC)
	var (
		str, i64, f64    = typed(schemas.StringType), typed(schemas.Int64Type), typed(schemas.Float64Type)
		boolean, dat     = typed(schemas.BoolType), typed(schemas.DateType)
		micro, milli     = typed(schemas.MicroTimestampType), typed(schemas.MilliTimestampType)
		zoned, varnum    = typed(schemas.ZonedTimestampType), typed(schemas.VarDecimalType)
		i16, f32, uid    = typed(schemas.Int16Type), typed(schemas.Float32Type), typed(schemas.UUIDType)
		jsn, xml, instnt = typed(schemas.JSONType), typed(schemas.XMLType), typed(schemas.InstantType)
		words            = schemas.ArrayType
		null             = schemas.Value{}
	)
	point := schemas.Type{Name: schemas.StructType, Record: &schemas.Table{
		Schema: "io.things", Name: "Point", Columns: []schemas.Column{{Name: "x", Type: f64}, {Name: "label", Type: str, Optional: true}},
	}}
	list := schemas.Type{Name: words, Elem: &schemas.Column{Type: str, Optional: true}}
	for _, c := range []struct {
		name   string
		column schemas.Type
		value  schemas.Value
		field  string
		source string
		want   schemas.Value
		park   string // a part of the error; empty: delivered
	}{
		// Copied columns.
		{"text", str, text("Ada"), "string", "c", text("Ada"), ""},
		{"null", str, null, "string", "c", null, ""},
		{"uuid", uid, text("a-b"), "string", "c", text("a-b"), ""},
		{"json", jsn, text("{}"), "string", "c", text("{}"), ""},
		{"xml", xml, text("<a/>"), "string", "c", text("<a/>"), ""},
		{"backquotes", str, text("Ada"), "string", "`c`", text("Ada"), ""},
		{"smallint", i16, schemas.IntOf(-5), "int", "c", schemas.IntOf(-5), ""},
		{"int to decimal", i64, schemas.IntOf(12), "decimal(5,2)", "c", decimal("12.00"), ""},
		{"int too large for decimal", i64, schemas.IntOf(1000), "decimal(5,2)", "c", null, "1000 of the column c does not fit into decimal(5,2)"},
		{"greatest int to decimal", i64, schemas.IntOf(1<<63 - 1), "decimal(38,4)", "c", decimal("9223372036854775807.0000"), ""},
		{"float", f64, schemas.FloatOf(0.1), "float", "c", schemas.FloatOf(0.1), ""},
		{"real", f32, schemas.FloatOf(0.5), "float", "c", schemas.FloatOf(0.5), ""},
		{"bool", boolean, schemas.BoolOf(true), "bool", "c", schemas.BoolOf(true), ""},
		{"decimal", numeric(14, 2), decimal("-12.50"), "decimal(14,2)", "c", decimal("-12.50"), ""},
		{"decimal to larger scale", numeric(14, 2), decimal("12.50"), "decimal(14,4)", "c", decimal("12.5000"), ""},
		{"decimal to smaller scale, exact", numeric(14, 4), decimal("12.5000"), "decimal(14,2)", "c", decimal("12.50"), ""},
		{"decimal to smaller scale", numeric(14, 4), decimal("12.5001"), "decimal(14,2)", "c", null, "12.5001 of the column c has more than 2 decimals"},
		{"decimal of 30 digits", varnum, decimal("123456789012345678901234567.891"), "decimal(38,3)", "c", decimal("123456789012345678901234567.891"), ""},
		{"decimal of 30 digits, negative", varnum, decimal("-123456789012345678901234567.891"), "decimal(38,4)", "c", decimal("-123456789012345678901234567.8910"), ""},
		{"decimal too large", varnum, decimal("1234567890123"), "decimal(14,2)", "c", null, "does not fit"},
		{"enum from text", str, text("high"), "enum high low", "c", text("high"), ""},
		{"not in the enum", str, text("gold"), "enum high low", "c", null, `"gold" of the column c is none of the enum's values: high, low`},
		{"date", dat, schemas.IntOf(day("1969-12-31")), "date", "c", schemas.IntOf(-1), ""},
		{"timestamp as UTC", micro, schemas.IntOf(noon.UnixMicro()), "timestamp", "c", schemas.IntOf(noon.UnixMicro()), ""},
		{"timestamp(3)", milli, schemas.IntOf(1500), "timestamp", "c", schemas.IntOf(1_500_000), ""},
		{"timestamp(3) beyond", milli, schemas.IntOf(1 << 62), "timestamp", "c", null, "beyond the range"},
		{"timestamptz", zoned, text("2024-02-29T12:00:00.123456Z"), "timestamp", "c", schemas.IntOf(noon.UnixMicro()), ""},
		{"timestamptz without sense", zoned, text("infinity"), "timestamp", "c", null, "is no timestamp"},
		{"instant", instnt, schemas.IntOf(5), "timestamp", "c", schemas.IntOf(5), ""},

		// Results of expressions.
		{"string", str, text(" Ada "), "string", "c.trim() + '!'", text("Ada!"), ""},
		{"string of an int", i64, schemas.IntOf(12), "string", "string(c)", text("12"), ""},
		{"null passes", str, null, "string", "lower(c)", null, ""},
		{"enum", numeric(14, 2), decimal("60000.00"), "enum high standard", "c > 50000.0 ? 'high' : 'standard'", text("high"), ""},
		{"enum, int literal", numeric(14, 2), decimal("50000.00"), "enum high standard", "c > 50000 ? 'high' : 'standard'", text("standard"), ""},
		{"enum, wrong word", str, text("x"), "enum high standard", "c + 'y'", null, `"xy", what`},
		{"int", i64, schemas.IntOf(20), "int", "c * 2 + 2", schemas.IntOf(42), ""},
		{"int overflow", i64, schemas.IntOf(1<<63 - 1), "int", "c + 1", null, "overflow"},
		{"float", f64, schemas.FloatOf(1.5), "float", "c * 2.0", schemas.FloatOf(3), ""},
		{"decimal of a double", numeric(14, 2), decimal("0.10"), "decimal(14,2)", "c * 3.0", null, "has more than 2 decimals"},
		{"decimal of a rounded double", numeric(14, 2), decimal("0.10"), "decimal(14,2)", "round(c * 3.0, 2)", decimal("0.30"), ""},
		{"decimal of a negative double", numeric(14, 2), decimal("-2.5"), "decimal(14,2)", "c * 1.0", decimal("-2.50"), ""},
		{"decimal of zero", f64, schemas.FloatOf(0), "decimal(14,2)", "c * 1.0", decimal("0.00"), ""},
		{"decimal of an int", i64, schemas.IntOf(3), "decimal(14,2)", "c + 1", decimal("4.00"), ""},
		{"decimal of 17 digits", numeric(20, 2), decimal("123456789012345.67"), "decimal(20,2)", "c * 1.0", null, "15 digits"},
		{"decimal beyond", f64, schemas.FloatOf(1e20), "decimal(14,2)", "c * 1.0", null, "does not fit"},
		{"decimal of infinity", f64, schemas.FloatOf(0), "decimal(14,2)", "1.0 / c", null, "no number"},
		{"bool", i64, schemas.IntOf(3), "bool", "c > 2", schemas.BoolOf(true), ""},
		{"date of a date", dat, schemas.IntOf(day("2024-03-01")), "date", "c - duration('24h')", schemas.IntOf(day("2024-02-29")), ""},
		{"date of a time", micro, schemas.IntOf(noon.UnixMicro()), "date", "c - duration('24h')", null, "has a time of day"},
		{"date of a time, cut", micro, schemas.IntOf(noon.UnixMicro()), "date", "date(c)", schemas.IntOf(day("2024-02-29")), ""},
		{"date before 1970, cut", micro, schemas.IntOf(-1), "date", "date(c)", schemas.IntOf(-1), ""},
		{"date of text", str, text("2024-02-29"), "date", "date(c)", schemas.IntOf(day("2024-02-29")), ""},
		{"date of wrong text", str, text("2024-02-30"), "date", "date(c)", null, "date takes YYYY-MM-DD"},
		{"timestamp", zoned, text("2024-02-29T12:00:00.123456Z"), "timestamp", "c + duration('1s')", schemas.IntOf(noon.UnixMicro() + 1e6), ""},
		{"timestamp before 1970", milli, schemas.IntOf(-1), "timestamp", "c + duration('0s')", schemas.IntOf(-1000), ""},
		{"list", list, schemas.ListOf(schemas.Row{text("a"), null, text(" "), text("b")}), "string", "join_nonblank(c, '-')", text("a-b"), ""},
		{"list of size", list, schemas.ListOf(schemas.Row{text("a"), null}), "int", "size(c)", schemas.IntOf(2), ""},
		{"field of a struct", point, schemas.ListOf(schemas.Row{schemas.FloatOf(0.5), text("a")}), "float", "c.x * 2.0", schemas.FloatOf(1), ""},
		{"coalesce", str, null, "string", "coalesce(c, 'none')", text("none"), ""},
		{"coalesce a list", str, null, "string", "coalesce([c, lower(c), 'none'])", text("none"), ""},
		{"coalesce nothing", str, null, "string", "coalesce(c, null)", null, ""},
		{"error names the null", numeric(14, 2), null, "bool", "c > 5.0", null, "c is NULL, write coalesce(c, ...)"},
		{"dyn of a wrong type", list, schemas.ListOf(schemas.Row{text("a")}), "int", "c[0]", null, "is a string, and the field takes int"},
		{"unchanged", str, schemas.Value{Kind: schemas.Unchanged}, "string", "c", null, "ALTER TABLE public.customers REPLICA IDENTITY FULL"},
		{"unchanged in an expression", str, schemas.Value{Kind: schemas.Unchanged}, "string", "lower(c)", null, "TOAST"},
		{"required", str, null, "string required", "c", null, "the field x is required, and `c` gave null"},
		{"constant", str, null, "string", "'erp'", text("erp"), ""},
	} {
		t.Run(c.name+"/"+c.source, func(t *testing.T) {
			r := compiled(t, one(c.field, c.source))
			it := item(schemas.Create, tableOf(columnOf("c", c.column)), c.value)
			process(t, r, it)
			if c.park != "" {
				if it.Fate != stream.Parked || !strings.Contains(it.Err.Error(), c.park) || !strings.Contains(it.Err.Error(), "from[0].set.x: ") {
					t.Fatalf("fate %d, error %v; want it parked at from[0].set.x for %q", it.Fate, it.Err, c.park)
				}
				return
			}
			if it.Fate != stream.Pending || len(it.Out) != 1 {
				t.Fatalf("fate %d (%v), %d outputs", it.Fate, it.Err, len(it.Out))
			}
			if got := it.Out[0].Row[0]; !got.Equal(c.want) {
				t.Fatalf("got %s (%s), want %s (%s)", showValue(got), got.Kind, showValue(c.want), c.want.Kind)
			}
		})
	}
}

// TestNotConverted lists what is refused by type, before any row comes.
func TestNotConverted(t *testing.T) {
	for _, c := range []struct {
		column        schemas.TypeName
		field, source string
		what, cure    string
	}{
		{schemas.Int64Type, "string", "c", "the column c of public.customers is int, the field is string", "string(c)"},
		{schemas.Int64Type, "float", "c", "is int", "double(c)"},
		{schemas.BoolType, "string", "c", "is bool", "string(c)"},
		{schemas.VarDecimalType, "float", "c", "is decimal of any scale", "double(c)"},
		{schemas.VarDecimalType, "int", "c", "is decimal", "int(c)"},
		{schemas.Float64Type, "decimal(14,2)", "c", "is float", "round(double(c), 2)"},
		{schemas.ZonedTimestampType, "string", "c", "is timestamp", "string(c)"},
		{schemas.MicroTimestampType, "date", "c", "is timestamp without a zone", "date(c)"},
		{schemas.DateType, "timestamp", "c", "is date", "timestamp(c)"},
		{schemas.BytesType, "string", "c", "is bytes", "string(c)"},
		{schemas.StringType, "int", "c", "is string", "int(c)"},
		{schemas.StringType, "string", "d", "has no column d", "there are: id, c"},
		{schemas.StringType, "string", "lower(d)", "has no column d", "there are: id, c"},
		{schemas.StringType, "int", "lower(c)", "gives wrapper(string) where int is wanted", "int(...)"},
		{schemas.StringType, "bool", "c > 5", "1:3 of `c > 5`: found no matching overload", "mend"},
		{schemas.StringType, "string", "c + 'a' +\n  string(c < 2)", "2:12 of", "mend"},
	} {
		t.Run(c.source+" into "+c.field, func(t *testing.T) {
			r := compiled(t, one(c.field, c.source))
			table := tableOf(columnOf("c", typed(c.column)))
			err := r.CompileAgainst(testTopic, table)
			if err == nil {
				t.Fatal("accepted")
			}
			f := faults(t, err)[0]
			if f.Where != "from[0].set.x" || !strings.Contains(f.What, c.what) || !strings.Contains(f.Cure, c.cure) {
				t.Fatalf("where %q, what %q, cure %q", f.Where, f.What, f.Cure)
			}
			if err := r.Process(t.Context(), []*stream.Item{item(schemas.Create, table, schemas.Value{})}); faults(t, err)[0] != f {
				t.Fatalf("a record of the topic gave %v, not the fault", err)
			}
		})
	}
}
