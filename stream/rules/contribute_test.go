package rules

import (
	"fmt"
	"strings"
	"testing"

	"sluice/schemas"
	"sluice/stream"
)

// TestContributions shows what each kind of change contributes. The table has the
// columns id, number, name, city and active.
func TestContributions(t *testing.T) {
	var (
		table = tableOf(columnOf("number", schemas.Type{Name: schemas.StringType}), columnOf("name", schemas.Type{Name: schemas.StringType}),
			columnOf("city", schemas.Type{Name: schemas.StringType}), columnOf("active", schemas.Type{Name: schemas.BoolType}))
		absent = schemas.Value{Kind: schemas.Absent}
		yes    = schemas.BoolOf(true)
		no     = schemas.BoolOf(false)
	)
	row := func(number, name, city string, active schemas.Value) schemas.Row {
		return schemas.Row{schemas.IntOf(7), text(number), text(name), text(city), active}
	}
	ada, moved := row("A", "Ada", "London", yes), row("B", "Ada", "London", yes)
	bare := schemas.Row{schemas.IntOf(7), absent, absent, absent, absent}
	for _, c := range []struct {
		name          string
		op            schemas.Op
		before, after schemas.Row
		want          string // the outputs, or why there are none
	}{
		{"created: all is new", schemas.Create, nil, ada, "A c/ff Ada"},
		{"read by a snapshot: what is new is not known", schemas.Read, nil, ada, "A r/- Ada"},
		{"one field changed", schemas.Update, row("A", "Ada", "Paris", yes), ada, "A u/01 Ada"},
		{"a field of an expression changed", schemas.Update, row("A", "Bea", "London", yes), ada, "A u/02 Ada"},
		{"nothing that the rules read changed", schemas.Update, ada, ada, "A u/00 Ada"},
		{"what was before is not known", schemas.Update, bare, ada, "key: the database did not send the column number; ALTER TABLE"},
		{"no image of before", schemas.Update, nil, ada, "key: the database did not send the row as it was before"},
		{"the key changed", schemas.Update, ada, moved, "A v/- nil, B u/ff Ada"},
		{"it had no key before", schemas.Update, row("", "Ada", "London", yes), ada, "A u/ff Ada"},
		{"no longer active", schemas.Update, ada, row("A", "Ada", "London", no), "A d/- nil"},
		{"active again", schemas.Update, row("A", "Ada", "London", no), ada, "A u/ff Ada"},
		{"created, and not active", schemas.Create, nil, row("A", "Ada", "London", no), "filtered when"},
		{"deleted", schemas.Delete, ada, nil, "A d/- nil"},
		{"deleted, and only the primary key is known", schemas.Delete, bare, nil, "key: the database did not send the column number; ALTER TABLE public.customers REPLICA IDENTITY FULL"},
		{"moved, and no longer active", schemas.Update, ada, row("B", "Ada", "London", no), "A v/- nil, B d/- nil"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := entity(t, `
version: 1
fields: {city: {type: string}, name: {type: string}}
from:
  - {topic: erp.public.customers, key: number, when: active, set: {city: city, name: trim(name)}}
`)
			e.Governed = true
			r := compiled(t, e)
			r.Contribute()
			it := item(c.op, table)
			it.Offset, it.Change.Before, it.Change.After = 42, c.before, c.after
			process(t, r, it)
			if got := said(t, it); !strings.HasPrefix(got, c.want) || len(it.Out) > 0 && got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// said is what became of an item.
func said(t *testing.T, it *stream.Item) string {
	t.Helper()
	switch it.Fate {
	case stream.Filtered:
		return "filtered " + it.Reason
	case stream.Parked:
		_, after, _ := strings.Cut(it.Err.Error(), it.Reason+": ")
		return it.Reason + ": " + after
	}
	var all []string
	for _, o := range it.Out {
		if o.Topic == "crosswalk.customer" {
			continue
		}
		var c schemas.Contribution
		if err := c.Parse((&stream.Input{Headers: o.Headers}).Header(schemas.HeaderChange)); err != nil {
			t.Fatal(err)
		}
		if c.Time != 1_700_000_000_123_456 || c.Offset != 42 || string(c.Record) != "7" || o.Topic != "contributions.customer" {
			t.Errorf("topic %s, header %+v", o.Topic, c)
		}
		name, changed := "nil", "-"
		if o.Row != nil {
			name = string(o.Row[1].Bytes)
		}
		if c.Changed != nil {
			changed = fmt.Sprintf("%x", c.Changed)
			if changed == "03" {
				changed = "ff" // all of two
			}
		}
		all = append(all, fmt.Sprintf("%s %s/%s %s", o.Key, c.Op, changed, name))
	}
	return strings.Join(all, ", ")
}

// TestContributionOfAReplay has the offset that it had first.
func TestContributionOfAReplay(t *testing.T) {
	r := compiled(t, one("int", "id"))
	r.Contribute()
	it := item(schemas.Create, tableOf())
	it.Offset = 3
	it.Headers = []stream.Header{{Key: schemas.HeaderDLQOffset, Value: []byte("1204")}}
	process(t, r, it)
	var c schemas.Contribution
	if err := c.Parse((&stream.Input{Headers: it.Out[0].Headers}).Header(schemas.HeaderChange)); err != nil || c.Offset != 1204 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestRecordNames(t *testing.T) {
	table := tableOf(columnOf("part", schemas.Type{Name: schemas.StringType}))
	r := compiled(t, one("int", "id"))
	for _, c := range []struct {
		key  []int
		part string
		want string
	}{{[]int{0}, "x", "7"}, {[]int{0, 1}, "x", "7,x"}, {[]int{0, 1}, "a,b,", "7,a,,b,,"}, {[]int{1}, strings.Repeat("long", 20), strings.Repeat("long", 20)}} {
		table.Key = c.key
		it := item(schemas.Create, table, text(c.part))
		if got := string(r.recordOf(&it.Change)); got != c.want {
			t.Errorf("key %v: %q, want %q", c.key, got, c.want)
		}
	}
}

// TestCrosswalk: the last word about each source record is where it belongs, in the
// order of its own changes.
func TestCrosswalk(t *testing.T) {
	table := tableOf(columnOf("number", schemas.Type{Name: schemas.StringType}))
	e := one("int", "id")
	e.From[0].Key, e.Governed = "number", true
	r := compiled(t, e)
	r.Contribute()
	row := func(number string) schemas.Row { return schemas.Row{schemas.IntOf(7), text(number)} }
	for _, c := range []struct {
		name          string
		op            schemas.Op
		before, after schemas.Row
		want          string
	}{
		{"created", schemas.Create, nil, row("A"), "A"},
		{"updated", schemas.Update, row("A"), row("A"), "not told"},
		{"moved", schemas.Update, row("A"), row("B"), "B"},
		{"deleted", schemas.Delete, row("B"), nil, "gone"},
		{"read by a snapshot", schemas.Read, nil, row("C"), "C"},
	} {
		it := item(c.op, table)
		it.Change.Before, it.Change.After = c.before, c.after
		process(t, r, it)
		got := "not told"
		for _, o := range it.Out {
			if o.Topic != "crosswalk.customer" {
				continue
			}
			if got = "gone"; o.Row != nil {
				got = string(o.Row[2].Bytes)
			}
			if string(o.Key) != testTopic+"/7" {
				t.Errorf("%s: the key is %s", c.name, o.Key)
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// Another process, which has told of nothing yet.
	r = compiled(t, e)
	r.Contribute()
	it := item(schemas.Update, table)
	it.Change.Before, it.Change.After = row("C"), row("C")
	process(t, r, it)
	if len(it.Out) != 2 {
		t.Errorf("an update of a record that was never told of: %d outputs", len(it.Out))
	}
}
