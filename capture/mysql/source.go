package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"sluice/capture"
	"sluice/capture/snapshot"
	"sluice/schemas"
)

// Source reads one MySQL or MariaDB server.
type Source struct {
	cfg     Config
	capture string
	log     *slog.Logger

	sql     *sql.DB // asks the catalogue
	server  server
	dialect *dialect
	replica uint32   // by which the server knows us
	at      position // behind the last batch handed out
	end     place    // of the log, when the source was opened

	tables   tables
	copies   *copies
	engine   *snapshot.Engine
	stopCopy context.CancelFunc
	origin   string // begins the names of snapshots
	copying  sync.WaitGroup
	stream   *stream
	used     *block // what the last Next handed out
	usedCopy *snapshot.Chunk
	handed   time.Time // when Next last returned a batch
	fresh    bool      // the position of the start is still to be handed out
	beaten   time.Time // when the last heartbeat was recorded
	watch    *watch
	metrics  *metrics
	// copyMetrics shows the engine.
	copyMetrics *snapshot.Metrics
	// chunkRows is the constant of that name; tests make it small.
	chunkRows int
}

// chunkRows bounds the rows of a chunk.
const chunkRows = 50_000

func newSource(c Config, name string, log *slog.Logger) *Source {
	return &Source{cfg: c, capture: name, log: log.With("capture", name), chunkRows: chunkRows, metrics: newMetrics(name), copyMetrics: snapshot.NewMetrics(name)}
}

// Open connects and checks everything that streaming needs.
func (s *Source) Open(ctx context.Context, from schemas.Position) error {
	if err := s.open(ctx, from); err != nil {
		if err = s.place(err); errors.Is(err, capture.ErrLost) {
			// Check tells a server that is misnamed from one that is away.
			err = fmt.Errorf("%w: %s", capture.ErrLost, err)
		}
		return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	return nil
}

func (s *Source) open(ctx context.Context, from schemas.Position) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := s.server.check(); err != nil {
		return err
	}
	relations, err := s.relations(ctx)
	if err != nil {
		return err
	}
	if err := s.logsAll(ctx, relations); err != nil {
		return err
	}
	if s.replica, err = s.chooseID(ctx); err != nil {
		return err
	}
	if !from.IsZero() {
		err := s.resume(ctx, from)
		if err == nil {
			return s.prepare(ctx, relations)
		}
		if s.cfg.Snapshot.Mode != WhenNeeded || !s.outgrown(err) {
			return err
		}
		s.log.Error("the saved position no longer fits the source: starting over with a snapshot; the ends of rows deleted in between are lost", "error", err)
	}
	if s.at, err = s.begin(ctx, relations); err != nil {
		return err
	}
	s.fresh = true
	return s.prepare(ctx, relations)
}

// connect opens the session for questions and reads what the server is.
func (s *Source) connect(ctx context.Context) error {
	cfg, err := s.cfg.settings()
	if err != nil {
		return err
	}
	if s.sql, err = connect(ctx, cfg); err != nil {
		return err
	}
	if s.server, err = readServer(ctx, s.sql); err != nil {
		return s.lost(err)
	}
	s.dialect = &dialect{maria: s.server.maria, decimals: s.cfg.Decimals, unsigned: s.cfg.BigintUnsigned, zeroDates: s.cfg.ZeroDates}
	return s.lost(s.dialect.readCollations(ctx, s.sql))
}

// lost sorts an error of a question: what the server did not say is the
// connection's.
func (s *Source) lost(err error) error {
	var f *schemas.Fault
	if err == nil || errors.As(err, &f) || isContext(err) || errors.Is(err, capture.ErrLost) {
		return err
	}
	switch errorCode(err) {
	case 0, codeInterrupted, codeShutdown, codeTooManySessions:
		return fmt.Errorf("%w: %w", capture.ErrLost, err)
	}
	return err
}

// outgrown reports whether a new snapshot is the cure.
func (s *Source) outgrown(err error) bool {
	f, ok := errors.AsType[*schemas.Fault](err)
	return ok && f.Cure == s.resnapshot()
}

// relations compiles the tables.
func (s *Source) relations(ctx context.Context) ([]*relation, error) {
	infos, err := s.cfg.tables(ctx, s.sql, s.server.account)
	if err != nil {
		return nil, s.lost(err)
	}
	var out []*relation
	var errs []error
	for _, t := range infos {
		there, err := t.read(ctx, s.sql, s.dialect)
		if err != nil {
			errs = append(errs, s.lost(err))
			continue
		}
		if !there {
			continue // dropped since it was listed
		}
		rel, err := s.dialect.fromCatalog(t)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		rel.source = s.sourceRow(rel.table)
		out = append(out, rel)
	}
	s.tables.reset(out)
	return out, errors.Join(errs...)
}

// Next waits for the next batch.
func (s *Source) Next(ctx context.Context) (capture.Batch, error) {
	if s.stream == nil {
		return capture.Batch{}, fmt.Errorf("%w: the source is not open", capture.ErrLost)
	}
	s.giveBack()
	if s.fresh { // so that the start is known before the first chunk
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
		return capture.Batch{}, s.place(err)
	}
	return b, nil
}

// Ack is of no use to a server, which keeps its log as long as it was told.
func (s *Source) Ack(_ context.Context, upTo schemas.Position) error {
	at, err := parsePosition(upTo)
	if err == nil {
		s.metrics.acked(&at)
	}
	return err
}

// Close frees the connections and joins the goroutines.
func (s *Source) Close(context.Context) error {
	var err error
	if s.stopCopy != nil {
		s.stopCopy()
	}
	if s.stream != nil {
		s.stream.close()
	}
	s.copying.Wait()
	s.stream, s.stopCopy = nil, nil
	s.copyMetrics.Watch(nil)
	if s.sql != nil {
		err = s.sql.Close()
	}
	err = errors.Join(err, s.watch.close())
	s.watch = nil
	s.sql, s.used, s.usedCopy, s.engine = nil, nil, nil, nil
	return err
}

// Check connects and looks whether the source could be read, without changing
// anything.
func (s *Source) Check(ctx context.Context) error {
	err := s.connect(ctx)
	if err == nil {
		err = s.server.check()
	}
	if err == nil {
		var relations []*relation
		if relations, err = s.relations(ctx); err == nil {
			err = s.logsAll(ctx, relations)
		}
	}
	return errors.Join(s.place(err), s.Close(ctx))
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
	case "dsn", "tables", "server_id":
		c.Where = "captures." + s.capture + ".mysql." + f.Where
	default:
		c.Where = "captures." + s.capture + ".mysql: " + f.Where
	}
	return &c
}

// resnapshot is the command that starts over.
func (s *Source) resnapshot() string {
	return fmt.Sprintf("to copy the tables anew and go on from there: sluice capture %s --resnapshot", s.capture)
}

// grantCure is the statement that gives a right.
func (s *Source) grantCure(right string) string {
	return fmt.Sprintf("as an administrator: GRANT %s ON *.* TO %s; all rights are listed by: sluice grants %s", right, s.server.account, s.capture)
}
