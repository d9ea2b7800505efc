package rulesdiff

import (
	"fmt"
	"strings"
	"testing"

	"sluice/schemas"
	"sluice/stream"
	"sluice/stream/rules"
)

const topic = "erp.public.customers"

func compiled(t *testing.T, name, when string, fields map[string]string) *rules.Rules {
	t.Helper()
	e := rules.Entity{Version: 1, Fields: map[string]rules.Field{}, From: []rules.Mapping{{Topic: topic, Key: "id", When: when, Set: fields}}}
	for field := range fields {
		e.Fields[field] = rules.Field{Type: "string"}
	}
	r, err := rules.Compile(name, e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestDiff counts what differs, by field and by fate.
func TestDiff(t *testing.T) {
	before := compiled(t, "customer", "", map[string]string{"name": "name", "gone": "name"})
	after := compiled(t, "customer", "name != 'test'", map[string]string{"name": "name == 'ada' ? title(name) : name", "email": "name == 'bad' ? email(name) : null"})
	table := &schemas.Table{Schema: "public", Name: "customers", Key: []int{0}, Columns: []schemas.Column{
		{Name: "id", Type: schemas.Type{Name: schemas.Int64Type}}, {Name: "name", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
	}}
	d := New("customer", topic, before, after)
	for i, name := range []string{"", "ada", "test", "bad", "ada"} {
		row := schemas.Row{schemas.IntOf(int64(i)), {}}
		if name != "" {
			row[1] = schemas.TextOf([]byte(name))
		}
		it := &stream.Item{Input: stream.Input{Topic: topic, Offset: int64(i)}, Change: schemas.Change{Op: schemas.Create, Table: table, After: row}}
		if err := d.Add(t.Context(), it); err != nil {
			t.Fatal(err)
		}
	}
	deleted := &stream.Item{Input: stream.Input{Topic: topic}, Change: schemas.Change{Op: schemas.Delete, Table: table, Before: schemas.Row{schemas.IntOf(1), {Kind: schemas.Absent}}}}
	tombstone := &stream.Item{Input: stream.Input{Topic: topic}}
	for _, it := range []*stream.Item{deleted, tombstone} {
		if err := d.Add(t.Context(), it); err != nil {
			t.Fatal(err)
		}
	}
	r := d.Report()
	if !r.Different() || r.Records != 7 || r.Same != 3 || r.Old.Delivered != 5 || r.New.Delivered != 3 || r.New.Filtered != 2 || r.New.Parked != 1 || r.New.Deleted != 1 {
		t.Errorf("%+v", r)
	}
	want := "[delivered -> filtered: 1 0/2 key \"2\" | when delivered -> parked: 1 0/3 key \"3\" | expression: entity customer: from[0].set.email: field email: `name == 'bad' ? email(name) : null`: \"bad\" is no e-mail address: it has no @; name is \"bad\"] " +
		"[gone: 2 0/1 \"ada\" | null name: 2 0/1 \"ada\" | \"Ada\"]"
	if got := fmt.Sprint(texts(r.Fates), texts(r.Fields)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if same := New("customer", topic, before, before).Report(); same.Different() {
		t.Errorf("no records differ: %+v", same)
	}
}

// TestLongTextsDiffer where they are not shown, in lists as well.
func TestLongTextsDiffer(t *testing.T) {
	table := &schemas.Table{Schema: "public", Name: "customers", Key: []int{0}, Columns: []schemas.Column{{Name: "id", Type: schemas.Type{Name: schemas.StringType}}}}
	long := func(field, source string) *rules.Rules {
		r, err := rules.Compile("customer", rules.Entity{
			Version: 1, Fields: map[string]rules.Field{"x": {Type: field}},
			From: []rules.Mapping{{Topic: topic, Key: "id", Set: map[string]string{"x": source}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for field, source := range map[string]string{"string": "id + '%s'", "list(string)": "[id, id + '%s']"} {
		d := New("customer", topic, long(field, fmt.Sprintf(source, "a")), long(field, fmt.Sprintf(source, "b")))
		row := schemas.Row{schemas.TextOf([]byte(strings.Repeat("long ", 100)))}
		it := &stream.Item{Input: stream.Input{Topic: topic}, Change: schemas.Change{Op: schemas.Create, Table: table, After: row}}
		if err := d.Add(t.Context(), it); err != nil {
			t.Fatal(err)
		}
		if r := d.Report(); r.Same != 0 || len(r.Fields) != 1 {
			t.Errorf("%s: %+v", field, r)
		}
	}
}

func texts(all []Difference) []string {
	var out []string
	for _, x := range all {
		e := x.Examples[0]
		out = append(out, fmt.Sprintf("%s: %d %s %s | %s", x.What, x.Count, e.Record, e.Old, e.New))
	}
	return out
}
