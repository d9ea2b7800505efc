package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/capture"
	"sluice/capture/snapshot"
	"sluice/schemas"
)

// copies is the snapshot.Database of a Source: what its readers share.
type copies struct {
	source *Source

	mu     sync.Mutex
	types  typeCache
	tables map[string]*copied
	free   []*block
}

// copied is what is known of a table that is copied.
type copied struct {
	rel *relation
	// print is the catalogue's answer that rel was compiled from; "": the one
	// at Open, not yet compared.
	print string
	// rowBytes is about what a decoded row takes; 0: not known yet.
	rowBytes int
}

func newCopies(s *Source, relations []*relation) *copies {
	c := &copies{source: s, types: newTypeCache(&s.cfg, s.log), tables: map[string]*copied{}}
	for _, rel := range relations {
		c.tables[rel.table.FullName()] = &copied{rel: rel}
	}
	return c
}

// readerSession lets the server read a range of keys by the key's index: never by
// sorting the whole table for each chunk. sluice_view says what a transaction sees,
// its place in the log, and all that the layout of a table hangs on; each chunk asks
// it anew, so it is parsed and planned once.
const readerSession = `SET enable_sort = off; SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off;
	SET max_parallel_workers_per_gather = 0;
	PREPARE sluice_view (pg_catalog.text) AS
		SELECT pg_catalog.pg_current_snapshot(), ` + here + `, c.oid, pg_catalog.concat_ws(' ', c.oid, c.relkind, c.relreplident,
			(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated), ',' ORDER BY a.attnum)
			 FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
			(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', i.indisprimary, i.indisreplident, i.indkey), ',' ORDER BY i.indexrelid)
			 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND (i.indisprimary OR i.indisreplident OR i.indisunique)))
		FROM pg_catalog.pg_class c WHERE c.oid = $1::pg_catalog.regclass`

// Connect opens a session for a worker.
func (c *copies) Connect(ctx context.Context) (snapshot.Reader, error) {
	s := c.source
	conn, err := s.cfg.connect(ctx, s.capture, newWire(copyBuffer))
	if err == nil {
		err = plain{conn}.exec(ctx, readerSession)
	}
	if err != nil {
		// The settings were right when the source was opened.
		return nil, errors.Join(fmt.Errorf("%w: opening a session for the snapshot: %s", capture.ErrLost, s.place(err)), hangUp(ctx, conn))
	}
	return &copyReader{copies: c, conn: conn}, nil
}

// ParseView reads what view.String wrote.
func (c *copies) ParseView(text string) (snapshot.View, error) { return parseMarked(text) }

// Free takes a chunk's block back.
func (c *copies) Free(chunk *snapshot.Chunk) {
	b, ok := chunk.Memory.(*block)
	if !ok {
		return
	}
	chunk.Memory = nil
	b.reset(c.target())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free = append(c.free, b)
}

// target is when a chunk is full.
func (c *copies) target() int { return int(c.source.cfg.Snapshot.Chunk) }

func (c *copies) block() *block {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.free); n > 0 {
		b := c.free[n-1]
		c.free = c.free[:n-1]
		return b
	}
	return &block{}
}

// relation returns the table's layout, compiled anew where the catalogue says
// something else than before. The session's transaction holds a lock on the table.
func (c *copies) relation(ctx context.Context, q querier, table string, oid uint32, catalogue string) (*copied, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[table]
	if t != nil && t.print == catalogue {
		return t, nil
	}
	info, err := readTable(ctx, q, oid)
	if err != nil {
		return nil, err
	}
	if info == nil {
		return nil, snapshot.ErrGone
	}
	c.source.publication.limit(info, c.source.server.version)
	clear(c.types.asked) // labels may have come
	rel, err := c.types.compile(ctx, q, info, sourceTable)
	if err != nil {
		return nil, err
	}
	rel.source = c.source.sourceRow(rel.table)
	if t != nil && t.rel.same(rel) {
		rel = t.rel // one Table for one version
	}
	t = &copied{rel: rel, print: catalogue}
	c.tables[table] = t
	return t, nil
}

// forget lets the next read look at the catalogue again.
func (c *copies) forget(table string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tables[table]; t != nil {
		c.tables[table] = &copied{rel: t.rel}
	}
}

// size notes what the rows of a table take.
func (c *copies) size(t *copied, rowBytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t.rowBytes = max(1, rowBytes)
}

func (c *copies) rowBytes(t *copied) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return t.rowBytes
}

// fault sorts an error of a read.
func (c *copies) fault(ctx context.Context, r *snapshot.Request, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var f *schemas.Fault
	var pe *pgconn.PgError
	var label *labelError
	switch {
	case errors.Is(err, snapshot.ErrAgain), errors.Is(err, snapshot.ErrGone), errors.Is(err, snapshot.ErrLayout), errors.As(err, &f):
		return err
	case errors.As(err, &label):
		c.forget(r.Table)
		return fmt.Errorf("%w: %w", snapshot.ErrAgain, err)
	case !errors.As(err, &pe):
		return fmt.Errorf("%w: reading table %s: %s", capture.ErrLost, r.Table, lastCause(err))
	}
	if slices.Contains(noTable, pe.Code) {
		return snapshot.ErrGone
	}
	switch pe.Code {
	case "40001", "40P01", "55P03", "57014", "42703", "42704", "25P02":
		// A conflict on a standby, a deadlock, a lock or a statement that took too
		// long, a table that was altered.
		if r.Where == "" || pe.Code != "42703" && pe.Code != "42704" {
			return fmt.Errorf("%w: %s", snapshot.ErrAgain, pe.Message)
		}
	case "42501":
		return &schemas.Fault{
			Where: r.Table, What: "may not be read by the role of the dsn", Err: message(err),
			Cure: fmt.Sprintf("as its owner: GRANT SELECT ON %s TO %s;", r.Table, quote(c.source.server.user)),
		}
	}
	if class := pe.Code[:2]; r.Where != "" && (class == "42" || class == "22") {
		return fmt.Errorf("%w: the condition %q is refused: %s", snapshot.ErrGone, r.Where, pe.Message)
	}
	return fmt.Errorf("%w: reading table %s: %s", capture.ErrLost, r.Table, pe.Message)
}
