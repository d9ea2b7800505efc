package cases

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"sluice/schemas"
	"sluice/stream/rules"
)

const topic = "erp.public.customers"

const entity = `
version: 1
fields:
  number:  {type: string, required: true}
  name:    {type: string}
  spend:   {type: "decimal(14,2)"}
  since:   {type: date}
  changed: {type: timestamp}
  active:  {type: bool}
  tags:    {type: list(string)}
  email:   {type: string, validate: [{that: is_email(email), message: no address}]}
from:
  - topic: erp.public.customers
    key: number
    when: status != 'test'
    set:
      number: number
      name: trim(name)
      spend: spend
      since: since
      changed: changed
      active: active
      tags: tags
      email: email
`

const tables = `
tables:
  erp.public.customers:
    number: varchar(20) primary key
    name: text not null
    status: text
    spend: NUMERIC(14, 2)
    since: date
    changed: timestamp with time zone
    active: boolean
    tags: text[]
    email: varchar(254)
`

func parse(t testing.TB, text string, into any) {
	t.Helper()
	if err := yaml.NewDecoder(strings.NewReader(text), yaml.Strict()).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// suite reads a block; the configuration takes a word for a file's name, too.
func suite(t testing.TB, text string) *Suite {
	t.Helper()
	type block Suite
	b := new(block)
	parse(t, text, b)
	return (*Suite)(b)
}

func setUp(t testing.TB, text string) (*rules.Rules, *Suite, map[string]*schemas.Table) {
	t.Helper()
	var e rules.Entity
	parse(t, entity, &e)
	r, err := rules.Compile("customer", e)
	if err != nil {
		t.Fatal(err)
	}
	s := suite(t, tables+text)
	if faults := s.Validate(); len(faults) > 0 {
		t.Fatal(errors.Join(faults...))
	}
	table, err := s.Table(topic)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.CompileAgainst(topic, table); err != nil {
		t.Fatal(err)
	}
	return r, s, map[string]*schemas.Table{topic: table}
}

// TestCases: cases that pass, and those that fail with how.
func TestCases(t *testing.T) {
	for _, c := range []struct{ text, problem string }{
		{`{given: {number: "7", name: " Ada "}, expect: {name: Ada}, key: "7"}`, ""},
		{`{given: {number: "7", name: Ada, spend: 12.5, since: 2024-02-29, changed: "2024-02-29 13:00:00+01:00", active: true, tags: [a, b]}, expect: {spend: "12.50", since: 2024-02-29, changed: "2024-02-29T12:00:00Z", active: true, tags: [a, b]}}`, ""},
		{`{given: {number: "7", name: Ada}, whole: true, expect: {number: "7", name: Ada}}`, ""},
		{`{op: update, given: {number: "7", name: Ada}, unchanged: [name], parked: unchanged_toast}`, ""},
		{`{op: delete, given: {number: "7"}, deleted: true, key: "7"}`, ""},
		{`{given: {number: "7", status: test}, filtered: when}`, ""},
		{`{op: update, given: {number: "7", status: test}, deleted: true}`, ""},
		{`{given: {number: "7", email: ada}, parked: no address}`, ""},
		{`{topic: erp.public.customers, given: {number: "7"}, expect: {name: null}}`, ""},

		{`{given: {number: "7", name: Ada}, expect: {name: Bob}}`, `name: want "Bob"; got "Ada"`},
		{`{given: {number: "7", spend: 1}, expect: {spend: 2}}`, `spend: want 2.00; got 1.00`},
		{`{given: {number: "7", name: Ada}, whole: true, expect: {number: "7"}}`, `name: want null, which whole says; got "Ada"`},
		{`{given: {number: "7"}, key: "8", expect: {}}`, `key: want "8"; got "7"`},
		{`{given: {number: "7"}, expect: {nme: Ada}}`, `nme: the entity has no such field`},
		{`{given: {number: "7"}, expect: {since: soon}}`, `since: soon is no date`},
		{`{given: {number: "7"}, filtered: when}`, `want filtered: when; got an entity`},
		{`{given: {number: "7", status: test}, expect: {name: Ada}}`, `want an entity; got filtered: when`},
		{`{given: {number: "7", email: ada}, expect: {name: Ada}}`, `want an entity; got parked (validation): entity customer: fields.email.validate[0]: no address`},
		{`{given: {number: "7", email: ada}, parked: other}`, `want parked with "other"; got parked (validation)`},
		{`{given: {number: "7"}, deleted: true}`, `want a tombstone; got an entity`},
		{`{given: {nmber: "7"}, expect: {}}`, `given.nmber: public.customers has no such column; there are: active, changed`},
		{`{given: {number: 7}, expect: {}}`, `given.number: 7 is no string; write it in quotes`},
		{`{given: {number: "7", spend: 1.234}, expect: {}}`, `given.spend: 1.234 has more than 2 decimals`},
		{`{given: {number: "7"}, unchanged: [nme], expect: {}}`, `unchanged: public.customers has no column nme`},
		{`{topic: crm.crm.contacts, given: {number: "7"}, expect: {}}`, `the columns of crm.crm.contacts are not known`},
	} {
		r, s, known := setUp(t, "cases:\n  - "+c.text)
		got := Run(t.Context(), "customer", r, s, known)[0]
		switch {
		case got.Passed != (c.problem == ""):
			t.Errorf("%s\n passed %v: %q", c.text, got.Passed, got.Problems)
		case c.problem != "" && !strings.HasPrefix(got.Problems[0], c.problem):
			t.Errorf("%s\n  got %q\n want %q", c.text, got.Problems, c.problem)
		}
	}
}

// TestBadSuites are refused before anything runs.
func TestBadSuites(t *testing.T) {
	for text, want := range map[string]string{
		"cases: [{op: upsert, expect: {}}]":                     `cases[0].op: "upsert" is no operation`,
		"cases: [{given: {}}]":                                  "cases[0]: the case expects 0 things",
		"cases: [{deleted: true, filtered: when}]":              "cases[0]: the case expects 2 things",
		"tables: {a.b.c: {id: bigint}}":                         "tables.a.b.c: no column is the primary key",
		"tables: {a.b.c: {id: bigserail primary key}}":          `tables.a.b.c.id: "bigserail" is no type`,
		"tables: {a.b.c: {id: bigint primary keys}}":            `"primary keys" is neither`,
		"tables: {a.b.c: {id: 'numeric(2,4) primary key'}}":     "is no decimal",
		"tables: {a.b.c: {id: 'enum() primary key'}}":           "an enum without its words",
		"tables: {a.b.c: {id: '1 primary key'}}":                "is no type",
		"tables: {a.b.c: {id: 'timestamp with zone not null'}}": "is neither",
	} {
		s := suite(t, text)
		if err := errors.Join(s.Validate()...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestBattery: parked rows are found by field and reason, and base rows are
// taken from the cases.
func TestBattery(t *testing.T) {
	r, s, known := setUp(t, `cases: [{given: {number: "7", name: Ada, email: ada@example.com}, expect: {}}]`)
	b := RunBattery(t.Context(), "customer", topic, r, known[topic], s.Base(r, topic, known))
	if b.Plain != "" || b.Crashed > 0 || b.Rows < 60 || b.Rows != b.Delivered+b.Filtered+b.Parked {
		t.Errorf("%+v", b)
	}
	found := map[string]Finding{}
	for _, f := range b.Found {
		found[f.Field+"/"+f.Reason] = f
	}
	for _, key := range []string{"email/validation", "from[0].key/key", "changed/type", "tags/type", "name/" + reasonInvalid} {
		if f := found[key]; f.Count == 0 || len(f.By) == 0 || f.Example == "" {
			t.Errorf("%s was not found: %v", key, b.Found)
		}
	}
	// Without a case the ordinary row has no e-mail address.
	if b := RunBattery(t.Context(), "customer", topic, r, known[topic], nil); !strings.HasPrefix(b.Plain, "parked (validation)") {
		t.Errorf("plain: %q", b.Plain)
	}
}

// TestBatteryOfEveryType: each type has hazards that its own values are.
func TestBatteryOfEveryType(t *testing.T) {
	columns := map[string]string{"id": "bigint primary key"}
	for name := range sqlTypes {
		text := name
		if name == "enum" {
			text = "enum('A', 'B')"
		}
		columns[strings.ReplaceAll(name, " ", "_")+"_c"] = text
		columns[strings.ReplaceAll(name, " ", "_")+"_list"] = text + "[]"
	}
	table, err := declared(topic, columns)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]string{"x": "string(id)"}
	fields := map[string]rules.Field{"x": {Type: "string"}}
	for i, c := range table.Columns {
		if plain(c.Type).IsNull() || len(hazards(c.Type)) == 0 {
			t.Errorf("%s has no ordinary value or no hazard", c.Name)
		}
		name := fmt.Sprintf("f%d", i)
		fields[name], set[name] = rules.Field{Type: "bool"}, c.Name+" == "+c.Name
	}
	r, err := rules.Compile("all", rules.Entity{Version: 1, Fields: fields, From: []rules.Mapping{{Topic: topic, Key: "id", Set: set}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.CompileAgainst(topic, table); err != nil {
		t.Fatal(err)
	}
	if b := RunBattery(t.Context(), "all", topic, r, table, nil); b.Crashed > 0 || b.Plain != "" {
		t.Errorf("%+v", b)
	}
}

func TestJUnit(t *testing.T) {
	var out bytes.Buffer
	err := JUnit(&out, []Result{
		{Entity: "customer", Case: "well", Passed: true},
		{Entity: "customer", Case: "bad", Where: "conf/a: b.yaml:31:11: entities.customer.tests.cases[1]", Problems: []string{"name: want \"a\x1b\"; got <b>"}},
	}, []Battery{{Entity: "customer", Topic: topic, Rows: 2, Crashed: 1, Found: []Finding{{Field: "x", Reason: reasonCrash, Count: 1, By: []string{"c: null"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	var report junitReport
	if err := xml.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if report.Tests != 3 || report.Failures != 2 || report.Suites[0].Cases[1].Failure.Text != `name: want "a?"; got <b>` {
		t.Errorf("%+v", report)
	}
	if bad := report.Suites[0].Cases[1]; bad.File != "conf/a: b.yaml" || bad.Line != 31 {
		t.Errorf("file %q, line %d", bad.File, bad.Line)
	}
}

// subjects is a registry of a few.
type subjects map[string]string

func (s subjects) Latest(_ context.Context, subject string) (string, error) {
	if text, ok := s[subject]; ok {
		return text, nil
	}
	return "", errors.New("no subject " + subject)
}

func TestFromRegistry(t *testing.T) {
	key := `{"type":"record","name":"Key","fields":[{"name":"id","type":"long"}]}`
	if _, err := FromRegistry(t.Context(), subjects{}, topic); err == nil {
		t.Error("no subject gave a table")
	}
	if _, err := FromRegistry(t.Context(), subjects{topic + "-value": key, topic + "-key": key}, topic); err == nil {
		t.Error("no envelope gave a table")
	}
}

// FuzzColumn reads any text as a column's declaration.
func FuzzColumn(f *testing.F) {
	for name := range sqlTypes {
		f.Add(name)
	}
	f.Add("numeric(14,2) not null")
	f.Add("enum('A','B') primary key")
	f.Fuzz(func(t *testing.T, text string) {
		c, _, what := column("c", text)
		if what == "" && c.Type.Name == schemas.InvalidType {
			t.Errorf("%q is a column without a type", text)
		}
	})
}
