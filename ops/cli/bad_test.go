package cli_test

import (
	"strings"
	"testing"

	"sluice/ops/local/localtest"
)

// TestBadInput runs the binary into walls: each is one line on stderr with the
// place and the cure, and its exit code.
func TestBadInput(t *testing.T) {
	env := []string{"ERP_DSN=postgres://sluice:hunter22@127.0.0.1:1/erp?connect_timeout=5", "CRM_TOKEN=tok-secret"}
	kafka, registry := localtest.Kafka(t), localtest.Registry(t)
	reachable := strings.NewReplacer("127.0.0.1:1\"]", kafka.Brokers[0]+"\"]", "http://127.0.0.1:1\"}", registry.URL+"\"}").Replace(whole)
	change := func(from, to string) string {
		t.Helper()
		if !strings.Contains(whole, from) {
			t.Fatalf("the configuration has no %q", from)
		}
		return strings.Replace(whole, from, to, 1)
	}
	for _, c := range []struct {
		name, config string
		args         []string
		env          []string
		code         int
		want         []string // parts of the line, in order
	}{
		{
			"unknown key", change("tables:", "tabels:"),
			[]string{"check"},
			env, 2,
			[]string{"sluice.yaml:5:35: captures.erp.postgres.tabels: unknown key; did you mean \"tables\"?"},
		},
		{
			"wrong type", change("version: 1", "version: first"),
			[]string{"check"},
			env, 2,
			[]string{"sluice.yaml:8:14: entities.customer.version: \"first\" is not a whole number"},
		},
		{
			"missing variable", whole,
			[]string{"capture"},
			nil, 2,
			[]string{"sluice.yaml:5:21: captures.erp.postgres.dsn: environment variable ERP_DSN is not set; export ERP_DSN="},
		},
		{"broken YAML", "kafka: [", []string{"check"}, env, 2, []string{"sluice.yaml:1:8: "}},
		{
			"broken rule", change("spend > 50000.0 ? 'high'", "spend > ? 'high'"),
			[]string{"check"},
			env, 2,
			[]string{"sluice.yaml:17:20: entities.customer.from[0].set.segment: "},
		},
		{
			"unknown entity", change("entities: [customer]", "entities: [custmer]"),
			[]string{"check"},
			env, 2,
			[]string{"sluice.yaml:20:16: sinks.crm.entities[0]: there is no entity \"custmer\"; did you mean \"customer\"?"},
		},
		{
			"unknown topic", change("topic: erp.", "topic: epr."),
			[]string{"check"},
			env, 2,
			[]string{"sluice.yaml:13:16: entities.customer.from[0].topic: ", "did you mean \"erp\"?"},
		},
		{"no file", "", []string{"check", "-c", "none.yaml"}, env, 2, []string{"none.yaml: ", "no such file", "--config FILE"}},
		{"unknown verb", whole, []string{"captur"}, env, 2, []string{"captur", "did you mean \"capture\"?", "sluice --help"}},
		{"unknown flag", whole, []string{"tap", "t", "--form", "end"}, env, 2, []string{"--form", "sluice tap --help"}},
		{"unknown capture", whole, []string{"capture", "crm"}, env, 2, []string{"captures.crm: is not in the configuration", "erp"}},
		{"nothing chosen", whole, []string{"dlq", "replay"}, env, 2, []string{"dlq replay: nothing is chosen; "}},
		{"no id", whole, []string{"dlq", "show", "12"}, env, 2, []string{"dlq 12: is no id", "sluice dlq list"}},
		{
			"unreachable Kafka", whole,
			[]string{"capture", "--wait", "1s"},
			env, 1,
			[]string{"sluice.yaml:1:9: kafka.brokers: ", "127.0.0.1:1", "connection refused; start it or mend kafka.brokers"},
		},
		{"unreachable Kafka, reading", whole, []string{"lag"}, env, 1, []string{"kafka.brokers: ", "connection refused"}},
		{
			"unreachable registry", strings.Replace(reachable, registry.URL, "http://127.0.0.1:1", 1),
			[]string{"stream", "--wait", "1s"},
			env, 1,
			[]string{"sluice.yaml:2:17: registry.url: ", "127.0.0.1:1", "connection refused", "; "},
		},
		{
			"unreachable database", reachable,
			[]string{"capture", "--wait", "1s"},
			env, 1,
			[]string{"sluice.yaml:5:21: captures.erp.postgres.dsn: cannot reach PostgreSQL at 127.0.0.1:1: ", "connection refused", "; "},
		},
		{"taken address", reachable, []string{"sink", "--listen", kafka.Brokers[0]}, env, 1, []string{"--listen " + kafka.Brokers[0], "address already in use", "--listen off"}},
		{
			"taken broker address", "",
			[]string{"broker", "--dir", "b", "--listen", kafka.Brokers[0], "--log-level", "error"},
			env, 1,
			[]string{"address already in use; choose another address with --listen"},
		},
		{"both Kafkas", whole, []string{"run", "--embedded", "data"}, env, 2, []string{"sluice.yaml:1:9: kafka.brokers: is set", "--embedded"}},
		{"unknown topic to tap", reachable, []string{"tap", "nothing"}, env, 1, []string{"topic nothing: ", "; "}},
		{"no dead letters of that name", reachable, []string{"dlq", "list", "nobody"}, env, 1, []string{"dlq nobody: there is no such dead letter topic; "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := c.args
			if c.config != "" {
				args = append([]string{"-c", file(t, c.config), "--log-level", "error"}, args...)
			}
			r := sluice(t, c.env, args...)
			if r.code != c.code {
				t.Errorf("exit %d, want %d", r.code, c.code)
			}
			line, more, _ := strings.Cut(r.stderr, "\n")
			if more != "" || !strings.HasPrefix(line, "sluice: ") {
				t.Errorf("not one line: %q", r.stderr)
			}
			rest := line
			for _, want := range c.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Errorf("lacks %q:\n%s", want, line)
					break
				}
				rest = after
			}
			for _, secret := range []string{"hunter22", "tok-secret"} {
				if strings.Contains(r.stderr, secret) {
					t.Errorf("shows a secret: %s", line)
				}
			}
		})
	}
}

func TestSeveralMistakesAreSeveralLines(t *testing.T) {
	r := sluice(t, nil, "check", "-c", file(t, "kafak: {}\nregistri: {}\n"))
	if lines := strings.Split(strings.TrimSpace(r.stderr), "\n"); r.code != 2 || len(lines) != 2 {
		t.Errorf("exit %d:\n%s", r.code, r.stderr)
	}
}
