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
	conn *pgconn.PgConn
	// stop ends a query in hand; queries outlive the Next that began them.
	stop   context.CancelFunc
	todo   []*relation // the first is being read
	place  snapshotPlace
	rows   *pgconn.ResultReader // of the chunk being read
	count  int                  // rows of the chunk
	chunk  int                  // rows that one query reads of a table with a key
	ahead  bool                 // a row was read and not yet decoded
	last   [][]byte             // key columns of the last row decoded
	name   string               // of the table being read, in printable ASCII
	told   bool                 // the position of the start was handed out
	time   time.Time
	prefix []byte
	block  *block
}

// chunkRows is how many rows one query reads of a table with a key.
const chunkRows = 10_000

// newSnapshot opens the database snapshot that was exported with the slot.
func (s *Source) newSnapshot(ctx context.Context, relations []*relation, exported string) (*snapshot, error) {
	n := &snapshot{place: *s.at.Snapshot, block: &block{}, chunk: s.chunkRows, stop: func() {}, prefix: fmt.Appendf(nil, "s%016X.", uint64(s.at.LSN))}
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
	n.block.reset(s.stream.target)
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
		state, err := n.readFor(ctx, s, rel)
		if err != nil {
			return capture.Batch{}, n.fault(ctx, rel, err)
		}
		if state == tableDone {
			s.log.Info("table read", "table", rel.table.FullName(), "rows", n.place.Rows)
			n.markLast()
			n.place.Done = append(n.place.Done, rel.table.FullName())
			n.place.Table, n.place.Key, n.place.Rows = "", nil, 0
			n.todo = n.todo[1:]
		}
		if len(n.block.changes) > 0 {
			at := n.place
			if len(rel.table.Key) == 0 && state != tableDone { // read again if interrupted
				at.Table, at.Rows = "", 0
			}
			at.Done, at.Key = slices.Clone(at.Done), slices.Clone(at.Key)
			s.at.Snapshot = &at
			return n.block.batch(s.at), nil
		}
	}
	err := n.close(ctx)
	s.snapshot, s.at.Snapshot = nil, nil
	s.log.Info("the snapshot is complete")
	return capture.Batch{Position: s.at.encode()}, err
}

// ask sends the query of the next chunk: one row more than it has, to know
// whether another follows.
func (n *snapshot) ask(ctx context.Context, rel *relation) {
	columns, from, where := rel.published()
	sql := "SELECT " + strings.Join(columns, ", ") + " FROM " + from
	var args [][]byte
	if key := rel.table.Key; len(key) > 0 {
		names, params := make([]string, len(key)), make([]string, len(key))
		for i, k := range key {
			names[i], params[i] = columns[k], "$"+strconv.Itoa(i+1)
		}
		if n.place.Key != nil {
			where += " AND (" + strings.Join(names, ", ") + ") > (" + strings.Join(params, ", ") + ")"
			for _, k := range n.place.Key {
				args = append(args, []byte(k))
			}
		}
		sql += " WHERE " + where + " ORDER BY " + strings.Join(names, ", ") + " LIMIT " + strconv.Itoa(n.chunk+1)
	} else {
		sql += " WHERE " + where
	}
	n.count, n.ahead, n.name = 0, false, printable(rel.table.FullName())
	n.last = n.last[:0]
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	n.stop = stop
	n.rows = n.conn.ExecParams(running, sql, args, nil, nil, nil)
}

// What read came to.
const (
	blockFull = iota
	chunkDone
	tableDone
)

// readFor is read, ended by ctx too; after that the snapshot is lost.
func (n *snapshot) readFor(ctx context.Context, s *Source, rel *relation) (int, error) {
	defer context.AfterFunc(ctx, n.stop)()
	return n.read(s, rel)
}

// read decodes rows until the block is full or the chunk ends. It looks one row
// ahead, so that a table's last row is in hand when its end is known.
func (n *snapshot) read(s *Source, rel *relation) (int, error) {
	keyed := len(rel.table.Key) > 0
	for n.ahead || n.rows.NextRow() {
		n.ahead = true
		values := n.rows.Values()
		if keyed && n.count == n.chunk || len(n.block.changes) > 0 && n.block.size() >= s.stream.target {
			n.keep(rel)
			if n.count < n.chunk || !keyed {
				return blockFull, nil
			}
			break // the next chunk reads this row again
		}
		n.ahead = false
		n.count++
		n.place.Rows++
		n.last = n.last[:0]
		for _, k := range rel.table.Key {
			n.last = append(n.last, append(n.spare(len(n.last)), values[k]...))
		}
		if err := n.row(s, rel, values); err != nil {
			return blockFull, err
		}
	}
	n.keep(rel)
	more := n.ahead
	_, err := n.rows.Close()
	n.rows, n.ahead = nil, false
	n.stop()
	if more {
		return chunkDone, err
	}
	return tableDone, err
}

// spare is the memory of an earlier key column, empty.
func (n *snapshot) spare(i int) []byte {
	if i < cap(n.last) {
		return n.last[:i+1][i][:0]
	}
	return nil
}

// keep notes the last key read in the position to come.
func (n *snapshot) keep(rel *relation) {
	if len(n.last) != len(rel.table.Key) || len(n.last) == 0 {
		return // nothing read
	}
	n.place.Key = n.place.Key[:0]
	for _, k := range n.last {
		n.place.Key = append(n.place.Key, string(k))
	}
}

// row decodes one row. It comes as the stream's rows do: copied once, and the
// values point into the copy.
func (n *snapshot) row(s *Source, rel *relation, values [][]byte) error {
	b := n.block
	a := &b.arena
	row := a.Row(len(values))
	for i, v := range values {
		if v == nil {
			continue
		}
		err := rel.decode[i](&row[i], a.Copy(v), a)
		var label *labelError
		if errors.As(err, &label) { // added since Open looked
			return fmt.Errorf("%w: %w", capture.ErrLost, err)
		}
		if err != nil {
			return valueFault(rel, i, fmt.Sprintf("row %d of the snapshot", n.place.Rows), err)
		}
	}
	src := a.Row(len(rel.source))
	copy(src, rel.source)
	src[colSnapshot] = isSnapshot
	if n.place.Rows == 1 {
		src[colSnapshot] = firstOfTable
		if len(n.place.Done) == 0 {
			src[colSnapshot] = firstOfAll
		}
	}
	src[colLSN] = schemas.IntOf(int64(s.at.LSN))
	setTime(src, n.time)
	id := append(a.Grow(len(n.prefix)+len(n.name)+20), n.prefix...)
	id = append(append(id, n.name...), '.')
	id = appendHex(id, uint64(n.place.Rows), 16)
	a.Keep(len(id))
	b.changes = append(b.changes, schemas.Change{Op: schemas.Read, Table: rel.table, After: row, Source: src, ID: id[:len(id):len(id)]})
	return nil
}

// markLast says of the row read last that its table, or the snapshot, ends.
func (n *snapshot) markLast() {
	if len(n.block.changes) == 0 {
		return
	}
	src := n.block.changes[len(n.block.changes)-1].Source
	src[colSnapshot] = lastOfTable
	if len(n.todo) == 1 {
		src[colSnapshot] = lastOfAll
	}
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
	n.rows = nil
	n.stop()
	return hangUp(ctx, conn)
}
