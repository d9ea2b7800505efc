package registry

import (
	"slices"
	"testing"
)

// What Confluent's registry answers, in the forms of its versions.
func TestReadable(t *testing.T) {
	const schema = `{"type":"record","name":"Envelope","fields":[
		{"name":"op","type":"string"},
		{"name":"after","type":["null",{"type":"record","name":"Value","fields":[
			{"name":"id","type":"int"},
			{"name":"mood","type":{"type":"enum","name":"Mood","symbols":["SAD"]}},
			{"name":"spend","type":"string"}]}]}]}`
	got := readable([]string{
		`{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'email' at path '/fields/1' in the new schema has no default value and is missing in the old schema', additionalInfo:'email'}`,
		`{errorType:'TYPE_MISMATCH', description:'The type (path '/fields/1/type/1/fields/2/type') of a field in the new schema does not match with the old schema', additionalInfo:'reader type: STRING not compatible with writer type: DOUBLE'}`,
		`{errorType:"MISSING_ENUM_SYMBOLS", description:"The new schema is missing enum symbols '[HAPPY]' at path '/fields/1/type/1/fields/1/type/symbols' in the old schema", additionalInfo:"[HAPPY]"}`,
		`{oldSchemaVersion: 3}`,
		`{oldSchema: '{"type":"record"}'}`,
		`{validateFields: 'false', compatibility: 'BACKWARD'}`,
		``,
		`reader union lacks writer type: DOUBLE`,
	}, schema)
	want := []string{
		`field "after": The field 'email' at path '/fields/1' in the new schema has no default value and is missing in the old schema (READER_FIELD_MISSING_DEFAULT_VALUE: email)`,
		`field "after.spend": The type (path '/fields/1/type/1/fields/2/type') of a field in the new schema does not match with the old schema (TYPE_MISMATCH: reader type: STRING not compatible with writer type: DOUBLE)`,
		`The new schema is missing enum symbols '[HAPPY]' at path '/fields/1/type/1/fields/1/type/symbols' in the old schema (MISSING_ENUM_SYMBOLS: [HAPPY])`,
		`reader union lacks writer type: DOUBLE`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%q\nwant:\n%q", got, want)
	}
	for path, want := range map[string]string{
		"":                          "",
		"/fields/0":                 "op",
		"/fields/1/type/1/fields/2": "after.spend",
		"/fields/1/type/1/fields/1/type/symbols/0": "after.mood",
		"/fields/9":  "",
		"/fields/x":  "",
		"/nothing/1": "",
	} {
		if got := fieldAt(schema, path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := fieldAt("no json", "/fields/0"); got != "" {
		t.Error(got)
	}
}
