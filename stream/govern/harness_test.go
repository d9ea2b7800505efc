package govern_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"sluice/schemas"
	"sluice/stream/govern"
	"sluice/stream/govern/oracle"
)

// customer is the entity of the tests.
func customer() *schemas.Table {
	of := func(name string, t schemas.Type) schemas.Column {
		return schemas.Column{Name: name, Type: t, Optional: true}
	}
	plain := func(n schemas.TypeName) schemas.Type { return schemas.Type{Name: n} }
	return &schemas.Table{Schema: "entity", Name: "customer", Columns: []schemas.Column{
		of("email", plain(schemas.StringType)),
		of("limit", schemas.Type{Name: schemas.DecimalType, Precision: 8, Scale: 2}),
		of("name", plain(schemas.StringType)),
		of("orders", plain(schemas.Int64Type)),
		of("phone", plain(schemas.StringType)),
		of("score", plain(schemas.Float64Type)),
		of("since", plain(schemas.DateType)),
		of("tags", schemas.Type{Name: schemas.ArrayType, Elem: &schemas.Column{Type: plain(schemas.StringType)}}),
	}}
}

var systems = []string{"erp", "crm", "shop"}

// authority reads the block as sluice.yaml has it.
func authority(t testing.TB, text string) *govern.Authority {
	t.Helper()
	var a govern.Authority
	if err := yaml.UnmarshalWithOptions([]byte(text), &a, yaml.Strict()); err != nil && strings.TrimSpace(text) != "" {
		t.Fatalf("%s: %v", text, err)
	}
	a.Defaults()
	return &a
}

// failer is a *testing.T, *testing.B or *rapid.T.
type failer interface {
	Helper()
	Fatal(args ...any)
}

func policy(t failer, a *govern.Authority, table *schemas.Table) *govern.Policy {
	t.Helper()
	p, err := govern.Compile(a, table)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// clock reads "10:00", "10:00:30" of 1 March 2026, or "07-01 10:00" of that year.
func clock(t testing.TB, text string) int64 {
	t.Helper()
	for layout, prefix := range map[string]string{
		"2006-01-02 15:04": "2026-03-01 ", "2006-01-02 15:04:05": "2026-03-01 ",
		"2006-01-02T15:04": "2026-",
	} {
		if at, err := time.Parse(layout, prefix+text); err == nil {
			return at.UnixMicro()
		}
	}
	t.Fatalf("%q is no time", text)
	return 0
}

// parse reads a value as a case writes it; "-" is null.
func parse(t testing.TB, c *schemas.Column, text string) schemas.Value {
	t.Helper()
	if text == "-" {
		return schemas.Value{}
	}
	var v schemas.Value
	var err error
	switch c.Type.Name {
	case schemas.Int64Type:
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		v = schemas.IntOf(n)
	case schemas.Float64Type:
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		v = schemas.FloatOf(f)
	case schemas.DateType:
		var at time.Time
		at, err = time.Parse(time.DateOnly, text)
		v = schemas.IntOf(at.Unix() / 86400)
	case schemas.DecimalType:
		var n int64
		n, err = strconv.ParseInt(strings.ReplaceAll(text, ".", ""), 10, 64)
		v = decimal(n)
	case schemas.ArrayType:
		var elems schemas.Row
		for _, e := range strings.Split(text, ",") {
			elems = append(elems, schemas.TextOf([]byte(e)))
		}
		v = schemas.ListOf(elems)
	default:
		v = schemas.TextOf([]byte(text))
	}
	if err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	return v
}

// decimal is n hundredths.
func decimal(n int64) schemas.Value {
	b := []byte{byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	for len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) {
		b = b[1:]
	}
	return schemas.DecimalOf(b, 2)
}

// script reads lines such as "10:00 erp/1 email=a@b.c phone=-": what each record
// changes when. A record keeps what a line does not name.
func script(t testing.TB, table *schemas.Table, text string) (events []govern.Event) {
	t.Helper()
	rows := map[string]schemas.Row{}
	for n, line := range strings.Split(strings.TrimSpace(text), "\n") {
		words := strings.Fields(line)
		e := govern.Event{Time: clock(t, words[0]), Offset: int64(n), Record: words[1], Rules: "customer@1", Changed: govern.Bits{}}
		e.System, _, _ = strings.Cut(e.Record, "/")
		row := rows[e.Record].Clone()
		for _, w := range words[2:] {
			name, value, sets := strings.Cut(w, "=")
			switch {
			case w == "deleted":
				e.Deleted = true
			case w == "moved":
				e.Deleted, e.Moved = true, true
			case w == "read": // what it changed is not known
				e.Snapshot = true
			case sets && table.Column(name) >= 0:
				i := table.Column(name)
				if row == nil {
					row = make(schemas.Row, len(table.Columns))
				}
				row[i] = parse(t, &table.Columns[i], strings.ReplaceAll(value, "_", " "))
				e.Changed = e.Changed.With(i)
			default:
				t.Fatalf("%q: cannot read %q", line, w)
			}
		}
		switch {
		case e.Deleted:
			row = nil
		case row == nil:
			row = make(schemas.Row, len(table.Columns))
			fallthrough
		case rows[e.Record] == nil: // it comes into being with all its fields
			for i := range table.Columns {
				e.Changed = e.Changed.With(i)
			}
		}
		e.Row, rows[e.Record] = row, row
		events = append(events, e)
	}
	return events
}

// state applies the events. The rows are in memory that is used again at once.
func state(events []govern.Event) *govern.State {
	var s govern.State
	for _, e := range events {
		e.Row = e.Row.Clone()
		s.Apply(&e)
		for i := range e.Row {
			for j := range e.Row[i].Bytes {
				e.Row[i].Bytes[j] = '#'
			}
		}
	}
	return &s
}

func merge(p *govern.Policy, s *govern.State) *govern.Golden {
	var g govern.Golden
	p.Merge(s, &g)
	return &g
}

// judged is the row that the oracle makes of the events.
func judged(a *govern.Authority, table *schemas.Table, events []govern.Event) schemas.Row {
	var all []oracle.Event
	for _, e := range events {
		all = append(all, oracle.Event{Golden: "g", Event: e})
	}
	return oracle.Golden(a, table, all)["g"]
}

// written is a row in the report of a failure.
func written(table *schemas.Table, row schemas.Row) string {
	if row == nil {
		return "deleted"
	}
	var b strings.Builder
	for i, v := range row {
		fmt.Fprintf(&b, "\n  %s = %s", table.Columns[i].Name, plainly(v))
	}
	return b.String()
}

func plainly(v schemas.Value) string {
	switch v.Kind {
	case schemas.Int:
		return strconv.FormatInt(v.Int(), 10)
	case schemas.Float:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case schemas.Text:
		return string(v.Bytes)
	case schemas.Decimal:
		return fmt.Sprintf("%x / 10^%d", v.Bytes, v.Scale)
	case schemas.List:
		var all []string
		for _, e := range v.Elems() {
			all = append(all, plainly(e))
		}
		return strings.Join(all, ",")
	}
	return v.Kind.String()
}
