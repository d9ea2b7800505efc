package schemas_test

import (
	"slices"
	"testing"

	"sluice/schemas"
)

func TestContributionHeader(t *testing.T) {
	for text, want := range map[string]schemas.Contribution{
		"u/17/1204/05/4711":   {Op: schemas.Update, Time: 17, Offset: 1204, Changed: []byte{5}, Record: []byte("4711")},
		"r/-3/0/-/a/b, c":     {Op: schemas.Read, Time: -3, Record: []byte("a/b, c")},
		"v/1/9/ff01/\u00fc/-": {Op: schemas.Moved, Time: 1, Offset: 9, Changed: []byte{0xff, 1}, Record: []byte("\u00fc/-")},
		"d/2/1//x":            {Op: schemas.Delete, Time: 2, Offset: 1, Changed: []byte{}, Record: []byte("x")},
	} {
		if got := string(want.Append(nil)); got != text {
			t.Errorf("Append = %q, want %q", got, text)
		}
		var got schemas.Contribution
		if err := got.Parse([]byte(text)); err != nil || got.Op != want.Op || got.Time != want.Time || got.Offset != want.Offset ||
			!slices.Equal(got.Changed, want.Changed) || (got.Changed == nil) != (want.Changed == nil) || string(got.Record) != string(want.Record) {
			t.Errorf("Parse(%q) = %+v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "u", "u/", "u/1", "u/1/x/-/a", "u/x/1/-/a", "u/1/-/a", "u/1/1/-/", "u/1/1/zz/a", "uu/1/1/-/a"} {
		if err := new(schemas.Contribution).Parse([]byte(bad)); err == nil {
			t.Errorf("Parse(%q) has no error", bad)
		}
	}
}
