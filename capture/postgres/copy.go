package postgres

import (
	"context"
	"fmt"
	"io"
	"time"

	"sluice/capture"
	"sluice/capture/snapshot"
	"sluice/schemas"
)

// prepare makes the engine of the snapshots, before the stream is read: it must
// see every transaction that comes.
func (s *Source) prepare(ctx context.Context, relations []*relation) error {
	rows, err := plain{s.sql}.query(ctx, "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_writer_delay'")
	if err != nil || len(rows) == 0 {
		return fmt.Errorf("asking the server for wal_writer_delay: %w", err)
	}
	s.copies = newCopies(s, relations)
	s.engine, err = snapshot.New(s.copies, snapshot.Config{
		Workers: s.cfg.Snapshot.Workers, Memory: int(s.cfg.Snapshot.Memory), Log: s.log, Paused: s.paused,
		Settle: max(time.Second, 5*time.Duration(rows[0].int(0))*time.Millisecond),
	}, s.at.Copies)
	if err != nil {
		return err
	}
	var names []string
	for _, rel := range relations {
		names = append(names, rel.table.FullName())
	}
	var done []string
	if s.cfg.Snapshot.Mode == Never {
		done = names
	}
	s.captured, s.origin = names, fmt.Sprintf("%016X", uint64(s.at.LSN))
	s.engine.Keep(names, done)
	var added, others []string
	for _, name := range names {
		if s.publication.exists && s.publication.tables[name] == nil {
			added = append(added, name)
		} else {
			others = append(others, name)
		}
	}
	s.engine.Add(s.origin, false, others...)
	s.engine.Add(s.origin, true, added...)
	s.copyMetrics.Watch(s.engine)
	s.note()
	return nil
}

// copy starts the engine.
func (s *Source) copy(ctx context.Context) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stopCopy = stop
	s.copying.Go(func() { s.engine.Run(running) })
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

// askEvery is how often the server is asked how far its log has come while a
// chunk waits for it.
const askEvery = 20 * time.Millisecond

// next waits for a batch of the stream or a chunk whose mark the stream has
// passed. Chunks go first: each waits for the stream again, so neither starves.
func (s *Source) next(ctx context.Context) (capture.Batch, error) {
	passed := func(v snapshot.View) bool { return v.(*view).passed(s.at.LSN) }
	asked := false
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
		beat := s.cfg.Heartbeat
		if waiting {
			beat, always = min(beat, askEvery), false
			s.stream.want()
			if !asked {
				asked = true
				signal(s.stream.ask)
			}
		}
		b, at, err := s.stream.next(ctx, beat, always, s.at, s.engine.Wake())
		if err != nil {
			return capture.Batch{}, err
		}
		if b == nil { // the engine has news
			asked = false
			continue
		}
		s.at.Commit, s.at.Row, s.at.Messages, s.at.LSN = at.Commit, at.Row, at.Messages, at.LSN
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
	s.engine.Signal(signal, s.captured, s.origin)
	return nil
}

// Signalled is the number of the last signal obeyed.
func (s *Source) Signalled() int64 { return s.engine.Signalled() }
