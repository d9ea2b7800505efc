package compat

import (
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
)

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                 "the schema is no JSON",
		`"int" "int"`:       "followed by more text",
		`7`:                 "a type is a name, an object or a list, not the number 7",
		`"strin"`:           `type "strin" is not known`,
		`{"type":"array"}`:  `the array has no "items"`,
		`{"items":"int"}`:   `the object has no "type"`,
		`["int",["null"]]`:  "a union may not hold a union",
		`["int","int"]`:     "the union holds int twice",
		`{"type":"record"}`: `the record has no "name"`,
		`{"type":"record","name":"a-b","fields":[]}`:                                         `"a-b" is no name of Avro`,
		`{"type":"record","name":"R"}`:                                                       `record "R" has no list of "fields"`,
		rec(field("first name", `"int"`)):                                                    `fields[0] of record "R": "first name" is no name of Avro`,
		rec(field("a", `"int"`), field("a", `"int"`)):                                        `field "a": record "R" has the field twice`,
		rec(`{"name":"a"}`):                                                                  `field "a": has no "type"`,
		rec(field("a", rec(field("b", `"int"`)))):                                            `field "a": record "R" is defined twice`,
		rec(field("a", `{"type":"array","items":"x"}`)):                                      `field "a[]": type "x" is not known`,
		rec(field("a", `"int"`, `,"default":"x"`)):                                           `field "a": the default does not fit: "x" is no int`,
		rec(field("a", `"int"`, `,"default":3000000000`)):                                    `field "a": the default does not fit: the number 3000000000 is no int`,
		rec(field("a", `["null","int"]`, `,"default":"x"`)):                                  `field "a": the default does not fit: "x" is no [null, int]`,
		rec(field("a", `{"type":"array","items":"int"}`, `,"default":[null]`)):               `field "a": the default does not fit: null is no int`,
		`{"type":"enum","name":"E","symbols":[]}`:                                            `the symbols of enum "E" are not a list of names`,
		`{"type":"enum","name":"E","symbols":["A","A"]}`:                                     `enum "E" holds "A" twice`,
		`{"type":"enum","name":"E","symbols":["A"],"default":"B"}`:                           `the default of enum "E" is none of its symbols`,
		`{"type":"fixed","name":"F","size":"x"}`:                                             `the size of fixed "F" is no number`,
		strings.Repeat(`{"type":"array","items":`, 600) + `"int"` + strings.Repeat("}", 600): "nested more than 500 deep",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %s", text, err, want)
		}
	}
}

// What the compiler of schemas writes is known to be right to a library that is
// not ours.
func TestParseAgreesWithGoavro(t *testing.T) {
	for _, text := range []string{
		`"string"`, `{"type":"int"}`, `["null","long"]`,
		rec(field("a", `"int"`, `,"default":1`), field("b", `["null","R"]`, `,"default":null`)),
		`{"type":"record","name":"R","namespace":"n","fields":[` + field("x", `{"type":"fixed","name":"F","size":2}`) + `,` + field("y", `"F"`) + `,` + field("z", `"n.F"`) + `]}`,
		`{"type":"record","name":"a.b.C","fields":[` + field("e", `{"type":"enum","name":"E","symbols":["A","B"]}`, `,"default":"B"`) + `,` + field("f", `"a.b.E"`) + `]}`,
		rec(field("d", `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`), field("m", `{"type":"map","values":{"type":"array","items":"double"}}`, `,"default":{"x":[1.5]}`)),
	} {
		_, want := goavro.NewCodec(text)
		_, got := Parse(text)
		if want != nil || got != nil {
			t.Errorf("%s: %v; goavro: %v", text, got, want)
		}
	}
}

func TestCanonical(t *testing.T) {
	same := func(a, b string) bool {
		t.Helper()
		ca, err := Canonical(a)
		if err != nil {
			t.Fatal(err)
		}
		cb, err := Canonical(b)
		if err != nil {
			t.Fatal(err)
		}
		return ca == cb
	}
	if !same(`{"type": "record", "name":"R", "fields": []}`, `{"name":"R","type":"record","fields":[ ]}`) {
		t.Error("white space and the order of members make two schemas")
	}
	if !same(`"int"`, `{"type":"int"}`) || !same(`int`, `"int"`) {
		t.Error("the ways to write a primitive make two schemas")
	}
	for _, other := range []string{
		rec(field("b", `"int"`), field("a", `"int"`)),
		rec(field("a", `"int"`), field("b", `"int"`, `,"default":1`)),
		rec(field("a", `"int"`), field("b", `"int"`, `,"doc":"<&>"`)),
	} {
		if same(rec(field("a", `"int"`), field("b", `"int"`)), other) {
			t.Errorf("%s is taken for another", other)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`"int"`, rec(field("a", `["null","R"]`, `,"default":null`)), `{"type":"enum","name":"E","symbols":["A"]}`, `{"type":{"type":"bytes"}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		if p := Read(s, s); len(p) > 0 && s.Kind != Union {
			t.Errorf("%s cannot read itself: %v", text, p)
		}
		if _, err := Canonical(text); err != nil {
			t.Errorf("%s was parsed, and has no canonical text: %v", text, err)
		}
	})
}
