package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"sluice/schemas"
)

// decoder turns the messages of pgoutput, protocol version 1, into changes
// (PostgreSQL docs, 55.9). Begin and Commit frame each transaction; the
// transactions come whole, in the order of their commits.
type decoder struct {
	stream *stream
	skip   position // already durable: nothing up to it is handed out again

	in      bool // between Begin and Commit
	commit  lsn
	row     int64 // row messages of the transaction so far
	tx      int64
	time    time.Time
	origin  schemas.Value
	originL schemas.Value
	emitted bool // rows of this transaction were handed out in this run
	// last is the commit record of the transaction before.
	last lsn
	// id and sequence are the parts that a transaction's rows share.
	id, sequence []byte
}

// epoch is where PostgreSQL's clock begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

var errShort = errors.New("the message is cut short")

// copyData takes one message of the replication stream (PostgreSQL docs, 55.4).
func (d *decoder) copyData(ctx context.Context, data []byte) error {
	if len(data) == 0 {
		return d.broken(data, errShort)
	}
	switch data[0] {
	case 'w':
		if len(data) < 26 {
			return d.broken(data, errShort)
		}
		return d.message(ctx, lsn(binary.BigEndian.Uint64(data[1:])), data[25:])
	case 'k':
		if len(data) < 18 {
			return d.broken(data, errShort)
		}
		if !d.in { // whatever committed before has been sent
			at := &d.stream.curAt
			at.LSN = max(at.LSN, logPlace(binary.BigEndian.Uint64(data[1:])))
		}
		if data[17] != 0 {
			// A server that shuts down waits until we confirm all.
			d.stream.due = true
			// Not answered from here: a reader that writes may wait for a
			// server that waits for its reader.
			d.stream.asked.Store(true)
		}
	}
	return nil
}

func (d *decoder) broken(data []byte, err error) error {
	return &schemas.Fault{
		Where: "slot", What: fmt.Sprintf("a message of the log cannot be read (%s)", excerpt(data)), Err: err,
		Cure: "please report it; nothing was passed over, and the slot keeps the log",
	}
}

// mark notes the position behind the row at hand. The reader alone calls it,
// and never while it is idle, so the consumer does not look. A position never
// goes back behind where this run began.
func (d *decoder) mark() {
	if at := &d.stream.curAt; !d.durable() {
		at.Commit, at.Row = logPlace(d.commit), d.row
	}
}

func (d *decoder) message(ctx context.Context, at lsn, m []byte) (err error) {
	r := reader{b: m[1:]}
	switch m[0] {
	case 'B':
		d.commit = lsn(r.u64())
		d.time = epoch.Add(time.Duration(int64(r.u64())) * time.Microsecond)
		d.tx = int64(r.u32())
		d.begin()
	case 'C':
		r.skip(1 + 8)
		end := lsn(r.u64())
		if !d.in || r.short {
			return d.broken(m, errShort)
		}
		d.mark()
		st := d.stream
		st.curAt.LSN = max(st.curAt.LSN, logPlace(end))
		// Rows may be gone already with a position inside the transaction: its
		// end must not wait for a heartbeat.
		st.due = st.due || d.emitted && len(st.cur.changes) == 0
		d.in, d.last = false, d.commit
	case 'O':
		d.originL = schemas.IntOf(int64(r.u64()))
		d.origin = schemas.TextOf([]byte(r.cstring()))
	case 'R':
		err = d.relation(ctx, &r)
	case 'I', 'U', 'D', 'T':
		if !d.in {
			return d.broken(m, errors.New("a row outside a transaction"))
		}
		d.row++
		if d.durable() {
			break
		}
		if m[0] == 'T' {
			d.truncate(at, &r)
		} else {
			err = d.change(ctx, at, m)
		}
		d.emitted = true
		d.mark()
	case 'Y', 'M':
	default:
		return d.broken(m, errors.New("unknown kind of message"))
	}
	if err == nil && r.short {
		err = d.broken(m, errShort)
	}
	return err
}

// begin prepares what the rows of a transaction share.
func (d *decoder) begin() {
	d.in, d.row, d.emitted = true, 0, false
	d.origin, d.originL = schemas.Value{}, schemas.Value{}
	d.id = append(appendHex(d.id[:0], uint64(d.commit), 16), '.')
	d.sequence = append(d.sequence[:0], `["`...)
	d.sequence = strconv.AppendUint(d.sequence, uint64(d.last), 10)
	d.sequence = append(d.sequence, `","`...)
}

// durable reports whether the row at hand is in Kafka already.
func (d *decoder) durable() bool {
	done := lsn(d.skip.Commit)
	return d.commit < done || d.commit == done && d.row <= d.skip.Row
}

// relation takes note of a table's layout.
func (d *decoder) relation(ctx context.Context, r *reader) error {
	logged := tableInfo{oid: r.u32(), schema: r.cstring(), name: r.cstring(), identity: string(rune(r.u8()))}
	if logged.schema == "" {
		logged.schema = "pg_catalog"
	}
	for n := int(r.u16()); n > 0 && !r.short; n-- {
		identity := r.u8()&1 != 0
		logged.attributes = append(logged.attributes, attribute{
			name: r.cstring(), oid: r.u32(), typmod: int32(r.u32()), identity: identity,
		})
	}
	if r.short {
		return nil // said by the caller
	}
	s := d.stream.source
	if !s.cfg.captures(logged.schema, logged.name) {
		if old := d.stream.known[logged.oid]; old != nil && old.table != nil {
			s.log.Warn("the table was renamed to a name that is not configured; its changes are no longer read",
				"table", old.table.FullName(), "new", logged.fullName())
		}
		d.stream.known[logged.oid] = &relation{info: logged}
		return nil
	}
	info, err := readTable(ctx, plain{s.sql}, logged.oid)
	if err != nil {
		return d.stream.fault(err)
	}
	rel, err := s.types.compile(ctx, plain{s.sql}, fit(info, &logged), sourceTable)
	if err != nil {
		var f *schemas.Fault
		if errors.As(err, &f) {
			return err
		}
		return d.stream.fault(err)
	}
	rel.info.schema, rel.info.name = logged.schema, logged.name
	rel.source = s.sourceRow(rel.table)
	if old := d.stream.known[logged.oid]; old != nil && old.table != nil {
		rel.relax(old.relaxed...)
		if old.same(rel) {
			return nil
		}
	}
	d.stream.known[logged.oid] = rel
	return nil
}

// change decodes an insert, update or delete.
func (d *decoder) change(ctx context.Context, at lsn, m []byte) error {
	if len(m) < 6 {
		return d.broken(m, errShort)
	}
	rel := d.stream.known[binary.BigEndian.Uint32(m[1:])]
	if rel == nil {
		return d.broken(m, errors.New("a row of an unknown table"))
	}
	if rel.table == nil {
		return nil // published, but not asked for
	}
	b := d.stream.cur
	n := len(b.changes)
	for {
		err := d.rows(b, rel, at, m)
		if err == nil {
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

// relabel makes a relation that knows an enum's label: one that was added since,
// or that the catalogue no longer has.
func (d *decoder) relabel(ctx context.Context, rel *relation, e *labelError) (*relation, error) {
	s := d.stream.source
	s.types.learn(e)
	info := rel.info
	fresh, err := s.types.compile(ctx, plain{s.sql}, &info, sourceTable)
	if err != nil {
		return nil, d.stream.fault(err)
	}
	fresh.source = rel.source
	fresh.relax(rel.relaxed...)
	d.stream.known[rel.info.oid] = fresh
	return fresh, nil
}

// rows decodes the images of one row message and appends its changes.
func (d *decoder) rows(b *block, rel *relation, at lsn, m []byte) error {
	m = b.arena.Copy(m) // the values point into it
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
		d.append(b, schemas.Change{Op: schemas.Create, Table: rel.table, After: after, Source: src}, "")
	case m[0] == 'D':
		d.append(b, schemas.Change{Op: schemas.Delete, Table: rel.table, Before: before, Source: src}, "")
	case before != nil && keyChanged(rel, before, after):
		d.append(b, schemas.Change{Op: schemas.Delete, Table: rel.table, Before: before, Source: src, OtherKey: keyOf(b, rel, after)}, "/0")
		d.append(b, schemas.Change{Op: schemas.Create, Table: rel.table, After: after, Source: src, OtherKey: keyOf(b, rel, before)}, "/1")
	default:
		if old == 'K' {
			before = nil // only the key, which did not change
		}
		d.append(b, schemas.Change{Op: schemas.Update, Table: rel.table, Before: before, After: after, Source: src}, "")
	}
	return nil
}

func (d *decoder) append(b *block, c schemas.Change, suffix string) {
	id := append(b.arena.Grow(len(d.id)+20+len(suffix)), d.id...)
	id = append(appendHex(id, uint64(d.row), 8), suffix...)
	b.arena.Keep(len(id))
	c.ID = id
	b.changes = append(b.changes, c)
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
	if n != len(rel.decode) {
		return nil, d.broken(r.b, fmt.Errorf("a row of %s has %d columns, the table %d", rel.table.FullName(), n, len(rel.decode)))
	}
	row := b.arena.Row(n)
	for i := range row {
		switch r.u8() {
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
	seq := append(b.arena.Grow(len(d.sequence)+22), d.sequence...)
	seq = append(strconv.AppendUint(seq, uint64(at), 10), `"]`...)
	b.arena.Keep(len(seq))
	src[colSequence] = schemas.TextOf(seq)
	return src
}

// truncate makes one change for each table that was emptied.
func (d *decoder) truncate(at lsn, r *reader) {
	n := int(r.u32())
	r.skip(1)
	b := d.stream.cur
	for i := range n {
		rel := d.stream.known[r.u32()]
		if r.short {
			return // said by the caller
		}
		if rel == nil || rel.table == nil {
			continue
		}
		b.time = d.time
		d.append(b, schemas.Change{Op: schemas.Truncate, Table: rel.table, Source: d.sourceOf(b, rel, at)}, "/"+strconv.Itoa(i))
	}
}

// reader reads the fields of a message. Reading past the end sets short.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.short, r.b = true, nil
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) skip(n int) { r.bytes(n) }

func (r *reader) u8() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) cstring() string {
	n := bytes.IndexByte(r.b, 0)
	if n < 0 {
		r.short, r.b = true, nil
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n+1:]
	return s
}
