package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"sluice/schemas"
	"sluice/stream/govern"
)

// Event is an event with the golden record that it belongs to.
type Event struct {
	Golden string
	govern.Event
}

// record is what the events of one source record come to.
type record struct {
	name, system string
	newest       int64
	deleted      bool
	moved        bool
	row          schemas.Row
	times        []int64
}

// Golden returns the row of the golden table of each golden record; nil where it
// is deleted. The events may be in any order and come more than once; of those of
// one record with equal time and offset, the last counts. The authority must be
// valid for the table.
func Golden(a *govern.Authority, table *schemas.Table, events []Event) map[string]schemas.Row {
	byGolden := map[string]map[string][]Event{}
	for _, e := range events {
		if byGolden[e.Golden] == nil {
			byGolden[e.Golden] = map[string][]Event{}
		}
		byGolden[e.Golden][e.Record] = append(byGolden[e.Golden][e.Record], e)
	}
	out := map[string]schemas.Row{}
	for id, byRecord := range byGolden {
		var records []record
		for _, list := range byRecord {
			records = append(records, history(list, len(table.Columns)))
		}
		slices.SortFunc(records, func(a, b record) int { return cmp.Compare(a.name, b.name) })
		out[id] = golden(a, table, records)
	}
	return out
}

// history walks through the events of one record, the oldest first.
func history(list []Event, fields int) record {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Offset, b.Offset))
	})
	var r record
	var seen []bool // which fields were seen to change
	unseen := int64(0)
	for n, e := range list {
		if n+1 < len(list) && list[n+1].Time == e.Time && list[n+1].Offset == e.Offset {
			continue
		}
		r.name, r.system, r.newest, r.deleted, r.moved = e.Record, e.System, e.Time, e.Deleted, e.Deleted && e.Moved
		if e.Deleted {
			r.row, r.times, unseen = nil, nil, e.Time
			continue
		}
		known := e.Changed != nil && !e.Snapshot
		if r.row == nil {
			r.row, r.times, seen = make(schemas.Row, fields), make([]int64, fields), make([]bool, fields)
			for i := range fields {
				r.row[i], r.times[i], seen[i] = e.Row[i], unseen, !known || e.Changed.Has(i)
				if seen[i] {
					r.times[i] = e.Time
				}
			}
			continue
		}
		for i := range fields {
			switch {
			case known && e.Changed.Has(i), !known && !r.row[i].Equal(e.Row[i]):
				r.row[i], r.times[i], seen[i] = e.Row[i], e.Time, true
			case known && !seen[i]:
				r.row[i] = e.Row[i]
			}
		}
	}
	return r
}

func golden(a *govern.Authority, table *schemas.Table, records []record) schemas.Row {
	if deleted(a, records) {
		return nil
	}
	newest := records[0].newest
	for _, r := range records {
		newest = max(newest, r.newest)
	}
	var values, origins schemas.Row
	for i := range table.Columns {
		f := field{a: a, rule: inForce(a, table.Columns[i].Name, newest), of: table.Columns[i].Type}
		for _, r := range records {
			if r.deleted {
				continue
			}
			null := r.row[i].IsNull()
			if null && (f.rule.Nulls != govern.Count || f.adds()) {
				continue
			}
			f.all = append(f.all, said{record: r.name, system: r.system, value: r.row[i], time: r.times[i]})
		}
		value, origin := f.decide()
		values, origins = append(values, value), append(origins, origin...)
	}
	return append(values, origins...)
}

// deleted follows the words of govern.Deletes.
func deleted(a *govern.Authority, records []record) bool {
	live, gone := map[string]bool{}, map[string]bool{}
	var deletion, change []int64
	for _, r := range records {
		switch {
		case r.moved:
		case r.deleted:
			gone[r.system] = true
			deletion = append(deletion, r.newest)
		default:
			live[r.system] = true
			change = append(change, r.times...)
		}
	}
	if len(live) == 0 {
		return true
	}
	switch a.Deletes {
	case govern.DeleteAny:
		return len(gone) > 0 && slices.Max(deletion) > slices.Max(change)
	case govern.DeleteOwner:
		for _, o := range a.Owners {
			if live[o] || gone[o] {
				return !live[o]
			}
		}
	}
	return false
}

// inForce is the rule of a field at a time, with the block's defaults in it.
func inForce(a *govern.Authority, name string, at int64) govern.FieldRule {
	f := a.Fields[name]
	r := f.FieldRule
	for _, d := range f.Rules {
		if (d.From == "" || moment(d.From) <= at) && (d.Until == "" || at < moment(d.Until)) {
			r = d.FieldRule
		}
	}
	if r.Survivorship == "" {
		switch {
		case len(r.Owners) > 0:
			r.Survivorship = govern.Owner
		case a.Survivorship != "":
			r.Survivorship = a.Survivorship
		case len(a.Owners) > 0:
			r.Survivorship = govern.Owner
		default:
			r.Survivorship = govern.MostRecent
		}
	}
	if len(r.Owners) == 0 {
		r.Owners = a.Owners
	}
	return r
}

func moment(text string) int64 {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t, err = time.Parse(time.DateOnly, text)
	}
	if err != nil {
		panic(fmt.Sprintf("an authority with the time %q is not valid", text))
	}
	return t.UnixMicro()
}
