package postgres

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/schemas"
)

// beginObserved tells the engine of a running snapshot of a transaction that it
// will be shown whole. One of which rows are in Kafka already is not.
func (d *decoder) beginObserved() {
	e := d.stream.source.engine
	d.whole = e != nil && e.Active() && d.commit > lsn(d.skip.Commit)
	if d.whole {
		e.Begin(transaction(uint32(d.tx)))
	}
}

// observe shows the engine of a running snapshot a change that came with the
// message raw, and reports whether to hand it out.
func (d *decoder) observe(ctx context.Context, b *block, rel *relation, c *schemas.Change, raw []byte) (bool, error) {
	e := d.stream.source.engine
	if e == nil || !e.Active() || d.durable() {
		return true, nil
	}
	if c.After != nil && len(rel.table.Key) > 0 && e.Watches(rel.table) {
		if err := d.complete(ctx, b, rel, c, raw); err != nil {
			return false, err
		}
	}
	return e.Observe(ctx, transaction(uint32(d.tx)), d.whole, c)
}

// complete reads the values that the log left out of a row because they did not
// change: the snapshot leaves the row to its event, which must then have them. A
// row that is gone has later events that make up for it. The row is asked for by
// its key and, as the change may not be visible yet, by the one before.
func (d *decoder) complete(ctx context.Context, b *block, rel *relation, c *schemas.Change, m []byte) error {
	var columns []string
	var missing []int
	for i, v := range c.After {
		if v.Kind == schemas.Unchanged {
			missing = append(missing, i)
			columns = append(columns, quote(rel.table.Columns[i].Name))
		}
	}
	if missing == nil {
		return nil
	}
	var args []string
	same := func(key [][]byte) string {
		var terms []string
		for i, k := range rel.table.Key {
			args = append(args, string(key[i]))
			terms = append(terms, quote(rel.table.Columns[k].Name)+" = $"+strconv.Itoa(len(args)))
		}
		return "(" + strings.Join(terms, " AND ") + ")"
	}
	before, after := keyTexts(rel, m)
	if after == nil {
		return nil
	}
	found := same(after)
	where := found
	if before != nil {
		where += " OR " + same(before)
	}
	_, from, _ := rel.published()
	rows, err := plain{d.stream.source.sql}.query(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+from+
		" WHERE "+where+" ORDER BY "+found+" DESC LIMIT 1", args...)
	if err != nil {
		if _, ok := errors.AsType[*pgconn.PgError](err); ok {
			// The table was altered or dropped since.
			d.stream.source.log.Warn("values that an update did not change cannot be read again", "table", rel.table.FullName(), "error", message(err))
			return nil
		}
		return d.stream.fault(err)
	}
	if len(rows) == 0 {
		return nil
	}
	for j, i := range missing {
		v := rows[0][j]
		if v == nil {
			c.After[i] = schemas.Value{}
			continue
		}
		if err := rel.decode[i](&c.After[i], b.arena.Copy(v), &b.arena); err != nil {
			return valueFault(rel, i, string(appendHex(slices.Clone(d.id), uint64(d.row), 8)), err)
		}
	}
	return nil
}

// keyTexts takes the texts of the keys from an update's message; nil where it has
// none.
func keyTexts(rel *relation, m []byte) (before, after [][]byte) {
	r := reader{b: m[5:]}
	kind := r.u8()
	if kind == 'K' || kind == 'O' {
		before = textOfKey(rel, &r)
		kind = r.u8()
	}
	if kind == 'N' {
		after = textOfKey(rel, &r)
	}
	if after == nil {
		return nil, before
	}
	return before, after
}

func textOfKey(rel *relation, r *reader) [][]byte {
	values := make([][]byte, r.u16())
	for i := range values {
		if r.u8() == 't' {
			values[i] = r.bytes(int(r.u32()))
		}
	}
	kept := values[:0] // without the columns that are left out
	for i, v := range values {
		if rel.excluded == nil || i < len(rel.excluded) && !rel.excluded[i] {
			kept = append(kept, v)
		}
	}
	key := make([][]byte, len(rel.table.Key))
	for i, k := range rel.table.Key {
		if k >= len(kept) || kept[k] == nil {
			return nil
		}
		key[i] = kept[k]
	}
	return key
}
