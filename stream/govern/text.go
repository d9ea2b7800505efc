package govern

import (
	"bytes"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The colours of a terminal.
const (
	bold   = "\x1b[1m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	faint  = "\x1b[2m"
	plain  = "\x1b[0m"
)

// maxCell is how many characters a value has at most.
const maxCell = 48

// Text writes the explanation in aligned columns: the golden record, then what
// each source said of each field, then the source records.
func (e *Explanation) Text(w io.Writer, colour bool) error {
	var out bytes.Buffer
	head := clean(e.ID)
	if e.Deleted {
		head += "  deleted"
	}
	if e.Review {
		head += "  to be reviewed"
	}
	paint(&out, head, bold, colour)
	out.WriteByte('\n')
	if e.Deletion != "" {
		out.WriteString(clean(e.Deletion) + "\n")
	}
	fields := grid{head: []string{"FIELD", "VALUE", "FROM", "CHANGED", "WHY"}}
	for i := range e.Fields {
		f := &e.Fields[i]
		style := bold
		rule := f.Rule
		if f.Conflict {
			style, rule = bold+yellow, rule+"; sources disagree"
		}
		if f.Review {
			rule += ", to be reviewed"
		}
		fields.add(style, f.Name, cell(f.Value), f.System, when(f.Time), rule)
		for _, c := range f.Candidates {
			style := faint
			if c.Won {
				style = green
			}
			fields.add(style, "", cell(c.Value), c.Record, when(c.Time), c.Why)
		}
	}
	records := grid{head: []string{"RECORD", "SYSTEM", "LAST CHANGE", "RULES", "STATE"}}
	for _, r := range e.Records {
		style := ""
		if r.State != "lives" {
			style = faint
		}
		records.add(style, r.Record, r.System, when(r.Time), r.Rules, r.State)
	}
	for _, g := range []*grid{&fields, &records} {
		out.WriteByte('\n')
		g.write(&out, colour)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// grid is lines of cells.
type grid struct {
	head   []string
	lines  [][]string
	styles []string
}

func (g *grid) add(style string, cells ...string) {
	for i := range cells {
		cells[i] = clean(cells[i])
	}
	g.styles, g.lines = append(g.styles, style), append(g.lines, cells)
}

// write writes the lines with each column as wide as its widest cell.
func (g *grid) write(out *bytes.Buffer, colour bool) {
	width := make([]int, len(g.head))
	for _, line := range append([][]string{g.head}, g.lines...) {
		for i, c := range line {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	row := func(line []string, style string) {
		var b strings.Builder
		for i, c := range line {
			b.WriteString(c)
			if i < len(line)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)+2))
			}
		}
		paint(out, strings.TrimRight(b.String(), " "), style, colour)
		out.WriteByte('\n')
	}
	row(g.head, faint)
	for i, line := range g.lines {
		row(line, g.styles[i])
	}
}

func paint(out *bytes.Buffer, text, style string, colour bool) {
	if !colour || style == "" {
		out.WriteString(text)
		return
	}
	out.WriteString(style + text + plain)
}

// cell is a value that is not too wide.
func cell(v *string) string {
	if v == nil {
		return "null"
	}
	if utf8.RuneCountInString(*v) > maxCell {
		return string([]rune(*v)[:maxCell-1]) + "…"
	}
	return *v
}

// clean leaves out what a terminal would obey.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02 15:04:05.999999")
}
