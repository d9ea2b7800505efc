package avro

import (
	"testing"

	"sluice/schemas"
)

// TestNoAllocations: a row of every type is written and read without any.
func TestNoAllocations(t *testing.T) {
	table, row := everything()
	e, r := compiled(t, table, Options{}), flat(t, table)
	c := schemas.Change{Op: schemas.Update, Before: row, After: row, Source: sourceRow("t")}
	value, err := e.AppendValue(nil, &c, processed)
	if err != nil {
		t.Fatal(err)
	}
	flatBytes, err := r.Append(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ParseEnvelope(e.ValueSchema)
	if err != nil {
		t.Fatal(err)
	}
	var a schemas.Arena
	var read schemas.Change
	dst := make([]byte, 0, 4096)
	for name, f := range map[string]func() error{
		"AppendValue":   func() error { _, err := e.AppendValue(dst, &c, processed); return err },
		"AppendKey":     func() error { _, err := e.AppendKey(dst, row); return err },
		"Append":        func() error { _, err := r.Append(dst, row); return err },
		"Decode":        func() error { a.Reset(); return d.Decode(value, &a, &read) },
		"Record.Decode": func() error { a.Reset(); _, err := r.Decode(flatBytes, &a); return err },
	} {
		n := testing.AllocsPerRun(100, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		})
		if n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestAppendGrows: whatever room dst has, the bytes are the same, and what is
// before them stays.
func TestAppendGrows(t *testing.T) {
	table, row := everything()
	r := flat(t, table)
	want, err := r.Append(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	for room := range 2 * len(want) {
		got, err := r.Append(append(make([]byte, 0, 3+room), "abc"...), row)
		if err != nil || string(got) != "abc"+string(want) {
			t.Fatalf("with room for %d: %x, %v; want %x", room, got, err, want)
		}
	}
}

// TestLongs: numbers of every length, against Avro's definition.
func TestLongs(t *testing.T) {
	for shift := range 64 {
		for _, n := range []int64{1<<shift - 1, 1 << shift, -1 << shift, -1<<shift - 1, 0x5a5a5a5a5a5a5a5a >> shift} {
			var want []byte
			u := zigzag(n)
			for ; u >= 0x80; u >>= 7 {
				want = append(want, byte(u)|0x80)
			}
			want = append(want, byte(u))
			if got := appendLong(nil, n); string(got) != string(want) {
				t.Errorf("%d is written %x, want %x", n, got, want)
			}
			r := reader{data: want}
			if got := r.long(); got != n || r.bad != "" || r.left() > 0 {
				t.Errorf("%x is read as %d, %s, want %d", want, got, r.bad, n)
			}
		}
	}
}
