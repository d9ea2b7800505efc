package avro

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/schemas"
)

// TestHostileBytes: each is refused, with the field and where it begins.
func TestHostileBytes(t *testing.T) {
	const most = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" // -2^63
	for _, c := range []struct {
		name string
		typ  schemas.Type
		// data follows the id, one byte.
		data, want string
	}{
		{"no data", typed(schemas.StringType), "", "ends early"},
		{"negative length", typed(schemas.StringType), "\x01", "a length of -1"},
		{"length past the end", typed(schemas.StringType), "\x08abc", "a length of 4 where 3 bytes are left"},
		{"greatest length", typed(schemas.BytesType), "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a length of 9223372036854775807"},
		{"least length", typed(schemas.BytesType), most, "a length of -9223372036854775808"},
		{"endless number", typed(schemas.Int64Type), strings.Repeat("\xff", 11), "more than 64 bits"},
		{"65 bits", typed(schemas.Int64Type), strings.Repeat("\xff", 9) + "\x02", "more than 64 bits"},
		{"cut number", typed(schemas.Int64Type), "\xff", "ends early"},
		{"int of 33 bits", typed(schemas.Int32Type), "\xff\xff\xff\xff\x7f", "out of range"},
		{"int16", typed(schemas.Int16Type), "\x80\x80\x04", "32768 is out of range"},
		{"boolean", typed(schemas.BoolType), "\x02", "a boolean of 2"},
		{"cut float", typed(schemas.Float32Type), "\x00\x00\x00", "a length of 4 where 3"},
		{"cut double", typed(schemas.Float64Type), "\x00\x00\x00\x00", "a length of 8 where 4"},
		{"not UTF-8", typed(schemas.StringType), "\x02\xff", "not UTF-8"},
		{"empty decimal", decimalType(4, 1), "\x00", "without bytes"},
		{"scale", typed(schemas.VarDecimalType), "\xff\xff\xff\xff\x7f\x02\x01", "a scale of"},
		{"symbol", schemas.Type{Name: schemas.EnumType, Symbols: []string{"a"}}, "\x02", "no symbol 1 among 1"},
		{"negative symbol", schemas.Type{Name: schemas.EnumType, Symbols: []string{"a"}}, "\x01", "no symbol -1"},
		{"block", arrayOf(typed(schemas.Int64Type), false), "\xfe\xff\xff\xff\x0f\x00", "where 1 bytes are left"},
		{"least block", arrayOf(typed(schemas.Int64Type), false), most, "2^63"},
		{"negative block size", arrayOf(typed(schemas.Int64Type), false), "\x01\x01\x00", "a block of -1 bytes"},
		{"block without end", arrayOf(typed(schemas.Int64Type), false), "\x02\x02", "ends early"},
		{"trailing", typed(schemas.BoolType), "\x01\x01\x01", "2 bytes follow the record"},
	} {
		r := flat(t, oneColumn(c.typ, false))
		_, err := r.Decode([]byte("\x02"+c.data), new(schemas.Arena))
		if c.name == "trailing" {
			wantError(t, c.name, err, "public.t", "byte 2", c.want)
			continue
		}
		wantError(t, c.name, err, "public.t", "field c", "byte 1 ", c.want)
	}
	r := flat(t, oneColumn(typed(schemas.BoolType), true))
	_, err := r.Decode([]byte("\x02\x04"), new(schemas.Arena))
	wantError(t, "branch", err, "field c", "no branch 4")
}

// TestCutEnvelopes: no beginning of an envelope is one, nor one with a byte more.
func TestCutEnvelopes(t *testing.T) {
	e := compiled(t, customers(), Options{})
	data, err := e.AppendValue(nil, &schemas.Change{
		Op: schemas.Update, Before: customerRow(), After: customerRow(), Source: sourceRow("customers"),
	}, processed)
	if err != nil {
		t.Fatal(err)
	}
	checkCuts(t, e.ValueSchema, data)
	checkCuts(t, debezium, debeziumBytes(t))
}

func checkCuts(t *testing.T, schema string, data []byte) {
	t.Helper()
	d, err := ParseEnvelope(schema)
	if err != nil {
		t.Fatal(err)
	}
	var c schemas.Change
	for n := range data {
		wantError(t, "cut", d.Decode(data[:n], new(schemas.Arena), &c), d.name)
	}
	wantError(t, "longer", d.Decode(append(data, 0), new(schemas.Arena), &c), "1 bytes follow")
}

func TestEnvelopeErrorsNameTheImage(t *testing.T) {
	e := compiled(t, oneColumn(typed(schemas.BoolType), false), Options{})
	d, err := ParseEnvelope(e.ValueSchema)
	if err != nil {
		t.Fatal(err)
	}
	var c schemas.Change
	err = d.Decode([]byte("\x00\x02\x02\x07"), new(schemas.Arena), &c)
	wantError(t, "after", err, "erp.public.t.Envelope", "field after.c", "byte 3 ", "a boolean of 7")
	err = d.Decode([]byte("\x02\x02\x07"), new(schemas.Arena), &c)
	wantError(t, "before", err, "field before.c")
	err = d.Decode([]byte("\x00\x00\x00\x02x"), new(schemas.Arena), &c)
	wantError(t, "op", err, "field op", `"x" is no operation`)
}

// TestArrayBlocks: Avro lets writers cut arrays into blocks, with sizes or not.
func TestArrayBlocks(t *testing.T) {
	r := flat(t, oneColumn(arrayOf(typed(schemas.Int64Type), false), false))
	want := schemas.ListOf(schemas.Row{schemas.IntOf(1), schemas.IntOf(2), schemas.IntOf(3)})
	got, err := r.Decode([]byte("\x02"+"\x02\x02"+"\x03\x04\x04\x06"+"\x00"), new(schemas.Arena))
	if err != nil || !got[1].Equal(want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

// TestDecodedRowsOutliveTheInput: the values live in the arena.
func TestDecodedRowsOutliveTheInput(t *testing.T) {
	r := flat(t, customers())
	data, err := r.Append(nil, customerRow())
	if err != nil {
		t.Fatal(err)
	}
	var a schemas.Arena
	row, err := r.Decode(data, &a)
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if !row.Equal(customerRow()) {
		t.Errorf("decoded %v", row)
	}
	for _, v := range row {
		if cap(v.Bytes) != len(v.Bytes) {
			t.Errorf("appending to %q would overwrite its neighbour", v.Bytes)
		}
	}
}

func FuzzEnvelopeDecode(f *testing.F) {
	table, row := everything()
	e := compiled(f, table, Options{})
	ours, err := ParseEnvelope(e.ValueSchema)
	if err != nil {
		f.Fatal(err)
	}
	theirs, err := ParseEnvelope(debezium)
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range []schemas.Change{
		{Op: schemas.Create, After: row, Source: sourceRow("t")},
		{Op: schemas.Update, Before: row, After: row, Source: sourceRow("t")},
	} {
		data, err := e.AppendValue(nil, &c, processed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(debeziumBytes(f))
	f.Add(goldenBytes(f, "envelope.value.hex"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a schemas.Arena
		var c schemas.Change
		if err := theirs.Decode(data, &a, &c); err == nil {
			touch(c.After)
		}
		if err := ours.Decode(data, &a, &c); err != nil {
			return
		}
		// What was read can be written, and read again as the same.
		c.Table = table
		again, err := e.AppendValue(nil, &c, processed)
		if err != nil {
			if strings.Contains(err.Error(), "digits") {
				return // more than the precision: read as it came, not written
			}
			t.Fatalf("%v, of %x", err, data)
		}
		var d schemas.Change
		if err := ours.Decode(again, &a, &d); err != nil || !shortened(d.After).Equal(shortened(c.After)) || !d.Source.Equal(c.Source) {
			t.Fatalf("%v: %v, then %v", err, c, d)
		}
	})
}

func FuzzRecordDecode(f *testing.F) {
	table, row := everything()
	r := flat(f, table)
	data, err := r.Append(nil, row)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add(goldenBytes(f, "record.hex"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a schemas.Arena
		row, err := r.Decode(data, &a)
		if err != nil {
			return
		}
		again, err := r.Append(nil, row)
		if err != nil {
			if strings.Contains(err.Error(), "digits") {
				return
			}
			t.Fatalf("%v, of %x", err, data)
		}
		second, err := r.Decode(again, &a)
		if err != nil || !shortened(second).Equal(shortened(row)) {
			t.Fatalf("%v: %v, then %v", err, row, second)
		}
	})
}

// FuzzParse: schema texts come from a registry.
func FuzzParse(f *testing.F) {
	table, _ := everything()
	f.Add(compiled(f, table, Options{LogicalTypes: true}).ValueSchema)
	f.Add(flat(f, table).Schema)
	f.Add(debezium)
	f.Fuzz(func(t *testing.T, schema string) {
		if d, err := ParseEnvelope(schema); err == nil {
			var c schemas.Change
			if d.Decode(make([]byte, 64), new(schemas.Arena), &c) == nil {
				touch(c.After)
			}
		}
		n, err := parse(schema)
		if err != nil {
			return
		}
		if text := n.text(); text != mustParse(t, text).text() {
			t.Fatalf("written again %s differs", text)
		}
	})
}

func mustParse(t *testing.T, text string) *node {
	t.Helper()
	n, err := parse(text)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return n
}

// touch reads all of a row's bytes.
func touch(row schemas.Row) (n int) {
	for _, v := range row.Clone() {
		n += len(v.Bytes) + touch(v.Elems())
	}
	return n
}

// shortened is the row with its decimals as an encoder writes them.
func shortened(row schemas.Row) schemas.Row {
	row = row.Clone()
	for i, v := range row {
		switch v.Kind {
		case schemas.Decimal:
			row[i].Bytes = shortest(v.Bytes)
		case schemas.List:
			row[i] = schemas.ListOf(shortened(v.Elems()))
		}
	}
	return row
}

func goldenBytes(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	data, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
