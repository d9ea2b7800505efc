package rules

import (
	"fmt"
	"strconv"

	"sluice/schemas"
	"sluice/stream"
)

// ContributionsTopic holds what the source records say of an entity's golden
// records.
func ContributionsTopic(entity string) string { return "contributions." + entity }

// Contribute makes the rules give contributions to golden records, with what
// schemas.HeaderChange tells, instead of entity records. A change of the key moves
// the record to another golden record. It is called before the first Process.
func (r *Rules) Contribute() {
	r.contributes, r.topic = true, ContributionsTopic(r.name)
}

// contribute decides over one item.
func (r *Rules) contribute(it *stream.Item, m *mapping, b *binding) *failure {
	c := &it.Change
	key, fail := r.keyOf(b)
	if fail != nil {
		return fail
	}
	now := b.row.row
	before := c.Before
	if c.Op != schemas.Update || len(before) != len(now) {
		before = nil
	}
	old, fresh, fail := r.keyBefore(c.Op, b, before, key)
	if fail != nil {
		return fail
	}
	says := schemas.Contribution{Op: c.Op, Time: b.committed(it), Offset: offsetOf(it), Record: r.recordOf(c)}
	var row schemas.Row
	if c.Op != schemas.Delete {
		passes := true
		if b.when != nil {
			if passes, fail = b.passes(); fail != nil {
				return fail
			}
		}
		switch {
		case passes:
			if row, fail = r.rowOf(b); fail != nil {
				return fail
			}
			if fail = r.validate(row); fail != nil {
				return fail
			}
			says.Changed = r.changed(c.Op, b, before, now, fresh)
		case c.Op == schemas.Update:
			says.Op = schemas.Delete
		default:
			it.Filter(ReasonWhen)
			return nil
		}
	}
	if fresh && old != nil {
		gone := says
		gone.Op, gone.Changed = schemas.Moved, nil
		r.say(it, m, old, nil, &gone)
	}
	r.say(it, m, key, row, &says)
	r.place(it, m, key, row, &says, fresh || row == nil || c.Op != schemas.Update)
	return nil
}

func (r *Rules) say(it *stream.Item, m *mapping, key []byte, row schemas.Row, says *schemas.Contribution) {
	start := len(r.headers)
	r.stamp(it, m)
	text := says.Append(r.arena.Grow(len(says.Record) + 2*len(says.Changed) + 64))
	r.arena.Keep(len(text))
	r.headers = append(r.headers, stream.Header{Key: schemas.HeaderChange, Value: text})
	it.Out = append(it.Out, stream.Output{
		Topic: r.topic, Key: key, Table: r.table, Row: row, Headers: r.headers[start:len(r.headers):len(r.headers)],
	})
}

// keyBefore is the key that the row had, if it was another; fresh says that it had
// another or none.
func (r *Rules) keyBefore(op schemas.Op, b *binding, before schemas.Row, key []byte) (old []byte, fresh bool, _ *failure) {
	switch {
	case !b.moves || op != schemas.Update:
		return nil, false, nil
	case before == nil:
		return nil, false, b.key.fail(ReasonKey, "the database did not send the row as it was before, so it is not known whether the key changed; %s", unsent(b.table))
	}
	now := b.row.row
	same := true
	for _, i := range b.key.needs {
		same = same && before[i].Equal(now[i])
	}
	if same {
		return nil, false, nil
	}
	b.row.row = before
	old, fail := r.keyOf(b)
	b.row.row = now
	switch {
	case fail == nil:
		return old, string(old) != string(key), nil
	case fail.empty: // it was parked then, and contributed nothing
		return nil, true, nil
	}
	return nil, false, fail
}

// changed are the fields whose columns differ from before; nil: not known.
func (r *Rules) changed(op schemas.Op, b *binding, before, now schemas.Row, fresh bool) []byte {
	switch {
	case op == schemas.Create || fresh:
		return r.bits(b, func(*step) bool { return true })
	case before == nil || !known(before, b.when):
		return nil
	}
	if b.when != nil {
		b.row.row = before
		was, fail := b.passes()
		b.row.row = now
		if fail != nil || !was {
			return r.bits(b, func(*step) bool { return true })
		}
	}
	for i := range b.set {
		if s := &b.set[i]; s.source != nil && !known(before, s) {
			return nil
		}
	}
	return r.bits(b, func(s *step) bool {
		for _, i := range s.needs {
			if !before[i].Equal(now[i]) {
				return true
			}
		}
		return false
	})
}

// known reports whether the row has what the step reads.
func known(row schemas.Row, s *step) bool {
	if s != nil {
		for _, i := range s.needs {
			if !row[i].Known() {
				return false
			}
		}
	}
	return true
}

func (r *Rules) bits(b *binding, set func(*step) bool) []byte {
	n := (len(b.set) + 7) / 8
	bits := r.arena.Grow(n)[:n]
	r.arena.Keep(n)
	clear(bits)
	for i := range b.set {
		if b.set[i].source != nil && set(&b.set[i]) {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return bits
}

// committed is when the change was, in microseconds.
func (b *binding) committed(it *stream.Item) int64 {
	if src := it.Change.Source; b.time >= 0 && b.time < len(src) && src[b.time].Kind == schemas.Int {
		return src[b.time].Int() * b.timeUnit
	}
	return it.Time.UnixMicro()
}

// offsetOf is where the raw record lies, or lay before it was replayed.
func offsetOf(it *stream.Item) int64 {
	if at := it.Header(schemas.HeaderDLQOffset); at != nil {
		if n, err := strconv.ParseInt(string(at), 10, 64); err == nil {
			return n
		}
	}
	return it.Offset
}

// recordOf is the row's primary key as text, its columns parted by commas.
func (r *Rules) recordOf(c *schemas.Change) []byte {
	row, text := c.KeyRow(), r.arena.Grow(32)
	for n, i := range c.Table.Key {
		if n > 0 {
			text = append(text, ',')
		}
		start := len(text)
		text = schemas.AppendText(text, &c.Table.Columns[i].Type, row[i])
		if len(c.Table.Key) > 1 {
			text = escape(text, start)
		}
	}
	if cap(text) > 32 {
		return r.arena.Copy(text)
	}
	r.arena.Keep(len(text))
	return text
}

// escape doubles the commas of a column's text, so that two keys are never one.
func escape(text []byte, from int) []byte {
	for i := from; i < len(text); i++ {
		if text[i] == ',' {
			text = append(text, 0)
			copy(text[i+1:], text[i:])
			i++
		}
	}
	return text
}

// unsent says how a database is made to send rows as they were.
func unsent(t *schemas.Table) string {
	return fmt.Sprintf("ALTER TABLE %s REPLICA IDENTITY FULL (MySQL: binlog_row_image=FULL) makes it do so", t.FullName())
}
