package rules

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"sluice/schemas"
	"sluice/stream"
)

//go:embed testdata
var testdata embed.FS

// TestGood compiles every good declaration.
func TestGood(t *testing.T) {
	each(t, "testdata/good", func(t *testing.T, text string) {
		r := compiled(t, entity(t, text))
		if !regexp.MustCompile(`^[1-9]\d*-[0-9a-f]{8}$`).MatchString(r.Version()) {
			t.Errorf("version %q", r.Version())
		}
	})
}

// TestBad compiles every bad declaration, whose comments "# where: what" say the
// faults to expect, in order.
func TestBad(t *testing.T) {
	each(t, "testdata/bad", func(t *testing.T, text string) {
		var want []string
		for line := range strings.Lines(text) {
			if line, ok := strings.CutPrefix(line, "# "); ok {
				want = append(want, strings.TrimSpace(line))
			}
		}
		_, err := Compile("customer", entity(t, text))
		if err == nil {
			t.Fatal("accepted")
		}
		got := faults(t, err)
		if len(got) != len(want) {
			t.Errorf("%d faults, want %d", len(got), len(want))
		}
		for i, f := range got {
			if f.Cure == "" {
				t.Errorf("%v has no cure", f)
			}
			line := fmt.Sprintf("%s: %s", f.Where, f.What)
			if i < len(want) && !strings.HasPrefix(line, want[i]) {
				t.Errorf("fault %d:\n got %s\nwant %s", i, line, want[i])
			}
		}
	})
}

func each(t *testing.T, dir string, f func(t *testing.T, text string)) {
	entries, err := fs.ReadDir(testdata, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Run(strings.TrimSuffix(e.Name(), ".yaml"), func(t *testing.T) {
			text, err := fs.ReadFile(testdata, dir+"/"+e.Name())
			if err != nil {
				t.Fatal(err)
			}
			f(t, string(text))
		})
	}
}

// customer is the declaration that the tests of fates use.
func customer() Entity {
	e := one("string", "name")
	e.From[0].When = "status != 'test'"
	return e
}

func customers() *schemas.Table {
	return tableOf(columnOf("name", typed(schemas.StringType)), columnOf("status", typed(schemas.StringType)))
}

// TestFates covers what each kind of change becomes.
func TestFates(t *testing.T) {
	table := customers()
	test, live := text("test"), text("live")
	onlyKey := item(schemas.Delete, table, schemas.Value{Kind: schemas.Absent}, schemas.Value{Kind: schemas.Absent})
	tombstone := &stream.Item{Input: stream.Input{Topic: testTopic}}
	truncate := item(schemas.Truncate, table)
	truncate.Change.After = nil
	message := item(schemas.Message, table)
	unmapped := item(schemas.Create, table, text("Ada"), live)
	unmapped.Topic = "erp.public.orders"
	rowless := item(schemas.Create, table, text("Ada"), live)
	rowless.Change.After = nil
	parked := item(schemas.Create, table, text("Ada"), live)
	parked.Park("undecodable", fmt.Errorf("before"))
	for _, c := range []struct {
		name   string
		item   *stream.Item
		fate   stream.Fate
		reason string
		row    schemas.Row // of the output; nil: a tombstone
	}{
		{"create", item(schemas.Create, table, text("Ada"), live), stream.Pending, "", schemas.Row{text("Ada")}},
		{"read", item(schemas.Read, table, text("Ada"), live), stream.Pending, "", schemas.Row{text("Ada")}},
		{"update", item(schemas.Update, table, text("Ada"), live), stream.Pending, "", schemas.Row{text("Ada")}},
		{"null in the condition", item(schemas.Create, table, text("Ada"), schemas.Value{}), stream.Pending, "", schemas.Row{text("Ada")}},
		{"delete", onlyKey, stream.Pending, "", nil},
		{"create of what fails the condition", item(schemas.Create, table, text("Ada"), test), stream.Filtered, ReasonWhen, nil},
		{"read of what fails the condition", item(schemas.Read, table, text("Ada"), test), stream.Filtered, ReasonWhen, nil},
		{"update to what fails the condition", item(schemas.Update, table, text("Ada"), test), stream.Pending, "", nil},
		{"delete of what fails the condition", item(schemas.Delete, table, text("Ada"), test), stream.Pending, "", nil},
		{"condition unchanged", item(schemas.Update, table, text("Ada"), schemas.Value{Kind: schemas.Unchanged}), stream.Parked, ReasonUnchangedToast, nil},
		{"tombstone", tombstone, stream.Filtered, ReasonTombstone, nil},
		{"truncate", truncate, stream.Parked, ReasonTruncate, nil},
		{"message", message, stream.Filtered, ReasonMessage, nil},
		{"topic without a mapping", unmapped, stream.Parked, ReasonNoMapping, nil},
		{"no row", rowless, stream.Parked, ReasonKey, nil},
		{"parked before", parked, stream.Parked, "undecodable", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			process(t, compiled(t, customer()), c.item)
			if c.item.Fate != c.fate || c.item.Reason != c.reason {
				t.Fatalf("fate %d for %q (%v), want %d for %q", c.item.Fate, c.item.Reason, c.item.Err, c.fate, c.reason)
			}
			if c.fate != stream.Pending {
				if len(c.item.Out) > 0 {
					t.Fatal("an item that ends here has outputs")
				}
				return
			}
			if len(c.item.Out) != 1 {
				t.Fatalf("%d outputs", len(c.item.Out))
			}
			out := c.item.Out[0]
			if out.Topic != "entity.customer" || string(out.Key) != "7" || (out.Row == nil) != (c.row == nil) || !out.Row.Equal(c.row) {
				t.Fatalf("got %s %q %v", out.Topic, out.Key, out.Row)
			}
		})
	}
}

// TestHeaders covers what an output says of where it comes from.
func TestHeaders(t *testing.T) {
	r := compiled(t, customer())
	table := customers()
	withMicros, withMillis, without := item(schemas.Create, table, text("Ada"), text("x")), item(schemas.Delete, table, text("Ada"), text("x")), item(schemas.Create, table, text("Ada"), text("x"))
	millis := *table
	millis.Source = &schemas.Table{Columns: table.Source.Columns[:1]}
	withMillis.Change.Table = &millis
	without.Change.Source = nil
	process(t, r, withMicros, withMillis, without)
	for _, c := range []struct {
		item *stream.Item
		time string
	}{
		{withMicros, "2023-11-14T22:13:20.123456Z"},
		{withMillis, "2023-11-14T22:13:20.123000Z"},
		{without, ""},
	} {
		got := map[string]string{}
		for _, h := range c.item.Out[0].Headers {
			got[h.Key] = string(h.Value)
		}
		want := map[string]string{
			schemas.HeaderPosition: "0/16B3748:1", schemas.HeaderSource: testTopic, schemas.HeaderRules: r.Version(),
		}
		if c.time != "" {
			want[schemas.HeaderTime] = c.time
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
}

// TestKey covers how the key is computed and refused.
func TestKey(t *testing.T) {
	table := tableOf(columnOf("name", typed(schemas.StringType)), columnOf("other", typed(schemas.StringType)), columnOf("day", typed(schemas.DateType)))
	table.Key = []int{1, 0, 3}
	for _, c := range []struct {
		key, want, fault string
		name             schemas.Value
	}{
		{key: "id", want: "7"},
		{key: "name", want: "a/b", name: text("a/b")},
		{key: "name + ':' + string(id)", want: "a:7", name: text("a")},
		{key: "id * 2", want: "14"},
		{key: "name", fault: "`name` gave no key"},
		{key: "name + 'x'", fault: "name is NULL"},
		{key: "name", fault: "gave no key", name: text("")},
		{key: "lower(name)", fault: "gave no key"},
		{key: "other", fault: "the column other is not in the primary key of public.customers"},
		{key: "string(id) + other", fault: "the column other is not in the primary key"},
		{key: "day", fault: "the column day of public.customers is date, and a key is text or an integer"},
		{key: "id > 5", fault: "gives bool where string or int is wanted"},
	} {
		t.Run(c.key, func(t *testing.T) {
			e := one("string", "'x'")
			e.From[0].Key = c.key
			r := compiled(t, e)
			absent := schemas.Value{Kind: schemas.Absent}
			it := item(schemas.Delete, table, c.name, absent, schemas.IntOf(1))
			err := r.Process(t.Context(), []*stream.Item{it})
			if err == nil {
				err = it.Err
			}
			switch {
			case c.fault != "":
				if err == nil || !strings.Contains(err.Error(), c.fault) || !strings.Contains(err.Error(), "from[0].key") {
					t.Fatalf("got %v", err)
				}
			case err != nil:
				t.Fatal(err)
			case string(it.Out[0].Key) != c.want:
				t.Fatalf("key %q", it.Out[0].Key)
			}
		})
	}

	keyless := tableOf()
	keyless.Key = nil
	if err := compiled(t, one("string", "'x'")).CompileAgainst(testTopic, keyless); !strings.Contains(fmt.Sprint(err), "has no primary key") {
		t.Errorf("a table without a key: %v", err)
	}
}

// TestReplayedRecordParks: a record that came back does not stop the stream when
// the rules no longer fit its schema.
func TestReplayedRecordParks(t *testing.T) {
	it := item(schemas.Create, tableOf())
	it.Headers = []stream.Header{{Key: schemas.HeaderDLQID, Value: []byte("dlq.stream.customer/0/1")}}
	process(t, compiled(t, customer()), it)
	if it.Fate != stream.Parked || it.Reason != ReasonSchema {
		t.Fatalf("fate %d, reason %q", it.Fate, it.Reason)
	}
}

// TestVersion: the hash follows what decides the output, and nothing else.
func TestVersion(t *testing.T) {
	version := func(change func(*Entity)) string {
		e := customer()
		e.Fields["y"] = Field{Type: "int"}
		change(&e)
		return compiled(t, e).Version()
	}
	base := version(func(*Entity) {})
	for i := range 20 {
		if again := version(func(*Entity) {}); again != base {
			t.Fatalf("the same declaration gave %s and, the %dth time, %s", base, i, again)
		}
	}
	if got := version(func(e *Entity) { e.Doc = "x"; e.Fields["y"] = Field{Type: "int", Doc: "y"} }); got != base {
		t.Error("a text for readers changed the version")
	}
	for name, change := range map[string]func(*Entity){
		"version":      func(e *Entity) { e.Version = 2 },
		"type":         func(e *Entity) { e.Fields["y"] = Field{Type: "float"} },
		"required":     func(e *Entity) { e.Fields["x"] = Field{Type: "string", Required: true} },
		"key":          func(e *Entity) { e.From[0].Key = "string(id)" },
		"condition":    func(e *Entity) { e.From[0].When = "" },
		"expression":   func(e *Entity) { e.From[0].Set["x"] = "status" },
		"field's rule": func(e *Entity) { e.Fields["x"] = Field{Type: "string", Checks: []Validation{{That: "x != ''"}}} },
		"rule":         func(e *Entity) { e.Checks = []Validation{{That: "x != ''"}} },
	} {
		if version(change) == base {
			t.Errorf("changing the %s kept the version", name)
		}
	}
}
