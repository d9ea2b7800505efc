package rules

import (
	"bytes"
	"hash/maphash"

	"sluice/schemas"
	"sluice/stream"
)

// CrosswalkTopic holds the golden id of each source record, by the record's name:
// <raw topic>/<primary key>. It is written here, where all that happens to a record
// is in order; its golden records, which it may leave and join, are apart.
func CrosswalkTopic(entity string) string { return "crosswalk." + entity }

// crosswalk is the table of the crosswalk's records.
var crosswalk = &schemas.Table{Schema: "crosswalk", Name: "Crosswalk", Columns: []schemas.Column{
	{Name: "record", Type: schemas.Type{Name: schemas.StringType}, Doc: "The source record: <raw topic>/<primary key>."},
	{Name: "system", Type: schemas.Type{Name: schemas.StringType}, Doc: "The capture that reads it."},
	{Name: "golden_id", Type: schemas.Type{Name: schemas.StringType}, Doc: "The golden record that it is a part of."},
	{Name: "time", Type: schemas.Type{Name: schemas.InstantType}, Doc: "When the source changed the record last, as of this line."},
}}

// told are the records of which the crosswalk was told lately, so that each update
// need not do so.
type told struct {
	seed maphash.Seed
	of   map[uint64]struct{}
}

// mostTold bounds the memory; all are forgotten then, and told once more.
const mostTold = 200_000

// lately reports whether the record was told of, and notes that it is.
func (t *told) lately(record []byte) bool {
	if t.of == nil {
		t.seed, t.of = maphash.MakeSeed(), map[uint64]struct{}{}
	}
	if len(t.of) >= mostTold {
		clear(t.of)
	}
	h := maphash.Bytes(t.seed, record)
	_, known := t.of[h]
	t.of[h] = struct{}{}
	return known
}

// place tells the crosswalk where a source record belongs: to the golden record of
// that key, or, of one that is gone, to none. must says that it has changed.
func (r *Rules) place(it *stream.Item, m *mapping, key []byte, row schemas.Row, says *schemas.Contribution, must bool) {
	record := append(append(append(r.arena.Grow(len(m.topic)+1+len(says.Record)), m.topic...), '/'), says.Record...)
	r.arena.Keep(len(record))
	if known := r.told.lately(record); known && !must {
		return
	}
	o := stream.Output{Topic: CrosswalkTopic(r.name), Key: record, Table: crosswalk}
	if row != nil {
		system, _, _ := bytes.Cut(m.topic, []byte("."))
		o.Row = r.arena.Row(len(crosswalk.Columns))
		o.Row[0], o.Row[1] = schemas.TextOf(record), schemas.TextOf(system)
		o.Row[2], o.Row[3] = schemas.TextOf(key), schemas.IntOf(says.Time)
	}
	it.Out = append(it.Out, o)
}
