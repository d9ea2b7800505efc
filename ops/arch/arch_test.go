package arch_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "sluice"

// root is the top of the tree, seen from this folder.
const root = "../.."

// file is a Go file of ours with the folders of ours that it imports.
type file struct {
	path, folder string
	test         bool
	documented   bool // has a package comment
	imports      []string
}

// files parses the imports of every Go file of the tree.
func files(t *testing.T) []file {
	t.Helper()
	var out []file
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); rel != "." && (strings.HasPrefix(name, ".") || name == "testdata" || rel == "bin" || rel == "tmp") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		f := file{path: filepath.ToSlash(rel), folder: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(p, "_test.go"), documented: parsed.Doc != nil}
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if to, ok := strings.CutPrefix(name, module+"/"); ok {
				f.imports = append(f.imports, to)
			}
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 10 {
		t.Fatalf("only %d Go files found below %s: the test looks at the wrong place", len(out), root)
	}
	return out
}

func TestImportsFollowTheRule(t *testing.T) {
	for _, f := range files(t) {
		for _, to := range f.imports {
			if f.test {
				continue // a test of one room may furnish it from another
			}
			if why := verdict(f.folder, to); why != "" {
				t.Errorf("%s imports %s/%s: %s", f.path, module, to, why)
			}
		}
	}
}

func TestTestsImportNoOpsButLocal(t *testing.T) {
	for _, f := range files(t) {
		if !f.test || strings.HasPrefix(f.folder, "ops") {
			continue
		}
		for _, to := range f.imports {
			if strings.HasPrefix(to, "ops/") && to != "ops/local" && to != "ops/local/localtest" {
				t.Errorf("%s imports %s/%s: of ops, a test of a domain may use the private servers of ops/local alone", f.path, module, to)
			}
		}
	}
}

// TestVerdict checks the rule itself on made up imports: on a clean tree
// the tests above would also pass if it allowed everything.
func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"schemas", "schemas/avro", false},
		{"schemas/avro", "schemas", true},
		{"schemas/registry", "stream/kafka", false},
		{"capture", "schemas", true},
		{"capture", "schemas/avro", false},
		{"capture", "sinks", false},
		{"capture/postgres", "capture", true},
		{"capture/postgres", "schemas/avro", true},
		{"capture/postgres", "capture/snapshot", true},
		{"capture/postgres", "capture/pump", false},
		{"capture/postgres", "capture/mysql", false},
		{"capture/postgres", "stream/kafka", false},
		{"capture/postgres/wire", "capture/postgres", true},
		{"capture/pump", "stream/kafka", true},
		{"capture/pump", "capture/postgres", false},
		{"capture/pump", "capture/snapshot", false},
		{"stream/process", "stream/kafka", true},
		{"stream/rules", "stream/kafka", false},
		{"stream/rules", "stream/process", false},
		{"stream/match", "stream/state", true},
		{"sinks/deliver", "stream/kafka", true},
		{"sinks/deliver", "stream/process", false},
		{"sinks/api", "capture", false},
		{"sinks/sinktest", "sinks/deliver", true},
		{"sinks/deliver", "ops/run", false},
		{"ops/run", "sinks/api", true},
	} {
		if why := verdict(c.from, c.to); (why == "") != c.ok {
			t.Errorf("%s importing %s: allowed %v, want %v (%s)", c.from, c.to, why == "", c.ok, why)
		}
	}
}

// TestNoCyclesBetweenDomains follows the imports between the domains' roots:
// the compiler refuses cycles of packages, this refuses cycles of folders.
func TestNoCyclesBetweenDomains(t *testing.T) {
	uses := map[string]map[string]string{} // from -> to -> a file that does so
	for _, f := range files(t) {
		if f.test {
			continue
		}
		from, _, _ := strings.Cut(f.folder, "/")
		for _, to := range f.imports {
			to, _, _ = strings.Cut(to, "/")
			if to == from {
				continue
			}
			if uses[from] == nil {
				uses[from] = map[string]string{}
			}
			uses[from][to] = f.path
		}
	}
	for from, tos := range uses {
		for to, why := range tos {
			if back, ok := uses[to][from]; ok && from < to {
				t.Errorf("%s and %s import each other: %s, %s", from, to, why, back)
			}
		}
	}
}

func TestTopLevelIsAsFixed(t *testing.T) {
	allowed := append([]string{"schemas", "ops", "docker-compose.yml", "Makefile", "README.md", "go.mod", "go.sum"}, domains...)
	ignored := []string{"bin", "tmp"} // by .gitignore
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || slices.Contains(ignored, name) ||
			strings.HasPrefix(name, "coverage") || strings.HasSuffix(name, ".test") || strings.HasSuffix(name, ".prof") {
			continue
		}
		if !slices.Contains(allowed, name) {
			t.Errorf("%s stands at the top level: a new noun is a child of %s", name, strings.Join(append(domains, "schemas", "ops"), ", "))
		}
	}
}

// TestEveryPackageHasItsDoc asks for a doc.go in each folder of Go files that
// are not tests alone. A package of one file may say it there.
func TestEveryPackageHasItsDoc(t *testing.T) {
	packages := map[string][]file{}
	for _, f := range files(t) {
		if !f.test {
			packages[f.folder] = append(packages[f.folder], f)
		}
	}
	for folder, members := range packages {
		i := slices.IndexFunc(members, func(f file) bool { return filepath.Base(f.path) == "doc.go" })
		if i < 0 && len(members) == 1 {
			i = 0
		}
		if i < 0 {
			t.Errorf("%s has no doc.go: a newcomer reads that first", folder)
		} else if !members[i].documented {
			t.Errorf("%s has no package comment: it says what the package is for", members[i].path)
		}
	}
}

func TestNoFolderIsADrawer(t *testing.T) {
	for _, f := range files(t) {
		for part := range strings.SplitSeq(f.folder, "/") {
			if slices.Contains([]string{"internal", "util", "utils", "common", "helper", "helpers", "misc", "pkg"}, part) {
				t.Errorf("%s: a folder named %q says nothing of what is in it", f.path, part)
			}
		}
	}
}
