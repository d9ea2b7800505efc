package govern_test

import (
	"fmt"
	"testing"

	"sluice/schemas"
	"sluice/stream/govern"
)

// wide is an entity of ten fields with a policy, and two sources that differ.
func wide(tb testing.TB) (*govern.Policy, []govern.Event) {
	table := &schemas.Table{Schema: "entity", Name: "customer"}
	rows := [2]schemas.Row{}
	for i := range 10 {
		table.Columns = append(table.Columns, schemas.Column{Name: fmt.Sprintf("f%d", i), Type: schemas.Type{Name: schemas.StringType}, Optional: true})
		for r := range rows {
			rows[r] = append(rows[r], schemas.TextOf(fmt.Appendf(nil, "a value of source %d", r)))
		}
	}
	p := policy(tb, authority(tb, `
owners: [erp, crm]
fields: {f1: {survivorship: most_recent, lock: 10m}, f2: {survivorship: longest}, f3: {survivorship: most_frequent}}`), table)
	return p, []govern.Event{
		{Record: "crm.crm.contacts/7", System: "crm", Time: 1_770_000_000_000_000, Offset: 1, Rules: "customer@1", Row: rows[0]},
		{Record: "erp.public.customers/4711", System: "erp", Time: 1_770_000_060_000_000, Offset: 2, Rules: "customer@1", Row: rows[1]},
	}
}

func BenchmarkMerge(b *testing.B) {
	p, events := wide(b)
	s := state(events)
	var g govern.Golden
	p.Merge(s, &g)
	b.ReportAllocs()
	for b.Loop() {
		p.Merge(s, &g)
	}
}

func BenchmarkMergeAndRow(b *testing.B) {
	p, events := wide(b)
	s := state(events)
	var g govern.Golden
	var row schemas.Row
	b.ReportAllocs()
	for b.Loop() {
		p.Merge(s, &g)
		row = g.Row(row)
	}
}

// BenchmarkRound is all that one change costs without its I/O.
func BenchmarkRound(b *testing.B) {
	p, events := wide(b)
	codec := govern.NewCodec(p.Table())
	data := codec.Append(nil, state(events))
	var s govern.State
	var g govern.Golden
	var row schemas.Row
	b.ReportAllocs()
	b.ReportMetric(float64(len(data)), "bytes/state")
	out := data
	for b.Loop() {
		if err := codec.Decode(out, &s); err != nil {
			b.Fatal(err)
		}
		events[1].Time++
		s.Apply(&events[1])
		p.Merge(&s, &g)
		row = g.Row(row)
		out = codec.Append(out[:0], &s)
	}
}

func TestMergeAllocatesNothing(t *testing.T) {
	p, events := wide(t)
	s := state(events)
	var g govern.Golden
	var row schemas.Row
	p.Merge(s, &g)
	row = g.Row(row)
	if n := testing.AllocsPerRun(100, func() {
		p.Merge(s, &g)
		row = g.Row(row)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
