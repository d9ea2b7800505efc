package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
)

// Line is the result for one entity. Captured = Filtered + Parked + Delivered
// where nothing is lost.
type Line struct {
	Entity    string `json:"entity"`
	Rows      int    `json:"rows"`
	Captured  int    `json:"captured"`
	Filtered  int    `json:"filtered"`
	Parked    int    `json:"parked"`
	Delivered int    `json:"delivered"`
	Lost      int    `json:"lost"`
	Doubled   int    `json:"doubled"`
}

// Report is the result of an audit.
type Report struct {
	Lines []Line `json:"entities"`
	Total Line   `json:"total"`
	// Differences are examples of what is lost or doubled.
	Differences []Difference `json:"differences,omitempty"`
}

func (r *Report) add(l Line) {
	r.Lines = append(r.Lines, l)
	t := &r.Total
	t.Entity = "all"
	t.Rows += l.Rows
	t.Captured += l.Captured
	t.Filtered += l.Filtered
	t.Parked += l.Parked
	t.Delivered += l.Delivered
	t.Lost += l.Lost
	t.Doubled += l.Doubled
}

// Print writes the report as a table, or as one line of JSON.
func (r *Report) Print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\nentity\trows in ERP\tcaptured\tfiltered\tparked\tdelivered\tlost\tdoubled\t\n")
	for _, l := range append(append([]Line(nil), r.Lines...), r.Total) {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", l.Entity, l.Rows, l.Captured, l.Filtered, l.Parked, l.Delivered, l.Lost, l.Doubled)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i, d := range r.Differences {
		if i == 10 {
			fmt.Fprintf(w, "... and %d more\n", len(r.Differences)-i)
			break
		}
		fmt.Fprintf(w, "%s %s: %s\n", d.Entity, d.Key, d.What)
	}
	return nil
}

// ErrUnfaithful says that a run lost or doubled something.
var ErrUnfaithful = errors.New("the CRM is not what the ERP says")

// Verdict is nil if nothing was lost and nothing doubled.
func (r *Report) Verdict() error {
	if r.Total.Lost == 0 && r.Total.Doubled == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d lost, %d doubled", ErrUnfaithful, r.Total.Lost, r.Total.Doubled)
}
