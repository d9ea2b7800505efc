package loop

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/schemas"
)

func TestTheTargetIsNotSentWhatItHas(t *testing.T) {
	jones := func(note any) schemas.Row { return contact(7, "A1", "Jones", 1250, note) }
	for name, c := range map[string]struct {
		before func(r *rig)
		has    bool
	}{
		"nothing is known":           {func(*rig) {}, false},
		"it was written":             {func(r *rig) { r.write(r.customerWrite("A1", "Jones", 12.5)) }, true},
		"something else was written": {func(r *rig) { r.write(r.customerWrite("A1", "Smith", 12.5)) }, false},
		"the same but for case":      {func(r *rig) { r.write(r.customerWrite("A1", "JONES", 12.5)) }, false},
		"it was written to another":  {func(r *rig) { r.write(r.customerWrite("A2", "Jones", 12.5)) }, false},
		"it may have been written":   {func(r *rig) { w := r.customerWrite("A1", "Jones", 12.5); r.before(w); r.after(w, Unclear) }, false},
		"another may have been": {func(r *rig) {
			r.write(r.customerWrite("A1", "Jones", 12.5))
			w := r.customerWrite("A1", "Smith", 12.5)
			r.before(w)
			r.after(w, Unclear)
		}, false},
		"the capture says so": {func(r *rig) { r.want("", r.change(schemas.Create, nil, jones(nil))) }, true},
		"a snapshot says so":  {func(r *rig) { r.want("", r.change(schemas.Read, nil, jones(nil))) }, true},
		"the echo came": {func(r *rig) {
			r.write(r.customerWrite("A1", "Jones", 12.5))
			r.want(ReasonEcho, r.change(schemas.Create, nil, jones(nil)))
		}, true},
		"the echo was rewritten": {func(r *rig) {
			r.write(r.customerWrite("A1", "Jones", 12.5))
			r.want(ReasonEcho, r.change(schemas.Create, nil, contact(7, "A1", "JONES", 1250, nil)))
		}, false},
		"somebody changed it since": {func(r *rig) {
			r.write(r.customerWrite("A1", "Jones", 12.5))
			r.want("", r.change(schemas.Update, nil, contact(7, "A1", "Smith", 1250, nil)))
		}, false},
		"somebody deleted it": {func(r *rig) {
			r.write(r.customerWrite("A1", "Jones", 12.5))
			r.want("", r.change(schemas.Delete, jones(nil), nil))
		}, false},
		"somebody deleted it, and the log does not name it": {func(r *rig) {
			r.write(r.customerWrite("A1", "Jones", 12.5))
			r.later(2 * grace)
			r.want("", r.change(schemas.Delete, nameless(7), nil))
		}, false},
		"what was deleted came back": {func(r *rig) {
			r.want("", r.change(schemas.Delete, nameless(7), nil))
			r.later(2 * grace)
			r.want("", r.change(schemas.Create, nil, jones(nil)))
		}, true},
		"a record of nobody's was deleted": {func(r *rig) {
			r.write(r.customerWrite("A1", "Jones", 12.5))
			r.later(2 * grace)
			r.want("", r.change(schemas.Delete, contact(8, nil, "Smith", 0, nil), nil))
		}, true},
		"the table was emptied": {func(r *rig) {
			r.want("", r.change(schemas.Create, nil, jones(nil)))
			r.later(2 * grace)
			r.want("", r.change(schemas.Truncate, nil, nil))
		}, false},
		"the table was emptied before": {func(r *rig) {
			empty := r.change(schemas.Truncate, nil, nil)
			r.want("", empty)
			r.later(2 * grace)
			r.write(r.customerWrite("A1", "Jones", 12.5))
			r.want("", empty)
		}, true},
		"it has another key by now": {func(r *rig) {
			r.want("", r.change(schemas.Create, nil, jones(nil)))
			r.want("", r.change(schemas.Update, jones(nil), contact(7, "B1", "Jones", 1250, nil)))
		}, false},
		"a value was not sent": {func(r *rig) {
			r.want("", r.change(schemas.Create, nil, jones(nil)))
			r.want("", r.change(schemas.Update, nil, contact(7, "A1", schemas.Value{Kind: schemas.Absent}, 1250, nil)))
		}, false},
		"an old state is read again": {func(r *rig) {
			old := r.change(schemas.Create, nil, jones(nil))
			r.want("", old)
			r.want("", r.change(schemas.Update, jones(nil), contact(7, "A1", "Smith", 1250, nil)))
			r.want("", old)
		}, false},
		"its own origin says so": {func(r *rig) {
			it := r.change(schemas.Create, nil, jones(nil))
			it.Change.Source[1] = textOr(schemas.OriginName("crm"))
			r.want(ReasonOrigin, it)
		}, true},
		"what is remembered is too old": {func(r *rig) { r.write(r.customerWrite("A1", "Jones", 12.5)); r.forget() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mini(t), keyed())
			c.before(r)
			if has := r.before(r.customerWrite("A1", "Jones", 12.5)); has != c.has {
				t.Errorf("the target has it: %v, want %v", has, c.has)
			}
		})
	}
}

// nameless is the row of a deletion of which the log has the primary key alone.
func nameless(id int64) schemas.Row {
	row := make(schemas.Row, len(contacts.Columns))
	for i := range row {
		row[i].Kind = schemas.Absent
	}
	row[0] = schemas.IntOf(id)
	return row
}

// TestAWriteAfterALossIsMarked: what is written anew comes back as an echo.
func TestAWriteAfterALossIsMarked(t *testing.T) {
	r := newRig(t, mini(t), keyed())
	row := contact(7, "A1", "Jones", 1250, nil)
	r.want("", r.change(schemas.Create, nil, row))
	r.later(2 * grace)
	r.want("", r.change(schemas.Truncate, nil, nil))
	r.later(2 * grace)
	if r.write(r.customerWrite("A1", "Jones", 12.5)) {
		t.Fatal("an emptied table is taken to have the record")
	}
	r.want(ReasonEcho, r.change(schemas.Create, nil, row))
}

// TestMarksThatServeNoneAreBounded: where no echo ever comes, since the log of the
// target is not that of the topic, a record's marks do not pile up.
func TestMarksThatServeNoneAreBounded(t *testing.T) {
	r := newRig(t, mini(t), keyed())
	for i := range mostMarks + 50 {
		r.write(r.customerWrite("A1", fmt.Sprint("Jones ", i), 12.5))
	}
	fields, err := r.marks.store.(onRedis).client.HKeys(t.Context(), address("crm", "customer", byKey, "A1")).Result()
	if err != nil {
		t.Fatal(err)
	}
	marks := slices.DeleteFunc(fields, func(f string) bool { return !strings.HasPrefix(f, "m:") })
	if len(marks) != mostMarks {
		t.Errorf("%d marks are kept, want %d", len(marks), mostMarks)
	}
	r.want(ReasonEcho, r.change(schemas.Create, nil, contact(7, "A1", fmt.Sprint("Jones ", mostMarks+49), 1250, nil)))
}

// TestWhatTheEchoDoesNotTellIsWritten: the sink writes more than the columns say.
func TestWhatTheEchoDoesNotTellIsWritten(t *testing.T) {
	e := keyed()
	e.Complete = false
	r := newRig(t, mini(t), e)
	r.write(r.customerWrite("A1", "Jones", 12.5))
	if r.write(r.customerWrite("A1", "Jones", 12.5)) {
		t.Error("a write was left out, though it may hold more than the echo names")
	}
}

func TestARecordThatIsKnownByItsIDConverges(t *testing.T) {
	r := newRig(t, mini(t), byTargetID())
	w := r.customerWrite("A1", "Jones", 12.5)
	r.before(w)
	if r.before(r.customerWrite("A1", "Jones", 12.5)) {
		t.Error("a record without an id counts as there")
	}
	w.TargetID = "7"
	r.after(w, Taken)
	r.later(time.Millisecond)
	r.want(ReasonEcho, r.change(schemas.Create, nil, contact(7, nil, "Jones", 1250, nil)))
	if !r.before(r.customerWrite("A1", "Jones", 12.5)) {
		t.Error("the target is sent what it has")
	}
}
