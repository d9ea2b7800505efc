package cli_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (write it anew with -update):\n%s", path, got)
	}
}

var verbs = []string{
	"capture", "stream", "sink", "run", "check", "test", "diff", "doctor", "grants", "lag", "tap", "position show", "dlq", "dlq list", "dlq show",
	"dlq replay", "broker", "demo", "version", "completion", "explain", "state", "state show", "state rebuild",
}

func TestHelp(t *testing.T) {
	r := sluice(t, nil, "--help")
	if r.code != 0 {
		t.Fatalf("exit %d: %s", r.code, r.stderr)
	}
	golden(t, "help", r.stdout)
	for _, verb := range verbs {
		r := sluice(t, nil, append(strings.Fields(verb), "--help")...)
		if r.code != 0 || !strings.Contains(r.stdout, "sluice "+verb) {
			t.Errorf("%s --help: exit %d\n%s%s", verb, r.code, r.stdout, r.stderr)
		}
		if !strings.Contains(r.stdout, "Example") {
			t.Errorf("%s --help teaches no example", verb)
		}
	}
	golden(t, "help-dlq-replay", sluice(t, nil, "dlq", "replay", "--help").stdout)
}

func TestVersion(t *testing.T) {
	if r := sluice(t, nil, "version"); !strings.HasPrefix(r.stdout, "sluice v1.2.3 (go") {
		t.Errorf("stdout %q", r.stdout)
	}
	var v map[string]string
	if err := json.Unmarshal([]byte(sluice(t, nil, "version", "-o", "json").stdout), &v); err != nil || v["version"] != "v1.2.3" {
		t.Errorf("json %v, %v", v, err)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if r := sluice(t, nil, "completion", shell); r.code != 0 || !strings.Contains(r.stdout, binary) {
			t.Errorf("%s: exit %d, %q", shell, r.code, r.stdout)
		}
	}
	path := file(t, whole)
	for line, want := range map[string]string{
		"sluice pos":         "position",
		"sluice capture --r": "--resnapshot",
		"sluice capture ":    "erp",
		"sluice sink ":       "crm",
		"sluice tap entity.": "entity.customer",
	} {
		r := sluice(t, []string{"COMP_LINE=" + line, "SLUICE_CONFIG=" + path})
		if !strings.Contains(r.stdout, want+"\n") {
			t.Errorf("%q completes to %q, want %s", line, r.stdout, want)
		}
	}
}

const redisBlock = "redis: {url: \"redis://127.0.0.1:1\"}\n"

// governedFile is whole with an authority block.
func governedFile(t *testing.T) string {
	return file(t, redisBlock+strings.Replace(whole[1:], "    from:", "    authority: {owners: [erp]}\n    from:", 1))
}

func TestCheckShowsAuthority(t *testing.T) {
	env := []string{"ERP_DSN=postgres://sluice@127.0.0.1/erp", "CRM_TOKEN=token"}
	r := sluice(t, env, "check", "-c", governedFile(t))
	if r.code != 0 {
		t.Fatalf("exit %d: %s", r.code, r.stderr)
	}
	golden(t, "check-governed", r.stdout)
}

func TestGovernedVerbsRefuse(t *testing.T) {
	plain, governed := file(t, whole), governedFile(t)
	for _, c := range []struct {
		path, args, want string
	}{
		{plain, "explain customer 1", "the entity has no authority block"},
		{governed, "explain custmer 1", "is no entity of the configuration; there are: customer"},
		{plain, "state show", "no entity has an authority block"},
		{plain, "state rebuild customer", "the entity has no authority block"},
	} {
		r := sluice(t, nil, append([]string{"-c", c.path}, strings.Fields(c.args)...)...)
		if r.code != 2 || !strings.Contains(r.stderr, c.want) {
			t.Errorf("%s: exit %d, %s", c.args, r.code, r.stderr)
		}
	}
	for line, want := range map[string]string{"sluice explain ": "customer", "sluice tap cross": "crosswalk.customer", "sluice tap dlq.stream.": "dlq.stream.customer.govern"} {
		r := sluice(t, []string{"COMP_LINE=" + line, "SLUICE_CONFIG=" + governed})
		if !strings.Contains(r.stdout, want+"\n") {
			t.Errorf("%q completes to %q, want %s", line, r.stdout, want)
		}
	}
}

func TestCheckShowsWhatMovesWhere(t *testing.T) {
	env := []string{"ERP_DSN=postgres://sluice:hunter22@127.0.0.1/erp", "CRM_TOKEN=token"}
	r := sluice(t, env, "check", "-c", file(t, whole))
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("exit %d: %s", r.code, r.stderr)
	}
	golden(t, "check", r.stdout)
	golden(t, "check-json", sluice(t, env, "check", "-o", "json", "-c", file(t, whole)).stdout)
	schema := sluice(t, nil, "check", "--schema")
	if !json.Valid([]byte(schema.stdout)) || schema.code != 0 {
		t.Errorf("the schema: exit %d, %.200s", schema.code, schema.stdout)
	}
}

const whole = `
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
      segment: {type: string}
    from:
      - topic: erp.public.customers
        key: number
        set:
          number: number
          segment: "spend > 50000.0 ? 'high' : 'standard'"
sinks:
  crm:
    entities: [customer]
    api:
      url: http://127.0.0.1:1
      auth: {bearer: "${CRM_TOKEN}"}
      create: {method: POST, path: "/customers"}
      update: {method: PUT, path: "/customers/{{.Key | path}}"}
      delete: {method: DELETE, path: "/customers/{{.Key | path}}"}
`
