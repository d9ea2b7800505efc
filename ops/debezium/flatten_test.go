package debezium

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// leaves is a tree laid flat: path to what stands there, as text.
type leaves map[string]string

// flattenSchema lays an Avro schema flat. Names are made full, a type given by
// its name alone is written as an object, so that only what a reader of the
// schema could tell apart differs.
func flattenSchema(text string) (leaves, error) {
	schema, err := parseSchema(text)
	if err != nil {
		return nil, err
	}
	out := leaves{}
	return out, out.schema("", "", schema)
}

func parseSchema(text string) (schema any, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&schema); err != nil {
		return nil, fmt.Errorf("parsing a schema: %w", err)
	}
	return schema, nil
}

func (l leaves) schema(path, space string, node any) error {
	switch n := node.(type) {
	case string:
		if strings.Contains(primitives, " "+n+" ") {
			l[path+":type"] = n
		} else {
			l[path+":type"] = "the " + full(n, space)
		}
	case []any:
		l[path+":type"] = "union of " + strconv.Itoa(len(n))
		for i, branch := range n {
			if err := l.schema(path+"|"+strconv.Itoa(i), space, branch); err != nil {
				return err
			}
		}
	case map[string]any:
		return l.object(path, space, n)
	default:
		return fmt.Errorf("a schema of %T at %s", node, path)
	}
	return nil
}

const primitives = " null boolean int long float double bytes string "

func (l leaves) object(path, space string, n map[string]any) error {
	kind, ok := n["type"].(string)
	if !ok {
		return l.schema(path, space, n["type"])
	}
	l[path+":type"] = kind
	if name, ok := n["name"].(string); ok {
		if s, ok := n["namespace"].(string); ok {
			space = s
		}
		name = full(name, space)
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			space = name[:i]
		}
		l[path+":name"] = name
	}
	for _, prop := range slices.Sorted(maps.Keys(n)) {
		switch prop {
		case "type", "name", "namespace":
		case "items":
			if err := l.schema(path+"[]", space, n[prop]); err != nil {
				return err
			}
		case "fields":
			if err := l.fields(path, space, n[prop].([]any)); err != nil {
				return err
			}
		default:
			l[path+":"+prop] = compact(n[prop])
		}
	}
	return nil
}

func (l leaves) fields(path, space string, fields []any) error {
	var order []string
	for _, f := range fields {
		field := f.(map[string]any)
		name := field["name"].(string)
		order = append(order, name)
		at := path + "." + name
		for prop, v := range field {
			if prop != "name" && prop != "type" {
				l[at+":field "+prop] = compact(v)
			}
		}
		if err := l.schema(at, space, field["type"]); err != nil {
			return err
		}
	}
	l[path+":fields"] = strings.Join(order, " ")
	return nil
}

func full(name, space string) string {
	if space == "" || strings.Contains(name, ".") {
		return name
	}
	return space + "." + name
}

// compact writes JSON with sorted keys, and numbers in one form: 5.0 is 5.
func compact(v any) string {
	if n, ok := v.(json.Number); ok && strings.ContainsAny(n.String(), ".eE") {
		if f, err := n.Float64(); err == nil {
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}
