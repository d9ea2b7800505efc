package cli_test

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/local/localtest"
	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/stream/kafka"
)

const tested = `
kafka: {brokers: ["127.0.0.1:1"]}
registry: {url: "http://127.0.0.1:1"}
captures:
  erp:
    postgres: {dsn: "${ERP_DSN}", tables: [public.customers]}
entities:
  customer:
    version: 1
    fields:
      number: {type: string, required: true}
      name:   {type: string}
      email:  {type: string, validate: [{that: is_email(email), message: no e-mail address}]}
      since:  {type: date}
    from:
      - topic: erp.public.customers
        key: number
        when: status != 'test'
        set:
          number: number
          name: squeeze(name)
          email: nonblank(lower(email))
          since: parse_date(nonblank(since), ['DD.MM.YYYY', 'YYYY-MM-DD'])
    tests:
      tables:
        erp.public.customers: {number: varchar(20) primary key, name: text, email: text, since: text, status: text}
      cases:
        - name: a customer
          given: {number: "7", name: " Ada  Lovelace", email: Ada@Example.com, since: 29.02.2024}
          expect: {name: Ada Lovelace, email: ada@example.com, since: 2024-02-29}
        - name: test customers are left out
          given: {number: "7", status: test}
          filtered: when
        - name: a wrong address
          given: {number: "7", email: ada}
          parked: no e-mail address
`

// TestTest runs suites that pass and that fail, needing neither Kafka nor a
// database.
func TestTest(t *testing.T) {
	r := sluice(t, nil, "-c", file(t, tested), "test")
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	golden(t, "test", r.stdout)
	path := file(t, tested)
	golden(t, "test-json", strings.ReplaceAll(sluice(t, nil, "-c", path, "test", "-o", "json", "--no-battery").stdout, path, "sluice.yaml"))

	failing := strings.Replace(tested, "expect: {name: Ada Lovelace", "expect: {name: Ada", 1)
	report := filepath.Join(t.TempDir(), "report.xml")
	r = sluice(t, nil, "-c", file(t, failing), "test", "customer", "--no-battery", "--junit", report)
	if r.code != 1 || r.stderr != "sluice: test: 1 of 3 cases failed\n" || !strings.Contains(r.stdout, `name: want "Ada"; got "Ada Lovelace"`) {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	data, err := os.ReadFile(report)
	var junit struct {
		Failures int `xml:"failures,attr"`
	}
	if err != nil || xml.Unmarshal(data, &junit) != nil || junit.Failures != 1 {
		t.Errorf("%v: %s", err, data)
	}
}

// TestBrokenRules has a broken file of each kind: one line with the place of the
// YAML, that in the expression, and the cure.
func TestBrokenRules(t *testing.T) {
	for _, c := range []struct{ name, from, to, verb, want string }{
		{"unknown column", "squeeze(name)", "squeeze(nme)", "test", "sluice.yaml:20:17: entities.customer.from[0].set.name: public.customers has no column nme, which `squeeze(nme)` uses; there are: email, name, number, since, status"},
		{"unknown column, by check", "squeeze(name)", "squeeze(nme)", "check", "sluice.yaml:20:17: entities.customer.from[0].set.name: public.customers has no column nme, which `squeeze(nme)` uses; there are: email, name, number, since, status"},
		{"type mismatch, by check", "squeeze(name)", "size(name)", "check", "sluice.yaml:20:17: entities.customer.from[0].set.name: 1:1 of `size(name)`: gives int where string is wanted; write string(...)"},
		{"bad table, by check", "email: text, since", "email: txt, since", "check", `sluice.yaml:25:84: entities.customer.tests.tables.erp.public.customers.email: "txt" is no type that is known here`},
		{"type mismatch", "squeeze(name)", "size(name)", "test", "sluice.yaml:20:17: entities.customer.from[0].set.name: 1:1 of `size(name)`: gives int where string is wanted; write string(...)"},
		{"bad CEL", "squeeze(name)", "squeeze(name", "check", "sluice.yaml:20:17: entities.customer.from[0].set.name: 1:13 of `squeeze(name`: Syntax error"},
		{"unknown function", "squeeze(name)", "squash(name)", "check", "sluice.yaml:20:17: entities.customer.from[0].set.name: 1:7 of `squash(name)`: undeclared reference to 'squash'"},
		{"bad format", "'DD.MM.YYYY'", "'DD.MM'", "check", "sluice.yaml:22:18: entities.customer.from[0].set.since: 1:30 of"},
		{"bad rule", "is_email(email)", "is_email(mail)", "check", "sluice.yaml:12:48: entities.customer.fields.email.validate[0].that: 1:10 of `is_email(mail)`: undeclared reference to 'mail' (did you mean 'email'?); a rule of validate is over the entity's fields: email, name, number, since"},
		{"bad case", "filtered: when", "filter: when", "test", `sluice.yaml:32:11: entities.customer.tests.cases[1].filter: unknown key; did you mean "filtered"?`},
		{"bad table", "email: text, since", "email: txt, since", "test", `sluice.yaml:25:84: entities.customer.tests.tables.erp.public.customers.email: "txt" is no type that is known here`},
		{"no lookup", "squeeze(name)", "lookup('names', name)", "check", "sluice.yaml:20:17: entities.customer.from[0].set.name: 1:8 of `lookup('names', name)`: there is no lookup \"names\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(tested, c.from) {
				t.Fatalf("the file has no %q", c.from)
			}
			r := sluice(t, []string{"ERP_DSN=postgres://localhost/erp"}, "-c", file(t, strings.Replace(tested, c.from, c.to, 1)), c.verb)
			if _, after, _ := strings.Cut(r.stderr, "sluice.yaml"); r.code != 2 || !strings.HasPrefix("sluice.yaml"+after, c.want) {
				t.Errorf("exit %d\n got %s\nwant %s", r.code, r.stderr, c.want)
			}
		})
	}
	if r := sluice(t, nil, "-c", file(t, tested), "test", "nobody"); r.code != 2 || !strings.Contains(r.stderr, "there are: customer") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	nothing := tested[:strings.Index(tested, "    tests:")]
	if r := sluice(t, nil, "-c", file(t, nothing), "test"); r.code != 2 || !strings.Contains(r.stderr, "there is nothing to test") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

// rawCustomers writes records of erp.public.customers as a capture does.
func rawCustomers(t *testing.T, topic string, brokers kafka.Config, url string, names ...string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	text := schemas.Type{Name: schemas.StringType}
	table := &schemas.Table{Schema: "public", Name: "customers", Key: []int{0}, Columns: []schemas.Column{{Name: "number", Type: text}}}
	for _, name := range []string{"name", "email", "since", "status"} {
		table.Columns = append(table.Columns, schemas.Column{Name: name, Type: text, Optional: true})
	}
	table.Source = &schemas.Table{Name: "Source", Columns: []schemas.Column{{Name: "ts_ms", Type: schemas.Type{Name: schemas.Int64Type}}}}
	envelope, err := avro.CompileEnvelope(strings.SplitN(topic, ".", 2)[0], table, avro.Options{})
	must(err)
	reg, err := registry.Config{URL: url}.Open()
	must(err)
	defer reg.Close()
	keyID, err := reg.Register(t.Context(), topic+"-key", envelope.KeySchema)
	must(err)
	valueID, err := reg.Register(t.Context(), topic+"-value", envelope.ValueSchema)
	must(err)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers.Brokers...))
	must(err)
	defer client.Close()
	must(brokers.Ensure(t.Context(), client, false, topic))
	for i, name := range names {
		row := schemas.Row{schemas.TextOf([]byte{byte('A' + i)}), schemas.TextOf([]byte(name)), {}, {}, {}}
		change := schemas.Change{Op: schemas.Create, Table: table, After: row, Source: schemas.Row{schemas.IntOf(1)}}
		key, err := envelope.AppendKey(registry.AppendHeader(nil, keyID), row)
		must(err)
		value, err := envelope.AppendValue(registry.AppendHeader(nil, valueID), &change, time.Now())
		must(err)
		must(client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: key, Value: value}).FirstErr())
	}
}

// TestDiff compares two versions over records of a topic.
func TestDiff(t *testing.T) {
	broker, reg := localtest.Kafka(t), localtest.Registry(t)
	capture := strings.ReplaceAll(localtest.Prefix(t), ".", "_")
	topic := capture + ".public.customers"
	rawCustomers(t, topic, broker, reg.URL, "Ada  Lovelace", "Bob", "test")
	next := strings.NewReplacer(`"127.0.0.1:1"`, `"`+broker.Brokers[0]+`"`, "http://127.0.0.1:1", reg.URL, "erp.public", capture+".public", "  erp:\n", "  "+capture+":\n").Replace(tested)
	changed := strings.Replace(next, "squeeze(name)", "trim(name)", 1)
	changed = strings.Replace(changed, "status != 'test'", "name != 'test'", 1)
	old, same, other := file(t, next), file(t, next), file(t, changed)

	r := sluice(t, nil, "diff", old, same, "--topic", topic)
	if r.code != 0 || r.stderr != "" || !strings.Contains(r.stdout, "3 records, 3 alike") {
		t.Errorf("the same rules: exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	r = sluice(t, nil, "diff", old, other, "--topic", topic, "--entity", "customer", "-n", "100")
	if r.code != 1 || r.stderr != "sluice: diff: the rules differ over these records\n" {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	for _, want := range []string{"3 records, 1 alike", "delivered -> filtered: 1 record\n", "name: 1 record\n", `- "Ada Lovelace"`, `+ "Ada`} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("lacks %q:\n%s", want, r.stdout)
		}
	}
	if r := sluice(t, nil, "diff", old, other, "--topic", topic, "-o", "json"); r.code != 1 || !strings.Contains(r.stdout, `"fields":[{"what":"name","count":1,"examples":[{"record":"`) {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	misfit := file(t, strings.NewReplacer("squeeze(name)", "squeeze(nme)", "nonblank(lower(email))", "size(email)").Replace(next))
	for side, args := range map[string][]string{"old": {misfit, other}, "new": {old, misfit}} {
		r := sluice(t, nil, append([]string{"diff", "--topic", topic}, args...)...)
		for _, want := range []string{
			misfit + ":20:17: entities.customer.from[0].set.name: public.customers has no column nme, which `squeeze(nme)` uses; there are: ",
			misfit + ":21:18: entities.customer.from[0].set.email: 1:1 of `size(email)`: gives int where string is wanted; write string(...)",
		} {
			if r.code != 2 || !strings.Contains(r.stderr, want) {
				t.Errorf("the %s rules do not fit: exit %d: %s\nwant %s", side, r.code, r.stderr, want)
			}
		}
	}
	for name, args := range map[string][]string{
		"no such topic in the rules": {old, other, "--topic", "crm.crm.contacts"},
		"no such entity":             {old, other, "--topic", topic, "--entity", "lead"},
		"no such file":               {"none.yaml", other, "--topic", topic},
		"no Kafka":                   {old, file(t, strings.Replace(next, broker.Brokers[0], "127.0.0.1:1", 1)), "--topic", topic},
	} {
		if r := sluice(t, nil, append([]string{"diff"}, args...)...); r.code != 2 || r.stderr == "" {
			t.Errorf("%s: exit %d: %s", name, r.code, r.stderr)
		}
	}
	// The registry knows the columns where no table of the tests does.
	without := next[:strings.Index(next, "      tables:")] + next[strings.Index(next, "      cases:"):]
	if r := sluice(t, nil, "-c", file(t, without), "test"); r.code != 0 || !strings.Contains(r.stdout, "battery of "+topic) {
		t.Errorf("columns of the registry: exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

func TestFunctions(t *testing.T) {
	have, err := os.ReadFile("../../stream/rules/FUNCTIONS.md")
	if r := sluice(t, nil, "check", "--functions"); err != nil || r.code != 0 || r.stdout != string(have) {
		t.Errorf("exit %d, not FUNCTIONS.md: %s%v", r.code, r.stderr, err)
	}
	if r := sluice(t, nil, "check", "--functions", "-o", "json"); !strings.HasPrefix(r.stdout, `{"family":"text","name":"coalesce","signature":`) {
		t.Errorf("exit %d: %.200s", r.code, r.stdout)
	}
}
