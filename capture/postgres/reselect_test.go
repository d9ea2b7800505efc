package postgres

import (
	"fmt"
	"strings"
	"testing"

	"sluice/capture/capturetest"
)

// toasted is a database with a table whose rows are large.
func toasted(t *testing.T) *bed {
	b := newBed(t)
	b.exec(t, `CREATE TABLE items (a int, b text, n int, big text, blob bytea, nums numeric, fl float8[] NOT NULL, PRIMARY KEY (b, a));
		ALTER TABLE items ALTER big SET STORAGE EXTERNAL, ALTER blob SET STORAGE EXTERNAL, ALTER fl SET STORAGE EXTERNAL;
		INSERT INTO items SELECT i, 'k,"' || i, 0, repeat(chr(96 + i), 9000), decode(repeat('0' || i, 9000), 'hex'), i, array_fill(i::float8, ARRAY[2000])
		FROM generate_series(1, 3) i`)
	return b
}

// afterSnapshot opens the source and reads past its snapshot of n rows.
func afterSnapshot(t *testing.T, s *Source, n int) *capturetest.Reader {
	r := capturetest.Open(t, s, "")
	r.Read(n)
	return r
}

func TestUnchangedValues(t *testing.T) {
	for _, toast := range []string{Placeholder, Reselect} {
		t.Run(toast, func(t *testing.T) {
			b := toasted(t)
			c := b.config("public.items")
			c.Toast = toast
			s := b.source(t, c)
			r := afterSnapshot(t, s, 3)
			b.exec(t, "UPDATE items SET n = 1")
			got := r.Read(3)
			b.exec(t, "UPDATE items SET a = 7 WHERE a = 1")
			got = append(got[:3:3], r.Read(2)...)
			for i, want := range []int{1, 2, 3, 0, 1} {
				if want == 0 {
					continue // the delete of the key change
				}
				after := got[i].After
				kept := capturetest.RenderValue(after[3])
				if toast == Placeholder && kept != "unchanged" || toast == Reselect && kept != fmt.Sprintf("%q", strings.Repeat(string(rune(96+want)), 9000)) {
					t.Errorf("change %d: big is %.40s", i, kept)
				}
				if blob := after[4]; blob.Known() != (toast == Reselect) || blob.Known() && len(blob.Bytes) != 9000 {
					t.Errorf("change %d: blob is of kind %s with %d bytes", i, blob.Kind, len(blob.Bytes))
				}
				// Nothing can stand for an array of floats.
				if fl := after[6].Elems(); len(fl) != 2000 || fl[0].Float() != float64(want) {
					t.Errorf("change %d: the array has %d elements", i, len(fl))
				}
			}
			if filled, unfilled := s.Reselected(); filled != 4 || unfilled != 0 {
				t.Errorf("%d rows were filled and %d not, want 4 and 0", filled, unfilled)
			}
		})
	}
}

func TestReselectOfWhatIsGone(t *testing.T) {
	b := toasted(t)
	c := b.config("public.items")
	c.Toast = Reselect
	s := b.source(t, c)
	r := afterSnapshot(t, s, 3)
	r.Close()
	b.exec(t, "UPDATE items SET n = 1 WHERE a < 3; DELETE FROM items WHERE a = 1")
	b.exec(t, "UPDATE items SET n = 2 WHERE a = 3")
	b.exec(t, "ALTER TABLE items DROP COLUMN blob; ALTER TABLE items ALTER big TYPE varchar")
	s = b.source(t, c)
	got := capturetest.Open(t, s, r.Last()).Read(4)
	big := func(i int) string { return got[i].After[3].Kind.String() }
	if got[2].Op != 'd' || big(0) != "unchanged" || big(1) != "unchanged" || big(3) != "unchanged" {
		t.Errorf("the values are %s, %s, %s", big(0), big(1), big(3))
	}
	if filled, unfilled := s.Reselected(); filled != 0 || unfilled != 3 {
		t.Errorf("%d rows were filled and %d not, want 0 and 3", filled, unfilled)
	}
}

// TestReselectResumesEverywhere fills rows of a transaction of many blocks, and
// resumes from the middle of it.
func TestReselectResumesEverywhere(t *testing.T) {
	b := newBed(t)
	const rows = 500
	b.exec(t, fmt.Sprintf(`CREATE TABLE items (id int PRIMARY KEY, n int, big text);
		ALTER TABLE items ALTER big SET STORAGE EXTERNAL;
		INSERT INTO items SELECT i, 0, repeat('x', 3000) || i FROM generate_series(1, %d) i`, rows))
	c := b.config("public.items")
	c.Toast, c.Buffer = Reselect, 192<<10
	r := afterSnapshot(t, b.source(t, c), rows)
	r.Next() // the end of the snapshot
	b.exec(t, "UPDATE items SET n = 1")
	check := func(got []capturetest.Seen, first int) {
		t.Helper()
		for i, s := range got {
			if want := strings.Repeat("x", 3000) + fmt.Sprint(first+i); string(s.After[2].Bytes) != want {
				t.Fatalf("row %d is %.60s", first+i, s.Text)
			}
		}
	}
	from := len(r.Positions)
	check(r.Read(rows), 1)
	r.Close()
	places := r.Positions[from : len(r.Positions)-1]
	if len(places) < 5 {
		t.Fatalf("the transaction came in %d batches", len(places))
	}
	for _, p := range []capturetest.Place{places[0], places[len(places)/2]} {
		again := capturetest.Open(t, b.source(t, c), p.Position)
		check(again.Read(2*rows-p.Count), p.Count-rows+1)
		again.Close()
	}
}
