package govern_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/schemas"
	"sluice/stream/govern"
)

// drawRule draws a rule that fits a column.
func drawRule(t *rapid.T, a *govern.Authority, c *schemas.Column) govern.FieldRule {
	fit := []govern.Survivorship{"", govern.MostRecent, govern.First, govern.MostFrequent, govern.HighestTrust}
	switch c.Type.Name {
	case schemas.StringType, schemas.ArrayType:
		fit = append(fit, govern.Longest)
	case schemas.DateType:
		fit = append(fit, govern.Min, govern.Max)
	default:
		fit = append(fit, govern.Sum, govern.Min, govern.Max)
	}
	r := govern.FieldRule{
		Owners: rapid.SampledFrom([][]string{nil, {"erp"}, {"crm", "erp"}, {"shop", "crm", "erp"}}).Draw(t, "owners"),
		Nulls:  rapid.SampledFrom([]govern.Nulls{"", govern.Skip, govern.Count}).Draw(t, "nulls"),
		Review: rapid.Bool().Draw(t, "review"),
	}
	if len(r.Owners)+len(a.Owners) > 0 {
		fit = append(fit, govern.Owner)
	}
	r.Survivorship = rapid.SampledFrom(fit).Draw(t, "survivorship")
	if s := r.Survivorship; len(r.Owners)+len(a.Owners) > 0 && s != "" && s != govern.Owner {
		r.Lock = rapid.SampledFrom([]time.Duration{0, 2 * time.Microsecond, 5 * time.Microsecond}).Draw(t, "lock")
	}
	return r
}

// drawAuthority draws a valid one. Its dates are among the times of drawEvents.
func drawAuthority(t *rapid.T, table *schemas.Table) *govern.Authority {
	a := &govern.Authority{
		Owners:  rapid.SampledFrom([][]string{nil, {"erp", "crm"}, {"shop"}}).Draw(t, "owners"),
		Trust:   map[string]float64{"erp": 2, "crm": 1, "shop": 1},
		Deletes: rapid.SampledFrom([]govern.Deletes{"", govern.DeleteLast, govern.DeleteAny, govern.DeleteReview}).Draw(t, "deletes"),
		Survivorship: rapid.SampledFrom([]govern.Survivorship{
			"", govern.MostRecent, govern.First, govern.MostFrequent,
		}).Draw(t, "survivorship"),
		Fields: map[string]govern.FieldRules{},
	}
	if len(a.Owners) > 0 && rapid.Bool().Draw(t, "owner deletes") {
		a.Deletes = govern.DeleteOwner
	}
	for i := range table.Columns {
		c := &table.Columns[i]
		switch rapid.IntRange(0, 3).Draw(t, c.Name) {
		case 0:
		case 1:
			at := func(micros int) string { return time.UnixMicro(int64(micros)).UTC().Format(time.RFC3339Nano) }
			cut := rapid.IntRange(0, 20).Draw(t, "cut")
			a.Fields[c.Name] = govern.FieldRules{Rules: []govern.DatedRule{
				{Until: at(cut), FieldRule: drawRule(t, a, c)},
				{From: at(cut + rapid.IntRange(0, 5).Draw(t, "gap")), FieldRule: drawRule(t, a, c)},
			}}
		default:
			a.Fields[c.Name] = govern.FieldRules{FieldRule: drawRule(t, a, c)}
		}
	}
	a.Defaults()
	if err := a.Validate(table, systems); err != nil {
		t.Fatalf("the drawn authority is not valid: %v", err)
	}
	return a
}

func drawValue(t *rapid.T, c *schemas.Column) schemas.Value {
	n := rapid.IntRange(0, 3).Draw(t, c.Name)
	if n == 0 {
		return schemas.Value{}
	}
	texts := []string{"", "a", "bb", "ää"}
	switch c.Type.Name {
	case schemas.DecimalType:
		return decimal([]int64{0, 1, -128, 99_999_999}[n])
	case schemas.Int64Type:
		return schemas.IntOf([]int64{0, 7, -7, 1 << 62}[n])
	case schemas.Float64Type:
		return schemas.FloatOf([]float64{0, 0.1, 0.2, 1e17}[n])
	case schemas.DateType:
		return schemas.IntOf(int64(n))
	case schemas.ArrayType:
		return schemas.ListOf(make(schemas.Row, n-1))
	}
	return schemas.TextOf([]byte(texts[n]))
}

// drawEvents draws the events of some records, in an order of their own. What
// they changed is known of all, or else of some.
func drawEvents(t *rapid.T, table *schemas.Table, known bool) (events []govern.Event) {
	n := rapid.IntRange(1, 14).Draw(t, "events")
	for i := range n {
		system := rapid.SampledFrom(systems).Draw(t, "system")
		e := govern.Event{
			System: system, Record: fmt.Sprintf("%s/%d", system, rapid.IntRange(1, 2).Draw(t, "id")),
			Time: int64(rapid.IntRange(0, 20).Draw(t, "time")), Offset: int64(i), Rules: "1",
			Deleted: rapid.IntRange(0, 4).Draw(t, "deleted") == 0,
		}
		e.Moved = e.Deleted && rapid.Bool().Draw(t, "moved")
		if !e.Deleted {
			e.Row = make(schemas.Row, len(table.Columns))
			for f := range e.Row {
				e.Row[f] = drawValue(t, &table.Columns[f])
			}
			if known || rapid.Bool().Draw(t, "known") {
				e.Changed = govern.Bits{byte(rapid.IntRange(0, 255).Draw(t, "changed"))}
				e.Snapshot = !known && rapid.Bool().Draw(t, "snapshot")
			}
		}
		events = append(events, e)
	}
	reborn(events)
	return events
}

// reborn has the first event of a record after its deletion change all fields, as
// no database does otherwise.
func reborn(events []govern.Event) {
	order := make([]*govern.Event, 0, len(events))
	for i := range events {
		order = append(order, &events[i])
	}
	slices.SortFunc(order, func(a, b *govern.Event) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Offset, b.Offset))
	})
	dead := map[string]bool{}
	for _, e := range order {
		if dead[e.Record] && e.Changed != nil {
			e.Changed = govern.Bits{0xff}
		}
		dead[e.Record] = e.Deleted
	}
}

// agree fails unless the state's bytes and the golden row are as wanted.
func agree(t *rapid.T, c *govern.Codec, p *govern.Policy, events []govern.Event, bytesWant []byte, want schemas.Row) {
	s := state(events)
	if got := c.Append(nil, s); bytesWant != nil && !bytes.Equal(got, bytesWant) {
		t.Fatalf("another state:\n%x\nwant\n%x\nevents %+v", got, bytesWant, events)
	}
	g := govern.GoldenTable(p.Table())
	if got := merge(p, s).Row(nil); !got.Equal(want) || (got == nil) != (want == nil) {
		t.Fatalf("golden: %s\nwant %s\nevents %+v", written(g, got), written(g, want), events)
	}
}

// TestAnyOrderOfKnownEventsGivesOneResult is the promise of State.
func TestAnyOrderOfKnownEventsGivesOneResult(t *testing.T) {
	table := customer()
	codec := govern.NewCodec(table)
	rapid.Check(t, func(t *rapid.T) {
		p := policy(t, drawAuthority(t, table), table)
		events := drawEvents(t, table, true)
		want := state(events)
		order := rapid.Permutation(events).Draw(t, "order")
		again := rapid.SliceOfN(rapid.SampledFrom(events), 0, 8).Draw(t, "again")
		all := rapid.Permutation(append(again, order...)).Draw(t, "all")
		agree(t, codec, p, all, codec.Append(nil, want), merge(p, want).Row(nil))
	})
}

// TestTheOrderOfEachRecordIsEnough is the promise of State for events of which it
// is not known what they changed.
func TestTheOrderOfEachRecordIsEnough(t *testing.T) {
	table := customer()
	codec := govern.NewCodec(table)
	rapid.Check(t, func(t *rapid.T) {
		p := policy(t, drawAuthority(t, table), table)
		events := drawEvents(t, table, false)
		slices.SortFunc(events, func(a, b govern.Event) int {
			if a.Time != b.Time {
				return int(a.Time - b.Time)
			}
			return int(a.Offset - b.Offset)
		})
		want := state(events)
		var all []govern.Event
		left := map[string][]govern.Event{}
		for _, e := range events {
			left[e.Record] = append(left[e.Record], e)
		}
		for len(all) < 3*len(events) && len(left) > 0 {
			var records []string
			for _, e := range events {
				if len(left[e.Record]) > 0 && !slices.Contains(records, e.Record) {
					records = append(records, e.Record)
				}
			}
			r := rapid.SampledFrom(records).Draw(t, "next")
			all = append(all, left[r][0])
			if left[r] = left[r][1:]; len(left[r]) == 0 {
				delete(left, r)
			}
			if rapid.Bool().Draw(t, "replay") {
				all = append(all, rapid.SampledFrom(all).Draw(t, "again"))
			}
		}
		agree(t, codec, p, all, codec.Append(nil, want), merge(p, want).Row(nil))
	})
}

// TestMergeAgreesWithTheOracle compares with the golden record made of the whole
// list at once.
func TestMergeAgreesWithTheOracle(t *testing.T) {
	table := customer()
	codec := govern.NewCodec(table)
	rapid.Check(t, func(t *rapid.T) {
		a := drawAuthority(t, table)
		p := policy(t, a, table)
		known := rapid.Bool().Draw(t, "all known")
		events := drawEvents(t, table, known)
		if !known {
			slices.SortStableFunc(events, func(a, b govern.Event) int { return int(a.Time - b.Time) })
		}
		agree(t, codec, p, events, nil, judged(a, table, events))
	})
}

// TestExplainAgreesWithMerge: it says what Merge decides, and one won.
func TestExplainAgreesWithMerge(t *testing.T) {
	table := customer()
	rapid.Check(t, func(t *rapid.T) {
		p := policy(t, drawAuthority(t, table), table)
		s := state(drawEvents(t, table, true))
		g, e := merge(p, s), govern.Explain(p, "g", s)
		for i, f := range e.Fields {
			want := &g.Fields[i]
			if f.Record != want.Record || f.Rule != want.Rule.String() || f.Conflict != want.Conflict || f.Review != want.Review {
				t.Fatalf("%s: explained %+v, merged %+v", f.Name, f, want)
			}
			won := 0
			for _, c := range f.Candidates {
				if c.Won {
					won++
				}
				if c.Why == "" {
					t.Fatalf("%s: no reason for %s", f.Name, c.Record)
				}
			}
			if want.Winner >= 0 && won != 1 {
				t.Fatalf("%s: %d won", f.Name, won)
			}
		}
		if err := e.Text(new(bytes.Buffer), true); err != nil {
			t.Fatal(err)
		}
	})
}
