package avro

import (
	"errors"
	"math"
	"strings"
	"testing"

	"sluice/schemas"
)

var (
	absent    = schemas.Value{Kind: schemas.Absent}
	unchanged = schemas.Value{Kind: schemas.Unchanged}
)

// oneColumn is a table of one column beside its key.
func oneColumn(t schemas.Type, optional bool) *schemas.Table {
	return &schemas.Table{
		Schema: "public", Name: "t", Key: []int{0}, Source: &schemas.Table{Name: "Source"},
		Columns: []schemas.Column{
			{Name: "id", Type: typed(schemas.Int64Type)},
			{Name: "c", Type: t, Optional: optional},
		},
	}
}

// throughEnvelope writes a value and reads it back.
func throughEnvelope(t *testing.T, table *schemas.Table, v schemas.Value) (schemas.Value, error) {
	t.Helper()
	e := compiled(t, table, Options{})
	data, err := e.AppendValue(nil, &schemas.Change{Op: schemas.Update, After: schemas.Row{schemas.IntOf(1), v}}, processed)
	if err != nil {
		return v, err
	}
	d, err := ParseEnvelope(e.ValueSchema)
	if err != nil {
		t.Fatal(err)
	}
	var c schemas.Change
	if err := d.Decode(data, new(schemas.Arena), &c); err != nil {
		t.Fatal(err)
	}
	return c.After[1], nil
}

func TestAbsentInEnvelope(t *testing.T) {
	zero := map[schemas.Kind]schemas.Value{
		schemas.Bool: schemas.BoolOf(false), schemas.Int: schemas.IntOf(0), schemas.Float: schemas.FloatOf(0),
		schemas.Text: text(""), schemas.Bytes: schemas.BytesOf(nil),
		schemas.Decimal: schemas.DecimalOf([]byte{0}, 0), schemas.List: schemas.ListOf(nil),
	}
	for name := schemas.BoolType; name <= schemas.ArrayType; name++ {
		typ := sampleType(name)
		if got, err := throughEnvelope(t, oneColumn(typ, true), absent); err != nil || !got.IsNull() {
			t.Errorf("type %d, optional: %v, %v; want null", name, got, err)
		}
		want := zero[kindOf[name]]
		switch name {
		case schemas.ZonedTimeType:
			want = text("00:00:00Z")
		case schemas.ZonedTimestampType:
			want = text("1970-01-01T00:00:00Z")
		case schemas.DecimalType:
			want.Scale = 2
		case schemas.StructType:
			want = schemas.ListOf(schemas.Row{schemas.FloatOf(0), {}})
		}
		if got, err := throughEnvelope(t, oneColumn(typ, false), absent); err != nil || !got.Equal(want) {
			t.Errorf("type %d, required: %v, %v; want %v", name, got, err, want)
		}
	}
}

// TestAbsentIsTheDefault: where a column has a default, it and not the zero of
// its type stands for what the source never sends.
func TestAbsentIsTheDefault(t *testing.T) {
	for _, c := range []struct {
		typ  schemas.Type
		want schemas.Value
	}{
		{typed(schemas.Int32Type), schemas.IntOf(42)},
		{typed(schemas.StringType), text("new")},
		{decimalType(12, 2), schemas.DecimalOf([]byte{1, 0}, 2)},
	} {
		table := oneColumn(c.typ, false)
		table.Columns[1].Default = &c.want
		if got, err := throughEnvelope(t, table, absent); err != nil || !got.Equal(c.want) {
			t.Errorf("type %d: %v, %v; want %v", c.typ.Name, got, err, c.want)
		}
	}
}

func sampleType(name schemas.TypeName) schemas.Type {
	switch name {
	case schemas.DecimalType:
		return decimalType(12, 2)
	case schemas.ArrayType:
		return arrayOf(typed(schemas.Int32Type), true)
	case schemas.EnumType:
		return schemas.Type{Name: name, Symbols: []string{"a", "b"}}
	case schemas.BitsType:
		return schemas.Type{Name: name, Precision: 3}
	case schemas.StructType:
		return schemas.Type{Name: name, Record: &schemas.Table{Schema: "io.things", Name: "Point", Columns: []schemas.Column{
			{Name: "x", Type: typed(schemas.Float64Type)}, {Name: "label", Type: typed(schemas.StringType), Optional: true},
		}}}
	}
	return typed(name)
}

func TestUnchangedInEnvelope(t *testing.T) {
	for name := schemas.BoolType; name <= schemas.ArrayType; name++ {
		typ := sampleType(name)
		kept := typ.HasPlaceholder()
		for _, optional := range []bool{true, false} {
			got, err := throughEnvelope(t, oneColumn(typ, optional), unchanged)
			switch {
			case kept && (err != nil || got.Kind != schemas.Unchanged):
				t.Errorf("type %d, optional %v: %v, %v; want unchanged", name, optional, got, err)
			case !kept && optional && (err != nil || !got.IsNull()):
				t.Errorf("type %d, optional: %v, %v; want null", name, got, err)
			case !kept && !optional && (err != nil || got.IsNull() || got.Kind == schemas.Unchanged):
				t.Errorf("type %d, required: %v, %v; want the type's zero", name, got, err)
			}
		}
	}
	for name := schemas.BoolType; name < schemas.ArrayType; name++ {
		for _, optional := range []bool{true, false} {
			array := arrayOf(sampleType(name), optional)
			got, err := throughEnvelope(t, oneColumn(array, true), unchanged)
			switch kept := array.HasPlaceholder(); {
			case err != nil, kept && got.Kind != schemas.Unchanged, !kept && !got.IsNull():
				t.Errorf("array of type %d, optional %v: %v, %v; has a placeholder: %v", name, optional, got, err, kept)
			}
		}
	}
	// Among other elements it is just a text.
	list := schemas.ListOf(schemas.Row{text(schemas.UnavailableValue), text("b")})
	got, err := throughEnvelope(t, oneColumn(arrayOf(typed(schemas.StringType), true), false), list)
	if err != nil || !got.Equal(list) {
		t.Errorf("array with the text among others: %v, %v", got, err)
	}
}

// TestUnchangedAsDebezium compares with what Debezium's connector writes.
func TestUnchangedAsDebezium(t *testing.T) {
	const said = "__debezium_unavailable_value"
	numbers := make(schemas.Row, len(said))
	for i, b := range []byte(said) {
		numbers[i] = schemas.IntOf(int64(b))
	}
	for _, c := range []struct {
		typ  schemas.Type
		want schemas.Value
	}{
		{typed(schemas.StringType), text(said)},
		{typed(schemas.JSONType), text(said)},
		{typed(schemas.BytesType), schemas.BytesOf([]byte(said))},
		{arrayOf(typed(schemas.StringType), true), schemas.ListOf(schemas.Row{text(said)})},
		{arrayOf(typed(schemas.BytesType), true), schemas.ListOf(schemas.Row{schemas.BytesOf([]byte(said))})},
		{arrayOf(typed(schemas.Int32Type), true), schemas.ListOf(numbers)},
		{arrayOf(typed(schemas.Int64Type), false), schemas.ListOf(numbers)},
		{arrayOf(typed(schemas.DateType), true), schemas.ListOf(numbers)},
	} {
		e := compiled(t, oneColumn(c.typ, true), Options{})
		write := func(v schemas.Value) string {
			data, err := e.AppendValue(nil, &schemas.Change{Op: schemas.Update, After: schemas.Row{schemas.IntOf(1), v}}, processed)
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		if got, want := write(unchanged), write(c.want); got != want {
			t.Errorf("type %d: % x, want % x", c.typ.Name, got, want)
		}
	}
}

func TestRefusedValues(t *testing.T) {
	int32s := arrayOf(typed(schemas.Int32Type), false)
	number := func(n int64) schemas.Value { return schemas.IntOf(n) }
	for _, c := range []struct {
		name string
		typ  schemas.Type
		v    schemas.Value
		want string
	}{
		{"null", typed(schemas.StringType), schemas.Value{}, "null in a required column"},
		{"int as text", typed(schemas.StringType), number(1), "kind int where text is expected"},
		{"text as int", typed(schemas.Int64Type), text("1"), "kind text where int is expected"},
		{"text as bytes", typed(schemas.BytesType), text("1"), "kind text where bytes is expected"},
		{"int as float", typed(schemas.Float64Type), number(1), "kind int where float is expected"},
		{"int16", typed(schemas.Int16Type), number(1 << 15), "32768 is out of range"},
		{"int16 below", typed(schemas.Int16Type), number(-1<<15 - 1), "out of range"},
		{"int32", typed(schemas.Int32Type), number(1 << 31), "out of range"},
		{"date", typed(schemas.DateType), number(1 << 31), "out of range"},
		{"float32", typed(schemas.Float32Type), schemas.FloatOf(math.MaxFloat64), "out of range"},
		{"scale", decimalType(12, 2), schemas.DecimalOf([]byte{1}, 3), "scale 3 where 2"},
		{"precision", decimalType(2, 0), schemas.DecimalOf([]byte{100}, 0), "more than 2 digits"},
		{"precision below", decimalType(2, 0), schemas.DecimalOf([]byte{0x9c}, 0), "more than 2 digits"},
		{"precision of more bytes", decimalType(2, 0), schemas.DecimalOf([]byte{1, 0}, 0), "more than 2 digits"},
		{"no digits", decimalType(2, 0), schemas.DecimalOf(nil, 0), "without bytes"},
		{"no digits, own scale", typed(schemas.VarDecimalType), schemas.DecimalOf(nil, 0), "without bytes"},
		{"null element", int32s, schemas.ListOf(schemas.Row{number(1), {}}), "element 1: null"},
		{"element", int32s, schemas.ListOf(schemas.Row{number(1 << 40)}), "element 0: 1099511627776 is out of range"},
		{"absent element", int32s, schemas.ListOf(schemas.Row{absent}), "kind absent where int"},
	} {
		_, err := throughEnvelope(t, oneColumn(c.typ, false), c.v)
		wantError(t, c.name, err, "public.t", "field c", c.want)
		r := flat(t, oneColumn(c.typ, false))
		dst := []byte("before")
		dst, err = r.Append(dst, schemas.Row{schemas.IntOf(1), c.v})
		wantError(t, c.name+", flat", err, "public.t", "field c", c.want)
		if string(dst) != "before" {
			t.Errorf("%s: %q is left behind", c.name, dst)
		}
	}
}

// TestDecimalBounds: what fills a precision fits it, in any number of sign bytes.
func TestDecimalBounds(t *testing.T) {
	for _, unscaled := range [][]byte{{99}, {0x9d}, {0, 0, 99}, {0xff, 0xff, 0x9d}, {0}} {
		got, err := throughEnvelope(t, oneColumn(decimalType(2, 0), false), schemas.DecimalOf(unscaled, 0))
		if want := schemas.DecimalOf(shortest(unscaled), 0); err != nil || !got.Equal(want) {
			t.Errorf("%x: %v, %v", unscaled, got, err)
		}
	}
}

func TestKeysAreNeverMadeUp(t *testing.T) {
	table := oneColumn(typed(schemas.StringType), true)
	table.Key = []int{1}
	e := compiled(t, table, Options{})
	for _, v := range []schemas.Value{absent, unchanged, schemas.IntOf(1)} {
		_, err := e.AppendKey(nil, schemas.Row{schemas.IntOf(1), v})
		wantError(t, "key", err, "public.t", "field c", v.Kind.String())
		_, err = e.AppendOtherKey(nil, schemas.Row{v})
		wantError(t, "other key", err, "public.t", "field c", v.Kind.String())
	}
	_, err := e.AppendKey(nil, schemas.Row{absent})
	wantError(t, "short row", err, "public.t", "2 columns")
	table.Key = nil
	e = compiled(t, table, Options{})
	if e.KeySchema != "" {
		t.Errorf("a key schema without a key: %s", e.KeySchema)
	}
	_, err = e.AppendKey(nil, schemas.Row{absent, absent})
	wantError(t, "no key", err, "no key")
	_, err = e.AppendOtherKey(nil, nil)
	wantError(t, "no other key", err, "no key")
}

func TestMissingInRecord(t *testing.T) {
	r := flat(t, oneColumn(sampleType(schemas.EnumType), false))
	for _, v := range []schemas.Value{absent, unchanged} {
		_, err := r.Append(nil, schemas.Row{schemas.IntOf(1), v})
		wantError(t, "enum", err, "public.t", "field c", v.Kind.String())
	}
	_, err := r.Append(nil, schemas.Row{schemas.IntOf(1), text("c")})
	wantError(t, "symbol", err, "field c", `"c" is none of its symbols`)
	_, err = r.Append(nil, schemas.Row{absent, text("a")})
	wantError(t, "absent", err, "field id", "absent")
	_, err = r.Append(nil, schemas.Row{schemas.IntOf(1)})
	wantError(t, "short row", err, "1 values for 2 columns")
}

// wantError wants an *Error whose text holds all parts, and no Fault.
func wantError(t *testing.T, name string, err error, parts ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%s: %v is no *Error", name, err)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%s: %q lacks %q", name, err, p)
		}
	}
}
