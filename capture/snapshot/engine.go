package snapshot

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice/schemas"
)

// Config of an Engine.
type Config struct {
	// Workers is how many read at a time.
	Workers int
	// Memory bounds what is remembered of recent transactions, in bytes.
	Memory int
	// Paused, where set, is asked before each read: true lets the workers wait.
	Paused func() bool
	Log    *slog.Logger
	// Backoff is the first wait before a read is tried again, and Settle how
	// long a chunk waits for the log before its mark is looked at again. Zero:
	// the defaults.
	Backoff, Settle time.Duration
}

const (
	defaultBackoff = 50 * time.Millisecond
	maxBackoff     = time.Second
	defaultSettle  = time.Second
)

// Engine runs the snapshots of one source. Run reads, Begin and Observe are
// called by the reader of the stream, all else by the consumer; all methods are
// safe for concurrent use.
type Engine struct {
	db  Database
	cfg Config

	active atomic.Bool // there is a run, or a filter of one
	busy   atomic.Bool // there is a run

	mu sync.Mutex
	progress
	memory memory
	// tables leads from a version of a table to its run; nil: none.
	tables map[*schemas.Table]*seen
	// epoch counts the times that runs were added; known is the epoch whose
	// suspects are known, asking the one whose are being asked for.
	epoch, known, asking int
	suspects             map[Tx]Suspect
	begun                map[Tx]struct{} // observed from their beginning, while suspects are not known
	latest               View            // the newest known
	reading              []*View         // for each read under way, the newest view known when it began
	connected            int
	warned               bool
	err                  error
	changed              chan struct{} // closed and renewed when something changes
	stats                Stats

	wake chan struct{} // for the consumer, one token
	kick chan struct{} // for Run, one token
}

// Stats counts what the Engine did since New.
type Stats struct {
	// Rows were handed out, Dropped were left out since an event had brought
	// them already.
	Rows, Dropped int64
	// Chunks were read; Again counts those read a second time.
	Chunks, Again int64
	// Tables are left to copy, with about Left rows.
	Tables int
	Left   int64
	Paused bool
}

// New makes an Engine that goes on from what Progress said; nil begins with
// nothing to do.
func New(db Database, c Config, saved json.RawMessage) (*Engine, error) {
	c.Workers = max(1, c.Workers)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Backoff == 0 {
		c.Backoff = defaultBackoff
	}
	if c.Settle == 0 {
		c.Settle = defaultSettle
	}
	e := &Engine{
		db: db, cfg: c, memory: newMemory(c.Memory), tables: map[*schemas.Table]*seen{},
		suspects: map[Tx]Suspect{}, begun: map[Tx]struct{}{},
		changed: make(chan struct{}), wake: make(chan struct{}, 1), kick: make(chan struct{}, 1),
	}
	if len(saved) > 0 {
		if err := e.restore(saved); err != nil {
			return nil, fmt.Errorf("reading the progress of the snapshot: %w", err)
		}
	}
	if len(e.Runs) > 0 {
		e.activate()
	}
	e.active.Store(len(e.Runs)+len(e.Filters) > 0)
	return e, nil
}

// activate begins to observe for runs that were added. What was read of the
// stream before may hold commits that no view shows yet: the suspects are asked
// for after this.
func (e *Engine) activate() {
	e.epoch++
	clear(e.begun)
	e.tables = map[*schemas.Table]*seen{}
	e.active.Store(true)
	e.busy.Store(true)
	signal(e.kick)
	e.change()
}

// Active reports whether Begin and Observe want to be called. It costs one load.
func (e *Engine) Active() bool { return e.active.Load() }

// Busy reports whether a snapshot is under way.
func (e *Engine) Busy() bool { return e.busy.Load() }

// Wake has a token when Ready may have something new to say.
func (e *Engine) Wake() <-chan struct{} { return e.wake }

// Add asks for the first copies of tables. Those that have one, or are being
// copied, are left alone. fresh says that the stream carries the tables only
// since a moment ago: of a transaction older than that it may lack changes, so no
// view is used that does not see all that run now.
func (e *Engine) Add(origin string, fresh bool, tables ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	added := false
	for _, t := range tables {
		if slices.Contains(e.Tables, t) || slices.ContainsFunc(e.Runs, func(r *run) bool { return r.Table == t && !r.Incremental }) {
			continue
		}
		r := &run{Table: t, Fresh: fresh}
		r.shut()
		e.add(r, origin)
		added = true
	}
	if added {
		e.activate()
	}
}

func (e *Engine) add(r *run, origin string) {
	e.Count++
	r.ID = fmt.Sprintf("%s.%d", origin, e.Count)
	e.Runs = append(e.Runs, r)
	e.encoded = nil
}

// Keep forgets the tables that are no longer captured, so that they are copied
// again should they come back, and ends their runs. It notes those of done as
// copied.
func (e *Engine) Keep(captured, done []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	gone := func(t string) bool { return !slices.Contains(captured, t) }
	e.Tables = slices.DeleteFunc(e.Tables, gone)
	for _, t := range done {
		if !slices.Contains(e.Tables, t) {
			e.Tables = append(e.Tables, t)
		}
	}
	for _, r := range slices.Clone(e.Runs) {
		if gone(r.Table) {
			e.remove(r)
		}
	}
	e.Filters = slices.DeleteFunc(e.Filters, func(f *filter) bool { return gone(f.Table) })
	e.encoded = nil
	e.rest()
}

// Copied lists the tables that have a first copy.
func (e *Engine) Copied() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.Tables)
}

// Run reads until ctx is done. An error of a read is returned by Ready.
func (e *Engine) Run(ctx context.Context) {
	for {
		select {
		case <-e.kick:
		case <-ctx.Done():
			return
		}
		var workers sync.WaitGroup
		for range e.cfg.Workers {
			workers.Go(func() { e.work(ctx) })
		}
		workers.Wait()
	}
}

// Stats says what was done and what is left.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Tables, s.Paused = len(e.Runs), e.Paused || e.cfg.Paused != nil && e.cfg.Paused()
	for _, r := range e.Runs {
		s.Left += max(0, r.Estimate-r.Rows)
	}
	return s
}

// change tells all who wait that something did.
func (e *Engine) change() {
	close(e.changed)
	e.changed = make(chan struct{})
	signal(e.wake)
}

func (e *Engine) fail(err error) {
	if e.err == nil {
		e.err = err
	}
	e.change()
}

// remove ends a run.
func (e *Engine) remove(r *run) {
	for _, s := range r.Spans {
		if s.chunk != nil {
			e.db.Free(s.chunk)
			s.chunk = nil
		}
		s.Done = true
	}
	for _, c := range r.whole {
		e.db.Free(c)
	}
	r.whole, r.ended = nil, true
	e.Runs = slices.DeleteFunc(e.Runs, func(o *run) bool { return o == r })
	e.tables = map[*schemas.Table]*seen{}
	e.encoded = nil
	e.change()
}

// rest forgets what only a snapshot needs when there is none.
func (e *Engine) rest() {
	if len(e.Runs) > 0 {
		return
	}
	e.memory.reset()
	clear(e.begun)
	clear(e.suspects)
	e.known, e.warned = e.epoch, false
	e.busy.Store(false)
	e.active.Store(len(e.Filters) > 0)
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
