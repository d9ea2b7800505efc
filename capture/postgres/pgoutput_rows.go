package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"sluice/schemas"
)

// change decodes an insert, update or delete.
func (d *decoder) change(ctx context.Context, at lsn, m []byte) error {
	if len(m) < 6 {
		return d.broken(m, errShort)
	}
	rel := d.table(binary.BigEndian.Uint32(m[1:]))
	if rel == nil {
		return d.broken(m, errors.New("a row of an unknown table"))
	}
	if rel.table == nil {
		return nil // published, but not asked for
	}
	b := d.stream.cur
	n := len(b.changes)
	for {
		err := d.rows(ctx, b, rel, at, m)
		if err == nil {
			if d.gap && len(b.changes) > n {
				d.noteGap(b, rel, m)
			}
			return nil
		}
		var null *nullError
		var label *labelError
		switch {
		case errors.As(err, &null):
			if !rel.relax(null.column) {
				return d.broken(m, err)
			}
		case errors.As(err, &label):
			if rel, err = d.relabel(ctx, rel, label); err != nil {
				return err
			}
		default:
			return err
		}
		b.changes = b.changes[:n]
	}
}

// rows decodes the images of one row message and appends its changes.
func (d *decoder) rows(ctx context.Context, b *block, rel *relation, at lsn, m []byte) error {
	raw := m
	m = b.arena.Copy(m) // the values point into it
	d.gap = false
	r := reader{b: m[5:]}
	var before, after schemas.Row
	var err error
	old := byte(0)
	kind := r.u8()
	if kind == 'K' || kind == 'O' {
		old = kind
		if before, err = d.tuple(b, rel, &r, old, nil); err != nil {
			return err
		}
		if m[0] == 'U' {
			kind = r.u8()
		}
	}
	if m[0] == 'D' && before == nil || m[0] != 'D' && kind != 'N' {
		return d.broken(m, errShort)
	}
	if m[0] != 'D' {
		if after, err = d.tuple(b, rel, &r, 'N', before); err != nil {
			return err
		}
	}
	if r.short {
		return d.broken(m, errShort)
	}
	b.time = d.time
	src := d.sourceOf(b, rel, at)
	switch {
	case m[0] == 'I':
		return d.append(ctx, b, rel, raw, schemas.Change{Op: schemas.Create, Table: rel.table, After: after, Source: src}, "")
	case m[0] == 'D':
		return d.append(ctx, b, rel, raw, schemas.Change{Op: schemas.Delete, Table: rel.table, Before: before, Source: src}, "")
	case before != nil && keyChanged(rel, before, after):
		gone := schemas.Change{Op: schemas.Delete, Table: rel.table, Before: before, Source: src, OtherKey: keyOf(b, rel, after)}
		if err := d.append(ctx, b, rel, raw, gone, "/0"); err != nil {
			return err
		}
		return d.append(ctx, b, rel, raw, schemas.Change{Op: schemas.Create, Table: rel.table, After: after, Source: src, OtherKey: keyOf(b, rel, before)}, "/1")
	default:
		if old == 'K' {
			before = nil // only the key, which did not change
		}
		return d.append(ctx, b, rel, raw, schemas.Change{Op: schemas.Update, Table: rel.table, Before: before, After: after, Source: src}, "")
	}
}

// append appends a change that came with the message raw, unless a running
// snapshot brings it.
func (d *decoder) append(ctx context.Context, b *block, rel *relation, raw []byte, c schemas.Change, suffix string) error {
	if pass, err := d.observe(ctx, b, rel, &c, raw); err != nil || !pass {
		return err
	}
	id := append(b.arena.Grow(len(d.id)+20+len(suffix)), d.id...)
	id = append(appendHex(id, uint64(d.row), 8), suffix...)
	b.arena.Keep(len(id))
	c.ID = id
	if d.counts.on {
		c.Transaction = d.place(b, c.Table.Schema, c.Table.Name)
	}
	b.changes = append(b.changes, c)
	return nil
}

// appendHex writes the last digits of n, so that texts sort as numbers do.
func appendHex(out []byte, n uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		out = append(out, "0123456789ABCDEF"[n>>(4*i)&15])
	}
	return out
}

func keyChanged(rel *relation, before, after schemas.Row) bool {
	for _, k := range rel.table.Key {
		if !before[k].Equal(after[k]) {
			return true
		}
	}
	return false
}

func keyOf(b *block, rel *relation, row schemas.Row) schemas.Row {
	key := b.arena.Row(len(rel.table.Key))
	for i, k := range rel.table.Key {
		key[i] = row[k]
	}
	return key
}

// nullError is a NULL in a column that the catalogue calls NOT NULL.
type nullError struct{ column string }

func (e *nullError) Error() string { return "NULL in column " + e.column }

// tuple decodes one image. kind is K for the old key, O for an old row, N for
// the new row; before lends the new row what the log left out.
func (d *decoder) tuple(b *block, rel *relation, r *reader, kind byte, before schemas.Row) (schemas.Row, error) {
	n := int(r.u16())
	if n != len(rel.attrs) {
		return nil, d.broken(r.b, fmt.Errorf("a row of %s has %d columns, the table %d", rel.table.FullName(), n, len(rel.attrs)))
	}
	row := b.arena.Row(len(rel.decode))
	i := -1
	for at := range n {
		how := r.u8()
		if rel.excluded != nil && rel.excluded[at] {
			if how == 't' {
				r.skip(int(r.u32()))
			}
			continue
		}
		i++
		switch how {
		case 't':
			v := r.bytes(int(r.u32()))
			if r.short {
				return row, nil
			}
			if err := rel.decode[i](&row[i], v, &b.arena); err != nil {
				var label *labelError
				if errors.As(err, &label) {
					return nil, err
				}
				return nil, valueFault(rel, i, string(appendHex(slices.Clone(d.id), uint64(d.row), 8)), err)
			}
		case 'n':
			switch {
			case kind == 'K' && !rel.inOld[i]:
				row[i].Kind = schemas.Absent
			case !rel.table.Columns[i].Optional:
				return nil, &nullError{rel.table.Columns[i].Name}
			}
		case 'u':
			row[i].Kind = schemas.Unchanged
			if before != nil && before[i].Known() {
				row[i] = before[i]
			} else {
				d.gap = true
			}
		default:
			return nil, d.broken(r.b, errors.New("unknown kind of column"))
		}
	}
	return row, nil
}

// valueFault says where a value is that has no form.
func valueFault(rel *relation, column int, event string, err error) error {
	f := &schemas.Fault{
		Where: rel.table.FullName() + "." + rel.table.Columns[column].Name, What: "event " + event, Err: err,
		Cure: "correct the value, or exclude the table from tables",
	}
	var v *valueError
	if errors.As(err, &v) && v.cure != "" {
		f.Cure = v.cure
	}
	return f
}

// sourceOf makes the source block of a row.
func (d *decoder) sourceOf(b *block, rel *relation, at lsn) schemas.Row {
	src := b.arena.Row(len(rel.source))
	copy(src, rel.source)
	setTime(src, d.time)
	src[colTx] = schemas.IntOf(d.tx)
	src[colLSN] = schemas.IntOf(int64(at))
	src[colOrigin], src[colOriginLSN] = d.origin, d.originL
	src[colSequence] = d.sequenceOf(b, at)
	return src
}

// sequenceOf orders events for a consumer: where the commit before ended, and
// where the event is.
func (d *decoder) sequenceOf(b *block, at lsn) schemas.Value {
	seq := append(b.arena.Grow(len(d.sequence)+22), d.sequence...)
	seq = append(strconv.AppendUint(seq, uint64(at), 10), `"]`...)
	b.arena.Keep(len(seq))
	return schemas.TextOf(seq)
}

// truncate makes one change for each table that was emptied.
func (d *decoder) truncate(ctx context.Context, at lsn, r *reader) error {
	n := int(r.u32())
	r.skip(1)
	b := d.stream.cur
	for i := range n {
		rel := d.table(r.u32())
		if r.short {
			return nil // said by the caller
		}
		if rel == nil || rel.table == nil {
			continue
		}
		b.time = d.time
		c := schemas.Change{Op: schemas.Truncate, Table: rel.table, Source: d.sourceOf(b, rel, at)}
		if err := d.append(ctx, b, rel, nil, c, "/"+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return nil
}
