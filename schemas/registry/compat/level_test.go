package compat

import (
	"strings"
	"testing"
)

func TestLevels(t *testing.T) {
	// 1 has a; 2 adds b with a default; both ways are open between them.
	v1 := rec(field("a", `"int"`))
	v2 := rec(field("a", `"int"`), field("b", `"int"`, `,"default":0`))
	older := []Version{{1, parse(t, v1)}, {2, parse(t, v2)}}
	// needsB reads version 2 but not 1. lacksA can be read by neither.
	needsB := rec(field("a", `"int"`), field("b", `"int"`))
	lacksA := rec(field("b", `"int"`))

	for _, tc := range []struct {
		level Level
		next  string
		want  string
	}{
		{None, `"string"`, ""},
		{Backward, needsB, ""},
		{BackwardTransitive, needsB, `field "b" is in the new schema without a default, and version 1 does not have it (READER_FIELD_MISSING_DEFAULT_VALUE)`},
		{Forward, needsB, ""},
		{Backward, lacksA, ""},
		{Forward, lacksA, `field "a" is in version 2 without a default, and the new schema does not have it (READER_FIELD_MISSING_DEFAULT_VALUE)`},
		{
			ForwardTransitive, lacksA, `field "a" is in version 2 without a default, and the new schema does not have it (READER_FIELD_MISSING_DEFAULT_VALUE)` + "\n" +
				`field "a" is in version 1 without a default, and the new schema does not have it (READER_FIELD_MISSING_DEFAULT_VALUE)`,
		},
		{Full, needsB, ""},
		{Full, lacksA, `field "a" is in version 2 without a default, and the new schema does not have it (READER_FIELD_MISSING_DEFAULT_VALUE)`},
		{FullTransitive, needsB, `field "b" is in the new schema without a default, and version 1 does not have it (READER_FIELD_MISSING_DEFAULT_VALUE)`},
		{Backward, rec(field("a", `"string"`)), `field "a" is string in the new schema, which cannot read the int of version 2 (TYPE_MISMATCH)`},
		{Backward, rec(field("a", `["null","string"]`)), `field "a" is [null, string] in the new schema, which has no place for the int of version 2 (MISSING_UNION_BRANCH)`},
		{Forward, rec(field("a", `["null","int"]`)), `field "a" is int in version 2, and may be null in the new schema (TYPE_MISMATCH)`},
		{Backward, `"int"`, `the schema is int in the new schema, which cannot read the record R of version 2 (TYPE_MISMATCH)`},
	} {
		t.Run(string(tc.level), func(t *testing.T) {
			if got := strings.Join(tc.level.Check(parse(t, tc.next), older), "\n"); got != tc.want {
				t.Errorf("%s:\ngot  %s\nwant %s", tc.next, got, tc.want)
			}
		})
	}
	if got := FullTransitive.Check(parse(t, `"int"`), nil); got != nil {
		t.Error("the first schema of a subject was refused:", got)
	}

	e1, e2 := `{"type":"enum","name":"E","symbols":["A","B","C"]}`, `{"type":"enum","name":"E","symbols":["A"]}`
	got := Backward.Check(parse(t, rec(field("e", e2))), []Version{{7, parse(t, rec(field("e", e1)))}})
	if want := `field "e" in the new schema lacks the symbols B, C of version 7, and has no default (MISSING_ENUM_SYMBOLS)`; len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseLevel(t *testing.T) {
	if l, err := ParseLevel("full_transitive"); l != FullTransitive || err != nil {
		t.Error(l, err)
	}
	if _, err := ParseLevel("sideways"); err == nil {
		t.Error("sideways is no level")
	}
}
