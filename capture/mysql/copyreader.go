package mysql

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/capture/snapshot"
	"sluice/schemas"
)

// copyReader reads rows for the snapshot. Each read is a read-only transaction of
// its own.
type copyReader struct {
	copies *copies
	rows   *rowSession
	last   [][]byte // key of the last row, memory used again
}

// exec runs a statement, giving it up when ctx is done: by then the session is
// gone.
func (r *copyReader) exec(ctx context.Context, q string) (*gomysql.Result, error) {
	defer r.guard(ctx)()
	res, err := r.rows.Execute(q)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return res, err
}

// guard lets the end of ctx end what waits for the session's answer.
func (r *copyReader) guard(ctx context.Context) func() {
	stop := context.AfterFunc(ctx, func() { _ = r.rows.conn.SetDeadline(time.Unix(1, 0)) })
	return func() { stop() }
}

// named returns what is known of a table: at least its name.
func (c *copies) named(table string) *relation {
	schema, name, _ := strings.Cut(table, ".")
	if rel := c.source.known(schema, name); rel != nil {
		return rel
	}
	return &relation{info: &tableInfo{schema: schema, name: name}}
}

// counter is what the catalogue says of a table and changes with each insert.
var counter = regexp.MustCompile(` AUTO_INCREMENT=\d+`)

// relation returns the table's layout as the session's transaction sees it: until
// its end no ALTER comes in between.
func (r *copyReader) relation(ctx context.Context, table string) (*relation, error) {
	s := r.copies.source
	info := r.copies.named(table).info
	if _, err := r.exec(ctx, "SELECT 1 FROM "+info.sql()+" LIMIT 0"); err != nil {
		return nil, err
	}
	res, err := r.exec(ctx, "SHOW CREATE TABLE "+info.sql())
	if err != nil {
		return nil, err
	}
	text, err := res.GetString(0, 1)
	if err != nil {
		return nil, err
	}
	text = counter.ReplaceAllString(text, "")
	r.copies.mu.Lock()
	rel := r.copies.seen[table]
	r.copies.mu.Unlock()
	if rel != nil && rel.body == text {
		return rel, nil
	}
	info = &tableInfo{schema: info.schema, name: info.name}
	there, err := info.read(ctx, s.sql, s.dialect)
	if err != nil {
		return nil, s.lost(err)
	}
	if !there {
		return nil, snapshot.ErrGone
	}
	if rel, err = s.dialect.fromCatalog(info); err != nil {
		return nil, err
	}
	rel.body = text
	s.share(rel)
	r.copies.mu.Lock()
	r.copies.seen[table] = rel
	r.copies.mu.Unlock()
	return rel, nil
}

// share gives a relation of the catalogue the Table that the log's has, where
// they are the same.
func (s *Source) share(rel *relation) {
	s.tables.mu.Lock()
	defer s.tables.mu.Unlock()
	if known := s.tables.of[rel.table.FullName()]; known != nil && known.same(rel) {
		rel.table, rel.source = known.table, known.source
		return
	}
	rel.source = s.sourceRow(rel.table)
}

// begin opens a snapshot and says what it sees.
func (r *copyReader) begin(ctx context.Context, table string) (*view, *relation, error) {
	v, err := r.view(ctx, table)
	if err != nil {
		return nil, nil, err
	}
	rel, err := r.relation(ctx, table)
	return v, rel, err
}

func (r *copyReader) view(ctx context.Context, table string) (*view, error) {
	s := r.copies.source
	v := &view{Server: s.server.name}
	switch {
	case s.server.maria:
	case s.server.named:
		set, err := s.server.executed(ctx, s.sql)
		if err != nil {
			return nil, s.lost(err)
		}
		v.seen, v.Text = set, set.String()
	default:
		at, err := s.settled(ctx, []*relation{r.copies.named(table)})
		if err != nil {
			return nil, s.lost(err)
		}
		v.UpTo = at
	}
	if _, err := r.exec(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"); err != nil {
		return nil, err
	}
	if !s.server.maria {
		var err error
		v.Mark, err = s.server.end(ctx, s.sql)
		return v, s.lost(err)
	}
	res, err := r.exec(ctx, "SHOW STATUS LIKE 'binlog_snapshot_%'")
	if err != nil {
		return nil, err
	}
	for i := range res.RowNumber() {
		name, _ := res.GetString(i, 0)
		value, _ := res.GetString(i, 1)
		switch strings.ToLower(name) {
		case "binlog_snapshot_file":
			v.UpTo.File = value
		case "binlog_snapshot_position":
			if v.UpTo.Pos, err = strconv.ParseUint(value, 10, 64); err != nil {
				return nil, fmt.Errorf("binlog_snapshot_position %q: %w", value, err)
			}
		}
	}
	if v.UpTo.isZero() {
		return nil, &schemas.Fault{Where: "dsn", What: "the server does not say at which place of the log a snapshot was taken", Cure: "see that log_bin is on"}
	}
	v.Mark = v.UpTo
	return v, nil
}

// end ends the transaction, whatever became of it.
func (r *copyReader) end(ctx context.Context) {
	if ctx.Err() == nil {
		_, _ = r.exec(ctx, "ROLLBACK") // a session that is gone is met by the next read
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
	v, rel, err := r.begin(ctx, q.Table)
	if err != nil {
		return nil, err
	}
	if len(rel.table.Key) == 0 || q.After != nil && len(q.After) != len(rel.table.Key) {
		return nil, snapshot.ErrLayout
	}
	if err := q.Usable(v); err != nil {
		return nil, err
	}
	most := r.copies.source.chunkRows
	n := fetchFirst
	target := r.copies.target()
	if bytes := r.copies.sizeOf(q.Table); bytes > 0 {
		n = target/bytes + 1
	}
	n = min(n, most)
	sql, err := rangeQuery(rel, q, n)
	if err != nil {
		return nil, err
	}
	f := &filling{reader: r, rel: rel, request: q, view: v, time: time.Now(), block: r.copies.block()}
	f.begin()
	got, full := 0, false
	err = r.each(ctx, sql, func(row []gomysql.FieldValue) error {
		got++
		if full || f.size() >= 2*target { // far larger than those before
			full = true
			return nil
		}
		if err := f.row(row[:len(rel.columns)]); err != nil {
			return err
		}
		r.keep(rel, row)
		return nil
	})
	chunk := f.chunk()
	if err != nil {
		r.copies.Free(chunk)
		return nil, err
	}
	if chunk.Rows > 0 {
		r.copies.size(q.Table, f.size()/chunk.Rows)
		for _, k := range r.last {
			chunk.Last = append(chunk.Last, string(k))
		}
	}
	chunk.More = full || got == n
	return chunk, nil
}

// fetchFirst is how many rows are read of a table whose rows' size is not known.
const fetchFirst = 256

// each runs a query and gives f its rows, one at a time.
func (r *copyReader) each(ctx context.Context, q string, f func([]gomysql.FieldValue) error) error {
	defer r.guard(ctx)()
	var res gomysql.Result
	err := r.rows.ExecuteSelectStreaming(q, &res, f, nil)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
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
	v, rel, err := r.begin(ctx, q.Table)
	if err != nil {
		return err
	}
	if !r.copies.source.server.maria {
		// The view may see more than it says. What that is has come by then, and
		// was left out if it is of the table: Usable finds it.
		if err := r.copies.source.stream.reach(ctx, v.Mark); err != nil {
			return err
		}
	}
	if err := q.Usable(v); err != nil {
		return err
	}
	f := &filling{reader: r, rel: rel, request: q, view: v, time: time.Now(), block: r.copies.block()}
	f.begin()
	err = r.each(ctx, selectRows(rel, q.Where, nil), func(row []gomysql.FieldValue) error {
		if err := f.row(row); err != nil {
			return err
		}
		if f.size() < r.copies.target() {
			return nil
		}
		full := f.chunk()
		full.More = true
		f.block, f.rows = r.copies.block(), 0
		f.begin()
		return out(full)
	})
	if err != nil {
		// What is left unread would be taken for the next answer.
		if ctx.Err() == nil {
			err = errors.Join(err, r.reconnect(ctx))
		}
		return err
	}
	return out(f.chunk())
}

// reconnect replaces a session that was left in the midst of an answer.
func (r *copyReader) reconnect(ctx context.Context) error {
	fresh, err := r.copies.Connect(ctx)
	if err != nil {
		return err
	}
	_ = r.rows.Close() // it is of no more use
	r.rows = fresh.(*copyReader).rows
	return nil
}

// Suspects lists the transactions that the stream has brought and that may not be
// visible yet. Without GTIDs each view waits by its lock for all that wrote the
// table.
func (r *copyReader) Suspects(ctx context.Context) ([]snapshot.Suspect, error) {
	s := r.copies.source
	at, set := s.stream.decoder.progress.read()
	if s.server.maria {
		last := at
		if s.end.compare(last) > 0 {
			last = s.end
		}
		if last.Pos > 0 {
			last.Pos--
		}
		return []snapshot.Suspect{{Tx: placeTx(last), Name: "at " + last.String()}}, nil
	}
	if !s.server.named {
		return nil, nil
	}
	executed, err := s.server.executed(ctx, s.sql)
	if err != nil {
		return nil, r.copies.fault(ctx, &snapshot.Request{Table: "gtid_executed"}, s.lost(err))
	}
	early := set.(*mysqlSet).without(executed.(*mysqlSet))
	var out []snapshot.Suspect
	for who, runs := range early.runs {
		for _, run := range runs {
			for n := run.first; n < run.end; n++ {
				t := gtid{sid: who, number: n}
				out = append(out, snapshot.Suspect{Tx: t.tx(), Name: string(t.append(nil))})
			}
		}
	}
	return out, nil
}

// Settle has nothing to lower: a mark is where the log ended.
func (r *copyReader) Settle(context.Context, snapshot.View) error { return nil }

// Close ends the session.
func (r *copyReader) Close(context.Context) error {
	_ = r.rows.Close() // it may be gone
	return nil
}

// keep notes the last row's key, as rangeQuery writes it.
func (r *copyReader) keep(rel *relation, row []gomysql.FieldValue) {
	r.last = r.last[:0]
	for i := range rel.table.Key {
		k := &row[len(rel.columns)+i]
		var text []byte
		switch k.Type {
		case gomysql.FieldValueTypeSigned:
			text = strconv.AppendInt(nil, k.AsInt64(), 10)
		case gomysql.FieldValueTypeUnsigned:
			text = strconv.AppendUint(nil, k.AsUint64(), 10)
		case gomysql.FieldValueTypeFloat:
			text = strconv.AppendFloat(nil, k.AsFloat64(), 'e', -1, 64)
		default:
			text = append(text, k.AsString()...)
		}
		r.last = append(r.last, text)
	}
}

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
	f.source[colFile], f.source[colPos] = schemas.TextOf([]byte(f.view.Mark.File)), schemas.IntOf(int64(f.view.Mark.Pos))
	f.source[colRow] = schemas.IntOf(0)
	setTime(f.source, f.time)
}

func (f *filling) size() int { return f.block.size() }

func (f *filling) chunk() *snapshot.Chunk {
	return &snapshot.Chunk{View: f.view, Changes: f.block.changes, Rows: f.rows, Memory: f.block}
}

// row decodes one row.
func (f *filling) row(values []gomysql.FieldValue) error {
	a := &f.block.arena
	row := a.Row(len(values))
	for i := range values {
		if values[i].Type == gomysql.FieldValueTypeNull {
			continue
		}
		if err := f.rel.columns[i].fromField(&row[i], &values[i], a); err != nil {
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
