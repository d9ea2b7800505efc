package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/capture"
	"sluice/capture/snapshot"
	"sluice/schemas"
)

// Source reads one PostgreSQL database.
type Source struct {
	cfg     Config
	capture string
	log     *slog.Logger

	sql    *pgconn.PgConn // asks the catalogue
	server server
	types  typeCache
	at     position // behind the last batch handed out
	// publication is as it was when the source opened.
	publication *publication
	copies      *copies
	engine      *snapshot.Engine
	stopCopy    context.CancelFunc
	captured    []string // the tables' names
	origin      string   // begins the names of snapshots
	copying     sync.WaitGroup
	stream      *stream
	used        *block // what the last Next handed out
	usedCopy    *snapshot.Chunk
	handed      time.Time // when Next last returned a batch
	fresh       bool      // the position of the start is still to be handed out
	beaten      time.Time // when the last heartbeat was recorded
	// ownsSlot: the slot has the name that only this capture gives.
	ownsSlot bool
	watch    *watch
	metrics  *metrics
	// copyMetrics shows the engine.
	copyMetrics *snapshot.Metrics
	// verdict is why the watch has ended the stream.
	verdict     atomic.Pointer[schemas.Fault]
	pausedByWAL atomic.Bool
	watchEvery  time.Duration
	// reselected and unfilled count rows; see Reselected.
	reselected, unfilled atomic.Int64
	// busyFor replaces slotTimeout in tests.
	busyFor time.Duration
	// whole asks for protocol version 1: whole transactions only.
	whole bool
	// chunkRows is the constant of that name; tests make it small.
	chunkRows int
}

// chunkRows bounds the rows of a chunk.
const chunkRows = 50_000

func newSource(c Config, name string, log *slog.Logger) *Source {
	return &Source{
		cfg: c, capture: name, log: log.With("capture", name), chunkRows: chunkRows,
		ownsSlot: c.Slot == defaultSlot(name), metrics: newMetrics(name), copyMetrics: snapshot.NewMetrics(name), watchEvery: watchEvery,
	}
}

// Open connects, checks everything that streaming needs, and creates slot and
// publication where they are missing.
func (s *Source) Open(ctx context.Context, from schemas.Position) error {
	if err := s.open(ctx, from); err != nil {
		err = s.place(lostOr(err))
		if errors.Is(err, capture.ErrLost) {
			// Check tells a server that is misnamed from one that is away.
			err = fmt.Errorf("%w: %s", capture.ErrLost, err)
		}
		return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	s.startWatch(ctx)
	return nil
}

func (s *Source) open(ctx context.Context, from schemas.Position) (err error) {
	if s.sql, err = s.cfg.connect(ctx, s.capture, nil); err != nil {
		return err
	}
	s.types = newTypeCache(&s.cfg, s.log)
	if s.server, err = readServer(ctx, plain{s.sql}); err != nil {
		return err
	}
	if err := errors.Join(s.server.check(), s.server.checkMessages(s.cfg.Messages)); err != nil {
		return err
	}
	tables, err := s.cfg.tables(ctx, plain{s.sql})
	if err != nil {
		return err
	}
	if s.publication, err = readPublication(ctx, plain{s.sql}, s.cfg.Publication); err != nil {
		return err
	}
	relations, err := s.relations(ctx, tables)
	if err != nil {
		return err
	}
	w := newWire(wireBuffer)
	conn, err := s.cfg.replicate(ctx, s.capture, w)
	if err != nil {
		return err
	}
	s.stream = newStream(s, conn, w)
	for _, rel := range relations {
		s.stream.known[rel.info.oid] = rel
	}
	if err := s.identify(ctx, conn); err != nil {
		return err
	}
	s.stream.system = s.at.System
	if !from.IsZero() {
		err := s.resume(ctx, tables, relations, from)
		switch {
		case errors.Is(err, errDropped):
			s.log.Error("the slot is gone: starting over with a snapshot, as on_max_wal says", "slot", s.cfg.Slot, "position", string(from))
		case err != nil && s.cfg.Snapshot.Mode == WhenNeeded && s.outgrown(err):
			s.log.Error("the saved position no longer fits the source: starting over with a snapshot; the ends of rows deleted in between are lost", "error", err)
		default:
			return err
		}
		s.at = position{}
		if err := s.identify(ctx, conn); err != nil {
			return err
		}
	}
	if err := s.publish(ctx, tables, false); err != nil {
		return err
	}
	if err := s.begin(ctx, conn); err != nil {
		return err
	}
	s.fresh = true
	return s.prepare(ctx, relations)
}

// resume goes on behind a saved position.
func (s *Source) resume(ctx context.Context, tables []*tableInfo, relations []*relation, from schemas.Position) (err error) {
	if err := s.publish(ctx, tables, true); err != nil {
		return err
	}
	if s.at, err = parsePosition(from); err != nil {
		return &schemas.Fault{Where: "the saved position", What: "cannot be read", Err: err, Cure: s.resnapshot()}
	}
	if err := s.adopt(ctx); err != nil {
		return err
	}
	return s.prepare(ctx, relations)
}

// outgrown reports whether a new snapshot is the cure.
func (s *Source) outgrown(err error) bool {
	f, ok := errors.AsType[*schemas.Fault](err)
	return ok && f.Cure == s.resnapshot()
}

// relations compiles the tables and warns of what their log will not carry.
func (s *Source) relations(ctx context.Context, tables []*tableInfo) ([]*relation, error) {
	var out []*relation
	var errs []error
	for _, t := range tables {
		if err := t.readColumns(ctx, plain{s.sql}); err != nil {
			return nil, err
		}
		s.publication.limit(t, s.server.version)
		rel, err := s.types.compile(ctx, plain{s.sql}, t, sourceTable)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		rel.source = s.sourceRow(rel.table)
		out = append(out, rel)
		log := s.log.With("table", t.fullName())
		switch {
		case t.identity == "n" || t.identity == "d" && len(t.primary) == 0:
			log.Warn("the table has no replica identity: PostgreSQL refuses its updates and deletes while it is published",
				"cure", fmt.Sprintf("ALTER TABLE %s ADD PRIMARY KEY (...), or REPLICA IDENTITY FULL", t.sql()))
		case len(t.toasted) > 0 && t.identity != "f":
			log.Warn("large values that an update does not change are not in the log",
				"columns", strings.Join(t.toasted, ", "), "cure", fmt.Sprintf("ALTER TABLE %s REPLICA IDENTITY FULL", t.sql()))
		}
	}
	s.cfg.Columns.warnUnused(out, s.log)
	return out, errors.Join(errs...)
}

// Next waits for the next batch.
func (s *Source) Next(ctx context.Context) (capture.Batch, error) {
	if s.stream == nil {
		return capture.Batch{}, fmt.Errorf("%w: the source is not open", capture.ErrLost)
	}
	s.giveBack()
	if err := s.judged(nil); err != nil {
		return capture.Batch{}, s.place(err)
	}
	if s.fresh { // so that the slot is known as ours before the first chunk
		s.fresh, s.handed = false, time.Now()
		return capture.Batch{Position: s.at.encode()}, nil
	}
	if !s.stream.started {
		if err := s.stream.start(ctx, s.at); err != nil {
			return capture.Batch{}, s.place(err)
		}
		s.beaten = time.Now()
		s.copy(ctx)
	}
	b, err := s.next(ctx)
	if err != nil {
		return capture.Batch{}, s.place(s.judged(err))
	}
	return b, nil
}

// Ack lets the server forget what the position covers.
func (s *Source) Ack(_ context.Context, upTo schemas.Position) error {
	at, err := parsePosition(upTo)
	if err != nil {
		return err
	}
	if s.stream != nil && at.Slot == s.cfg.Slot && at.System == s.stream.system {
		s.stream.confirm(lsn(at.LSN))
	}
	return nil
}

// Close frees the connections and joins the goroutines.
func (s *Source) Close(ctx context.Context) error {
	var errs []error
	s.watch.close()
	s.watch = nil
	s.verdict.Store(nil)
	s.pausedByWAL.Store(false)
	if s.stopCopy != nil {
		s.stopCopy()
		s.copying.Wait()
	}
	s.stopCopy = nil
	if s.stream != nil {
		errs = append(errs, s.stream.close(ctx))
		s.stream = nil
	}
	errs = append(errs, hangUp(ctx, s.sql))
	s.sql, s.used, s.usedCopy, s.engine = nil, nil, nil, nil
	s.copyMetrics.Watch(nil)
	return errors.Join(errs...)
}

// Check connects and looks whether the source could be read, without changing
// anything. An error that wraps capture.ErrLost and is no *schemas.Fault is of a
// server that answers and is not ready yet.
func (s *Source) Check(ctx context.Context) error {
	return s.place(lostOr(s.check(ctx)))
}

func (s *Source) check(ctx context.Context) error {
	conn, err := s.cfg.connect(ctx, s.capture, nil)
	if err != nil {
		return err
	}
	defer func() { _ = hangUp(context.WithoutCancel(ctx), conn) }() // the answers are there
	s.sql = conn
	defer func() { s.sql = nil }()
	s.types = newTypeCache(&s.cfg, s.log)
	srv, err := readServer(ctx, plain{conn})
	if err != nil {
		return err
	}
	if err := errors.Join(srv.check(), srv.checkRole(), srv.checkMessages(s.cfg.Messages)); err != nil {
		return err
	}
	tables, err := s.cfg.tables(ctx, plain{conn})
	if err != nil {
		return err
	}
	if s.publication, err = readPublication(ctx, plain{conn}, s.cfg.Publication); err != nil {
		return err
	}
	_, err = s.relations(ctx, tables)
	return err
}

// place says in a fault which capture it is about.
func (s *Source) place(err error) error {
	var f *schemas.Fault
	if !errors.As(err, &f) || strings.HasPrefix(f.Where, "captures.") {
		return err
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs := joined.Unwrap()
		for i := range errs {
			errs[i] = s.place(errs[i])
		}
		return errors.Join(errs...)
	}
	c := *f
	switch head, _, _ := strings.Cut(f.Where, "["); head {
	case "dsn", "tables", "slot", "publication", "spill", "max_wal", "columns.exclude", "columns.mask", "columns.truncate":
		c.Where = "captures." + s.capture + ".postgres." + f.Where
	default:
		c.Where = "captures." + s.capture + ".postgres: " + f.Where
	}
	return &c
}

// resnapshot is the command that starts over.
func (s *Source) resnapshot() string {
	return fmt.Sprintf("to copy the tables anew and go on from there: sluice capture %s --resnapshot", s.capture)
}

// sourceTable is the record of the envelope's source block, as Debezium's
// PostgreSQL connector writes it.
var sourceTable = &schemas.Table{
	Schema: "io.debezium.connector.postgresql", Name: "Source",
	Columns: []schemas.Column{
		{Name: "version", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "connector", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "name", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "ts_ms", Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "snapshot", Optional: true, Default: &notSnapshot, Type: schemas.Type{
			Name:    schemas.EnumType,
			Symbols: []string{"true", "first", "first_in_data_collection", "last_in_data_collection", "last", "false", "incremental"},
		}},
		{Name: "db", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "sequence", Optional: true, Type: schemas.Type{Name: schemas.StringType}},
		{Name: "ts_us", Optional: true, Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "ts_ns", Optional: true, Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "schema", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "table", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "txId", Optional: true, Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "lsn", Optional: true, Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "xmin", Optional: true, Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "origin", Optional: true, Type: schemas.Type{Name: schemas.StringType}},
		{Name: "origin_lsn", Optional: true, Type: schemas.Type{Name: schemas.Int64Type}},
	},
}

// Columns of the source block that differ from row to row.
const (
	colTime      = 3
	colSnapshot  = 4
	colSequence  = 6
	colMicros    = 7
	colNanos     = 8
	colTx        = 11
	colLSN       = 12
	colOrigin    = 14
	colOriginLSN = 15
)

var (
	notSnapshot = schemas.TextOf([]byte("false"))
	isSnapshot  = schemas.TextOf([]byte("true"))
	incremental = schemas.TextOf([]byte("incremental"))
	// The ends of a snapshot and of its tables.
	firstOfAll   = schemas.TextOf([]byte("first"))
	firstOfTable = schemas.TextOf([]byte("first_in_data_collection"))
	lastOfTable  = schemas.TextOf([]byte("last_in_data_collection"))
	lastOfAll    = schemas.TextOf([]byte("last"))
)

// sourceRow is the constant part of a table's source block.
func (s *Source) sourceRow(t *schemas.Table) schemas.Row {
	text := func(v string) schemas.Value { return schemas.TextOf([]byte(v)) }
	row := make(schemas.Row, len(sourceTable.Columns))
	row[0], row[1], row[2] = text(capture.Version), text("postgresql"), text(s.capture)
	row[colSnapshot], row[5] = notSnapshot, text(s.server.database)
	row[9], row[10] = text(t.Schema), text(t.Name)
	return row
}

// setTime sets the commit time of a source block.
func setTime(row schemas.Row, t time.Time) {
	row[colTime] = schemas.IntOf(t.UnixMilli())
	row[colMicros] = schemas.IntOf(t.UnixMicro())
	row[colNanos] = schemas.IntOf(t.UnixNano())
}
