package api

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestWrites(t *testing.T) {
	for body, want := range map[string]string{
		"":                               "all",
		`{"n": {{.Fields.name | json}}}`: "name",
		`{"n": {{json .Fields.a}}, "k": {{.Fields.b_2 | json}}}`: "a b_2",
		`{{json .Fields}}`:                      "all",
		`{"k": {{.Key | json}}}`:                "",
		`{"x": {{index .Fields "a b" | json}}}`: "all",
	} {
		c := Config{Update: &Request{Body: body}, Create: &Request{Body: `{"k": {{json .Key}}}`}}
		fields, all := c.Writes()
		got := strings.Join(slices.Sorted(maps.Keys(fields)), " ")
		if all {
			got = "all"
		}
		if got != want {
			t.Errorf("%q writes %q, want %q", body, got, want)
		}
	}
}
