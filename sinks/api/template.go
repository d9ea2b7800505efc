package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/template"

	"sluice/schemas"
	"sluice/sinks"
)

// request is a compiled Request.
type request struct {
	name   string
	method string
	path   *template.Template
	body   *template.Template // nil: all fields, or nothing for a delete
}

var functions = template.FuncMap{
	"json":  toJSON,
	"path":  escapePath,
	"query": func(v any) string { return url.QueryEscape(text(v)) },
	"lower": func(v any) string { return strings.ToLower(text(v)) },
	"upper": func(v any) string { return strings.ToUpper(text(v)) },
	"default": func(def, v any) any {
		if v == nil || v == "" {
			return def
		}
		return v
	},
}

// compile compiles the templates. The error is a *schemas.Fault with the place
// in the api block.
func compile(name string, r Request) (*request, error) {
	bad := func(field string, err error) error {
		return &schemas.Fault{
			Where: name + "." + field, What: "is no template", Err: err,
			Cure: "see text/template; the values are .Key .Fields .Entity .Position, the functions json path query lower upper default",
		}
	}
	if !strings.HasPrefix(r.Path, "/") {
		return nil, &schemas.Fault{
			Where: name + ".path", What: "does not begin with a slash",
			Cure: `write one such as "/customers/{{.Key | path}}"`,
		}
	}
	c := &request{name: name, method: r.Method}
	var err error
	if c.path, err = parse(name+".path", r.Path); err != nil {
		return nil, bad("path", err)
	}
	if r.Body != "" {
		if c.body, err = parse(name+".body", r.Body); err != nil {
			return nil, bad("body", err)
		}
	}
	return c, nil
}

func parse(name, text string) (*template.Template, error) {
	return template.New(name).Option("missingkey=error").Funcs(functions).Parse(text)
}

// view is what a template sees.
type view struct {
	Key, Entity, Position string

	d      *sinks.Delivery
	fields map[string]any
}

func newView(d *sinks.Delivery) *view {
	return &view{
		Key: string(d.Key), Entity: strings.TrimPrefix(d.Topic, "entity."), Position: d.Position,
		d: d,
	}
}

// Fields are the entity's fields by name, as JSON would have them. They are
// made when a template asks for them.
func (v *view) Fields() (map[string]any, error) {
	if v.d.Deletion() {
		return nil, errors.New("a deletion has no .Fields, only .Key")
	}
	if v.fields == nil {
		v.fields = make(map[string]any, len(v.d.Row))
		for i, val := range v.d.Row {
			if !val.Known() {
				continue
			}
			x, err := fieldOf(&v.d.Table.Columns[i], val)
			if err != nil {
				return nil, err
			}
			v.fields[v.d.Table.Columns[i].Name] = x
		}
	}
	return v.fields, nil
}

// render gives the path and the body for a delivery.
func (r *request) render(v *view) (path string, body []byte, err error) {
	var buf bytes.Buffer
	if err := r.path.Execute(&buf, v); err != nil {
		return "", nil, err
	}
	path = buf.String()
	if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return "", nil, fmt.Errorf("the path of %s came out as %q: it must begin with a slash and hold neither spaces nor control characters; use {{... | path}}", r.name, path)
	}
	switch {
	case r.body != nil:
		var b bytes.Buffer
		if err := r.body.Execute(&b, v); err != nil {
			return "", nil, err
		}
		if !json.Valid(b.Bytes()) {
			return "", nil, fmt.Errorf("the body of %s is not valid JSON for this record; use {{... | json}} for every value", r.name)
		}
		body = b.Bytes()
	case !v.d.Deletion():
		if body, err = appendObject(nil, v.d.Table, v.d.Row); err != nil {
			return "", nil, err
		}
	}
	return path, body, nil
}

// escapePath makes a value one segment of a path. The segments "." and ".."
// would name another place, so their dots are escaped too.
func escapePath(v any) string {
	s := url.PathEscape(text(v))
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return s
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

func toJSON(v any) (string, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(buf.String(), "\n"), nil
}
