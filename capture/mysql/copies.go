package mysql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"sluice/capture"
	"sluice/capture/snapshot"
	"sluice/schemas"
)

// copies is the snapshot.Database of a Source: what its readers share.
type copies struct {
	source *Source

	mu   sync.Mutex
	free []*block
	// seen are the tables as the catalogue had them; a relation's body is what it
	// said then.
	seen map[string]*relation
	// rowBytes is about what a decoded row of a table takes.
	rowBytes map[string]int
}

// Connect opens a session for a worker.
func (c *copies) Connect(ctx context.Context) (snapshot.Reader, error) {
	s := c.source
	cfg, err := s.cfg.settings()
	if err != nil {
		return nil, err
	}
	var secure *tls.Config
	if s.server.secure {
		secure = cfg.TLS
	}
	rows, err := s.cfg.openRows(ctx, secure)
	if err != nil {
		// The settings were right when the source was opened.
		return nil, fmt.Errorf("%w: opening a session for the snapshot: %s", capture.ErrLost, s.place(err))
	}
	return &copyReader{copies: c, rows: rows}, nil
}

// ParseView reads what view.String wrote.
func (c *copies) ParseView(text string) (snapshot.View, error) { return c.source.parseView(text) }

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
func (c *copies) target() int {
	return min(blockBytes, int(c.source.cfg.Buffer)/minBlocks, int(c.source.cfg.Snapshot.Chunk))
}

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

// size notes what the rows of a table take.
func (c *copies) size(table string, rowBytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rowBytes[table] = max(1, rowBytes)
}

func (c *copies) sizeOf(table string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rowBytes[table]
}

// fault sorts an error of a read.
func (c *copies) fault(ctx context.Context, r *snapshot.Request, err error) error {
	var f *schemas.Fault
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, snapshot.ErrAgain), errors.Is(err, snapshot.ErrGone), errors.Is(err, snapshot.ErrLayout), errors.As(err, &f):
		return err
	}
	switch errorCode(err) {
	case codeNoTable, codeNoDatabase, codeBadTable:
		return snapshot.ErrGone
	case codeLockTimeout, codeDeadlock, codeDefinition, codeInterrupted:
		return fmt.Errorf("%w: %s", snapshot.ErrAgain, errorText(err))
	case codeNoColumn:
		if r.Where == "" {
			return fmt.Errorf("%w: %s", snapshot.ErrAgain, errorText(err))
		}
	case codeTableDenied, codeColumnDenied:
		return &schemas.Fault{
			Where: r.Table, What: "may not be read by the user of the dsn", Err: errors.New(errorText(err)),
			Cure: fmt.Sprintf("as an administrator: GRANT SELECT ON %s TO %s;", c.named(r.Table).info.sql(), c.source.server.account),
		}
	case 0:
		return fmt.Errorf("%w: reading table %s: %s", capture.ErrLost, r.Table, lastCause(err))
	}
	if r.Where != "" {
		return fmt.Errorf("%w: the condition %q is refused: %s", snapshot.ErrGone, r.Where, errorText(err))
	}
	return fmt.Errorf("%w: reading table %s: %s", capture.ErrLost, r.Table, errorText(err))
}

// prepare makes the engine of the snapshots, before the stream is read: it must
// see every transaction that comes.
func (s *Source) prepare(ctx context.Context, relations []*relation) error {
	var err error
	if s.end, err = s.server.end(ctx, s.sql); err != nil {
		return s.lost(err)
	}
	s.stream = newStream(s)
	s.copies = &copies{source: s, seen: map[string]*relation{}, rowBytes: map[string]int{}}
	s.engine, err = snapshot.New(s.copies, snapshot.Config{
		Workers: s.cfg.Snapshot.Workers, Memory: int(s.cfg.Snapshot.Memory), Log: s.log,
	}, s.at.Copies)
	if err != nil {
		return err
	}
	var names, done []string
	for _, rel := range relations {
		names = append(names, rel.table.FullName())
	}
	if s.cfg.Snapshot.Mode == Never {
		done = names
	}
	s.origin = s.at.Place.String()
	s.engine.Keep(names, done)
	s.engine.Add(s.origin, false, names...)
	s.copyMetrics.Watch(s.engine)
	s.note()
	return s.startWatch(ctx)
}

// copy starts the engine.
func (s *Source) copy(ctx context.Context) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stopCopy = stop
	engine := s.engine
	s.copying.Go(func() { engine.Run(running) })
}

// note takes the engine's progress into the position.
func (s *Source) note() {
	s.at.Copies, s.at.Snapshot = s.engine.Progress(), s.engine.Busy()
}

func (s *Source) giveBack() {
	s.stream.giveBack(s.used)
	s.used = nil
	if s.usedCopy != nil {
		s.copies.Free(s.usedCopy)
		s.usedCopy = nil
	}
}

// next waits for a batch of the stream or a chunk whose mark the stream has
// passed. Chunks go first: each waits for the stream again, so neither starves.
func (s *Source) next(ctx context.Context) (capture.Batch, error) {
	passed := func(v snapshot.View) bool { return v.(*view).passed(s.at.Place) }
	for {
		chunk, err := s.engine.Ready(passed)
		if err != nil {
			return capture.Batch{}, err
		}
		if chunk != nil {
			return s.chunk(chunk), nil
		}
		if s.cfg.Snapshot.Mode == Only && !s.engine.Busy() {
			return capture.Batch{}, io.EOF
		}
		waiting, always := false, *s.cfg.HeartbeatTopic
		s.engine.Waiting(func(snapshot.View) { waiting = true })
		b, at, err := s.stream.next(ctx, s.cfg.Heartbeat, always, waiting, s.at, s.engine.Wake())
		if err != nil {
			return capture.Batch{}, err
		}
		if b == nil { // the engine has news
			continue
		}
		s.at.GTIDs, s.at.Place, s.at.Made, s.at.GTID, s.at.Row, s.at.XA = at.GTIDs, at.Place, at.Made, at.GTID, at.Row, at.XA
		s.heartbeat(b)
		if len(b.changes) == 0 && waiting && time.Since(s.handed) < s.cfg.Heartbeat {
			s.stream.giveBack(b)
			continue
		}
		s.used, s.handed = b, time.Now()
		s.note()
		return b.batch(s.at), nil
	}
}

// chunk hands out rows of a snapshot.
func (s *Source) chunk(c *snapshot.Chunk) capture.Batch {
	b := c.Memory.(*block)
	b.changes = c.Changes
	if n := len(b.changes); n > 0 && !c.Incremental {
		switch {
		case c.FirstOfAll:
			b.edge(0, firstOfAll)
		case c.FirstOfTable:
			b.edge(0, firstOfTable)
		}
		switch {
		case c.LastOfAll:
			b.edge(n-1, lastOfAll)
		case c.LastOfTable:
			b.edge(n-1, lastOfTable)
		}
	}
	s.usedCopy, s.handed = c, time.Now()
	s.note()
	return b.batch(s.at)
}

// edge says of a row that it is the first or the last; it gets a source block of
// its own for it.
func (b *block) edge(i int, which schemas.Value) {
	src := b.arena.Row(len(b.changes[i].Source))
	copy(src, b.changes[i].Source)
	src[colSnapshot] = which
	b.changes[i].Source = src
}

// Signal obeys a signal about snapshots.
func (s *Source) Signal(_ context.Context, signal capture.Signal) error {
	s.engine.Signal(signal, s.names(), s.origin)
	return nil
}

// Signalled is the number of the last signal obeyed.
func (s *Source) Signalled() int64 { return s.engine.Signalled() }
