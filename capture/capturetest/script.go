package capturetest

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// step is one block of a script.
type step struct {
	line  int
	verb  string
	arg   string
	lines []string
}

// parseScript reads a script. A line that begins a block stands at the margin,
// its lines are indented; # begins a comment at the margin.
//
//	tables NAME ...      which tables are captured (first block)
//	decimals HOW         as in the configuration
//	sql                  statements, one transaction
//	open                 opens the source and waits for its snapshot; before it, sql
//	                     prepares
//	expect               the changes that come, in order; rows of a snapshot in the
//	                     order of each table, whichever table comes first
//	restart              closes and opens again from the last position
func parseScript(text string) ([]step, error) {
	var steps []step
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			if len(steps) == 0 {
				return nil, fmt.Errorf("line %d belongs to no block", i+1)
			}
			last := &steps[len(steps)-1]
			last.lines = append(last.lines, strings.TrimSpace(line))
		default:
			verb, arg, _ := strings.Cut(line, " ")
			switch verb {
			case "tables", "decimals", "sql", "open", "expect", "restart":
			default:
				return nil, fmt.Errorf("line %d: unknown block %q", i+1, verb)
			}
			steps = append(steps, step{line: i + 1, verb: verb, arg: strings.TrimSpace(arg)})
		}
	}
	return steps, nil
}

// Scripts runs every *.txt of dir, each on a harness of its own.
func Scripts(t *testing.T, dir fs.FS, newHarness func(t *testing.T) Harness) {
	names, err := fs.Glob(dir, "*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts found, error %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(name, ".txt"), func(t *testing.T) {
			text, err := fs.ReadFile(dir, name)
			if err != nil {
				t.Fatal(err)
			}
			steps, err := parseScript(string(text))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			runScript(t, name, steps, newHarness(t))
		})
	}
}

func runScript(t *testing.T, name string, steps []step, h Harness) {
	var o Options
	var r *Reader
	read := 0 // changes that were expected
	h.Exec(t, markerTable)
	for _, s := range steps {
		switch s.verb {
		case "tables":
			o.Tables = append(strings.Fields(s.arg), "marker")
		case "decimals":
			o.Decimals = s.arg
		case "sql":
			h.Exec(t, strings.Join(s.lines, "\n"))
		case "open":
			r = Open(t, h.Source(t, o), "")
			r.Settle(h)
			read = 0
		case "restart":
			r.Close()
			last := r.Last()
			if last.IsZero() {
				t.Fatalf("%s:%d: nothing was read before the restart", name, s.line)
			}
			r = Open(t, h.Source(t, o), last)
			read = 0
		case "expect":
			for len(r.Seen) < read+len(s.lines) {
				r.Next()
			}
			if most := read + len(s.lines); len(r.Seen) > most {
				t.Fatalf("%s:%d: more came than is expected, first %s", name, s.line, r.Seen[most].Text)
			}
			got := r.Seen[read:]
			read = len(r.Seen)
			have := byTable(texts(got))
			for i, want := range byTable(s.lines) {
				if have[i] != want {
					t.Errorf("%s:%d: change %d is\n got %s\nwant %s", name, s.line, i+1, have[i], want)
				}
			}
		}
	}
	if r == nil {
		t.Fatalf("%s never opens its source", name)
	}
	// Whatever else came would come before the marker.
	h.Exec(t, "INSERT INTO marker VALUES (1)")
	for _, s := range r.Until(marker(1)) {
		t.Errorf("%s: not expected: %s", name, s.Text)
	}
}

func texts(seen []Seen) []string {
	out := make([]string, len(seen))
	for i := range seen {
		out[i] = seen[i].Text
	}
	return out
}

// byTable sorts each run of rows of a snapshot by their tables, keeping the order
// of each: tables are copied side by side.
func byTable(lines []string) []string {
	out := slices.Clone(lines)
	for from := 0; from < len(out); from++ {
		to := from
		for to < len(out) && strings.HasPrefix(out[to], "r ") {
			to++
		}
		slices.SortStableFunc(out[from:to], func(a, b string) int {
			return strings.Compare(strings.Fields(a)[1], strings.Fields(b)[1])
		})
		from = max(from, to-1)
	}
	return out
}

const markerTable = "CREATE TABLE marker (id int PRIMARY KEY)"

// marker is the text of the marker's insert.
func marker(id int) string { return fmt.Sprintf("c marker => {id: %d}", id) }
