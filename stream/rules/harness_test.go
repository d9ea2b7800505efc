package rules

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"sluice/schemas"
	"sluice/stream"
)

const testTopic = "erp.public.customers"

// entity reads a declaration as the configuration does.
func entity(t testing.TB, text string) Entity {
	t.Helper()
	var e Entity
	if err := yaml.NewDecoder(strings.NewReader(text), yaml.Strict()).Decode(&e); err != nil {
		t.Fatalf("reading the entity: %v", err)
	}
	return e
}

// one declares an entity with one field beside its key.
func one(field, source string) Entity {
	f := Field{Type: field}
	if words, ok := strings.CutPrefix(field, "enum "); ok {
		f = Field{Type: "enum", Values: strings.Fields(words)}
	}
	if word, ok := strings.CutSuffix(field, " required"); ok {
		f = Field{Type: word, Required: true}
	}
	return Entity{
		Version: 1,
		Fields:  map[string]Field{"x": f},
		From:    []Mapping{{Topic: testTopic, Key: "id", Set: map[string]string{"x": source}}},
	}
}

func compiled(t testing.TB, e Entity) *Rules {
	t.Helper()
	r, err := Compile("customer", e)
	if err != nil {
		t.Fatalf("compiling the entity: %v", err)
	}
	return r
}

func columnOf(name string, typ schemas.Type) schemas.Column {
	return schemas.Column{Name: name, Type: typ, Optional: true}
}

// tableOf is a table with the key column id and others.
func tableOf(columns ...schemas.Column) *schemas.Table {
	t := &schemas.Table{
		Schema: "public", Name: "customers", Key: []int{0},
		Columns: []schemas.Column{{Name: "id", Type: schemas.Type{Name: schemas.Int64Type}}},
		Source: &schemas.Table{Name: "Source", Columns: []schemas.Column{
			{Name: "ts_ms", Type: schemas.Type{Name: schemas.Int64Type}},
			{Name: "ts_us", Type: schemas.Type{Name: schemas.Int64Type}, Optional: true},
		}},
	}
	t.Columns = append(t.Columns, columns...)
	return t
}

// item is a change of a row whose id is 7.
func item(op schemas.Op, t *schemas.Table, values ...schemas.Value) *stream.Item {
	row := append(schemas.Row{schemas.IntOf(7)}, values...)
	it := &stream.Item{Input: stream.Input{Topic: testTopic}}
	it.Change = schemas.Change{
		Op: op, Table: t, ID: []byte("0/16B3748:1"),
		Source: schemas.Row{schemas.IntOf(1_700_000_000_123), schemas.IntOf(1_700_000_000_123_456)},
	}
	if op == schemas.Delete {
		it.Change.Before = row
	} else {
		it.Change.After = row
	}
	return it
}

func process(t testing.TB, r *Rules, items ...*stream.Item) {
	t.Helper()
	if err := r.Process(t.Context(), items); err != nil {
		t.Fatalf("processing: %v", err)
	}
}

func text(s string) schemas.Value { return schemas.TextOf([]byte(s)) }

// decimal reads "12.50" as a Decimal of scale 2.
func decimal(s string) schemas.Value {
	_, fraction, _ := strings.Cut(s, ".")
	n, ok := new(big.Int).SetString(strings.Replace(s, ".", "", 1), 10)
	if !ok {
		panic(s)
	}
	return schemas.DecimalOf(appendBig(n), int32(len(fraction)))
}

// faults lists the faults that err joins.
func faults(t testing.TB, err error) []*schemas.Fault {
	t.Helper()
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*schemas.Fault
		for _, e := range joined.Unwrap() {
			out = append(out, faults(t, e)...)
		}
		return out
	}
	var f *schemas.Fault
	if !errors.As(err, &f) {
		t.Fatalf("%v is no *schemas.Fault", err)
	}
	return []*schemas.Fault{f}
}
