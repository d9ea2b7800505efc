package avro

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/linkedin/goavro/v2"
	"pgregory.net/rapid"

	"sluice/schemas"
)

// TestRecordOracle: our bytes mean to goavro what the row says, goavro's bytes
// for that are ours, and our decoders give back the row, whether they come from
// the Table or from the schema text.
func TestRecordOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := genTable(t)
		row := genRow(t, table.Columns)
		r, err := CompileRecord(table)
		if err != nil {
			t.Fatal(err)
		}
		data, err := r.Append(nil, row)
		if err != nil {
			t.Fatal(err)
		}
		checkOracle(t, r.Schema, data, func(n *node) any { return nativeRow(n, row) })

		parsed, err := ParseRecord(r.Schema)
		if err != nil {
			t.Fatal(err)
		}
		checkColumns(t, parsed.Table, table)
		for name, r := range map[string]*Record{"compiled": r, "parsed": parsed} {
			var a schemas.Arena
			got, err := r.Decode(data, &a)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !got.Equal(row) {
				t.Fatalf("%s: decoded %v, want %v", name, got, row)
			}
		}
		again, err := parsed.Append(nil, row)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("the parsed schema writes %x, %v, the compiled %x", again, err, data)
		}
	})
}

// TestEnvelopeOracle is the same for envelopes and keys.
func TestEnvelopeOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := genTable(t)
		table.Source = postgresSource()
		for i := range table.Columns {
			if rapid.Bool().Draw(t, "in key") {
				table.Key = append(table.Key, i)
			}
		}
		e, err := CompileEnvelope("erp", table, Options{LogicalTypes: rapid.Bool().Draw(t, "logical types")})
		if err != nil {
			t.Fatal(err)
		}
		c := schemas.Change{Op: schemas.Op(rapid.SampledFrom([]byte("cudr")).Draw(t, "op")), Source: genRow(t, table.Source.Columns)}
		if rapid.Bool().Draw(t, "before") {
			c.Before = genRow(t, table.Columns)
		}
		if c.Before == nil || rapid.Bool().Draw(t, "after") {
			c.After = genRow(t, table.Columns)
		}
		if rapid.Bool().Draw(t, "transaction") {
			c.Transaction = schemas.TransactionPlace{
				ID:    []byte(rapid.StringN(1, 20, 60).Draw(t, "id")),
				Total: rapid.Int64().Draw(t, "total"), Collection: rapid.Int64().Draw(t, "collection"),
			}
		}
		data, err := e.AppendValue(nil, &c, processed)
		if err != nil {
			t.Fatal(err)
		}
		checkOracle(t, e.ValueSchema, data, func(n *node) any { return nativeEnvelope(n, &c) })

		d, err := ParseEnvelope(e.ValueSchema)
		if err != nil {
			t.Fatal(err)
		}
		checkColumns(t, d.Table, table)
		checkColumns(t, d.Table.Source, table.Source)
		var a schemas.Arena
		var got schemas.Change
		if err := d.Decode(data, &a, &got); err != nil {
			t.Fatal(err)
		}
		if got.Op != c.Op || !got.Before.Equal(c.Before) || !got.After.Equal(c.After) || !got.Source.Equal(c.Source) ||
			string(got.Transaction.ID) != string(c.Transaction.ID) || got.Transaction.Total != c.Transaction.Total ||
			got.Transaction.Collection != c.Transaction.Collection ||
			(got.Before == nil) != (c.Before == nil) || (got.After == nil) != (c.After == nil) {
			t.Fatalf("decoded %v, want %v", got, c)
		}
		if len(table.Key) > 0 {
			checkKey(t, e, table, c.KeyRow())
		}
	})
}

func checkKey(t *rapid.T, e *Envelope, table *schemas.Table, row schemas.Row) {
	key := schemas.Row{}
	for _, at := range table.Key {
		key = append(key, row[at])
	}
	data, err := e.AppendKey(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	checkOracle(t, e.KeySchema, data, func(n *node) any { return nativeRow(n, key) })
	other, err := e.AppendOtherKey(nil, key)
	if err != nil || !bytes.Equal(other, data) {
		t.Fatalf("AppendOtherKey: %x, %v; AppendKey: %x", other, err, data)
	}
}

// checkOracle compares with goavro, with logicalTypes left out (so that the
// native values are plain) and left in. Defaults are left out: goavro wants
// those of logicalTypes in a form of its own, and they are not in the bytes.
func checkOracle(t *rapid.T, schema string, data []byte, want func(*node) any) {
	n, err := parse(schema)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := goavro.NewCodec(without(schema, "default", "logicalType"))
	if err != nil {
		t.Fatalf("goavro: %v: %s", err, schema)
	}
	native, rest, err := plain.NativeFromBinary(data)
	if err != nil || len(rest) > 0 {
		t.Fatalf("goavro: %v, %d bytes left; %x with %s", err, len(rest), data, schema)
	}
	if w := want(n); !reflect.DeepEqual(alike(native), alike(w)) {
		t.Fatalf("goavro reads %#v\nwant %#v", native, w)
	}
	again, err := plain.BinaryFromNative(nil, native)
	if err != nil || !bytes.Equal(again, data) {
		t.Fatalf("goavro writes %x, %v; we write %x", again, err, data)
	}

	logical, err := goavro.NewCodec(without(schema, "default"))
	if err != nil {
		t.Fatalf("goavro: %v: %s", err, schema)
	}
	if native, _, err = logical.NativeFromBinary(data); err != nil {
		t.Fatalf("goavro: %v: %s", err, schema)
	}
	if again, err = logical.BinaryFromNative(nil, native); err != nil || !bytes.Equal(again, data) {
		t.Fatalf("with logicalTypes goavro writes %x, %v; we write %x: %s", again, err, data, schema)
	}
}

// without removes properties everywhere in a schema.
func without(schema string, names ...string) string {
	var v any
	if err := json.Unmarshal([]byte(schema), &v); err != nil {
		panic(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range names {
				delete(v, name)
			}
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(v)
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// nativeRow is the row as goavro's native value.
func nativeRow(n *node, row schemas.Row) any {
	out := map[string]any{}
	for i, f := range n.fields {
		out[f.name] = native(f.node, row[i])
	}
	return out
}

func native(n *node, v schemas.Value) any {
	if inner, _, ok := n.optional(); ok {
		if v.IsNull() {
			return nil
		}
		name := inner.kind
		if inner.name != "" {
			name = inner.name
		}
		return map[string]any{name: native(inner, v)}
	}
	switch n.kind {
	case "boolean":
		return v.Bool()
	case "int":
		_, times, _ := n.recognise()
		return int32(v.Int() / times)
	case "long":
		return v.Int()
	case "float":
		return float32(v.Float())
	case "double":
		return v.Float()
	case "string", "enum":
		return string(v.Bytes)
	case "bytes":
		return v.Bytes
	case "record":
		if v.Kind == schemas.List {
			return nativeRow(n, v.Elems())
		}
		return map[string]any{"scale": v.Scale, "value": v.Bytes}
	case "array":
		out := []any{}
		for _, e := range v.Elems() {
			out = append(out, native(n.items, e))
		}
		return out
	}
	panic(n.kind)
}

func nativeEnvelope(n *node, c *schemas.Change) any {
	image := func(row schemas.Row) any {
		if row == nil {
			return nil
		}
		value := n.fields[0].node.branches[1]
		return map[string]any{value.name: nativeRow(value, row)}
	}
	var block any
	if tx := c.Transaction; len(tx.ID) > 0 {
		block = map[string]any{"event.block": map[string]any{
			"id": string(tx.ID), "total_order": tx.Total, "data_collection_order": tx.Collection,
		}}
	}
	return map[string]any{
		"before": image(c.Before), "after": image(c.After), "source": nativeRow(n.fields[2].node, c.Source),
		"transaction": block, "op": c.Op.String(),
		"ts_ms": map[string]any{"long": processed.UnixMilli()},
		"ts_us": map[string]any{"long": processed.UnixMicro()},
		"ts_ns": map[string]any{"long": processed.UnixNano()},
	}
}

// alike makes equal what differs only in nil and empty.
func alike(v any) any {
	switch v := v.(type) {
	case []byte:
		return fmt.Sprintf("bytes %x", v)
	case map[string]any:
		out := map[string]any{}
		for k, inner := range v {
			out[k] = alike(inner)
		}
		return out
	case []any:
		out := []any{}
		for _, inner := range v {
			out = append(out, alike(inner))
		}
		return out
	}
	return v
}

// checkColumns wants the columns that were described, except what a schema text
// cannot say.
func checkColumns(t *rapid.T, got, want *schemas.Table) {
	if len(got.Columns) != len(want.Columns) {
		t.Fatalf("%d columns, want %d", len(got.Columns), len(want.Columns))
	}
	for i := range want.Columns {
		g, w := got.Columns[i], want.Columns[i]
		if d := w.Default; (d == nil) != (g.Default == nil) || d != nil && !g.Default.Equal(*d) {
			t.Fatalf("column %q: default %v, want %v", w.Name, g.Default, w.Default)
		}
		g.Default, w.Default = nil, nil
		if !reflect.DeepEqual(g, w) {
			t.Fatalf("column %q: %+v, want %+v", w.Name, g, w)
		}
	}
}
