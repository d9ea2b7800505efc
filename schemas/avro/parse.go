package avro

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// maxDepth bounds how deep a schema nests; Connect's go to about 6.
const maxDepth = 64

// parse reads a schema's JSON text.
func parse(text string) (*node, error) {
	var raw json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, fault("Avro schema", "", "not JSON: %v", err)
	}
	p := parser{named: map[string]*node{}}
	return p.node(raw, "", "schema", 0)
}

type parser struct {
	// named holds the types that are read to their end, by full name. One that
	// names itself is therefore unknown: recursive rows do not exist in tables.
	named map[string]*node
}

// jsonNode is an Avro schema object and its properties.
type jsonNode struct {
	Type      json.RawMessage   `json:"type"`
	Name      string            `json:"name"`
	Namespace *string           `json:"namespace"`
	Fields    []json.RawMessage `json:"fields"`
	Symbols   []string          `json:"symbols"`
	Items     json.RawMessage   `json:"items"`
	Values    json.RawMessage   `json:"values"`
	Size      int               `json:"size"`

	ConnectName    any             `json:"connect.name"`
	ConnectType    any             `json:"connect.type"`
	ConnectDoc     any             `json:"connect.doc"`
	ConnectDefault json.RawMessage `json:"connect.default"`
	Version        any             `json:"connect.version"`
	Parameters     json.RawMessage `json:"connect.parameters"`
	Logical        any             `json:"logicalType"`
	Precision      any             `json:"precision"`
	Scale          any             `json:"scale"`
	SluiceSymbols  []string        `json:"sluice.symbols"`
}

type jsonField struct {
	Name    string          `json:"name"`
	Type    json.RawMessage `json:"type"`
	Doc     string          `json:"doc"`
	Default json.RawMessage `json:"default"`
	Column  string          `json:"sluice.name"`
}

func (p *parser) node(raw json.RawMessage, space, where string, depth int) (*node, error) {
	raw = bytes.TrimSpace(raw)
	if depth > maxDepth {
		return nil, fault(where, "", "the schema nests deeper than %d", maxDepth)
	}
	switch {
	case len(raw) == 0:
		return nil, fault(where, "", "the schema has no type")
	case raw[0] == '"':
		var name string
		if err := json.Unmarshal(raw, &name); err != nil {
			return nil, fault(where, "", "%v", err)
		}
		return p.reference(name, space, where)
	case raw[0] == '[':
		var branches []json.RawMessage
		if err := json.Unmarshal(raw, &branches); err != nil {
			return nil, fault(where, "", "%v", err)
		}
		n := &node{kind: "union"}
		for _, b := range branches {
			c, err := p.node(b, space, where, depth+1)
			if err != nil {
				return nil, err
			}
			if c.kind == "union" {
				return nil, fault(where, "", "a union directly in a union is not Avro")
			}
			n.branches = append(n.branches, c)
		}
		return n, nil
	case raw[0] == '{':
		return p.object(raw, space, where, depth)
	}
	return nil, fault(where, "", "%.40s is no Avro type", raw)
}

func (p *parser) reference(name, space, where string) (*node, error) {
	switch name {
	case "null", "boolean", "int", "long", "float", "double", "bytes", "string":
		return &node{kind: name}, nil
	}
	if n := p.named[qualify(name, space)]; n != nil {
		return n, nil
	}
	return nil, fault(where, "", "type %q is not defined before its use", name)
}

func qualify(name, space string) string {
	if space == "" || strings.Contains(name, ".") {
		return name
	}
	return space + "." + name
}

func (p *parser) object(raw json.RawMessage, space, where string, depth int) (*node, error) {
	var o jsonNode
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, fault(where, "", "%v", err)
	}
	var kind string
	if err := json.Unmarshal(o.Type, &kind); err != nil {
		// {"type": {"type": ...}} is legal, if rarely seen.
		return p.node(o.Type, space, where, depth+1)
	}
	n := &node{kind: kind}
	var err error
	switch kind {
	case "record", "enum", "fixed":
		n.name = o.Name
		if o.Namespace != nil && !strings.Contains(o.Name, ".") {
			n.name = qualify(o.Name, *o.Namespace)
		} else {
			n.name = qualify(o.Name, space)
		}
		if o.Name == "" || p.named[n.name] != nil {
			return nil, fault(where, "", "the %s has no name, or one that is taken: %q", kind, n.name)
		}
		if n.symbols, n.size = o.Symbols, o.Size; kind == "enum" && len(n.symbols) == 0 || kind == "fixed" && n.size < 1 {
			return nil, fault(where, "", "%s %s is empty", kind, n.name)
		}
		if kind == "record" {
			inner, _ := splitName(n.name)
			n.fields, err = p.fields(o.Fields, inner, where, depth)
		}
		p.named[n.name] = n
	case "array":
		n.items, err = p.node(o.Items, space, where+"[]", depth+1)
	case "map":
		n.items, err = p.node(o.Values, space, where+"{}", depth+1)
	default:
		n, err = p.reference(kind, space, where)
	}
	if err != nil {
		return nil, err
	}
	if n.name == "" || n.kind == kind { // not a reference to a named type
		o.properties(n)
	}
	return n, nil
}

func (p *parser) fields(raws []json.RawMessage, space, where string, depth int) ([]field, error) {
	fields := make([]field, 0, len(raws))
	for _, raw := range raws {
		var o jsonField
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, fault(where, "", "%v", err)
		}
		n, err := p.node(o.Type, space, where+"."+o.Name, depth+1)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{name: o.Name, column: o.Column, doc: o.Doc, node: n, def: o.Default})
	}
	return fields, nil
}

// properties copies what is known. Properties of an unexpected JSON type are
// ignored, as Avro demands of unknown ones.
func (o *jsonNode) properties(n *node) {
	n.connectName, _ = o.ConnectName.(string)
	n.connectType, _ = o.ConnectType.(string)
	n.connectDoc, _ = o.ConnectDoc.(string)
	n.connectDefault = o.ConnectDefault
	n.logical, _ = o.Logical.(string)
	n.sluiceSymbols = o.SluiceSymbols
	if v, ok := o.Version.(float64); ok {
		n.version = int(v)
	}
	precision, hasPrecision := o.Precision.(float64)
	scale, hasScale := o.Scale.(float64)
	if hasPrecision || hasScale {
		n.decimal = &decimalProps{precision: int(precision), scale: int(scale)}
	}
	n.params = parameters(o.Parameters)
}

// parameters keeps the order of connect.parameters, so that text written again
// is the same.
func parameters(raw json.RawMessage) []param {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var out []param
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return nil
		}
		name, _ := k.(string)
		switch v := v.(type) {
		case string:
			out = append(out, param{name, v})
		case json.Number:
			out = append(out, param{name, v.String()})
		case bool:
			out = append(out, param{name, strconv.FormatBool(v)})
		}
	}
	return out
}
