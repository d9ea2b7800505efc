package compat

import (
	"fmt"
	"strings"
	"testing"
)

func parse(t *testing.T, text string) *Schema {
	t.Helper()
	s, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

// rec is a record R with the fields.
func rec(fields ...string) string {
	return `{"type":"record","name":"R","fields":[` + strings.Join(fields, ",") + `]}`
}

func field(name, typ string, more ...string) string {
	return fmt.Sprintf(`{"name":%q,"type":%s%s}`, name, typ, strings.Join(more, ""))
}

const decimal = `{"type":"bytes","logicalType":"decimal","precision":%d,"scale":%d}`

func TestRead(t *testing.T) {
	for _, tc := range []struct {
		name, reader, writer string
		want                 string // reasons with their paths; empty: can read
	}{
		{"same", `"int"`, `"int"`, ""},
		{"int as long", `"long"`, `"int"`, ""},
		{"int as float", `"float"`, `"int"`, ""},
		{"int as double", `"double"`, `"int"`, ""},
		{"long as float", `"float"`, `"long"`, ""},
		{"long as double", `"double"`, `"long"`, ""},
		{"float as double", `"double"`, `"float"`, ""},
		{"string as bytes", `"bytes"`, `"string"`, ""},
		{"bytes as string", `"string"`, `"bytes"`, ""},
		{"long as int", `"int"`, `"long"`, "TYPE_MISMATCH"},
		{"double as float", `"float"`, `"double"`, "TYPE_MISMATCH"},
		{"float as long", `"long"`, `"float"`, "TYPE_MISMATCH"},
		{"int as string", `"string"`, `"int"`, "TYPE_MISMATCH"},
		{"boolean as int", `"int"`, `"boolean"`, "TYPE_MISMATCH"},
		{"logical types do not count", `{"type":"long","logicalType":"timestamp-micros"}`, `"long"`, ""},

		{"array", `{"type":"array","items":"long"}`, `{"type":"array","items":"int"}`, ""},
		{"array of other", `{"type":"array","items":"int"}`, `{"type":"array","items":"string"}`, "TYPE_MISMATCH []"},
		{"map", `{"type":"map","values":"bytes"}`, `{"type":"map","values":"string"}`, ""},
		{"map of other", rec(field("m", `{"type":"map","values":"int"}`)), rec(field("m", `{"type":"map","values":"long"}`)), "TYPE_MISMATCH m{}"},
		{"array as map", `{"type":"map","values":"int"}`, `{"type":"array","items":"int"}`, "TYPE_MISMATCH"},

		{"enum", `{"type":"enum","name":"E","symbols":["A","B"]}`, `{"type":"enum","name":"E","symbols":["B"]}`, ""},
		{"enum lacks", `{"type":"enum","name":"E","symbols":["A"]}`, `{"type":"enum","name":"E","symbols":["A","B"]}`, "MISSING_ENUM_SYMBOLS"},
		{"enum with default", `{"type":"enum","name":"E","symbols":["A"],"default":"A"}`, `{"type":"enum","name":"E","symbols":["A","B"]}`, ""},
		{"enum of other name", `{"type":"enum","name":"E","symbols":["A"]}`, `{"type":"enum","name":"F","symbols":["A"]}`, "NAME_MISMATCH"},
		{"enum as string", `"string"`, `{"type":"enum","name":"E","symbols":["A"]}`, "TYPE_MISMATCH"},

		{"fixed", `{"type":"fixed","name":"F","size":4}`, `{"type":"fixed","name":"F","size":4}`, ""},
		{"fixed of other size", `{"type":"fixed","name":"F","size":4}`, `{"type":"fixed","name":"F","size":8}`, "FIXED_SIZE_MISMATCH"},
		{"fixed of other name", `{"type":"fixed","name":"F","size":4}`, `{"type":"fixed","name":"G","size":4}`, "NAME_MISMATCH"},

		{"decimal", fmt.Sprintf(decimal, 14, 2), fmt.Sprintf(decimal, 14, 2), ""},
		{"decimal widened", fmt.Sprintf(decimal, 16, 2), fmt.Sprintf(decimal, 14, 2), ""},
		{"decimal narrowed", fmt.Sprintf(decimal, 14, 2), fmt.Sprintf(decimal, 16, 2), "DECIMAL_MISMATCH"},
		{"decimal of other scale", fmt.Sprintf(decimal, 14, 4), fmt.Sprintf(decimal, 14, 2), "DECIMAL_MISMATCH"},
		{"decimal from bytes", fmt.Sprintf(decimal, 14, 4), `"bytes"`, ""},
		{"decimal in a union", fmt.Sprintf(`["null",`+decimal+`]`, 9, 4), fmt.Sprintf(`["null",`+decimal+`]`, 9, 2), "DECIMAL_MISMATCH"},

		{"field added without default", rec(field("a", `"int"`), field("b", `"int"`)), rec(field("a", `"int"`)), "READER_FIELD_MISSING_DEFAULT_VALUE b"},
		{"field added with default", rec(field("a", `"int"`), field("b", `"int"`, `,"default":0`)), rec(field("a", `"int"`)), ""},
		{"field added with null default", rec(field("b", `["null","int"]`, `,"default":null`)), rec(), ""},
		{"field removed", rec(field("a", `"int"`)), rec(field("a", `"int"`), field("b", `"int"`)), ""},
		{"fields reordered", rec(field("a", `"int"`), field("b", `"string"`)), rec(field("b", `"string"`), field("a", `"int"`)), ""},
		{"field renamed", rec(field("b", `"int"`)), rec(field("a", `"int"`)), "READER_FIELD_MISSING_DEFAULT_VALUE b"},
		{"field renamed with alias", rec(field("b", `"int"`, `,"aliases":["a"]`)), rec(field("a", `"int"`)), ""},
		{"alias of other type", rec(field("b", `"int"`, `,"aliases":["a"]`)), rec(field("a", `"string"`)), "TYPE_MISMATCH b"},
		{"two troubles", rec(field("a", `"int"`), field("c", `"int"`)), rec(field("a", `"string"`)), "TYPE_MISMATCH a, READER_FIELD_MISSING_DEFAULT_VALUE c"},
		{
			"nested", rec(field("address", `{"type":"record","name":"A","fields":[`+field("street", `"int"`)+`]}`)),
			rec(field("address", `{"type":"record","name":"A","fields":[`+field("street", `"string"`)+`]}`)), "TYPE_MISMATCH address.street",
		},
		{
			"records in arrays", rec(field("lines", `{"type":"array","items":{"type":"record","name":"L","fields":[`+field("n", `"int"`)+`]}}`)),
			rec(field("lines", `{"type":"array","items":{"type":"record","name":"L","fields":[]}}`)), "READER_FIELD_MISSING_DEFAULT_VALUE lines[].n",
		},

		{"record renamed", `{"type":"record","name":"S","fields":[]}`, rec(), "NAME_MISMATCH"},
		{"record renamed with alias", `{"type":"record","name":"S","aliases":["R"],"fields":[]}`, rec(), ""},
		{"alias in a namespace", `{"type":"record","name":"n.S","aliases":["R"],"fields":[]}`, `{"type":"record","name":"n.R","fields":[]}`, ""},
		{"alias of another namespace", `{"type":"record","name":"n.S","aliases":["m.R"],"fields":[]}`, `{"type":"record","name":"n.R","fields":[]}`, "NAME_MISMATCH"},
		{"namespace changed", `{"type":"record","name":"R","namespace":"n","fields":[]}`, rec(), ""},
		{"record as map", `{"type":"map","values":"int"}`, rec(), "TYPE_MISMATCH"},

		{"made nullable", `["null","int"]`, `"int"`, ""},
		{"made not null", `"int"`, `["null","int"]`, "TYPE_MISMATCH"},
		{"union promotes", `["null","long"]`, `["null","int"]`, ""},
		{"union lacks", `["null","int"]`, `["null","string"]`, "MISSING_UNION_BRANCH"},
		{"union reordered", `["int","null"]`, `["null","int"]`, ""},
		{"every branch must be read", `"double"`, `["int","float","string"]`, "TYPE_MISMATCH"},
		{"union as one type", `"double"`, `["int","float"]`, ""},
		{"into an empty union", `[]`, `"int"`, "MISSING_UNION_BRANCH"},
		{
			"inside a union's record", `["null",` + rec(field("a", `"int"`)) + `]`, `["null",` + rec(field("a", `"string"`)) + `]`, "TYPE_MISMATCH a",
		},
		{
			"full name wins in a union", `[{"type":"record","name":"m.R","fields":[` + field("x", `"int"`) + `]},` + `{"type":"record","name":"n.R","fields":[]}]`,
			`{"type":"record","name":"n.R","fields":[]}`, "",
		},
		{
			"recursive", rec(field("v", `"long"`), field("next", `["null","R"]`)), rec(field("v", `"int"`), field("next", `["null","R"]`)), "",
		},
		{
			"recursive with trouble", rec(field("next", `["null","R"]`), field("v", `"int"`)), rec(field("next", `["null","R"]`), field("v", `"string"`)), "TYPE_MISMATCH v",
		},
		{
			"named type used twice is reported once",
			rec(field("before", `["null",{"type":"record","name":"V","fields":[`+field("a", `"int"`)+`]}]`), field("after", `["null","V"]`)),
			rec(field("before", `["null",{"type":"record","name":"V","fields":[`+field("a", `"string"`)+`]}]`), field("after", `["null","V"]`)),
			"TYPE_MISMATCH before.a",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, p := range Read(parse(t, tc.reader), parse(t, tc.writer)) {
				got = append(got, strings.TrimSpace(string(p.Reason)+" "+p.Path))
			}
			if s := strings.Join(got, ", "); s != tc.want {
				t.Errorf("got %q, want %q", s, tc.want)
			}
		})
	}
}
