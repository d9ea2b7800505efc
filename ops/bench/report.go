package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// report is what one part measured.
type report struct {
	Part    string   `json:"part"`
	What    string   `json:"what"` // the rules of the measurement, in a line
	Figures []figure `json:"figures"`
	// Profile is where the time of a row goes, if it was asked for.
	Profile []share `json:"profile,omitempty"`
}

// figure is one measured number. Of an aim, exactly one bound is set.
type figure struct {
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	Unit  string   `json:"unit,omitempty"`
	Least *float64 `json:"at_least,omitempty"`
	Most  *float64 `json:"at_most,omitempty"`
}

func (r *report) add(name string, value float64, unit string) {
	r.Figures = append(r.Figures, figure{Name: name, Value: value, Unit: unit})
}

func (r *report) atLeast(name string, value, least float64, unit string) {
	r.Figures = append(r.Figures, figure{Name: name, Value: value, Unit: unit, Least: &least})
}

func (r *report) atMost(name string, value, most float64, unit string) {
	r.Figures = append(r.Figures, figure{Name: name, Value: value, Unit: unit, Most: &most})
}

// aim says what the figure should be and whether it is.
func (f figure) aim() string {
	met := true
	var text string
	switch {
	case f.Least != nil:
		text, met = "aim: at least "+number(*f.Least), f.Value >= *f.Least
	case f.Most != nil:
		text, met = "aim: at most "+number(*f.Most), f.Value <= *f.Most
	}
	if !met {
		text += ", missed"
	}
	return text
}

func (r *report) print(w io.Writer, format string) error {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	fmt.Fprintf(w, "%s: %s\n", r.Part, r.What)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, f := range r.Figures {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", pad(f.Name, 34), number(f.Value), pad(f.Unit, 6), pad(f.aim(), 24))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(r.Profile) > 0 {
		fmt.Fprintf(w, "\n%-34s %12s %7s\n", "where the CPU time of a row goes", "microseconds", "share")
		for _, s := range r.Profile {
			fmt.Fprintf(w, "%-34s %12.3f %6.1f%%\n", s.Name, s.Micros, 100*s.Share)
		}
	}
	fmt.Fprintln(w)
	return nil
}

// pad keeps a left-aligned column in a right-aligned table.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-len(s)))
}

// number writes three digits or all those before the point, in groups.
func number(x float64) string {
	digits := 0
	switch {
	case x < 10:
		digits = 2
	case x < 100:
		digits = 1
	}
	s := strconv.FormatFloat(x, 'f', digits, 64)
	whole, _, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func median(xs []float64) float64 { return percentile(xs, 50) }

// percentile is the value that so many percent of xs do not exceed.
func percentile(xs []float64, p int) float64 {
	s := slices.Sorted(slices.Values(xs))
	if len(s) == 0 {
		return 0
	}
	return s[min(len(s)-1, len(s)*p/100)]
}
