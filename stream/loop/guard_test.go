package loop

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/schemas"
	"sluice/stream"
)

func TestAnEchoIsDroppedOnce(t *testing.T) {
	r := newRig(t, mini(t), keyed())
	r.write(r.customerWrite("A1", "Jones", 12.5))
	r.later(50 * time.Millisecond)
	echo := func() *stream.Item {
		return r.change(schemas.Create, nil, contact(7, "A1", "Jones", 1250, nil))
	}
	r.want(ReasonEcho, echo())
	r.want("", echo()) // a mark serves once
}

func TestAnEchoIsKnownThoughTheTargetRewroteIt(t *testing.T) {
	r := newRig(t, mini(t), keyed())
	r.write(r.customerWrite("A1", "  O'Brien, +49 (30) 123 ", 3))
	r.want(ReasonEcho, r.change(schemas.Create, nil, contact(7, "A1", "O'BRIEN +49 30123", 300, nil)))
}

func TestWhatIsNoEchoPasses(t *testing.T) {
	row := func(note any) schemas.Row { return contact(7, "A1", "Jones", 1250, note) }
	keyOnly := schemas.Row{schemas.IntOf(7), {Kind: schemas.Absent}, {Kind: schemas.Absent}, {Kind: schemas.Absent}, {Kind: schemas.Absent}, {Kind: schemas.Absent}}
	for name, c := range map[string]struct {
		op            schemas.Op
		before, after schemas.Row
	}{
		"another name":           {schemas.Update, row(nil), contact(7, "A1", "Smith", 1250, nil)},
		"another number":         {schemas.Update, row(nil), contact(7, "A1", "Jones", 1251, nil)},
		"another record":         {schemas.Create, nil, contact(8, "A2", "Jones", 1250, nil)},
		"a record of nobody's":   {schemas.Create, nil, contact(8, nil, "Jones", 1250, nil)},
		"a deletion":             {schemas.Delete, row(nil), nil},
		"a nameless deletion":    {schemas.Delete, keyOnly, nil},
		"a row of a snapshot":    {schemas.Read, nil, row(nil)},
		"another column changed": {schemas.Update, row(nil), row("called")},
		"it may have":            {schemas.Update, nil, row("called")},
		"a value was not sent":   {schemas.Update, nil, contact(7, "A1", schemas.Value{Kind: schemas.Unchanged}, 1250, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mini(t), keyed())
			r.write(r.customerWrite("A1", "Jones", 12.5))
			r.want("", r.change(c.op, c.before, c.after))
		})
	}
}

func TestAColumnThatNobodyReadsMayChange(t *testing.T) {
	r := newRig(t, mini(t), keyed())
	r.write(r.customerWrite("A1", "Jones", 12.5))
	after := contact(7, "A1", "Jones", 1250, nil)
	after[5] = schemas.IntOf(1)
	r.want(ReasonEcho, r.change(schemas.Update, contact(7, "A1", "Smith", 1250, nil), after))
}

func TestWithoutTheOldRowTheLastChangeIsComparedWith(t *testing.T) {
	r := newRig(t, mini(t), keyed())
	r.want("", r.change(schemas.Create, nil, contact(7, "A1", "Smith", 0, "called")))
	r.write(r.customerWrite("A1", "Jones", 12.5))
	r.want(ReasonEcho, r.change(schemas.Update, nil, contact(7, "A1", "Jones", 1250, "called")))
	r.write(r.customerWrite("A1", "Jonas", 12.5))
	r.want("", r.change(schemas.Update, nil, contact(7, "A1", "Jonas", 1250, "called twice")))
}

// TestALeftoverMarkDropsNothing: the target had the content and changed nothing,
// so the mark's echo never came. Somebody then changes the record, and back.
func TestALeftoverMarkDropsNothing(t *testing.T) {
	r := newRig(t, mini(t), keyed())
	old, other := contact(7, "A1", "Jones", 1250, nil), contact(7, "A1", "Smith", 1250, nil)
	r.write(r.customerWrite("A1", "Jones", 12.5))
	r.later(time.Minute)
	r.want("", r.change(schemas.Update, old, other))
	r.later(time.Second)
	r.want("", r.change(schemas.Update, other, old))
}

// TestAChangeThatRacesTheWriteTakesNoMark: it is committed between the mark and
// the write.
func TestAChangeThatRacesTheWriteTakesNoMark(t *testing.T) {
	r := newRig(t, mini(t), keyed())
	r.write(r.customerWrite("A1", "Jones", 12.5))
	r.later(10 * time.Millisecond)
	r.want("", r.change(schemas.Update, contact(7, "A1", "Smith", 1250, nil), contact(7, "A1", "Miller", 1250, nil)))
	r.want(ReasonEcho, r.change(schemas.Update, contact(7, "A1", "Miller", 1250, nil), contact(7, "A1", "Jones", 1250, nil)))
}

func TestARefusedWriteTakesItsMarkBack(t *testing.T) {
	r := newRig(t, mini(t), keyed())
	w := r.customerWrite("A1", "Jones", 12.5)
	r.before(w)
	r.after(w, Refused)
	r.want("", r.change(schemas.Create, nil, contact(7, "A1", "Jones", 1250, nil)))
}

func TestAnUnclearWriteKeepsItsMarkAndIsTriedAgain(t *testing.T) {
	r := newRig(t, mini(t), keyed())
	w := r.customerWrite("A1", "Jones", 12.5)
	r.before(w)
	r.after(w, Unclear)
	if r.write(w) {
		t.Fatal("a write that may have been taken counts as taken")
	}
	r.want(ReasonEcho, r.change(schemas.Create, nil, contact(7, "A1", "Jones", 1250, nil)))
	r.want("", r.change(schemas.Create, nil, contact(7, "A1", "Jones", 1250, nil)))
}

func TestADeletionComesBackAsOne(t *testing.T) {
	r := newRig(t, mini(t), keyed())
	w := r.customerWrite("A1", nil, 0)
	w.Row = nil
	r.write(w)
	r.want(ReasonEcho, r.change(schemas.Delete, contact(7, "A1", "Jones", 1250, nil), nil))
	if !r.write(w) {
		t.Error("the target is asked to delete what it has deleted")
	}
}

func TestATaggedChangeIsDropped(t *testing.T) {
	r := newRig(t, mini(t), keyed())
	origin := r.change(schemas.Update, nil, contact(7, "A1", "Jones", 1, nil))
	origin.Change.Source[1] = textOr(schemas.OriginName("crm"))
	r.want(ReasonOrigin, origin)
	comment := r.change(schemas.Update, nil, contact(7, "A1", "Jones", 2, nil))
	comment.Change.Source[2] = textOr(schemas.OriginComment("crm"))
	r.want(ReasonOrigin, comment)
	foreign := r.change(schemas.Update, nil, contact(7, "A1", "Jones", 3, nil))
	foreign.Change.Source[1] = textOr(schemas.OriginName("elsewhere"))
	r.want("", foreign)
}

// TestARecordIsKnownByTheTargetsID: before the first answer no id is known, so
// the mark is of the content; afterwards it is of the id.
func TestARecordIsKnownByTheTargetsID(t *testing.T) {
	r := newRig(t, mini(t), byTargetID())
	first := r.customerWrite("A1", "Jones", 12.5)
	r.before(first)
	r.want(ReasonEcho, r.change(schemas.Create, nil, contact(7, nil, "Jones", 1250, nil)))
	first.TargetID = "7"
	r.after(first, Taken)
	r.want("", r.change(schemas.Create, nil, contact(8, nil, "Jones", 1250, nil)))

	late := r.customerWrite("A2", "Smith", 1)
	r.before(late)
	late.TargetID = "9"
	r.after(late, Taken)
	// Somebody makes the same contact by hand; ours comes after it.
	r.want("", r.change(schemas.Create, nil, contact(10, nil, "Smith", 100, nil)))
	r.want(ReasonEcho, r.change(schemas.Create, nil, contact(9, nil, "Smith", 100, nil)))

	r.write(r.customerWrite("A2", "Smythe", 1))
	r.want(ReasonEcho, r.change(schemas.Update, contact(9, nil, "Smith", 100, nil), contact(9, nil, "Smythe", 100, nil)))
	gone := r.customerWrite("A2", nil, 0)
	gone.Row = nil
	r.write(gone)
	r.want(ReasonEcho, r.change(schemas.Delete, contact(9, nil, "Smythe", 100, nil), nil))
}

func TestAReplayedDeadLetterPasses(t *testing.T) {
	r := newRig(t, mini(t), keyed())
	r.write(r.customerWrite("A1", "Jones", 12.5))
	it := r.change(schemas.Create, nil, contact(7, "A1", "Jones", 1250, nil))
	it.Headers = []stream.Header{{Key: schemas.HeaderDLQID, Value: []byte("dlq.stream.customer/0/1")}}
	r.want("", it)
}

func TestAColumnThatTheTableLacksStopsTheStream(t *testing.T) {
	e := keyed()
	e.Fields["name"] = "lable"
	r := newRig(t, mini(t), e)
	err := r.guard.Process(t.Context(), []*stream.Item{r.change(schemas.Create, nil, contact(7, "A1", "Jones", 1, nil))})
	fault, ok := errors.AsType[*schemas.Fault](err)
	if !ok || fault.Where != "sinks.crm.echo.customer.fields.name" || !strings.Contains(fault.Cure, "label") {
		t.Errorf("got %v", err)
	}
}

// TestDeletionsPassWhereTheyMustBeKnown: of golden records' sources.
func TestDeletionsPassWhereTheyMustBeKnown(t *testing.T) {
	for _, pass := range []bool{false, true} {
		r := newRig(t, mini(t), keyed(), func(p *Plan) { p.Deletions = pass })
		r.write(r.customerWrite("A1", "Jones", 1))
		r.process(r.change(schemas.Create, nil, contact(7, "A1", "Jones", 100, nil)))
		w := r.customerWrite("A1", nil, 0)
		w.Row = nil
		if r.before(w) {
			t.Fatal("the deletion was taken for needless")
		}
		r.after(w, Taken)
		reason := r.process(r.change(schemas.Delete, contact(7, "A1", "Jones", 100, nil), nil))[0]
		if want := map[bool]string{false: ReasonEcho, true: ""}[pass]; reason != want {
			t.Errorf("deletions pass: %v: reason %q, want %q", pass, reason, want)
		}
	}
}
