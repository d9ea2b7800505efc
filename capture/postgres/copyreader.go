package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/capture/snapshot"
	"sluice/schemas"
)

// copyReader reads rows for the snapshot. Each read is a read-only transaction
// of its own, which holds ACCESS SHARE on one table.
type copyReader struct {
	copies *copies
	conn   *pgconn.PgConn
	last   [][]byte // key of the last row, memory used again
}

// firstRows is how many rows are read of a table whose rows' size is not known.
const firstRows = 16

// here is a place in the log behind all that is visible.
const here = `CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_insert_lsn() END`

// begin opens a transaction that sees the table as it stays until end. The lock
// comes before the view: an ALTER TABLE that came in between would show an older
// view an empty table.
func (r *copyReader) begin(ctx context.Context, table string) (v *view, t *copied, err error) {
	if r.conn.IsClosed() { // a read was given up
		fresh, err := r.copies.Connect(ctx)
		if err != nil {
			return nil, nil, err
		}
		r.conn = fresh.(*copyReader).conn
	}
	schema, name, _ := strings.Cut(table, ".")
	only := "ONLY "
	r.copies.mu.Lock()
	if known := r.copies.tables[table]; known != nil {
		schema, name = known.rel.info.schema, known.rel.info.name
		if known.rel.info.kind == "p" {
			only = ""
		}
	}
	r.copies.mu.Unlock()
	full := quote(schema) + "." + quote(name)
	results, err := r.conn.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE "+only+full+
		" IN ACCESS SHARE MODE; EXECUTE sluice_view ("+literal(full)+")").ReadAll()
	if err != nil {
		return nil, nil, err
	}
	rows := results[len(results)-1].Rows
	if len(rows) != 1 {
		return nil, nil, snapshot.ErrGone
	}
	row := record(rows[0])
	mark, err := pglogrepl.ParseLSN(row.text(1))
	if err != nil {
		return nil, nil, err
	}
	if v, err = parseView(row.text(0), mark); err != nil {
		return nil, nil, err
	}
	t, err = r.copies.relation(ctx, plain{r.conn}, table, row.oid(2), row.text(3))
	return v, t, err
}

// end ends the transaction, whatever became of it.
func (r *copyReader) end(ctx context.Context) {
	if !r.conn.IsClosed() && r.conn.TxStatus() != 'I' {
		_ = plain{r.conn}.exec(ctx, "ROLLBACK") // a session that is gone is met by the next read
	}
}

// Read reads a chunk of a range.
func (r *copyReader) Read(ctx context.Context, q snapshot.Request) (*snapshot.Chunk, error) {
	c, err := r.read(ctx, &q)
	r.end(ctx)
	if err != nil {
		return nil, r.copies.fault(ctx, &q, err)
	}
	return c, nil
}

func (r *copyReader) read(ctx context.Context, q *snapshot.Request) (*snapshot.Chunk, error) {
	v, t, err := r.begin(ctx, q.Table)
	if err != nil {
		return nil, err
	}
	if len(t.rel.table.Key) == 0 || q.After != nil && len(q.After) != len(t.rel.table.Key) {
		return nil, snapshot.ErrLayout
	}
	if err := q.Usable(v); err != nil {
		return nil, err
	}
	f := &filling{reader: r, rel: t.rel, request: q, view: v, time: time.Now(), block: r.copies.block()}
	f.begin()
	more, err := f.fetch(ctx, t)
	chunk := f.chunk()
	if err != nil {
		r.copies.Free(chunk)
		return nil, err
	}
	chunk.More = more
	if chunk.Rows > 0 {
		for _, k := range r.last {
			chunk.Last = append(chunk.Last, string(k))
		}
	}
	return chunk, nil
}

// selectRange writes the query of the first rows of a range in key order.
func selectRange(rel *relation, q *snapshot.Request, limit int) (string, [][]byte) {
	sql := selectRows(rel, q.Where)
	var args [][]byte
	key := make([]string, len(rel.table.Key))
	for i, k := range rel.table.Key {
		key[i] = quote(rel.table.Columns[k].Name)
	}
	bound := func(operator string, values snapshot.Key) {
		if values == nil {
			return
		}
		params := make([]string, len(values))
		for i, v := range values {
			args = append(args, []byte(v))
			params[i] = "$" + strconv.Itoa(len(args))
		}
		sql += " AND (" + strings.Join(key, ", ") + ") " + operator + " (" + strings.Join(params, ", ") + ")"
	}
	bound(">", q.After)
	bound("<=", q.UpTo)
	return sql + " ORDER BY " + strings.Join(key, ", ") + " LIMIT " + strconv.Itoa(limit), args
}

// selectRows writes the query of the rows that are published.
func selectRows(rel *relation, where string) string {
	columns, from, published := rel.published()
	sql := "SELECT " + strings.Join(columns, ", ") + " FROM " + from + " WHERE " + published
	if where != "" {
		sql += " AND (" + where + ")"
	}
	return sql
}

// ReadAll reads a table in one view.
func (r *copyReader) ReadAll(ctx context.Context, q snapshot.Request, out func(*snapshot.Chunk) error) error {
	err := r.readAll(ctx, &q, out)
	r.end(ctx)
	if err != nil {
		return r.copies.fault(ctx, &q, err)
	}
	return nil
}

func (r *copyReader) readAll(ctx context.Context, q *snapshot.Request, out func(*snapshot.Chunk) error) error {
	v, t, err := r.begin(ctx, q.Table)
	if err != nil {
		return err
	}
	if err := q.Usable(v); err != nil {
		return err
	}
	sql := selectRows(t.rel, q.Where)
	f := &filling{reader: r, rel: t.rel, request: q, view: v, time: time.Now(), block: r.copies.block()}
	f.begin()
	running, stop := context.WithCancel(ctx)
	defer stop()
	rows := r.conn.ExecParams(running, sql, nil, nil, nil, nil)
	defer func() {
		stop() // ends what is left unread, and the session with it
		_, _ = rows.Close()
	}()
	for rows.NextRow() {
		if err := f.row(rows.Values()); err != nil {
			return err
		}
		if f.size() < r.copies.target() {
			continue
		}
		full := f.chunk()
		full.More = true
		f.block, f.rows = r.copies.block(), 0
		f.begin()
		if err := out(full); err != nil {
			return err
		}
	}
	if _, err := rows.Close(); err != nil {
		return err
	}
	return out(f.chunk())
}

// Close ends the session.
func (r *copyReader) Close(ctx context.Context) error { return hangUp(ctx, r.conn) }

// filling is a block that rows are decoded into.
type filling struct {
	reader  *copyReader
	rel     *relation
	request *snapshot.Request
	view    *view
	time    time.Time
	block   *block
	rows    int   // in the block
	number  int64 // of the next row
	prefix  []byte
	source  schemas.Row // that the rows share
}

// begin prepares a block.
func (f *filling) begin() {
	f.block.snapshot, f.block.time = true, f.time
	if f.prefix == nil {
		f.number, f.prefix = f.request.First, []byte(f.request.ID)
	}
	f.source = f.rel.source.Clone()
	f.source[colSnapshot] = isSnapshot
	if f.request.Incremental {
		f.source[colSnapshot] = incremental
	}
	f.source[colLSN] = schemas.IntOf(int64(f.view.mark.Load()))
	setTime(f.source, f.time)
}

func (f *filling) size() int { return f.block.size() }

func (f *filling) chunk() *snapshot.Chunk {
	return &snapshot.Chunk{View: f.view, Changes: f.block.changes, Rows: f.rows, Memory: f.block}
}

// fetch reads as many rows as are about a chunk, and reports whether more may
// follow. Rows behind the last that has room are left; the next read brings them.
func (f *filling) fetch(ctx context.Context, t *copied) (more bool, err error) {
	r := f.reader
	target, limit := r.copies.target(), firstRows
	if bytes := r.copies.rowBytes(t); bytes > 0 {
		limit = target/bytes + 1
	}
	limit = min(limit, r.copies.source.chunkRows)
	sql, args := selectRange(f.rel, f.request, limit)
	got := 0
	r.last = r.last[:0]
	// The end of the transaction is sent along: its answer needs no wait of its own.
	both := r.conn.StartPipeline(ctx)
	both.SendQueryParams(sql, args, nil, nil, nil)
	both.SendQueryParams("ROLLBACK", nil, nil, nil, nil)
	defer func() {
		if closed := both.Close(); err == nil {
			err = closed
		}
	}()
	if err := both.Sync(); err != nil {
		return false, err
	}
	results, err := both.GetResults()
	if err != nil {
		return false, err
	}
	res, ok := results.(*pgconn.ResultReader)
	if !ok {
		return false, fmt.Errorf("the server answered a query with %T", results)
	}
	for res.NextRow() {
		got++
		if err != nil || f.size() >= 2*target { // far larger than those before
			continue
		}
		values := res.Values()
		err = f.row(values)
		for i, k := range f.rel.table.Key {
			r.keep(i, values[k])
		}
	}
	if _, closed := res.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return false, err
	}
	if f.rows > 0 {
		r.copies.size(t, f.size()/f.rows)
	}
	return got == limit, nil
}

// keep notes a part of the last row's key.
func (r *copyReader) keep(i int, v []byte) {
	if i < cap(r.last) {
		r.last = r.last[:max(i+1, len(r.last))]
	} else {
		r.last = append(r.last, nil)
	}
	r.last[i] = append(r.last[i][:0], v...)
}

// row decodes one row. It comes as the stream's rows do: copied once, and the
// values point into the copy.
func (f *filling) row(values [][]byte) error {
	a := &f.block.arena
	row := a.Row(len(values))
	for i, v := range values {
		if v == nil {
			continue
		}
		if err := f.rel.decode[i](&row[i], a.Copy(v), a); err != nil {
			if label, ok := err.(*labelError); ok {
				return label
			}
			return valueFault(f.rel, i, fmt.Sprintf("row %d of the snapshot", f.number), err)
		}
	}
	id := append(a.Grow(len(f.prefix)+16), f.prefix...)
	id = appendHex(id, uint64(f.number), 16)
	a.Keep(len(id))
	f.block.changes = append(f.block.changes, schemas.Change{Op: schemas.Read, Table: f.rel.table, After: row, Source: f.source, ID: id[:len(id):len(id)]})
	f.rows++
	f.number++
	return nil
}
