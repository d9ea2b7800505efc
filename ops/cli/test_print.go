package cli

import (
	"fmt"
	"strings"

	"sluice/ops/cases"
)

func (t *tester) paint(colour, text string) string {
	if !t.colour {
		return text
	}
	return colour + text + "\x1b[0m"
}

func (t *tester) printCases(results []cases.Result) error {
	for _, r := range results {
		if t.json {
			if err := line(t.stdout, r); err != nil {
				return err
			}
			continue
		}
		if r.Passed {
			fmt.Fprintf(t.stdout, "  %s    %s\n", t.paint("\x1b[32m", "ok"), oneLine(r.Case))
			continue
		}
		fmt.Fprintf(t.stdout, "  %s  %s  (%s)\n", t.paint("\x1b[31m", "FAIL"), oneLine(r.Case), r.Where)
		for _, p := range r.Problems {
			fmt.Fprintf(t.stdout, "          %s\n", oneLine(p))
		}
	}
	return nil
}

func (t *tester) printBattery(b cases.Battery) error {
	if t.json {
		return line(t.stdout, struct {
			Battery cases.Battery `json:"battery"`
		}{b})
	}
	fmt.Fprintf(t.stdout, "  battery of %s: %d rows: %d delivered, %d filtered, %d parked", b.Topic, b.Rows, b.Delivered, b.Filtered, b.Parked)
	if b.Crashed > 0 {
		fmt.Fprintf(t.stdout, ", %s", t.paint("\x1b[31m", fmt.Sprintf("%d crashed", b.Crashed)))
	}
	fmt.Fprintln(t.stdout)
	if b.Plain != "" {
		fmt.Fprintf(t.stdout, "  the ordinary row that it varies became %s; a case that expects an entity gives it a better one\n", short(b.Plain, 200))
	}
	if len(b.Found) == 0 {
		return nil
	}
	out := newTable(t.stdout, "    FIELD", "REASON", "ROWS", "BY", "EXAMPLE")
	for _, f := range b.Found {
		by := strings.Join(f.By, ", ")
		if f.Count > len(f.By) {
			by += ", ..."
		}
		out.write([]string{"    " + orDash(f.Field), f.Reason, fmt.Sprint(f.Count), short(by, 60), short(f.Example, 120)})
	}
	return out.flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
