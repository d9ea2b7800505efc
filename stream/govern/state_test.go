package govern_test

import (
	"testing"

	"sluice/schemas"
	"sluice/stream/govern"
)

func TestApplySaysWhetherTheStateChanged(t *testing.T) {
	table := customer()
	events := script(t, table, `
		10:00 crm/7 email=a phone=1
		10:10 crm/7 email=b
		10:20 crm/7 deleted
		10:30 crm/7 email=c`)
	var s govern.State
	for i := range events {
		if !s.Apply(&events[i]) {
			t.Errorf("event %d changed nothing", i)
		}
	}
	for i := range events {
		if s.Apply(&events[i]) {
			t.Errorf("event %d changed something when it came again", i)
		}
	}
	other := events[3]
	other.Rules = "customer@2"
	if !s.Apply(&other) || s.Contributions[0].Rules != "customer@2" {
		t.Error("the same change by other rules was not taken")
	}
}

func TestWhatChangedIsComparedWhereItIsNotKnown(t *testing.T) {
	table := customer()
	events := script(t, table, `
		10:00 crm/7 email=a phone=1
		10:10 crm/7 email=b`)
	events[0].Changed, events[1].Changed = nil, nil
	s := state(events)
	c := s.Contributions[0]
	if c.Times[table.Column("phone")] != clock(t, "10:00") || c.Times[table.Column("email")] != clock(t, "10:10") {
		t.Errorf("times %v", c.Times)
	}
	older := events[0]
	older.Offset = -1
	if s.Apply(&older) {
		t.Error("an older event was compared with a newer one")
	}
}

func TestAMarkerStaysForEver(t *testing.T) {
	table := customer()
	events := script(t, table, `
		10:00 crm/7 email=a
		10:10 crm/7 deleted`)
	s := state([]govern.Event{events[1], events[0]})
	if c := s.Contributions[0]; !c.Deleted || c.Row != nil || c.Times != nil || c.Time != clock(t, "10:10") {
		t.Errorf("%+v", c)
	}
}

func TestChanges(t *testing.T) {
	a := schemas.Row{schemas.IntOf(1), schemas.IntOf(2), {}}
	b := schemas.Row{schemas.IntOf(1), schemas.IntOf(3), {}}
	if got := govern.Changes(nil, a, b); len(got) != 1 || got[0] != 0b10 {
		t.Errorf("changes %b", got)
	}
	if got := govern.Changes(nil, a, a); got == nil || got.Has(1) {
		t.Errorf("no changes are %v: nil would be unknown ones", got)
	}
	if got := govern.Changes(nil, nil, nil); got == nil {
		t.Error("no changes of no fields are nil")
	}
}

func TestGoldenTable(t *testing.T) {
	entity := customer()
	entity.Columns[0].Optional = false
	table := govern.GoldenTable(entity)
	if n := len(table.Columns); n != 4*len(entity.Columns) || len(entity.Columns) != 8 {
		t.Fatalf("%d columns of %d", n, len(entity.Columns))
	}
	for i, c := range table.Columns {
		if schemas.IsProvenance(c.Name) != (i >= len(entity.Columns)) {
			t.Errorf("column %d is %s", i, c.Name)
		}
		if i > 0 && !c.Optional {
			t.Errorf("%s is not optional", c.Name)
		}
	}
	for i, want := range []string{"_email_source", "_email_time", "_email_rule", "_limit_source"} {
		if got := table.Columns[len(entity.Columns)+i].Name; got != want {
			t.Errorf("column %s, want %s", got, want)
		}
	}
}
