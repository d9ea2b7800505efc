package alerts_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const root = "../.."

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func rules(t *testing.T) []rule {
	t.Helper()
	b, err := os.ReadFile("sluice.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions(b, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	var out []rule
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	if len(out) == 0 {
		t.Fatal("sluice.yml holds no rule")
	}
	return out
}

func TestEachAlertHasItsRunbook(t *testing.T) {
	used := map[string]bool{}
	for _, r := range rules(t) {
		if r.Annotations["summary"] == "" {
			t.Errorf("%s has no summary: it is all that a pager shows", r.Alert)
		}
		if s := r.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s has severity %q, want page or ticket", r.Alert, s)
		}
		book := r.Annotations["runbook"]
		if used[book] {
			t.Errorf("%s shares its runbook %s with another alert", r.Alert, book)
		}
		used[book] = true
		text, err := os.ReadFile(filepath.Join(root, book))
		if err != nil {
			t.Errorf("%s: no runbook: %v", r.Alert, err)
			continue
		}
		for _, want := range []string{"**What it means.**", "**Look**"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s lacks the part %s", book, want)
			}
		}
	}
	books, err := filepath.Glob(filepath.Join(root, "ops/runbooks/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range books {
		if name := "ops/runbooks/" + filepath.Base(b); !used[name] {
			t.Errorf("%s is the runbook of no alert", name)
		}
	}
}

var metric = regexp.MustCompile(`\bsluice_[a-z_]+\b`)

// exported are the names of metrics that stand in our Go code as strings.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	quoted := regexp.MustCompile(`(?:Name:\s*|(?:[dD]esc|gauge)\()"(sluice_[a-z_]+)"`)
	for _, domain := range []string{"capture", "stream", "sinks", "ops/run"} {
		err := filepath.WalkDir(filepath.Join(root, domain), func(p string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
				return err
			}
			b, err := os.ReadFile(p)
			for _, m := range quoted.FindAllSubmatch(b, -1) {
				names[string(m[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(names) < 5 {
		t.Fatalf("only %d metrics found in the code: the test looks for the wrong thing", len(names))
	}
	return names
}

func TestAlertsAndDashboardsNameMetricsThatExist(t *testing.T) {
	names := exported(t)
	queries := map[string][]string{}
	for _, r := range rules(t) {
		queries["alert "+r.Alert] = []string{r.Expr}
	}
	boards, err := filepath.Glob(filepath.Join(root, "ops/dashboards/*.json"))
	if err != nil || len(boards) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	for _, path := range boards {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		if err := json.Unmarshal(b, &board); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, p := range board.Panels {
			for _, target := range p.Targets {
				at := filepath.Base(path) + ", panel " + p.Title
				queries[at] = append(queries[at], target.Expr)
			}
		}
	}
	for at, exprs := range queries {
		for _, name := range metric.FindAllString(strings.Join(exprs, "\n"), -1) {
			if !names[strings.TrimSuffix(name, "_bucket")] {
				t.Errorf("%s asks for %s, which nothing exports", at, name)
			}
		}
	}
}
