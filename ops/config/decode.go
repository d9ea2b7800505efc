package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"sluice/schemas"
)

// decoder brings one YAML document into Go values and gathers every fault it
// meets, so that a person can mend them in one go. goccy's own decoder stops at
// the first and says it in many lines; it still does the custom types.
type decoder struct {
	places
	env      func(string) (string, bool)
	needs    []string
	anchors  map[string]ast.Node
	expanded map[ast.Node]string
	broken   map[ast.Node]bool
	unset    []string
	faults   []error
	merging  int
}

func newDecoder(file string, env func(string) (string, bool), needs []string) *decoder {
	return &decoder{
		places:  places{file: file, at: map[string]*token.Position{}, secrets: map[string]string{}},
		env:     env,
		needs:   needs,
		anchors: map[string]ast.Node{}, expanded: map[ast.Node]string{}, broken: map[ast.Node]bool{},
	}
}

func (d *decoder) fail(f *schemas.Fault) { d.faults = append(d.faults, f) }

// document parses data and decodes it into the value that into points to.
func (d *decoder) document(data []byte, into any) {
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.foreign(nil, "", err)
		return
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			d.fail(d.faultAt(position(doc.Body), "", schemas.Fault{
				What: "a second document", Cure: "put everything into the first: one file, one configuration",
			}))
			return
		}
		body = doc.Body
	}
	if body == nil {
		d.fail(d.faultAt(nil, "", schemas.Fault{What: "the file is empty", Cure: "start with kafka, registry, captures, entities and sinks"}))
		return
	}
	d.expand(body, "")
	d.value(body, reflect.ValueOf(into).Elem(), "")
}

// foreign is a fault that goccy found: its position and its words, without its
// excerpt of the source, which may hold secrets.
func (d *decoder) foreign(node ast.Node, path string, err error) {
	var ye yaml.Error
	var f *schemas.Fault
	switch {
	case errors.As(err, &f):
		d.fail(d.fault(join(path, f.Where), *f))
	case errors.As(err, &ye) && ye.GetToken() != nil:
		d.fail(d.faultAt(ye.GetToken().Position, path, schemas.Fault{What: ye.GetMessage()}))
	case node != nil:
		d.fail(d.faultAt(position(node), path, schemas.Fault{Err: err}))
	default:
		d.fail(d.faultAt(nil, path, schemas.Fault{Err: err}))
	}
}

// resolve follows anchors, tags and aliases to what they stand for; nil where
// that is nothing, for the reason that why says.
func (d *decoder) resolve(node ast.Node) (to ast.Node, why string) {
	for range maxAliases {
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.TagNode:
			node = n.Value
		case *ast.AliasNode:
			name := n.Value.GetToken().Value
			target, ok := d.anchors[name]
			if !ok {
				return nil, fmt.Sprintf("*%s has no anchor &%s", name, name)
			}
			node = target
		default:
			return node, ""
		}
	}
	return nil, "the alias leads to itself"
}

// maxAliases is how many aliases may lead to one another.
const maxAliases = 16

// position is where a node begins; goccy takes a block to begin at the colon
// of its first key.
func position(node ast.Node) *token.Position {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken().Position
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken().Position
	}
	return node.GetToken().Position
}

// value decodes node into v, which is settable. A struct of keys that is also a
// TextUnmarshaler may stand as a word or as a block.
func (d *decoder) value(node ast.Node, v reflect.Value, path string) {
	if node == nil {
		return
	}
	from := position(node)
	node, why := d.resolve(node)
	if node == nil {
		d.fail(d.faultAt(from, path, schemas.Fault{What: why}))
	}
	if node == nil || d.broken[node] {
		return
	}
	if _, seen := d.at[path]; !seen {
		d.at[path] = position(node)
	}
	if node.Type() == ast.NullType {
		return
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(node, v.Elem(), path)
		return
	}
	if decodesItself(v.Addr().Interface()) {
		if err := yaml.NodeToValue(node, v.Addr().Interface(), yaml.Strict()); err != nil {
			d.foreign(node, path, err)
		}
		return
	}
	u, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	if ok && (isScalar(node) || v.Kind() != reflect.Struct || len(fieldsOf(v.Type())) == 0) {
		d.text(node, path, func(s string) error { return u.UnmarshalText([]byte(s)) })
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(node, v, path)
	case reflect.Map:
		d.mapping(node, v, path)
	case reflect.Slice:
		d.list(node, v, path)
	case reflect.Interface:
		if err := yaml.NodeToValue(node, v.Addr().Interface()); err != nil {
			d.foreign(node, path, err)
		}
	default:
		d.scalar(node, v, path)
	}
}

// decodesItself reports whether a type has one of goccy's decoding methods.
func decodesItself(v any) bool {
	switch v.(type) {
	case yaml.BytesUnmarshaler, yaml.InterfaceUnmarshaler, yaml.NodeUnmarshaler,
		yaml.BytesUnmarshalerContext, yaml.InterfaceUnmarshalerContext, yaml.NodeUnmarshalerContext:
		return true
	}
	return false
}

func (d *decoder) list(node ast.Node, v reflect.Value, path string) {
	seq, ok := node.(*ast.SequenceNode)
	if !ok {
		d.wrong(node, path, "a list", "write [a, b] or one line a value, each after a dash")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, n := range seq.Values {
		d.value(n, out.Index(i), index(path, i))
	}
	v.Set(out)
}
