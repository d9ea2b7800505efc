package mysql

import (
	"encoding/json"
	"strings"
	"testing"
)

type avroField struct{ typ, connect string }

// valueFields reads the columns' types out of an envelope's schema.
func valueFields(t *testing.T, schema string) map[string]avroField {
	t.Helper()
	type field struct {
		Name string          `json:"name"`
		Type json.RawMessage `json:"type"`
	}
	var find func(raw json.RawMessage) []field
	find = func(raw json.RawMessage) []field {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) == nil {
			for _, r := range list {
				if f := find(r); f != nil {
					return f
				}
			}
			return nil
		}
		var record struct {
			Name   string  `json:"name"`
			Fields []field `json:"fields"`
		}
		if json.Unmarshal(raw, &record) != nil {
			return nil
		}
		if record.Name == "Value" {
			return record.Fields
		}
		for _, f := range record.Fields {
			if got := find(f.Type); got != nil {
				return got
			}
		}
		return nil
	}
	out := map[string]avroField{}
	for _, f := range find(json.RawMessage(schema)) {
		raw := f.Type
		var union []json.RawMessage
		if json.Unmarshal(raw, &union) == nil {
			raw = union[len(union)-1]
		}
		var a avroField
		if json.Unmarshal(raw, &a.typ) != nil {
			var named struct {
				Type    string `json:"type"`
				Connect string `json:"connect.name"`
			}
			if err := json.Unmarshal(raw, &named); err != nil {
				t.Fatalf("field %s: %s: %v", f.Name, raw, err)
			}
			a = avroField{named.Type, named.Connect}
		} else if strings.Contains(a.typ, ".") { // a record that stands before
			a = avroField{"record", a.typ}
		}
		out[f.Name] = a
	}
	if len(out) == 0 {
		t.Fatalf("no record Value in %.200s", schema)
	}
	return out
}
