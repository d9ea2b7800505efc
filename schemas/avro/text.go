package avro

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// text writes the schema as JSON, in the order of Avro's own Java library.
func (n *node) text() string {
	w := textWriter{seen: map[string]bool{}}
	w.node(n, "")
	return w.String()
}

type textWriter struct {
	bytes.Buffer
	seen map[string]bool
}

func (w *textWriter) node(n *node, space string) {
	switch n.kind {
	case "union":
		w.WriteByte('[')
		for i, b := range n.branches {
			if i > 0 {
				w.WriteByte(',')
			}
			w.node(b, space)
		}
		w.WriteByte(']')
		return
	case "record", "enum", "fixed":
		inner, short := splitName(n.name)
		if w.seen[n.name] {
			if inner == space {
				w.quote(short)
			} else {
				w.quote(n.name)
			}
			return
		}
		w.seen[n.name] = true
		w.WriteString(`{"type":`)
		w.quote(n.kind)
		w.WriteString(`,"name":`)
		w.quote(short)
		if inner != space {
			w.WriteString(`,"namespace":`)
			w.quote(inner)
		}
		switch n.kind {
		case "record":
			w.fields(n.fields, inner)
		case "enum":
			w.property("symbols", n.symbols)
		case "fixed":
			w.property("size", n.size)
		}
	case "array":
		w.WriteString(`{"type":"array","items":`)
		w.node(n.items, space)
	case "map":
		w.WriteString(`{"type":"map","values":`)
		w.node(n.items, space)
	default:
		if n.plain() {
			w.quote(n.kind)
			return
		}
		w.WriteString(`{"type":`)
		w.quote(n.kind)
	}
	w.properties(n)
	w.WriteByte('}')
}

func (n *node) plain() bool {
	return n.connectName == "" && n.connectType == "" && n.connectDoc == "" && n.connectDefault == nil &&
		n.version == 0 && n.params == nil && n.logical == "" && n.decimal == nil && n.sluiceSymbols == nil
}

func (w *textWriter) fields(fields []field, space string) {
	w.WriteString(`,"fields":[`)
	for i := range fields {
		f := &fields[i]
		if i > 0 {
			w.WriteByte(',')
		}
		w.WriteString(`{"name":`)
		w.quote(f.name)
		w.WriteString(`,"type":`)
		w.node(f.node, space)
		if f.doc != "" {
			w.property("doc", f.doc)
		}
		if f.def != nil {
			w.property("default", f.def)
		}
		if f.column != "" {
			w.property("sluice.name", f.column)
		}
		w.WriteByte('}')
	}
	w.WriteByte(']')
}

func (w *textWriter) properties(n *node) {
	if d := n.decimal; d != nil {
		w.property("scale", d.scale)
		if d.precision > 0 {
			w.property("precision", d.precision)
		}
	}
	if n.connectDoc != "" {
		w.property("connect.doc", n.connectDoc)
	}
	if n.version != 0 {
		w.property("connect.version", n.version)
	}
	if n.params != nil {
		w.WriteString(`,"connect.parameters":{`)
		for i, p := range n.params {
			if i > 0 {
				w.WriteByte(',')
			}
			w.quote(p.name)
			w.WriteByte(':')
			w.quote(p.value)
		}
		w.WriteByte('}')
	}
	if n.connectDefault != nil {
		w.property("connect.default", n.connectDefault)
	}
	if n.connectName != "" {
		w.property("connect.name", n.connectName)
	}
	if n.connectType != "" {
		w.property("connect.type", n.connectType)
	}
	if n.logical != "" {
		w.property("logicalType", n.logical)
	}
	if n.sluiceSymbols != nil {
		w.property("sluice.symbols", n.sluiceSymbols)
	}
}

func (w *textWriter) property(name string, value any) {
	w.WriteString(`,"` + name + `":`)
	switch v := value.(type) {
	case string:
		w.quote(v)
	case int:
		w.WriteString(strconv.Itoa(v))
	case json.RawMessage:
		w.Write(v)
	case []string:
		w.WriteByte('[')
		for i, s := range v {
			if i > 0 {
				w.WriteByte(',')
			}
			w.quote(s)
		}
		w.WriteByte(']')
	}
}

func (w *textWriter) quote(s string) { w.Write(quote(s)) }

// quote writes a JSON string without the escapes that are for HTML.
func quote(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
