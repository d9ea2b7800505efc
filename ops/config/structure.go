package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"sluice/schemas"
)

// field is a struct's field under its key in the file.
type field struct {
	name  string
	index []int
}

// fieldsOf lists the keys of a struct, those of inlined structs among them, in
// the order of the type.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
			continue
		case strings.Contains(options, "inline"):
			for _, in := range fieldsOf(f.Type) {
				out = append(out, field{in.name, append([]int{i}, in.index...)})
			}
			continue
		case name == "":
			name = strings.ToLower(f.Name)
		}
		out = append(out, field{name, []int{i}})
	}
	return out
}

// entry is one key with its value.
type entry struct {
	key   string
	pos   *token.Position
	value ast.Node
}

// entries lists the keys of a mapping in order. Keys merged with "<<" come
// last, without those that the mapping has itself. A key that stands twice is
// a fault.
func (d *decoder) entries(node ast.Node, path string) ([]entry, bool) {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		return nil, false
	}
	var out []entry
	first := map[string]*token.Position{}
	var merges []ast.Node
	for _, v := range values {
		if v.Key.IsMergeKey() {
			merges = append(merges, v.Value)
			continue
		}
		key, pos := keyText(v.Key), v.Key.GetToken().Position
		if at, twice := first[key]; twice {
			d.fail(d.faultAt(pos, join(path, key), schemas.Fault{
				What: "the key stands twice", Cure: fmt.Sprintf("the other is in line %d; keep one", at.Line),
			}))
			continue
		}
		first[key] = pos
		out = append(out, entry{key, pos, v.Value})
	}
	for _, m := range merges {
		for _, e := range d.merged(m, path) {
			if first[e.key] == nil {
				first[e.key] = e.pos
				out = append(out, e)
			}
		}
	}
	return out, true
}

func (d *decoder) merged(node ast.Node, path string) []entry {
	if d.merging++; d.merging > maxAliases {
		d.fail(d.faultAt(position(node), path, schemas.Fault{What: "the merged block leads to itself"}))
		return nil
	}
	defer func() { d.merging-- }()
	from := position(node)
	node, why := d.resolve(node)
	if node == nil {
		d.fail(d.faultAt(from, join(path, "<<"), schemas.Fault{What: why}))
		return nil
	}
	if seq, ok := node.(*ast.SequenceNode); ok {
		var out []entry
		for _, n := range seq.Values {
			out = append(out, d.merged(n, path)...)
		}
		return out
	}
	out, ok := d.entries(node, path)
	if !ok {
		d.wrong(node, join(path, "<<"), "a block of keys", "")
	}
	return out
}

func keyText(key ast.MapKeyNode) string {
	if s, ok := key.(*ast.StringNode); ok {
		return s.Value
	}
	return key.GetToken().Value
}

func (d *decoder) structure(node ast.Node, v reflect.Value, path string) {
	entries, ok := d.entries(node, path)
	if !ok {
		d.wrong(node, path, "a block of keys", cureFor("", fieldNames(v.Type())))
		return
	}
	fields := fieldsOf(v.Type())
	for _, e := range entries {
		at := join(path, e.key)
		d.mark(at, e)
		var target reflect.Value
		for _, f := range fields {
			if f.name == e.key {
				target = v.FieldByIndex(f.index)
			}
		}
		if !target.IsValid() {
			d.fail(d.faultAt(e.pos, at, schemas.Fault{What: "unknown key", Cure: cureFor(e.key, fieldNames(v.Type()))}))
			continue
		}
		d.value(e.value, target, at)
	}
}

func (d *decoder) mapping(node ast.Node, v reflect.Value, path string) {
	entries, ok := d.entries(node, path)
	if !ok || v.Type().Key().Kind() != reflect.String {
		d.wrong(node, path, "a block of keys", "")
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(entries))
	for _, e := range entries {
		at := join(path, e.key)
		d.mark(at, e)
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(e.value, elem, at)
		out.SetMapIndex(reflect.ValueOf(e.key).Convert(v.Type().Key()), elem)
	}
	v.Set(out)
}

// mark notes the place of a key: a block is found at its key, a single value
// where the value stands.
func (d *decoder) mark(path string, e entry) {
	pos := e.pos
	if n, _ := d.resolve(e.value); n != nil && isScalar(n) && n.Type() != ast.NullType {
		pos = position(n)
	}
	d.at[path] = pos
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for _, f := range fieldsOf(t) {
		names = append(names, f.name)
	}
	return names
}
