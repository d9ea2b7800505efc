package mysql

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-mysql-org/go-mysql/replication"

	"sluice/schemas"
)

// tableMap learns how the rows to come are laid out.
func (d *decoder) tableMap(ctx context.Context, b []byte) error {
	if len(b) < 8 {
		return errShort
	}
	id, layout := littleEndian(b[:6]), b[8:]
	if rel := d.tables[id]; rel != nil && rel.body == string(layout) {
		return nil
	}
	m, err := parseTableMap(b, d.source.server.maria)
	if err != nil {
		return err
	}
	rel, err := d.source.relation(ctx, m, string(layout), d.at)
	if err != nil {
		return err
	}
	if len(d.tables) > maxTables {
		clear(d.tables)
	}
	d.tables[id] = rel
	return nil
}

// maxTables bounds what is kept of table numbers, of which each ALTER and each
// restart makes new ones.
const maxTables = 4096

// rows reads the rows of an event (MySQL source, Rows_event).
func (d *decoder) rows(ctx context.Context, kind replication.EventType, b []byte) error {
	r := &reader{b: b}
	id := r.u48()
	r.u16()
	switch kind {
	case replication.WRITE_ROWS_EVENTv2, replication.UPDATE_ROWS_EVENTv2, replication.DELETE_ROWS_EVENTv2:
		r.bytes(int(r.u16()) - 2)
	}
	n := r.packed()
	if r.short || n > maxColumns {
		return errShort
	}
	present := r.bytes((int(n) + 7) / 8)
	after := present
	isUpdate := kind == replication.UPDATE_ROWS_EVENTv1 || kind == replication.UPDATE_ROWS_EVENTv2 || kind == mariaUpdateCompressed
	if isUpdate {
		after = r.bytes((int(n) + 7) / 8)
	}
	rel := d.tables[id]
	switch {
	case r.short:
		return errShort
	case rel == nil:
		return errors.New("no event told the layout of its table")
	case len(rel.columns) != int(n):
		return fmt.Errorf("it has %d columns, its table %d", n, len(rel.columns))
	}
	data := r.b
	switch kind {
	case mariaWriteCompressed, mariaUpdateCompressed, mariaDeleteCompressed:
		var err error
		if data, err = expandEvent(data); err != nil {
			return err
		}
	}
	if rel.table != nil && d.hand.xa {
		return d.heldXA(rel)
	}
	return d.images(ctx, rel, kind, isUpdate, present, after, data)
}

// images reads one row after the other. They are copied once; the values point
// into the copy.
func (d *decoder) images(ctx context.Context, rel *relation, kind replication.EventType, isUpdate bool, present, after, data []byte) error {
	var copied *block
	rest := data
	for len(rest) > 0 {
		d.hand.row++
		if rel.table == nil || d.durable() && !d.counts.on {
			var err error
			if rest, err = skipImage(rel, present, rest); err == nil && isUpdate {
				rest, err = skipImage(rel, after, rest)
			}
			if err != nil {
				return err
			}
			continue
		}
		b := d.stream.cur
		if copied != b { // the rest of the event, into the block at hand
			rest, copied = b.arena.Copy(rest), b
		}
		var old, now schemas.Row
		var err error
		if isUpdate || kind == replication.DELETE_ROWS_EVENTv1 || kind == replication.DELETE_ROWS_EVENTv2 || kind == mariaDeleteCompressed {
			if old, rest, err = d.image(rel, b, present, rest, nil, false); err != nil {
				return err
			}
		}
		switch {
		case isUpdate:
			now, rest, err = d.image(rel, b, after, rest, old, true)
		case old == nil:
			now, rest, err = d.image(rel, b, present, rest, nil, true)
		}
		if err != nil {
			return err
		}
		if err := d.change(ctx, b, rel, old, now); err != nil {
			return err
		}
		if err := d.full(ctx); err != nil {
			return err
		}
	}
	return nil
}

// imageNulls reads the bits of the columns that are NULL, of those present.
func imageNulls(columns int, present, b []byte) (nulls, rest []byte, err error) {
	n := 0
	for i := range columns {
		if isSet(present, i) {
			n++
		}
	}
	size := (n + 7) / 8
	if size > len(b) {
		return nil, nil, errShort
	}
	return b[:size], b[size:], nil
}

// value cuts one value off; head of its bytes are its length.
func (c *column) value(b []byte) (v, rest []byte, err error) {
	n := c.width
	if c.prefix > 0 {
		if len(b) < c.prefix {
			return nil, nil, errShort
		}
		size := littleEndian(b[:c.prefix])
		b = b[c.prefix:]
		if size > uint64(len(b)) {
			return nil, nil, errShort
		}
		n = int(size)
	}
	if n > len(b) {
		return nil, nil, errShort
	}
	return b[:n:n], b[n:], nil
}

// skipImage passes over one image of a row.
func skipImage(rel *relation, present, b []byte) ([]byte, error) {
	nulls, b, err := imageNulls(len(rel.columns), present, b)
	if err != nil {
		return nil, err
	}
	at := 0
	for i := range rel.columns {
		if !isSet(present, i) {
			continue
		}
		null := isSet(nulls, at)
		at++
		if null {
			continue
		}
		if _, b, err = rel.columns[i].value(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// image reads one image of a row. What a new one leaves out did not change: it is
// as in the old one.
func (d *decoder) image(rel *relation, b *block, present, src []byte, old schemas.Row, isNew bool) (schemas.Row, []byte, error) {
	nulls, src, err := imageNulls(len(rel.columns), present, src)
	if err != nil {
		return nil, nil, err
	}
	row := b.arena.Row(len(rel.columns))
	at := 0
	for i := range rel.columns {
		if !isSet(present, i) {
			if err := d.missing(rel, i, row, old, isNew); err != nil {
				return nil, nil, err
			}
			continue
		}
		null := isSet(nulls, at)
		at++
		if null {
			continue
		}
		var v []byte
		c := &rel.columns[i]
		if v, src, err = c.value(src); err != nil {
			return nil, nil, err
		}
		if err := c.fromLog(&row[i], v, &b.arena); err != nil {
			return nil, nil, valueFault(rel, i, d.name(), err)
		}
	}
	return row, src, nil
}

// missing fills in a column that an image leaves out.
func (d *decoder) missing(rel *relation, i int, row, old schemas.Row, isNew bool) error {
	switch {
	case !isNew:
		row[i].Kind = schemas.Absent
	case old != nil && old[i].Known():
		row[i] = old[i]
	case old != nil && rel.table.Columns[i].Type.HasPlaceholder():
		row[i].Kind = schemas.Unchanged
	default:
		return &schemas.Fault{
			Where: fmt.Sprintf("%s.%s", rel.table.FullName(), rel.table.Columns[i].Name), What: "event " + d.name() + " leaves the column out: a session wrote it with another binlog_row_image than FULL",
			Cure: "as an administrator: SET GLOBAL binlog_row_image = 'FULL'; and see which session sets its own; " + d.source.resnapshot(),
		}
	}
	return nil
}

// change makes changes of the images of one row.
func (d *decoder) change(ctx context.Context, b *block, rel *relation, old, now schemas.Row) error {
	b.time = d.hand.time
	src := d.sourceOf(b, rel)
	switch {
	case old == nil:
		return d.append(ctx, b, schemas.Change{Op: schemas.Create, Table: rel.table, After: now, Source: src}, "")
	case now == nil:
		return d.append(ctx, b, schemas.Change{Op: schemas.Delete, Table: rel.table, Before: old, Source: src}, "")
	case keyChanged(rel, old, now):
		gone := schemas.Change{Op: schemas.Delete, Table: rel.table, Before: old, Source: src, OtherKey: keyOf(b, rel, now)}
		if err := d.append(ctx, b, gone, ".0"); err != nil {
			return err
		}
		return d.append(ctx, b, schemas.Change{Op: schemas.Create, Table: rel.table, After: now, Source: src, OtherKey: keyOf(b, rel, old)}, ".1")
	}
	return d.append(ctx, b, schemas.Change{Op: schemas.Update, Table: rel.table, Before: old, After: now, Source: src}, "")
}

// append appends a change, unless a running snapshot brings it.
func (d *decoder) append(ctx context.Context, b *block, c schemas.Change, suffix string) error {
	if e := d.source.engine; e != nil && e.Active() && !d.durable() {
		if pass, err := e.Observe(ctx, d.tx(), d.hand.whole, &c); err != nil || !pass {
			return err
		}
	}
	if d.counts.on {
		c.Transaction = d.place(b, c.Table.Schema, c.Table.Name)
		if d.durable() {
			return nil // it was only to be counted
		}
	}
	id := append(b.arena.Grow(len(d.prefix)+16+len(suffix)), d.prefix...)
	id = append(appendHex(id, uint64(d.hand.row), 8), suffix...)
	b.arena.Keep(len(id))
	c.ID = id
	b.changes = append(b.changes, c)
	return nil
}

// name is the name of the row at hand.
func (d *decoder) name() string {
	return string(appendHex(append([]byte(nil), d.prefix...), uint64(d.hand.row), 8))
}

// appendHex writes n with at least that many digits, so that texts sort as
// numbers do.
func appendHex(out []byte, n uint64, digits int) []byte {
	for digits < 16 && n>>(4*digits) != 0 {
		digits++
	}
	for i := digits - 1; i >= 0; i-- {
		out = append(out, "0123456789ABCDEF"[n>>(4*i)&15])
	}
	return out
}

func keyChanged(rel *relation, old, now schemas.Row) bool {
	for _, k := range rel.table.Key {
		if !old[k].Equal(now[k]) {
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

// sourceOf makes the source block of a row. What the rows of a transaction share
// is written once in each block.
func (d *decoder) sourceOf(b *block, rel *relation) schemas.Row {
	h := &d.hand
	if h.inBlock != b {
		h.inBlock = b
		h.gtidVal, h.queryVal = schemas.Value{}, schemas.Value{}
		if len(h.name) > 0 {
			h.gtidVal = schemas.TextOf(b.arena.Copy(h.name))
		}
		h.fileVal = schemas.TextOf(b.arena.Copy([]byte(d.at.File)))
	}
	src := b.arena.Row(len(rel.source))
	copy(src, rel.source)
	setTime(src, h.time)
	src[colServer] = schemas.IntOf(d.server)
	src[colGTID], src[colFile] = h.gtidVal, h.fileVal
	src[colPos], src[colRow] = schemas.IntOf(int64(d.end)), schemas.IntOf(h.row-1)
	if h.thread != 0 {
		src[colThread] = schemas.IntOf(h.thread)
	}
	if len(h.query) > 0 {
		if h.queryVal.IsNull() {
			h.queryVal = schemas.TextOf(b.arena.Copy(h.query))
		}
		src[colQuery] = h.queryVal
	}
	return src
}

// expandEvent reads the rows of an event that MariaDB compressed: how many bytes
// the length has, the length, big endian, and zlib's bytes (MariaDB source,
// binlog_buf_uncompress).
func expandEvent(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0]&0xF0 != 0x80 {
		return nil, errShort
	}
	sized := int(b[0] & 7)
	if len(b) < 1+sized {
		return nil, errShort
	}
	size := bigEndian(b[1 : 1+sized])
	if size > uint64(len(b))*1100 { // zlib packs no denser
		return nil, errShort
	}
	z, err := zlib.NewReader(bytes.NewReader(b[1+sized:]))
	if err != nil {
		return nil, fmt.Errorf("decompressing: %w", err)
	}
	out := make([]byte, size)
	if _, err := io.ReadFull(z, out); err != nil {
		return nil, fmt.Errorf("decompressing: %w", err)
	}
	return out, nil
}

// partial refuses an update that holds parts of JSON documents.
func (d *decoder) partial() error {
	return &schemas.Fault{
		Where: fmt.Sprintf("the log at %s", d.at), What: "an update holds parts of JSON documents (binlog_row_value_options=PARTIAL_JSON)",
		Cure: "as an administrator: SET GLOBAL binlog_row_value_options = ''; and see which session sets its own; " + d.source.resnapshot(),
	}
}
