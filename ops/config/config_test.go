package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/schemas"
)

// outside is the environment of the fixtures. None of its values may be in a
// message.
var outside = map[string]string{
	"ERP_DSN":        "postgres://sluice:hunter22@127.0.0.1:5432/erp",
	"CRM_TOKEN":      "tok-0000-secret",
	"KAFKA_PASSWORD": "correct horse",
	"ERP_HASH_SALT":  "pepper-0000",
	"NASTY":          "a: [b, #c\"'\n---\nkafka: {}",
	"IN_FLIGHT":      "32",
}

func lookup(name string) (string, bool) {
	v, ok := outside[name]
	return v, ok
}

func TestBadFilesSayWhatWhereAndCure(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(string(data)) {
				if w, ok := strings.CutPrefix(line, "# want: "); ok {
					want = append(want, strings.TrimSpace(w))
				}
			}
			_, err = Loader{Env: lookup}.Load(path)
			var got []string
			for _, e := range Flatten(err) {
				var f *schemas.Fault
				if !errors.As(e, &f) {
					t.Errorf("%T is no Fault: %v", e, e)
				}
				got = append(got, e.Error())
			}
			if len(got) != len(want) {
				t.Fatalf("%d faults, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
			}
			for i := range want {
				if strings.HasPrefix(want[i], ":") {
					want[i] = path + want[i]
				}
				if got[i] != want[i] && !strings.HasSuffix(got[i], ": "+want[i]) {
					t.Errorf("fault %d\n got %s\nwant %s", i, got[i], want[i])
				}
				if strings.Contains(got[i], "\n") {
					t.Errorf("more than one line: %q", got[i])
				}
				for name, secret := range outside {
					if name != "IN_FLIGHT" && strings.Contains(got[i], secret) {
						t.Errorf("the value of %s is shown: %s", name, got[i])
					}
				}
			}
		})
	}
}

func TestGoodFilesLoad(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, path := range files {
		if _, err := (Loader{Env: lookup}).Load(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func good(t *testing.T, name string) *File {
	t.Helper()
	f, err := Loader{Env: lookup}.Load("testdata/good/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestValuesArrive(t *testing.T) {
	f := good(t, "full.yaml")
	erp, customer, crm := f.Captures["erp"], f.Entities["customer"], f.Sinks["crm"]
	for what, pair := range map[string][2]any{
		"broker":    {f.Kafka.Brokers[0], "127.0.0.1:9092"},
		"password":  {f.Kafka.SASL.Password, outside["KAFKA_PASSWORD"]},
		"retention": {f.Kafka.Topics.Config["retention.ms"], "-1"},
		"dsn":       {erp.Postgres.DSN, outside["ERP_DSN"]},
		"table":     {erp.Postgres.Tables[1], "sales.*"},
		"avro":      {erp.Avro.LogicalTypes, true},
		"interval":  {erp.Commit.Interval, 50 * time.Millisecond},
		"bytes":     {erp.Commit.Bytes, schemas.Size(8 << 20)},
		"topic":     {customer.Topics()[0], "erp.public.customers"},
		"rule":      {customer.Rules.From[0].When, "status != 'test'"},
		"entity":    {crm.Topics()[0], "entity.customer"},
		"in flight": {crm.Deliver.MaxInFlight, 32},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s = %v, want %v", what, pair[0], pair[1])
		}
	}
}

func TestValuesFromOutsideStayOneValue(t *testing.T) {
	f := good(t, "secrets.yaml")
	if got := f.Kafka.SASL.Username; got != outside["NASTY"] {
		t.Errorf("username = %q, want what the variable holds", got)
	}
	if got, want := f.Kafka.SASL.Password, "from a file: #1"; got != want {
		t.Errorf("password = %q, want the file without its line end: %q", got, want)
	}
	if got, want := f.Registry.Username, "${not a variable}"; got != want {
		t.Errorf("registry user = %q, want %q", got, want)
	}
}

func TestAnchorsAndMerges(t *testing.T) {
	shop := good(t, "anchors.yaml").Captures["shop"]
	if shop.Postgres.DSN != outside["ERP_DSN"] || shop.Postgres.Slot != "sluice_shop" ||
		len(shop.Postgres.Tables) != 1 || shop.Commit.Interval != time.Second {
		t.Errorf("shop = %+v, %+v", shop.Postgres, shop.Commit)
	}
}

func TestARoleNeedsOnlyItsOwnSecrets(t *testing.T) {
	none := func(name string) (string, bool) {
		if name == "KAFKA_PASSWORD" || name == "ERP_DSN" {
			return outside[name], true
		}
		return "", false
	}
	if _, err := (Loader{Env: none, Needs: []string{"kafka", "registry", "captures.erp"}}).Load("testdata/good/full.yaml"); err != nil {
		t.Errorf("the capture asks for more than it needs: %v", err)
	}
	_, err := Loader{Env: none, Needs: []string{"kafka", "registry", "sinks"}}.Load("testdata/good/full.yaml")
	if err == nil || !strings.Contains(err.Error(), "CRM_TOKEN") {
		t.Errorf("the sink runs without CRM_TOKEN: %v", err)
	}
}

func TestEmbeddedNeedsNoBrokers(t *testing.T) {
	src := []byte("captures: {erp: {postgres: {dsn: \"postgres://u@h/d\", tables: [public.a]}}}\n")
	if _, err := (Loader{Embedded: true}).Parse("sluice.yaml", src); err != nil {
		t.Error(err)
	}
	if _, err := (Loader{}).Parse("sluice.yaml", src); err == nil {
		t.Error("no brokers and not embedded, and no fault")
	}
}

func TestLocate(t *testing.T) {
	f := good(t, "full.yaml")
	err := f.Locate("entities.customer", &schemas.Fault{Where: "from[0].set.segment", What: "is wrong"})
	if want := "testdata/good/full.yaml:47:20: entities.customer.from[0].set.segment: is wrong"; err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	err = f.Locate("sinks.crm", &schemas.Fault{Where: "api.retries", What: "is missing"})
	if want := "testdata/good/full.yaml:51:5: sinks.crm.api.retries: is missing"; err.Error() != want {
		t.Errorf("the parent's place\n got %v\nwant %s", err, want)
	}
}

func TestPlaceKnowsThePathsOfTheFile(t *testing.T) {
	f := good(t, "full.yaml")
	plain := errors.New("plain")
	for _, c := range []struct{ err, want string }{
		{"kafka.brokers", "testdata/good/full.yaml:2:3: kafka.brokers: x"},
		{"captures.erp.postgres: slot s", "testdata/good/full.yaml:8:5: captures.erp.postgres: slot s: x"},
		{"entity.customer/0/12", "entity.customer/0/12: x"},
		{"topic t", "topic t: x"},
	} {
		err := fmt.Errorf("capture erp: %w", &schemas.Fault{Where: c.err, What: "x"})
		if got := f.Place(err).Error(); got != c.want && got != "capture erp: "+c.want {
			t.Errorf("%s\n got %s\nwant %s", c.err, got, c.want)
		}
	}
	if got := f.Place(plain); got != plain || f.Place(nil) != nil {
		t.Errorf("an error that is no fault became %v", got)
	}
}

func TestMissingFile(t *testing.T) {
	_, err := Load("testdata/none.yaml")
	want := "testdata/none.yaml: the configuration cannot be read: no such file or directory; name the file with --config FILE or SLUICE_CONFIG"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// FuzzParse looks for a text that makes the decoder panic or hang, or say
// something that is no Fault.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*/*.yaml")
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := Loader{Env: lookup}.Parse("sluice.yaml", data)
		for _, e := range Flatten(err) {
			var fault *schemas.Fault
			if !errors.As(e, &fault) || strings.Contains(e.Error(), "\n") {
				t.Errorf("%T: %q", e, e)
			}
		}
	})
}

// TestTestsOfAFile are decoded as strictly as the configuration, with places of
// their own.
func TestTestsOfAFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, err := os.ReadFile("testdata/good/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Loader{Env: func(name string) (string, bool) { return outside[name], true }}.Load(write("sluice.yaml", string(good)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Tests("lead"); err == nil || !strings.Contains(err.Error(), "sluice.yaml:42:12: entities.lead.tests: ") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no file: %v", err)
	}
	write("lead_test.yaml", "cases:\n  - {given: {}, expcet: {}}\n")
	if _, err := f.Tests("lead"); err == nil || !strings.Contains(err.Error(), "lead_test.yaml:2:17: cases[0].expcet: unknown key; did you mean \"expect\"?") {
		t.Errorf("an unknown key: %v", err)
	}
	write("lead_test.yaml", "cases:\n  - {given: {number: '1'}, expect: {id: 1}}\n")
	lead, err := f.Tests("lead")
	if err != nil || len(lead.Cases) != 1 || !strings.HasSuffix(lead.Where("cases[0]"), "lead_test.yaml:2:5: cases[0]") {
		t.Errorf("%v, %+v", err, lead)
	}
	customer, err := f.Tests("customer")
	if err != nil || len(customer.Cases) != 2 || !strings.HasSuffix(customer.Where("cases[1]"), "sluice.yaml:36:11: entities.customer.tests.cases[1]") {
		t.Errorf("%v, %+v", err, customer)
	}
	if dir := f.Entities["customer"].Rules.Dir; dir != filepath.Dir(f.Path) {
		t.Errorf("lookups are read from %s", dir)
	}
}
