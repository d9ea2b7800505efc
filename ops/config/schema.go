package config

import (
	"encoding"
	"encoding/json"
	"reflect"

	"sluice/schemas"
)

// Schema returns the JSON Schema (draft 2020-12) of the file, for editors: add
//
//	# yaml-language-server: $schema=sluice.schema.json
//
// to the file. It knows the keys and their types; what Load checks beyond that
// it does not. Keys and types come from the same reflection as Load's.
func Schema() ([]byte, error) {
	root := typeSchema(reflect.TypeFor[File](), map[reflect.Type]bool{})
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "sluice.yaml"
	root["$defs"] = map[string]any{"variable": map[string]any{
		"description": "A value from the environment or a file.",
		"type":        "string", "pattern": `\$\{(file:.+|[A-Za-z_][A-Za-z0-9_]*)\}`,
	}}
	return json.MarshalIndent(root, "", "  ")
}

// typeSchema describes t. within are the types that it is part of: one that
// holds itself is any value below.
func typeSchema(t reflect.Type, within map[reflect.Type]bool) map[string]any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if within[t] {
		return map[string]any{}
	}
	ptr := reflect.New(t).Interface()
	_, textual := ptr.(encoding.TextUnmarshaler)
	switch {
	case t == reflect.TypeFor[schemas.Size]():
		return map[string]any{"type": []string{"string", "integer"}, "examples": []string{"8MiB"}}
	case t == durationType:
		return map[string]any{"type": "string", "examples": []string{"50ms", "10s"}}
	case decodesItself(ptr):
		return map[string]any{}
	case textual && (t.Kind() != reflect.Struct || len(fieldsOf(t)) == 0):
		return word()
	}
	switch t.Kind() {
	case reflect.Struct:
		within[t] = true
		defer delete(within, t)
		properties := map[string]any{}
		for _, f := range fieldsOf(t) {
			properties[f.name] = typeSchema(t.FieldByIndex(f.index).Type, within)
		}
		block := map[string]any{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
		if textual { // a word or a block
			return map[string]any{"anyOf": []any{word(), block}}
		}
		return block
	case reflect.Map:
		return map[string]any{"type": []string{"object", "null"}, "additionalProperties": typeSchema(t.Elem(), within)}
	case reflect.Slice:
		return map[string]any{"type": []string{"array", "null"}, "items": typeSchema(t.Elem(), within)}
	case reflect.Bool:
		return orVariable("boolean")
	case reflect.String:
		return word()
	case reflect.Float32, reflect.Float64:
		return orVariable("number")
	case reflect.Interface:
		return map[string]any{}
	default:
		return orVariable("integer")
	}
}

// word is any single value: YAML guesses at its type.
func word() map[string]any { return map[string]any{"type": []string{"string", "number", "boolean"}} }

func orVariable(kind string) map[string]any {
	return map[string]any{"anyOf": []any{map[string]any{"type": kind}, map[string]any{"$ref": "#/$defs/variable"}}}
}
