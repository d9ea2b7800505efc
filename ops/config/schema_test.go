package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
)

func loadSchema(t *testing.T) map[string]any {
	t.Helper()
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatalf("the schema is no JSON: %v", err)
	}
	return schema
}

func TestSchemaTakesEveryGoodFile(t *testing.T) {
	schema := loadSchema(t)
	files, _ := filepath.Glob("testdata/good/*.yaml")
	for _, path := range files {
		if wrong := (validator{schema}).file(t, path); wrong != "" {
			t.Errorf("%s: %s", path, wrong)
		}
	}
}

func TestSchemaRefusesWhatLoadRefuses(t *testing.T) {
	schema := loadSchema(t)
	for _, name := range []string{"unknown_key", "unknown_top", "unknown_far", "wrong_number", "wrong_type", "block_for_list", "scalar_for_block", "word_or_block"} {
		if wrong := (validator{schema}).file(t, "testdata/bad/"+name+".yaml"); wrong == "" {
			t.Errorf("%s passes the schema", name)
		}
	}
}

// validator knows the part of JSON Schema that Schema uses.
type validator struct{ root map[string]any }

func (v validator) file(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Unmarshal(data, &value); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return v.check(v.root, value, "")
}

func (v validator) check(schema map[string]any, value any, path string) string {
	for key := range schema {
		if !slices.Contains([]string{"$schema", "title", "$defs", "$ref", "anyOf", "type", "pattern", "properties", "additionalProperties", "items", "examples", "description"}, key) {
			return path + ": the validator does not know " + key
		}
	}
	if schema["$ref"] != nil {
		defs, _ := v.root["$defs"].(map[string]any)
		target, ok := defs["variable"].(map[string]any)
		if !ok || schema["$ref"] != "#/$defs/variable" {
			return fmt.Sprintf("%s: $ref %v leads nowhere", path, schema["$ref"])
		}
		return v.check(target, value, path)
	}
	if branches, ok := schema["anyOf"].([]any); ok {
		wrong := ""
		for _, branch := range branches {
			if wrong = v.check(branch.(map[string]any), value, path); wrong == "" {
				return ""
			}
		}
		return wrong
	}
	if wrong := v.kind(schema, value, path); wrong != "" {
		return wrong
	}
	switch value := value.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		for key, in := range value {
			sub, known := properties[key].(map[string]any)
			if rest, isSchema := schema["additionalProperties"].(map[string]any); !known && isSchema {
				sub, known = rest, true
			}
			if !known && schema["additionalProperties"] == false {
				return path + "." + key + " is not allowed"
			}
			if wrong := v.check(sub, in, path+"."+key); wrong != "" {
				return wrong
			}
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, in := range value {
			if wrong := v.check(items, in, fmt.Sprintf("%s[%d]", path, i)); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}

func (v validator) kind(schema map[string]any, value any, path string) string {
	var kinds []any
	switch k := schema["type"].(type) {
	case nil:
		return ""
	case string:
		kinds = []any{k}
	case []any:
		kinds = k
	}
	got := ""
	switch value := value.(type) {
	case nil:
		got = "null"
	case string:
		got = "string"
		if pattern, ok := schema["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(value) {
			return path + ": does not match " + pattern
		}
	case bool:
		got = "boolean"
	case float64:
		if got = "number"; value == float64(int64(value)) {
			got = "integer"
		}
		if slices.Contains(kinds, any("number")) {
			return ""
		}
	case map[string]any:
		got = "object"
	case []any:
		got = "array"
	}
	if !slices.Contains(kinds, any(got)) {
		return fmt.Sprintf("%s: %v is no %v", path, value, kinds)
	}
	return ""
}
