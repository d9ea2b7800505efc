package rules

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/stream"
)

// TestValidation covers what the rules of validate let through and how they
// name what they do not.
func TestValidation(t *testing.T) {
	table := tableOf(columnOf("mail", typed(schemas.StringType)), columnOf("age", typed(schemas.Int64Type)), columnOf("since", typed(schemas.DateType)))
	declared := func() Entity {
		return Entity{
			Version: 1,
			Fields: map[string]Field{
				"email": {Type: "string", Checks: []Validation{{That: "is_email(email)", Message: "not an address"}, {That: "size(email) < 30"}}},
				"age":   {Type: "int"}, "since": {Type: "date"},
			},
			Checks: []Validation{{That: "age == null || age < 150", Message: "older than anybody"}, {That: "age / (age - 7) > -100"}},
			From:   []Mapping{{Topic: testTopic, Key: "id", Set: map[string]string{"email": "mail", "age": "age", "since": "since"}}},
		}
	}
	null := schemas.Value{}
	for _, c := range []struct {
		name        string
		mail, age   schemas.Value
		rule, field string
		text        string // empty: delivered
	}{
		{"kept", text("ada@example.com"), schemas.IntOf(36), "", "", ""},
		{"null of a field's rule passes", null, schemas.IntOf(36), "", "", ""},
		{"a field's rule", text("ada"), schemas.IntOf(36), "fields.email.validate[0]", "email", `not an address: field email is "ada", which breaks ` + "`is_email(email)`"},
		{"without a message", text("ada.lovelace.of.london@example.com"), schemas.IntOf(36), "fields.email.validate[1]", "email", `field email is "ada.lovelace.of.london@example.com", which breaks`},
		{"the entity's rule", null, schemas.IntOf(200), "validate[0]", "", "older than anybody: age is 200, which breaks"},
		{"what cannot be evaluated", null, schemas.IntOf(7), "validate[1]", "", "age is 7, which breaks `age / (age - 7) > -100`, since it cannot be evaluated: division by zero"},
	} {
		t.Run(c.name, func(t *testing.T) {
			it := item(schemas.Create, table, c.mail, c.age, schemas.IntOf(0))
			process(t, compiled(t, declared()), it)
			if c.text == "" {
				if it.Fate != stream.Pending {
					t.Fatalf("fate %d: %v", it.Fate, it.Err)
				}
				return
			}
			var b *Broken
			if it.Fate != stream.Parked || it.Reason != ReasonValidation || !errors.As(it.Err, &b) {
				t.Fatalf("fate %d, reason %q, %v", it.Fate, it.Reason, it.Err)
			}
			if b.Rule != c.rule || b.Field != c.field || !strings.Contains(it.Err.Error(), "entity customer: "+c.rule+": "+c.text) {
				t.Errorf("rule %q, field %q: %v", b.Rule, b.Field, b)
			}
		})
	}
	// A delete has no fields to check.
	it := item(schemas.Delete, table, null, null, null)
	if process(t, compiled(t, declared()), it); it.Fate != stream.Pending {
		t.Errorf("a delete: %v", it.Err)
	}
}

// TestLists takes lists through columns and expressions.
func TestLists(t *testing.T) {
	array := func(of schemas.TypeName) schemas.Type {
		return schemas.Type{Name: schemas.ArrayType, Elem: &schemas.Column{Type: typed(of), Optional: true}}
	}
	list := func(v ...schemas.Value) schemas.Value { return schemas.ListOf(v) }
	for _, c := range []struct {
		column        schemas.Type
		value         schemas.Value
		field, source string
		want          schemas.Value
		park          string
	}{
		{array(schemas.StringType), list(text("a"), text("b")), "list(string)", "c", list(text("a"), text("b")), ""},
		{array(schemas.StringType), list(), "list(string)", "c", list(), ""},
		{array(schemas.StringType), schemas.Value{}, "list(string)", "c", schemas.Value{}, ""},
		{array(schemas.Int32Type), list(schemas.IntOf(5)), "list(decimal(5,2))", "c", list(decimal("5.00")), ""},
		{array(schemas.Int32Type), list(schemas.IntOf(5000)), "list(decimal(5,2))", "c", schemas.Value{}, "has the element 5000, which does not fit"},
		{array(schemas.StringType), list(text("a"), schemas.Value{}), "list(string)", "c", schemas.Value{}, "has a NULL, its element 1"},
		{array(schemas.StringType), list(text("a"), schemas.Value{}), "list(string)", "c.filter(x, x != null)", list(text("a")), ""},
		{array(schemas.StringType), list(text("a"), schemas.Value{}), "list(string)", "c.map(x, x)", schemas.Value{}, "has a null, its element 1"},
		{typed(schemas.StringType), text("a;b"), "list(string)", "split(c, ';')", list(text("a"), text("b")), ""},
		{typed(schemas.StringType), schemas.Value{}, "list(string)", "split(c, ';')", schemas.Value{}, ""},
		{typed(schemas.StringType), text("1;2"), "list(int)", "split(c, ';').map(x, int(x))", list(schemas.IntOf(1), schemas.IntOf(2)), ""},
		{typed(schemas.StringType), text("1;x"), "list(int)", "split(c, ';').map(x, int(x))", schemas.Value{}, "cannot"},
	} {
		t.Run(c.field+" of "+c.source, func(t *testing.T) {
			it := item(schemas.Create, tableOf(columnOf("c", c.column)), c.value)
			r := compiled(t, one(c.field, c.source))
			process(t, r, it)
			if c.park != "" {
				if it.Fate != stream.Parked || c.park != "cannot" && !strings.Contains(it.Err.Error(), c.park) {
					t.Fatalf("fate %d: %v", it.Fate, it.Err)
				}
				return
			}
			if it.Fate != stream.Pending || !it.Out[0].Row[0].Equal(c.want) {
				t.Fatalf("fate %d (%v), %v", it.Fate, it.Err, it.Out)
			}
			record, err := avro.CompileRecord(r.Table())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := record.Append(nil, it.Out[0].Row); err != nil {
				t.Errorf("a list has no form in Avro: %v", err)
			}
		})
	}
	r := compiled(t, one("list(int)", "split(c, ';')"))
	if err := r.CompileAgainst(testTopic, tableOf(columnOf("c", typed(schemas.StringType)))); err == nil || !strings.Contains(err.Error(), "gives list(string) where list(int) is wanted") {
		t.Errorf("a list of a wrong type: %v", err)
	}
}

// TestLookup looks into a file, and refuses the files that cannot be one.
func TestLookup(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "segments.csv"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	declared := func(source string, l Lookup) Entity {
		e := one("string", source)
		l.File = "segments.csv"
		e.Lookups, e.Dir = map[string]Lookup{"segments": l}, dir
		return e
	}
	find := func(e Entity, v schemas.Value) (*stream.Item, *Rules) {
		it := item(schemas.Create, tableOf(columnOf("c", typed(schemas.StringType))), v)
		r := compiled(t, e)
		process(t, r, it)
		return it, r
	}
	write("\xef\xbb\xbfcode,name,rank\nA,\"Large, key\",1\nB,Small,2\n7,Seven,3\n")
	for _, c := range []struct {
		source, key string
		want        schemas.Value
		park        string
	}{
		{"lookup('segments', c)", "A", text("Large, key"), ""},
		{"lookup('segments', c)", "Z", schemas.Value{}, ""},
		{"coalesce(lookup('segments', c), 'none')", "Z", text("none"), ""},
		{"lookup('segments', c, 'rank')", "B", text("2"), ""},
		{"lookup('segments', id)", "", text("Seven"), ""},
		{"lookup('segments', 'A', c)", "weight", schemas.Value{}, "has no column weight; there are: code, name, rank"},
	} {
		it, _ := find(declared(c.source, Lookup{}), text(c.key))
		if c.park != "" {
			if it.Fate != stream.Parked || !strings.Contains(it.Err.Error(), c.park) {
				t.Errorf("%s of %s: %v", c.source, c.key, it.Err)
			}
			continue
		}
		if it.Fate != stream.Pending || !it.Out[0].Row[0].Equal(c.want) {
			t.Errorf("%s of %s: %v, %v", c.source, c.key, it.Err, it.Out)
		}
	}
	_, before := find(declared("lookup('segments', c)", Lookup{}), text("A"))
	write("code,name\nA,Large\n")
	if _, after := find(declared("lookup('segments', c)", Lookup{}), text("A")); after.Version() == before.Version() {
		t.Error("another content of the file kept the version")
	}
	for name, c := range map[string]struct {
		text string
		l    Lookup
		want string
	}{
		"empty":         {"", Lookup{}, "lookups.segments.file: " + filepath.Join(dir, "segments.csv") + " has no header"},
		"twice":         {"a,b\nx,1\nx,2\n", Lookup{}, `segments.csv:3: the key "x" stands twice`},
		"column twice":  {"a,a\n", Lookup{}, `the column "a" stands twice`},
		"no key column": {"a,b\n", Lookup{Key: "c"}, "lookups.segments.key: "},
		"no value":      {"a,b\n", Lookup{Value: "c"}, "has no column c; there are: a, b"},
		"ragged":        {"a,b\nx\n", Lookup{}, "wrong number of fields"},
		"no UTF-8":      {"a,b\nx,\xff\n", Lookup{}, "segments.csv:2 is no UTF-8"},
	} {
		write(c.text)
		if _, err := Compile("customer", declared("c", c.l)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	write("code\nA\n")
	for source, want := range map[string]string{
		"lookup('segments', c, 'weight')": "1:23 of `lookup('segments', c, 'weight')`: the lookup segments has no column weight; there are: code",
		"lookup('segments', c)":           "1:8 of `lookup('segments', c)`: the lookup segments has one column alone",
	} {
		if _, err := Compile("customer", declared(source, Lookup{})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
	}
	folder := declared("c", Lookup{})
	folder.Lookups["segments"] = Lookup{File: "."}
	if _, err := Compile("customer", folder); err == nil || !strings.Contains(err.Error(), "is a directory; name a CSV file") {
		t.Errorf("a folder: %v", err)
	}
	e := declared("c", Lookup{})
	e.Dir = filepath.Join(dir, "nowhere")
	if _, err := Compile("customer", e); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no file: %v", err)
	}
}
