package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// format is the flag of every verb that prints a result.
type format struct {
	Output string `short:"o" default:"table" enum:"table,json" placeholder:"FORMAT" help:"table, or json: one object a line."`
}

func (f format) json() bool { return f.Output == "json" }

// table aligns rows, below a header if it has one.
type table struct {
	w    *tabwriter.Writer
	rows int
}

func newTable(w io.Writer, header ...string) *table {
	t := &table{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	if len(header) > 0 {
		t.write(header)
	}
	return t
}

// row adds a row; an empty cell is shown as "-".
func (t *table) row(cells ...any) {
	texts := make([]string, len(cells))
	for i, c := range cells {
		if texts[i] = oneLine(fmt.Sprint(c)); texts[i] == "" {
			texts[i] = "-"
		}
	}
	t.rows++
	t.write(texts)
}

func (t *table) write(cells []string) { fmt.Fprintln(t.w, strings.Join(cells, "\t")) }

func (t *table) flush() error { return t.w.Flush() }

// line writes v as one line of JSON that keeps <, > and & readable.
func line(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// short cuts a text for a table's cell.
func short(s string, n int) string {
	runes := []rune(oneLine(s))
	if len(runes) <= n {
		return string(runes)
	}
	return string(runes[:n-1]) + "…"
}
