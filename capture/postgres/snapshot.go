package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/capture"
	"sluice/schemas"
)

// snapshot reads the tables, one after another, in one database snapshot.
type snapshot struct {
	conn   *pgconn.PgConn
	todo   []*relation // the first is being read
	place  snapshotPlace
	rows   *pgconn.ResultReader // of the chunk being read
	count  int                  // rows of the chunk
	told   bool                 // the position of the start was handed out
	time   time.Time
	prefix []byte
	block  *block
}

// chunkRows is how many rows one query reads of a table with a key.
const chunkRows = 10_000

// newSnapshot opens the database snapshot that was exported with the slot.
func (s *Source) newSnapshot(ctx context.Context, relations []*relation, exported string) (*snapshot, error) {
	n := &snapshot{place: *s.at.Snapshot, block: &block{}, prefix: fmt.Appendf(nil, "s%016X.", uint64(s.at.LSN))}
	for _, rel := range relations {
		if !slices.Contains(n.place.Done, rel.table.FullName()) {
			n.todo = append(n.todo, rel)
		}
	}
	// The table that was being read goes on first.
	slices.SortStableFunc(n.todo, func(a, b *relation) int {
		if a.table.FullName() == n.place.Table {
			return -1
		}
		if b.table.FullName() == n.place.Table {
			return 1
		}
		return 0
	})
	if len(n.todo) > 0 && n.todo[0].table.FullName() != n.place.Table {
		n.place.Table, n.place.Key, n.place.Rows = "", nil, 0
	}
	var err error
	if n.conn, err = s.cfg.connect(ctx, s.capture, nil); err != nil {
		return nil, err
	}
	q := plain{n.conn}
	begin := "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	if exported != "" {
		begin += "; SET TRANSACTION SNAPSHOT " + literal(exported)
	}
	if err := q.exec(ctx, begin); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the snapshot: %w", err), n.close(ctx))
	}
	n.time = time.Now()
	return n, nil
}

// resumeSnapshot goes on with a snapshot in a new database snapshot.
func (s *Source) resumeSnapshot(ctx context.Context, relations []*relation) (*snapshot, error) {
	n, err := s.newSnapshot(ctx, relations, "")
	if err == nil {
		n.told = true
		s.log.Info("the snapshot goes on", "done", strings.Join(n.place.Done, ", "), "table", n.place.Table, "rows", n.place.Rows)
	}
	return n, err
}

// nextOfSnapshot reads the next rows. Behind the last it returns the position
// from which the stream begins.
func (s *Source) nextOfSnapshot(ctx context.Context) (capture.Batch, error) {
	n := s.snapshot
	if !n.told { // so that the slot is known as ours before the first chunk
		n.told = true
		return capture.Batch{Position: s.at.encode()}, nil
	}
	n.block.reset()
	n.block.snapshot, n.block.time = true, n.time
	for len(n.todo) > 0 {
		rel := n.todo[0]
		if n.rows == nil {
			if n.place.Table == "" {
				s.log.Info("reading table", "table", rel.table.FullName())
				n.place.Table = rel.table.FullName()
			}
			n.ask(ctx, rel)
		}
		more, err := n.read(s, rel)
		if err != nil {
			return capture.Batch{}, n.fault(ctx, rel, err)
		}
		if !more && (len(rel.table.Key) == 0 || n.count < chunkRows) {
			s.log.Info("table read", "table", rel.table.FullName(), "rows", n.place.Rows)
			n.place.Done = append(n.place.Done, rel.table.FullName())
			n.place.Table, n.place.Key, n.place.Rows = "", nil, 0
			n.todo = n.todo[1:]
		}
		if len(n.block.changes) > 0 {
			at := n.place
			if len(rel.table.Key) == 0 && more { // read again if interrupted
				at.Table, at.Rows = "", 0
			}
			at.Done = slices.Clone(at.Done)
			s.at.Snapshot = &at
			return n.block.batch(s.at), nil
		}
	}
	err := n.close(ctx)
	s.snapshot, s.at.Snapshot = nil, nil
	s.log.Info("the snapshot is complete")
	return capture.Batch{Position: s.at.encode()}, err
}

// ask sends the query of the next chunk.
func (n *snapshot) ask(ctx context.Context, rel *relation) {
	columns := make([]string, len(rel.table.Columns))
	for i, c := range rel.table.Columns {
		columns[i] = quote(c.Name)
	}
	only := "ONLY "
	if rel.info.kind == "p" {
		only = ""
	}
	sql := "SELECT " + strings.Join(columns, ", ") + " FROM " + only + rel.info.sql()
	var args [][]byte
	if key := rel.table.Key; len(key) > 0 {
		names, params := make([]string, len(key)), make([]string, len(key))
		for i, k := range key {
			names[i], params[i] = columns[k], "$"+strconv.Itoa(i+1)
		}
		if n.place.Key != nil {
			sql += " WHERE (" + strings.Join(names, ", ") + ") > (" + strings.Join(params, ", ") + ")"
			for _, k := range n.place.Key {
				args = append(args, []byte(k))
			}
		}
		sql += " ORDER BY " + strings.Join(names, ", ") + " LIMIT " + strconv.Itoa(chunkRows)
	}
	n.count = 0
	n.rows = n.conn.ExecParams(ctx, sql, args, nil, nil, nil)
}

// read decodes rows until the block is full (true) or the chunk ends (false).
func (n *snapshot) read(s *Source, rel *relation) (bool, error) {
	a := &n.block.arena
	for n.rows.NextRow() {
		values := n.rows.Values()
		n.count++
		n.place.Rows++
		if key := rel.table.Key; len(key) > 0 {
			n.place.Key = make([]string, len(key))
			for i, k := range key {
				n.place.Key[i] = string(values[k])
			}
		}
		row := a.Row(len(values))
		for i, v := range values {
			if v == nil {
				continue
			}
			if err := rel.decode[i](&row[i], a.Copy(v), a); err != nil {
				return false, valueFault(rel, i, fmt.Sprintf("row %d of the snapshot", n.place.Rows), err)
			}
		}
		src := a.Row(len(rel.source))
		copy(src, rel.source)
		src[colSnapshot] = isSnapshot
		src[colLSN] = schemas.IntOf(int64(s.at.LSN))
		setTime(src, n.time)
		id := append(a.Grow(len(n.prefix)+len(n.place.Table)+24), n.prefix...)
		id = append(id, printable(rel.table.FullName())...)
		id = strconv.AppendInt(append(id, '.'), n.place.Rows, 10)
		a.Keep(len(id))
		n.block.changes = append(n.block.changes, schemas.Change{Op: schemas.Read, Table: rel.table, After: row, Source: src, ID: id})
		if n.block.size() >= blockBytes {
			return true, nil
		}
	}
	_, err := n.rows.Close()
	n.rows = nil
	return false, err
}

// printable keeps an id ASCII.
func printable(name string) string {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return strconv.QuoteToASCII(name)
		}
	}
	return name
}

func (n *snapshot) fault(ctx context.Context, rel *relation, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var f *schemas.Fault
	var pe *pgconn.PgError
	switch {
	case errors.As(err, &f):
		return err
	case errors.As(err, &pe) && !n.conn.IsClosed():
		return fmt.Errorf("%w: reading table %s: %s", capture.ErrLost, rel.table.FullName(), pe.Message)
	}
	return fmt.Errorf("%w: reading table %s: %s", capture.ErrLost, rel.table.FullName(), lastCause(err))
}

// close ends the snapshot, in the middle of a chunk too.
func (n *snapshot) close(ctx context.Context) error {
	conn := n.conn
	n.conn = nil
	if conn == nil {
		return nil
	}
	if n.rows != nil {
		n.rows = nil
		_ = conn.Conn().Close() // the rest of the chunk is of no use
		return nil
	}
	return hangUp(ctx, conn)
}
