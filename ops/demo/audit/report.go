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
	// Server is the database that holds the tables; empty: none.
	Server string      `json:"server,omitempty"`
	Tables []TableLine `json:"tables,omitempty"`
	// Both is what two systems keep alike; nil: nothing.
	Both *Both `json:"both,omitempty"`
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
	fmt.Fprint(t, "\nFrom the ERP to the CRM's API\nentity\trows in ERP\tcaptured\tfiltered\tparked\tdelivered\tlost\tdoubled\t\n")
	for _, l := range append(append([]Line(nil), r.Lines...), r.Total) {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", l.Entity, l.Rows, l.Captured, l.Filtered, l.Parked, l.Delivered, l.Lost, l.Doubled)
	}
	if len(r.Tables) > 0 {
		fmt.Fprintf(t, "\nFrom the CRM's database (%s) to raw topics\ntable\trows in CRM\tchanges\tcopied\tcaptured\tlost\tdoubled\t\n", r.Server)
		for _, l := range append(append([]TableLine(nil), r.Tables...), r.all()) {
			fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", l.Table, l.Rows, l.Changes, l.Copied, l.Captured, l.Lost, l.Doubled)
		}
	}
	if b := r.Both; b != nil {
		fmt.Fprint(t, "\nBetween the ERP and the CRM, both ways: what came back is dropped by its mark, or not written since it is there\n"+
			"entity\trows\tchanges\twritten to ERP\twritten to CRM\tdropped: origin\tmark\tconverged\tbounce\tdiffer\t\n")
		fmt.Fprintf(t, "account\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", b.Rows, b.Changes, b.ToERP, b.ToCRM,
			b.Dropped["origin"], b.Dropped["mark"], b.Dropped["converged"], b.Dropped["bounce"], b.Differ)
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

// all sums the tables up.
func (r *Report) all() TableLine {
	sum := TableLine{Table: "all"}
	for _, l := range r.Tables {
		sum.Rows += l.Rows
		sum.Changes += l.Changes
		sum.Copied += l.Copied
		sum.Captured += l.Captured
		sum.Lost += l.Lost
		sum.Doubled += l.Doubled
	}
	return sum
}

// ErrUnfaithful says that a run lost or doubled something.
var ErrUnfaithful = errors.New("what arrived is not what the databases say")

// Verdict is nil if nothing was lost and nothing doubled.
func (r *Report) Verdict() error {
	lost, doubled := r.Total.Lost+r.all().Lost, r.Total.Doubled+r.all().Doubled
	if r.Both != nil && r.Both.Differ > 0 {
		return fmt.Errorf("%w: %d accounts are not alike, %d lost, %d doubled", ErrUnfaithful, r.Both.Differ, lost, doubled)
	}
	if lost == 0 && doubled == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d lost, %d doubled", ErrUnfaithful, lost, doubled)
}
