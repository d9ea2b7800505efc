package config

import (
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"sluice/schemas"
)

// wrong says that the node is not what the place wants.
func (d *decoder) wrong(node ast.Node, path, want, cure string) {
	var got string
	switch n := node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		got = "a block of keys"
	case *ast.SequenceNode:
		got = "a list"
	default:
		if raw, ok := d.expanded[node]; ok {
			got = "the value of " + raw
		} else {
			got = strconv.Quote(scalarText(n))
		}
	}
	pos := d.at[path] // of a block: its key
	if pos == nil || isScalar(node) {
		pos = position(node)
	}
	d.fail(d.faultAt(pos, path, schemas.Fault{What: got + " is not " + want, Cure: cure}))
}

// text hands the scalar's text to parse.
func (d *decoder) text(node ast.Node, path string, parse func(string) error) {
	if !isScalar(node) {
		d.wrong(node, path, "a single value", "")
		return
	}
	if err := parse(scalarText(node)); err != nil {
		if raw, ok := d.expanded[node]; ok {
			err = fmt.Errorf("the value of %s cannot be used here", raw)
		}
		d.foreign(node, path, err)
	}
}

var durationType = reflect.TypeFor[time.Duration]()

// scalar decodes numbers, words and durations. A quoted number is text, unless
// it came out of a variable.
func (d *decoder) scalar(node ast.Node, v reflect.Value, path string) {
	want, cure := wants(v.Type())
	if !isScalar(node) || d.quoted(node) && v.Kind() != reflect.String && v.Type() != durationType {
		d.wrong(node, path, want, cure)
		return
	}
	text := scalarText(node)
	var err error
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		var b bool
		if b, err = strconv.ParseBool(text); err == nil {
			v.SetBool(b)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var i int64
		if v.Type() == durationType {
			var t time.Duration
			t, err = time.ParseDuration(text)
			i = int64(t)
		} else {
			i, err = strconv.ParseInt(text, 0, v.Type().Bits())
		}
		if err == nil {
			v.SetInt(i)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		var u uint64
		if u, err = strconv.ParseUint(text, 0, v.Type().Bits()); err == nil {
			v.SetUint(u)
		}
	case reflect.Float32, reflect.Float64:
		var f float64
		if f, err = strconv.ParseFloat(text, v.Type().Bits()); err == nil {
			v.SetFloat(f)
		}
	default:
		err = fmt.Errorf("a %s cannot be configured", v.Type())
	}
	if err != nil {
		d.wrong(node, path, want, cure)
	}
}

func wants(t reflect.Type) (want, cure string) {
	if t == durationType {
		return "a duration", "write a number and a unit, such as 50ms, 10s or 5m"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false", ""
	case reflect.String:
		return "text", ""
	case reflect.Float32, reflect.Float64:
		return "a number", ""
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number from 0 of %d bits", t.Bits()), ""
	default:
		return fmt.Sprintf("a whole number of %d bits", t.Bits()), ""
	}
}

func isScalar(node ast.Node) bool {
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		return false
	}
	return true
}

func (d *decoder) quoted(node ast.Node) bool {
	s, ok := node.(*ast.StringNode)
	if _, expanded := d.expanded[node]; !ok || expanded {
		return false
	}
	return s.Token.Type == token.DoubleQuoteType || s.Token.Type == token.SingleQuoteType
}

func scalarText(node ast.Node) string {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	default:
		return node.GetToken().Value
	}
}
