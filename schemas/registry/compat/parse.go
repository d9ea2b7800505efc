package compat

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	simpleName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	fullName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)
)

// parser knows the named types met so far, by full name.
type parser struct {
	named map[string]*Schema
	depth int
}

// schema parses a type at a path ("address.street"), inside a namespace.
func (p *parser) schema(v any, namespace, path string) (*Schema, error) {
	// A schema comes from outside: bound what a nest of brackets can cost.
	if p.depth++; p.depth > 500 {
		return nil, at(path, "the schema is nested more than 500 deep")
	}
	defer func() { p.depth-- }()

	switch v := v.(type) {
	case string:
		return p.reference(v, namespace, path)
	case []any:
		return p.union(v, namespace, path)
	case map[string]any:
		return p.object(v, namespace, path)
	}
	return nil, at(path, "a type is a name, an object or a list, not %s", describe(v))
}

func (p *parser) reference(name, namespace, path string) (*Schema, error) {
	if primitives[Kind(name)] {
		return &Schema{Kind: Kind(name)}, nil
	}
	if s := p.named[qualify(name, namespace)]; s != nil {
		return s, nil
	}
	return nil, at(path, "type %q is not known", name)
}

func (p *parser) union(list []any, namespace, path string) (*Schema, error) {
	u := &Schema{Kind: Union}
	seen := make(map[string]bool)
	for _, v := range list {
		b, err := p.schema(v, namespace, path)
		if err != nil {
			return nil, err
		}
		if b.Kind == Union {
			return nil, at(path, "a union may not hold a union")
		}
		if seen[b.String()] {
			return nil, at(path, "the union holds %s twice", b)
		}
		seen[b.String()] = true
		u.Branches = append(u.Branches, b)
	}
	return u, nil
}

func (p *parser) object(o map[string]any, namespace, path string) (*Schema, error) {
	name, ok := o["type"].(string)
	if !ok {
		if o["type"] == nil {
			return nil, at(path, "the object has no \"type\"")
		}
		return p.schema(o["type"], namespace, path) // {"type": {...}}
	}

	switch kind := Kind(name); kind {
	case Array, Map:
		member, mark := "items", "[]"
		if kind == Map {
			member, mark = "values", "{}"
		}
		if o[member] == nil {
			return nil, at(path, "the %s has no %q", kind, member)
		}
		items, err := p.schema(o[member], namespace, path+mark)
		if err != nil {
			return nil, err
		}
		return &Schema{Kind: kind, Items: items}, nil
	case Record, "error", Enum, Fixed:
		return p.define(kind, o, namespace, path)
	}
	s, err := p.reference(name, namespace, path)
	if err != nil {
		return nil, err
	}
	if s.Kind == Bytes {
		p.decimal(s, o)
		return s, nil
	}
	return s, nil
}

// define parses a named type and makes it known.
func (p *parser) define(kind Kind, o map[string]any, namespace, path string) (*Schema, error) {
	name, _ := o["name"].(string)
	if name == "" {
		return nil, at(path, "the %s has no \"name\"", kind)
	}
	if ns, ok := o["namespace"].(string); ok && !strings.Contains(name, ".") {
		namespace = ns
	}
	s := &Schema{Kind: kind, Name: qualify(name, namespace)}
	if kind == "error" {
		s.Kind = Record
	}
	if !fullName.MatchString(s.Name) {
		return nil, at(path, "%q is no name of Avro: letters, digits and _ only, not starting with a digit", s.Name)
	}
	if p.named[s.Name] != nil || primitives[Kind(s.Name)] {
		return nil, at(path, "%s %q is defined twice", kind, s.Name)
	}
	p.named[s.Name] = s // before its fields: they may refer to it
	namespace = space(s.Name)

	aliases, err := names(o["aliases"], fullName)
	if err != nil {
		return nil, at(path, "aliases of %q: %v", s.Name, err)
	}
	for _, a := range aliases {
		s.Aliases = append(s.Aliases, qualify(a, namespace))
	}

	switch s.Kind {
	case Enum:
		return s, p.enum(s, o, path)
	case Fixed:
		size, ok := integer(o["size"])
		if !ok || size < 0 {
			return nil, at(path, "the size of fixed %q is no number", s.Name)
		}
		s.Size = size
		p.decimal(s, o)
		return s, nil
	}
	return s, p.fields(s, o, namespace, path)
}

func (p *parser) enum(s *Schema, o map[string]any, path string) error {
	symbols, err := names(o["symbols"], simpleName)
	if err != nil || len(symbols) == 0 {
		return at(path, "the symbols of enum %q are not a list of names", s.Name)
	}
	for i, sym := range symbols {
		if slices.Contains(symbols[:i], sym) {
			return at(path, "enum %q holds %q twice", s.Name, sym)
		}
	}
	s.Symbols = symbols
	if o["default"] != nil {
		d, _ := o["default"].(string)
		if !slices.Contains(symbols, d) {
			return at(path, "the default of enum %q is none of its symbols", s.Name)
		}
		s.Default = d
	}
	return nil
}

func (p *parser) fields(s *Schema, o map[string]any, namespace, path string) error {
	list, ok := o["fields"].([]any)
	if !ok {
		return at(path, "record %q has no list of \"fields\"", s.Name)
	}
	seen := make(map[string]bool)
	for i, v := range list {
		f, ok := v.(map[string]any)
		if !ok {
			return at(path, "fields[%d] of record %q is no object", i, s.Name)
		}
		name, _ := f["name"].(string)
		if !simpleName.MatchString(name) {
			return at(path, "fields[%d] of record %q: %q is no name of Avro: letters, digits and _ only, not starting with a digit", i, s.Name, name)
		}
		here := join(path, name)
		if seen[name] {
			return at(here, "record %q has the field twice", s.Name)
		}
		seen[name] = true
		if f["type"] == nil {
			return at(here, "has no \"type\"")
		}
		typ, err := p.schema(f["type"], namespace, here)
		if err != nil {
			return err
		}
		aliases, err := names(f["aliases"], simpleName)
		if err != nil {
			return at(here, "aliases: %v", err)
		}
		def, has := f["default"]
		if has {
			if err := fits(def, typ, 0); err != nil {
				return at(here, "the default does not fit: %v", err)
			}
		}
		s.Fields = append(s.Fields, Field{Name: name, Aliases: aliases, Type: typ, HasDefault: has})
	}
	return nil
}

// decimal notes the logical type decimal. Attributes that make no valid decimal
// are ignored, as the specification asks for invalid logical types.
func (p *parser) decimal(s *Schema, o map[string]any) {
	if o["logicalType"] != "decimal" {
		return
	}
	precision, ok := integer(o["precision"])
	scale, hasScale := integer(o["scale"])
	if !ok || precision < 1 || (o["scale"] != nil && !hasScale) || scale < 0 || scale > precision {
		return
	}
	s.Decimal = &Decimal{Precision: precision, Scale: scale}
}

func qualify(name, namespace string) string {
	if namespace == "" || strings.Contains(name, ".") {
		return strings.TrimPrefix(name, ".")
	}
	return namespace + "." + name
}

// space returns the namespace of a full name.
func space(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[:i]
	}
	return ""
}

func names(v any, valid *regexp.Regexp) ([]string, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("not a list")
	}
	var out []string
	for _, e := range list {
		s, ok := e.(string)
		if !ok || !valid.MatchString(s) {
			return nil, fmt.Errorf("%v is no name of Avro", e)
		}
		out = append(out, s)
	}
	return out, nil
}

func integer(v any) (int, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return int(i), err == nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func at(path, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if path == "" {
		return fmt.Errorf("%s", what)
	}
	return fmt.Errorf("field %q: %s", path, what)
}

func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case json.Number:
		return "the number " + v.String()
	case string:
		return fmt.Sprintf("%q", v)
	case []any:
		return "a list"
	}
	return "an object"
}
