package rulesdiff

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"sluice/schemas"
	"sluice/stream"
	"sluice/stream/rules"
)

// Report is what the two versions differ in.
type Report struct {
	Entity  string `json:"entity"`
	Topic   string `json:"topic"`
	Records int    `json:"records"`
	// Old and New are the versions' headers and what they made of the records.
	Old Side `json:"old"`
	New Side `json:"new"`
	// Same is how many records came out alike.
	Same int `json:"same"`
	// Fates are records whose fate differs, Fields are the fields of those that
	// both deliver.
	Fates  []Difference `json:"fates"`
	Fields []Difference `json:"fields"`
}

// Side is one version.
type Side struct {
	Version   string `json:"version"`
	Delivered int    `json:"delivered"`
	Deleted   int    `json:"deleted"`
	Filtered  int    `json:"filtered"`
	Parked    int    `json:"parked"`
}

// Difference is one sort of difference, counted.
type Difference struct {
	// What is the field, "(key)", or "delivered -> parked".
	What     string    `json:"what"`
	Count    int       `json:"count"`
	Examples []Example `json:"examples"`
}

// Example is one record.
type Example struct {
	// Record is its partition and offset: "0/4711".
	Record string `json:"record"`
	Old    string `json:"old"`
	New    string `json:"new"`
}

// mostExamples of a difference are kept.
const mostExamples = 3

// Diff runs two versions beside each other.
type Diff struct {
	old, new *rules.Rules
	report   Report
	fates    map[string]*Difference
	fields   map[string]*Difference
}

// New compares two versions of one entity over records of the topic.
func New(entity, topic string, before, after *rules.Rules) *Diff {
	return &Diff{
		old: before, new: after,
		report: Report{Entity: entity, Topic: topic, Old: Side{Version: before.Version()}, New: Side{Version: after.Version()}},
		fates:  map[string]*Difference{}, fields: map[string]*Difference{},
	}
}

// Unfit is the error of rules that do not fit the table of a record.
type Unfit struct {
	// New says which version.
	New bool
	Err error
}

// Error names the version.
func (u *Unfit) Error() string {
	if u.New {
		return "by the new rules: " + u.Err.Error()
	}
	return "by the old rules: " + u.Err.Error()
}

// Unwrap returns what does not fit.
func (u *Unfit) Unwrap() error { return u.Err }

// Add compares what becomes of one decoded record. An error is an *Unfit.
func (d *Diff) Add(ctx context.Context, it *stream.Item) error {
	was, is := *it, *it
	if err := d.old.Process(ctx, []*stream.Item{&was}); err != nil {
		return &Unfit{Err: err}
	}
	if err := d.new.Process(ctx, []*stream.Item{&is}); err != nil {
		return &Unfit{New: true, Err: err}
	}
	d.report.Records++
	before, after := d.report.Old.count(&was), d.report.New.count(&is)
	at := fmt.Sprintf("%d/%d", it.Partition, it.Offset)
	switch {
	case before != after:
		note(d.fates, before+" -> "+after, Example{at, describe(&was), describe(&is)})
	case !d.compare(at, &was, &is):
		d.report.Same++
	}
	return nil
}

// count counts an item and names its fate.
func (s *Side) count(it *stream.Item) string {
	switch {
	case it.Fate == stream.Filtered:
		s.Filtered++
		return "filtered"
	case it.Fate == stream.Parked:
		s.Parked++
		return "parked"
	case len(it.Out) > 0 && it.Out[0].Row == nil:
		s.Deleted++
		return "deleted"
	}
	s.Delivered++
	return "delivered"
}

// describe says what became of an item in a few words.
func describe(it *stream.Item) string {
	switch {
	case it.Fate == stream.Filtered:
		return it.Reason
	case it.Fate == stream.Parked:
		return fmt.Sprintf("%s: %v", it.Reason, it.Err)
	case len(it.Out) > 0:
		return "key " + strconv.Quote(string(it.Out[0].Key))
	}
	return ""
}

// compare notes how two items of the same fate differ, and reports whether they
// do. Two errors are not compared: they name places of two files.
func (d *Diff) compare(at string, was, is *stream.Item) (differs bool) {
	differ := func(in map[string]*Difference, what, before, after string) {
		if before != after {
			differs = true
			note(in, what, Example{at, before, after})
		}
	}
	if was.Fate != stream.Pending {
		differ(d.fates, "reason", was.Reason, is.Reason)
		return differs
	}
	before, after := &was.Out[0], &is.Out[0]
	differ(d.fields, "(key)", strconv.Quote(string(before.Key)), strconv.Quote(string(after.Key)))
	if before.Row == nil {
		return differs
	}
	names := map[string]bool{}
	for _, t := range []*schemas.Table{before.Table, after.Table} {
		for i := range t.Columns {
			names[t.Columns[i].Name] = true
		}
	}
	for name := range names {
		a, b := shown(before, name), shown(after, name)
		if a == b && differBeyond(before, after, name) {
			a, b = a+" (of other bytes)", b+" (of other bytes than the old)"
		}
		differ(d.fields, name, a, b)
	}
	return differs
}

// shown is a field's value; a field that the version lacks is null.
func shown(out *stream.Output, name string) string {
	i := out.Table.Column(name)
	if i < 0 {
		return "null"
	}
	return rules.Show(out.Row[i], out.Table.Columns[i].Type)
}

// differBeyond reports whether two texts, or texts of two lists, differ where they
// are not shown.
func differBeyond(before, after *stream.Output, name string) bool {
	i, j := before.Table.Column(name), after.Table.Column(name)
	if i < 0 || j < 0 || before.Row[i].Kind != after.Row[j].Kind {
		return false
	}
	switch before.Row[i].Kind {
	case schemas.Text:
	case schemas.List:
		a, b := before.Table.Columns[i].Type.Elem, after.Table.Columns[j].Type.Elem
		if a == nil || b == nil || a.Type.Name != b.Type.Name {
			return false
		}
	default:
		return false
	}
	return !before.Row[i].Equal(after.Row[j])
}

func note(in map[string]*Difference, what string, e Example) {
	x := in[what]
	if x == nil {
		x = &Difference{What: what}
		in[what] = x
	}
	if x.Count++; len(x.Examples) < mostExamples {
		x.Examples = append(x.Examples, e)
	}
}

// Report is what was found so far, the most frequent first.
func (d *Diff) Report() Report {
	out := d.report
	out.Fates, out.Fields = sorted(d.fates), sorted(d.fields)
	return out
}

// Different reports whether any record came out differently.
func (r *Report) Different() bool { return len(r.Fates)+len(r.Fields) > 0 }

func sorted(in map[string]*Difference) []Difference {
	out := []Difference{}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		out = append(out, *in[name])
	}
	slices.SortStableFunc(out, func(a, b Difference) int { return cmp.Compare(b.Count, a.Count) })
	return out
}
