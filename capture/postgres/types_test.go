package postgres

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sluice/capture/capturetest"
	"sluice/schemas/avro"
)

// documented is a row of TYPES.md.
type documented struct {
	example
	avro, connect, value string
}

func readTypes(t *testing.T) []documented {
	t.Helper()
	text, err := os.ReadFile("TYPES.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []documented
	for line := range strings.SplitSeq(string(text), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 7 || !strings.HasPrefix(line, "| `") {
			continue
		}
		cell := func(i int) string { return strings.Trim(strings.TrimSpace(cells[i]), "`") }
		out = append(out, documented{example{cell(1), cell(2)}, cell(3), cell(4), cell(5)})
	}
	if len(out) < 50 {
		t.Fatalf("TYPES.md has %d rows", len(out))
	}
	return out
}

// TestTypesAreAsDocumented reads every example of TYPES.md by snapshot and
// from the stream.
func TestTypesAreAsDocumented(t *testing.T) {
	b := newBed(t)
	b.exec(t, typesSQL)
	rows := readTypes(t)
	var examples []example
	for _, r := range rows {
		examples = append(examples, r.example)
	}
	if examples = b.available(t, examples); len(examples) < len(rows) {
		rows = slices.DeleteFunc(rows, func(r documented) bool { return !slices.Contains(examples, r.example) })
	}
	values := b.create(t, "items", examples)
	insert := func(id int) {
		b.exec(t, fmt.Sprintf("INSERT INTO items VALUES (%d, %s)", id, values))
	}
	insert(1)
	r := capturetest.Open(t, b.source(t, b.config("public.items")), "")
	fromSnapshot := r.Read(1)[0]
	insert(2)
	b.exec(t, "INSERT INTO items VALUES (3)") // all NULL
	streamed := r.Read(2)
	fromStream, nulls := streamed[0], streamed[1]
	if fromSnapshot.Table != fromStream.Table {
		t.Error("snapshot and stream made two versions of the table")
	}
	envelope, err := avro.CompileEnvelope("erp", fromStream.Table, avro.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fields := valueFields(t, envelope.ValueSchema)
	for i, row := range rows {
		if got := capturetest.RenderValue(fromSnapshot.After[i+1]); got != row.value {
			t.Errorf("%s %s by snapshot is %s, documented %s", row.typ, row.text, got, row.value)
		}
		if !fromStream.After[i+1].Equal(fromSnapshot.After[i+1]) {
			t.Errorf("%s %s by stream is %s, by snapshot %s", row.typ, row.example,
				capturetest.RenderValue(fromStream.After[i+1]), capturetest.RenderValue(fromSnapshot.After[i+1]))
		}
		if !nulls.After[i+1].IsNull() {
			t.Errorf("%s NULL is %s", row.typ, capturetest.RenderValue(nulls.After[i+1]))
		}
		if f := fields[fmt.Sprintf("c%d", i)]; f.typ != row.avro || f.connect != row.connect {
			t.Errorf("%s is Avro %q named %q, documented %q named %q", row.typ, f.typ, f.connect, row.avro, row.connect)
		}
	}
}

type avroField struct{ typ, connect string }

// valueFields reads the columns' types out of an envelope's schema.
func valueFields(t *testing.T, schema string) map[string]avroField {
	t.Helper()
	type field struct {
		Name string          `json:"name"`
		Type json.RawMessage `json:"type"`
	}
	var find func(raw json.RawMessage) []field
	find = func(raw json.RawMessage) []field {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) == nil {
			for _, r := range list {
				if f := find(r); f != nil {
					return f
				}
			}
			return nil
		}
		var record struct {
			Name   string  `json:"name"`
			Fields []field `json:"fields"`
		}
		if json.Unmarshal(raw, &record) != nil {
			return nil
		}
		if record.Name == "Value" {
			return record.Fields
		}
		for _, f := range record.Fields {
			if got := find(f.Type); got != nil {
				return got
			}
		}
		return nil
	}
	out := map[string]avroField{}
	for _, f := range find(json.RawMessage(schema)) {
		raw := f.Type
		var union []json.RawMessage
		if json.Unmarshal(raw, &union) == nil {
			raw = union[len(union)-1]
		}
		var a avroField
		if json.Unmarshal(raw, &a.typ) != nil {
			var named struct {
				Type    string `json:"type"`
				Connect string `json:"connect.name"`
			}
			if err := json.Unmarshal(raw, &named); err != nil {
				t.Fatalf("field %s: %s: %v", f.Name, raw, err)
			}
			a = avroField{named.Type, named.Connect}
		} else if strings.Contains(a.typ, ".") { // a record that stands before
			a = avroField{"record", a.typ}
		}
		out[f.Name] = a
	}
	if len(out) == 0 {
		t.Fatalf("no record Value in %.200s", schema)
	}
	return out
}

func TestUnsupportedDecimalsAreStrings(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, a numeric, b numeric(10,2)); INSERT INTO items VALUES (1, 'NaN', '-3.1')")
	for how, want := range map[string]string{
		String: `r items => {id: 1, a: "NaN", b: "-3.10"}`,
		Double: `r items => {id: 1, a: NaNf, b: -3.1f}`,
	} {
		c := b.config("public.items")
		c.Decimals = how
		r := capturetest.Open(t, b.source(t, c), "")
		if got := r.Read(1)[0].Text; got != want {
			t.Errorf("decimals: %s gives %s, want %s", how, got, want)
		}
		r.Close()
	}
}

// TestUnchangedToast leaves a large value out of an update.
func TestUnchangedToast(t *testing.T) {
	b := newBed(t)
	b.exec(t, `CREATE TABLE items (id int PRIMARY KEY, n int, big text);
		ALTER TABLE items ALTER big SET STORAGE EXTERNAL; INSERT INTO items VALUES (1, 1, repeat('x', 20000))`)
	r := capturetest.Open(t, b.source(t, b.config("public.items")), "")
	r.Read(1)
	r.Next() // the end of the snapshot, which holds the table's lock
	b.exec(t, "UPDATE items SET n = 2")
	b.exec(t, "UPDATE items SET id = 2")
	b.exec(t, "ALTER TABLE items REPLICA IDENTITY FULL; UPDATE items SET n = 3")
	got := r.Read(4)
	for i, want := range []string{
		"u items => {id: 1, n: 2, big: unchanged}",
		"d items {id: 1, n: absent, big: absent} newkey {2}",
		"c items => {id: 2, n: 2, big: unchanged} oldkey {1}",
	} {
		if got[i].Text != want {
			t.Errorf("change %d is %s, want %s", i, got[i].Text, want)
		}
	}
	if big := got[3].After[2]; len(big.Bytes) != 20000 {
		t.Errorf("with the full old row, the unchanged value is %s of %d bytes", big.Kind, len(big.Bytes))
	}
}

// TestOriginDropped reads what came from a node that the server has forgotten.
func TestOriginDropped(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	r := capturetest.Open(t, b.source(t, b.config("public.items")), "")
	r.Next()
	origin := b.slot + "_origin"
	b.exec(t, fmt.Sprintf("SELECT pg_replication_origin_create('%s'); SELECT pg_replication_origin_session_setup('%s')", origin, origin))
	b.exec(t, fmt.Sprintf(`BEGIN; SELECT pg_replication_origin_xact_setup('0/ABC', now()); INSERT INTO items VALUES (1); COMMIT;
		SELECT pg_replication_origin_session_reset(); SELECT pg_replication_origin_drop('%s')`, origin))
	b.exec(t, "INSERT INTO items VALUES (2)")
	for i, c := range r.Read(2) {
		if got := c.Text; got != fmt.Sprintf("c items => {id: %d}", i+1) {
			t.Errorf("change %d is %s", i+1, got)
		}
	}
}

// TestOrigin sees which node a change came from.
func TestOrigin(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	r := capturetest.Open(t, b.source(t, b.config("public.items")), "")
	r.Next()
	origin := b.slot + "_origin"
	b.exec(t, fmt.Sprintf("SELECT pg_replication_origin_create('%s'); SELECT pg_replication_origin_session_setup('%s')", origin, origin))
	b.exec(t, "BEGIN; SELECT pg_replication_origin_xact_setup('0/ABC', now()); INSERT INTO items VALUES (1); COMMIT")
	got := r.Read(1)
	b.exec(t, fmt.Sprintf("SELECT pg_replication_origin_session_reset(); SELECT pg_replication_origin_drop('%s')", origin))
	b.exec(t, "INSERT INTO items VALUES (2)")
	got = append(got, r.Read(1)...)
	if src := got[0].Source; string(src[colOrigin].Bytes) != origin || src[colOriginLSN].Int() != 0xABC {
		t.Errorf("origin %s at %d, want %s at %d", src[colOrigin].Bytes, src[colOriginLSN].Int(), origin, 0xABC)
	}
	if src := got[1].Source; !src[colOrigin].IsNull() || src[colTx].Int() == 0 || src[colLSN].Int() == 0 || src[colTime].Int() == 0 {
		t.Errorf("the source block of a plain change is %v", src)
	}
}
