package govern_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"sluice/schemas"
	"sluice/stream"
	"sluice/stream/govern"
	"sluice/stream/govern/oracle"
	redis "sluice/stream/state"
)

// memory is a Memory without a Redis.
type memory map[string][]byte

func (m memory) Read(_ context.Context, parts []*redis.Part) error {
	for _, p := range parts {
		p.Values = p.Values[:0]
		for _, k := range p.Keys {
			p.Values = append(p.Values, m[fmt.Sprint(p.Partition, k)])
		}
	}
	return nil
}

func (m memory) Write(_ context.Context, parts []*redis.Part) error {
	for _, p := range parts {
		for i, k := range p.Keys {
			m[fmt.Sprint(p.Partition, k)] = slices.Clone(p.Values[i])
		}
	}
	return nil
}

// topics are what the transactions that committed have written.
type topics struct {
	golden    map[string]schemas.Row
	review    map[string]string // key -> candidates
	changelog memory
	written   int // golden records
}

func newTopics() *topics {
	return &topics{map[string]schemas.Row{}, map[string]string{}, memory{}, 0}
}

func (w *topics) commit(items []*stream.Item) {
	for _, it := range items {
		if it.Fate != stream.Pending {
			continue
		}
		for _, o := range it.Out {
			switch key := string(o.Key); {
			case o.Topic == "entity.customer" && o.Row == nil:
				w.written++
				delete(w.golden, key)
			case o.Topic == "entity.customer":
				w.written++
				w.golden[key] = o.Row.Clone()
			case o.Topic == "review.customer" && o.Row == nil:
				delete(w.review, key)
			case o.Topic == "review.customer":
				w.review[key] = string(o.Row[4].Bytes)
			case o.Topic == "sluice.state.customer":
				w.changelog[fmt.Sprint(o.Partition, key)] = slices.Clone(o.Value)
			}
		}
	}
}

// contribution is an item as the rules write it.
func contribution(table *schemas.Table, offset int64, e oracle.Event) *stream.Item {
	topic, record, _ := strings.Cut(e.Record, "/")
	head := schemas.Contribution{Op: schemas.Update, Time: e.Time, Offset: e.Offset, Changed: e.Changed, Record: []byte(record)}
	switch {
	case e.Moved:
		head.Op = schemas.Moved
	case e.Deleted:
		head.Op = schemas.Delete
	case e.Snapshot:
		head.Op = schemas.Read
	}
	it := &stream.Item{Input: stream.Input{
		Topic: "contributions.customer", Partition: 1, Offset: offset, Key: []byte(e.Golden),
		Headers: []stream.Header{
			{Key: schemas.HeaderSource, Value: []byte(topic)},
			{Key: schemas.HeaderRules, Value: []byte(e.Rules)},
			{Key: schemas.HeaderChange, Value: head.Append(nil)},
		},
	}}
	it.Change.ID = strconv.AppendInt(nil, offset, 10)
	if !e.Deleted {
		it.Change.Table, it.Change.After = table, e.Row.Clone()
	}
	return it
}

func stage(t failer, a *govern.Authority, m govern.Memory) *govern.Stage {
	t.Helper()
	s, err := govern.NewStage("customer", a, customer(), m, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStageIsTheOracle: whatever batches the contributions come in, whichever of
// their transactions are aborted and processed again by another process, and
// whatever Redis loses: the topics say what the oracle says.
func TestStageIsTheOracle(t *testing.T) {
	a := authority(t, `
owners: [erp, crm, shop]
deletes: review
fields:
  email: {survivorship: most_recent, lock: 10s, review: true}
  name: {survivorship: longest}
  orders: {survivorship: sum}
  phone: {owners: [crm]}`)
	rapid.Check(t, func(rt *rapid.T) {
		var events []oracle.Event
		var items []func() *stream.Item
		table := customer()
		for i := range rapid.IntRange(1, 40).Draw(rt, "events") {
			e := oracle.Event{Golden: rapid.SampledFrom([]string{"A", "B"}).Draw(rt, "golden")}
			e.System = rapid.SampledFrom(systems).Draw(rt, "system")
			e.Record = e.System + ".public.t/" + e.Golden + rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "record")
			e.Time, e.Offset, e.Rules = int64(i+1)*1_000_000, int64(i), "1-a"
			if e.Deleted = rapid.IntRange(0, 5).Draw(rt, "deleted") == 0; !e.Deleted {
				e.Row = make(schemas.Row, len(table.Columns))
				for _, f := range []string{"email", "name", "phone"} {
					if v := rapid.SampledFrom([]string{"", "x", "yy", "zzz"}).Draw(rt, f); v != "" {
						e.Row[table.Column(f)] = schemas.TextOf([]byte(v))
					}
				}
				e.Row[table.Column("orders")] = schemas.IntOf(int64(i))
				e.Snapshot = rapid.Bool().Draw(rt, "snapshot")
			}
			events = append(events, e)
			items = append(items, func() *stream.Item { return contribution(table, int64(i), e) })
		}
		kept, w := memory{}, newTopics()
		s := stage(rt, a, kept)
		for at := 0; at < len(items); {
			end := rapid.IntRange(at+1, len(items)).Draw(rt, "end")
			var batch []*stream.Item
			for _, it := range items[at:end] {
				batch = append(batch, it())
			}
			if err := s.Process(t.Context(), batch); err != nil {
				rt.Fatal(err)
			}
			switch rapid.IntRange(0, 4).Draw(rt, "then") {
			case 0: // aborted: it comes again, to another process
				s = stage(rt, a, kept)
				continue
			case 1: // aborted, and Redis is emptied: it is restored
				clear(kept)
				maps.Copy(kept, w.changelog)
				s = stage(rt, a, kept)
				continue
			case 2:
				w.commit(batch)
				clear(kept)
				maps.Copy(kept, w.changelog)
			default:
				w.commit(batch)
			}
			at = end
		}
		want := oracle.Golden(a, table, events)
		for id, row := range want {
			if got := w.golden[id]; (got == nil) != (row == nil) || row != nil && !got.Equal(row) {
				rt.Fatalf("golden record %s\n got %v\nwant %v", id, got, row)
			}
		}
		last := map[string]oracle.Event{}
		for _, e := range events {
			last[e.Record] = e
		}
		for _, id := range []string{"A", "B"} {
			values, lives, gone := map[string]bool{}, 0, 0
			for _, e := range last {
				if e.Golden != id {
					continue
				}
				if e.Deleted {
					gone++
					continue
				}
				lives++
				if v := e.Row[table.Column("email")]; !v.IsNull() {
					values[string(v.Bytes)] = true
				}
			}
			if _, open := w.review[id+"/email"]; open != (len(values) > 1) {
				rt.Fatalf("review of the e-mail of %s: open %v, values %v", id, open, values)
			}
			if _, open := w.review[id+"/"]; open != (lives > 0 && gone > 0) {
				rt.Fatalf("review of the deletion of %s: open %v, %d live, %d gone", id, open, lives, gone)
			}
		}
	})
}

// TestStageIsQuiet: what makes no difference to anybody is not written, and a
// source that says what the owner does not is told.
func TestStageIsQuiet(t *testing.T) {
	a := authority(t, `owners: [erp, crm]`)
	table := customer()
	row := func(name string) schemas.Row {
		r := make(schemas.Row, len(table.Columns))
		r[table.Column("name")] = schemas.TextOf([]byte(name))
		return r
	}
	name := govern.Bits{}.With(table.Column("name"))
	offset := int64(0)
	w, s := newTopics(), stage(t, a, memory{})
	for _, c := range []struct {
		what   string
		system string
		row    schemas.Row
		known  govern.Bits
		golden int // records written
		reason string
	}{
		{"the first", "erp", row("Ada"), name, 1, ""},
		{"another source agrees", "crm", row("Ada"), name, 0, ""},
		{"nothing changed", "crm", row("Ada"), govern.Bits{}, 0, ""},
		{"another source disagrees, and is told", "crm", row("Eva"), name, 1, ""},
		{"it still disagrees, but said so before", "crm", row("Eva"), govern.Bits{}, 0, ""},
		{"the owner changes it", "erp", row("Bea"), name, 1, ""},
	} {
		offset++
		it := contribution(table, offset, oracle.Event{Golden: "A", Event: govern.Event{
			Record: c.system + ".public.t/1", System: c.system, Time: offset * 1_000_000, Offset: offset, Row: c.row, Changed: c.known,
		}})
		before := w.written
		if err := s.Process(t.Context(), []*stream.Item{it}); err != nil {
			t.Fatal(err)
		}
		w.commit([]*stream.Item{it})
		if got := w.written - before; got != c.golden || it.Reason != c.reason {
			t.Errorf("%s: %d golden records, reason %q; want %d, %q", c.what, got, it.Reason, c.golden, c.reason)
		}
		again := contribution(table, offset+100, oracle.Event{Golden: "A", Event: govern.Event{
			Record: c.system + ".public.t/1", System: c.system, Time: offset * 1_000_000, Offset: offset, Row: c.row, Changed: c.known,
		}})
		if err := s.Process(t.Context(), []*stream.Item{again}); err != nil {
			t.Fatal(err)
		}
		if again.Reason != govern.ReasonUnchanged {
			t.Errorf("%s, sent twice: fate %v, reason %q", c.what, again.Fate, again.Reason)
		}
	}
}

func TestStageParks(t *testing.T) {
	table := customer()
	good := oracle.Event{Golden: "A", Event: govern.Event{Record: "erp.public.t/1", System: "erp", Time: 1, Row: make(schemas.Row, len(table.Columns))}}
	other := &schemas.Table{Columns: []schemas.Column{{Name: "name", Type: schemas.Type{Name: schemas.Int64Type}}}}
	for name, c := range map[string]struct {
		change func(*stream.Item)
		reason string
	}{
		"no key":           {func(it *stream.Item) { it.Key = nil }, govern.ReasonContribution},
		"no header":        {func(it *stream.Item) { it.Headers = nil }, govern.ReasonContribution},
		"no source":        {func(it *stream.Item) { it.Headers = it.Headers[1:] }, govern.ReasonContribution},
		"no value":         {func(it *stream.Item) { it.Change.Table = nil }, govern.ReasonContribution},
		"field's type":     {func(it *stream.Item) { it.Change.Table, it.Change.After = other, schemas.Row{schemas.IntOf(1)} }, govern.ReasonFields},
		"nothing is amiss": {func(*stream.Item) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			it := contribution(table, 0, good)
			c.change(it)
			if err := stage(t, authority(t, "owners: [erp]"), memory{}).Process(t.Context(), []*stream.Item{it}); err != nil {
				t.Fatal(err)
			}
			if it.Reason != c.reason {
				t.Errorf("reason %q, want %q (%v)", it.Reason, c.reason, it.Err)
			}
		})
	}
}

// TestStageSendsReplaysRound: a dead letter comes from another partition; its
// golden record is another process's.
func TestStageSendsReplaysRound(t *testing.T) {
	it := contribution(customer(), 7, oracle.Event{Golden: "A", Event: govern.Event{Record: "erp.public.t/1", System: "erp", Row: schemas.Row{}}})
	it.Value = []byte("value")
	it.Headers = append(it.Headers, stream.Header{Key: schemas.HeaderDLQID, Value: []byte("1")})
	m := memory{}
	if err := stage(t, authority(t, "owners: [erp]"), m).Process(t.Context(), []*stream.Item{it}); err != nil {
		t.Fatal(err)
	}
	if len(it.Out) != 1 || it.Out[0].Topic != "contributions.customer" || string(it.Out[0].Key) != "A" || string(it.Out[0].Value) != "value" ||
		(&stream.Input{Headers: it.Out[0].Headers}).Header(schemas.HeaderDLQID) != nil || len(m) != 0 {
		t.Errorf("%+v, memory %v", it.Out, m)
	}
}

func TestStageCountsConflicts(t *testing.T) {
	prom := prometheus.NewRegistry()
	s, err := govern.NewStage("customer", authority(t, "owners: [erp, crm]"), customer(), memory{}, prom)
	if err != nil {
		t.Fatal(err)
	}
	table := customer()
	for i, system := range []string{"erp", "crm"} {
		row := make(schemas.Row, len(table.Columns))
		row[table.Column("name")] = schemas.TextOf([]byte(system))
		e := govern.Event{Record: system + ".public.t/1", System: system, Time: int64(i), Row: row}
		if err := s.Process(t.Context(), []*stream.Item{contribution(table, int64(i), oracle.Event{Golden: "A", Event: e})}); err != nil {
			t.Fatal(err)
		}
	}
	families, err := prom.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got = append(got, fmt.Sprint(f.GetName(), m.GetLabel(), m.GetCounter().GetValue()))
		}
	}
	if len(got) != 1 || !strings.HasPrefix(got[0], "sluice_govern_conflicts_total") || !strings.Contains(got[0], `"erp"`) || !strings.HasSuffix(got[0], "1") {
		t.Errorf("metrics: %v", got)
	}
}
