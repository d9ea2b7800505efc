package postgres

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/capture/capturetest"
	"sluice/schemas"
	"sluice/schemas/avro"
)

// example is a value of a type, as SQL takes it.
type example struct{ typ, text string }

// typesSQL makes the types that the examples are of.
const typesSQL = `
	CREATE TYPE mood AS ENUM ('sad', 'ok', 'sad day, "b"'); CREATE DOMAIN positive AS integer CHECK (value > 0);
	CREATE DOMAIN price AS numeric(8,2); CREATE DOMAIN small AS positive;
	CREATE DOMAIN numbers AS integer[]; CREATE DOMAIN grid AS integer[][];
	CREATE TYPE address AS (number int, street text, city text); CREATE TYPE person AS (name text, home address);
	CREATE TYPE span AS RANGE (subtype = text);
	CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION citext`

// since is the version of PostgreSQL that first knew an example, and 0 where all
// that are supported do (PostgreSQL's release notes, 14 and 15).
func (e example) since() int {
	base, _, _ := strings.Cut(e.typ, "[")
	var precision, scale int
	n, _ := fmt.Sscanf(base, "numeric(%d,%d)", &precision, &scale)
	switch {
	case n == 2 && (scale < 0 || scale > precision), base == "interval" && strings.Contains(e.text, "2562047788:"):
		return 150000
	case strings.HasSuffix(base, "multirange"), base == "numeric" && strings.Contains(e.text, "Infinity"):
		return 140000
	}
	return 0
}

// available leaves out what the server is too old for, and the examples of
// PostGIS where it has none.
func (b *bed) available(t *testing.T, examples []example) []example {
	t.Helper()
	version := b.version(t)
	postgis := b.ask(t, "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'") == "1"
	if postgis {
		b.exec(t, "CREATE EXTENSION IF NOT EXISTS postgis")
	} else if os.Getenv("REQUIRE_SERVICES") == "1" && os.Getenv("SLUICE_POSTGRES") == "" {
		t.Fatal("the server has no PostGIS: make install-services")
	} else {
		t.Log("without PostGIS")
	}
	return slices.DeleteFunc(slices.Clone(examples), func(e example) bool {
		return e.since() > version || !postgis && strings.HasPrefix(e.typ, "geo")
	})
}

func readValues(t *testing.T) []example {
	t.Helper()
	file, err := os.ReadFile("testdata/values.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []example
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		typ, value, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("testdata/values.txt: %q is no type: value", line)
		}
		out = append(out, example{typ, value})
	}
	return out
}

// create makes a table of one column for each example, and returns the
// expressions of a row of them.
func (b *bed) create(t *testing.T, table string, examples []example) string {
	t.Helper()
	columns, values := []string{"id int PRIMARY KEY"}, make([]string, len(examples))
	for i, e := range examples {
		columns = append(columns, fmt.Sprintf("c%d %s", i, e.typ))
		values[i] = literal(e.text)
		if e.typ == "money" { // the server's locale may read it otherwise
			values[i] = "(" + e.text + ")::numeric::money"
		}
	}
	b.exec(t, fmt.Sprintf("CREATE TABLE %s (%s)", table, strings.Join(columns, ", ")))
	return strings.Join(values, ", ")
}

// TestSnapshotBytesAreStreamBytes: the same value has the same Avro bytes
// whichever way it came, of every type and in every mode.
func TestSnapshotBytesAreStreamBytes(t *testing.T) {
	b := newBed(t)
	b.exec(t, typesSQL)
	examples := readValues(t)
	for _, d := range readTypes(t) {
		examples = append(examples, d.example)
	}
	if len(examples) < 150 {
		t.Fatalf("%d examples", len(examples))
	}
	examples = b.available(t, examples)
	endless := b.available(t, []example{{"numeric", "NaN"}, {"numeric", "Infinity"}, {"numeric", "-Infinity"}, {"numeric(10,2)", "NaN"}, {"numeric[]", "{NaN}"}})
	for i, mode := range []Config{
		{Decimals: Precise},
		{Decimals: String},
		{Decimals: Double},
		{TimePrecision: AdaptiveTimeMicroseconds},
		{TimePrecision: Connect},
	} {
		t.Run(mode.Decimals+mode.TimePrecision, func(t *testing.T) {
			all := examples
			if mode.Decimals == String || mode.Decimals == Double {
				all = slices.Concat(examples, endless)
			}
			b.exec(t, "DROP TABLE IF EXISTS items")
			values := b.create(t, "items", all)
			b.exec(t, "ALTER TABLE items REPLICA IDENTITY FULL")
			b.exec(t, "INSERT INTO items VALUES (1, "+values+")")
			b.exec(t, "INSERT INTO items VALUES (2, NULL)")
			if t.Failed() {
				return
			}
			c := b.config("public.items")
			c.Decimals, c.TimePrecision = mode.Decimals, mode.TimePrecision
			c.Slot = fmt.Sprintf("%s_%d", c.Slot, i)
			r := capturetest.Open(t, b.source(t, c), "")
			snapshot := r.Read(2)
			b.exec(t, "INSERT INTO items VALUES (3, "+values+")")
			b.exec(t, "INSERT INTO items VALUES (4, NULL)")
			b.exec(t, "UPDATE items SET id = 5 WHERE id = 3")
			stream := r.Read(4)
			table := snapshot[0].Table
			if stream[0].Table != table {
				t.Error("snapshot and stream made two versions of the table")
			}
			for _, logical := range []bool{false, true} {
				rows := []schemas.Row{snapshot[0].After, stream[0].After, stream[2].Before, stream[3].After}
				sameBytes(t, table, all, rows, avro.Options{LogicalTypes: logical})
				sameBytes(t, table, all, []schemas.Row{snapshot[1].After, stream[1].After}, avro.Options{LogicalTypes: logical})
			}
		})
	}
}

// sameBytes encodes the rows, whose ids differ, and compares each column.
func sameBytes(t *testing.T, table *schemas.Table, examples []example, rows []schemas.Row, o avro.Options) {
	t.Helper()
	for i, e := range examples {
		column := table.Columns[i+1]
		one := &schemas.Table{Schema: table.Schema, Name: table.Name, Columns: []schemas.Column{column}}
		envelope, err := avro.CompileEnvelope("erp", one, o)
		if err != nil {
			t.Fatalf("%s: %v", e.typ, err)
		}
		var want []byte
		for n, row := range rows {
			c := schemas.Change{Op: schemas.Create, After: schemas.Row{row[i+1]}}
			got, err := envelope.AppendValue(nil, &c, time.Unix(0, 0))
			if err != nil {
				t.Errorf("%s %s: %v", e.typ, e.text, err)
				break
			}
			if n == 0 {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s %s: image %d is %s, the snapshot's %s", e.typ, e.text, n,
					capturetest.RenderValue(row[i+1]), capturetest.RenderValue(rows[0][i+1]))
			}
		}
	}
}
