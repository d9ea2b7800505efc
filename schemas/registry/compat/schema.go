package compat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Kind is a type of Avro, by its name in a schema: "int", "record", "union".
type Kind string

// The types that carry more than their name.
const (
	Null   Kind = "null"
	Bytes  Kind = "bytes"
	String Kind = "string"
	Record Kind = "record"
	Enum   Kind = "enum"
	Fixed  Kind = "fixed"
	Array  Kind = "array"
	Map    Kind = "map"
	Union  Kind = "union"
)

var primitives = map[Kind]bool{
	Null: true, "boolean": true, "int": true, "long": true, "float": true, "double": true, Bytes: true, String: true,
}

// Schema is a parsed schema. References by name are resolved, so a recursive
// schema points to itself.
type Schema struct {
	Kind Kind
	// Name is the full name of a record, enum or fixed.
	Name    string
	Aliases []string // full names

	Fields   []Field   // record
	Symbols  []string  // enum
	Default  string    // enum; empty: none
	Items    *Schema   // array's items, map's values
	Size     int       // fixed
	Branches []*Schema // union

	// Decimal is set for bytes and fixed of the logical type decimal.
	Decimal *Decimal
}

// Decimal is the logical type decimal.
type Decimal struct{ Precision, Scale int }

// Field is a field of a record.
type Field struct {
	Name       string
	Aliases    []string
	Type       *Schema
	HasDefault bool
}

// Parse reads and validates the text of a schema. The error names the place.
func Parse(text string) (*Schema, error) {
	var v any
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		// A lone type name is a schema in every registry, quoted or not.
		if primitives[Kind(text)] {
			return &Schema{Kind: Kind(text)}, nil
		}
		return nil, fmt.Errorf("the schema is no JSON: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("the schema's JSON is followed by more text")
	}
	p := parser{named: make(map[string]*Schema)}
	return p.schema(v, "", "")
}

// Canonical returns the text that two schemas share exactly if they differ in
// nothing but white space and the order of JSON members.
func Canonical(text string) (string, error) {
	var v any
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		if primitives[Kind(text)] {
			return `"` + text + `"`, nil
		}
		return "", fmt.Errorf("the schema is no JSON: %w", err)
	}
	if o, ok := v.(map[string]any); ok && len(o) == 1 { // {"type": "int"} is "int"
		if s, ok := o["type"].(string); ok {
			v = s
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out) // writes the members of an object sorted
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return string(bytes.TrimSpace(out.Bytes())), nil
}
