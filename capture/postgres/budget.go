package postgres

import (
	"context"
	"fmt"
	"time"

	"sluice/capture"
	"sluice/schemas"
)

// Shares of Config.MaxWAL at which something is done.
const (
	warnShare  = 0.5
	pauseShare = 0.75
)

// budget keeps the log that the server keeps for the slot below Config.MaxWAL.
type budget struct {
	source *Source
	// first is what was kept when the source was opened. A capture that was
	// stopped by its budget may start again as it is, if it then catches up.
	first  int64
	looked bool
	warned bool
}

// check compares what is kept with the budget and acts.
func (b *budget) check(ctx context.Context, q querier, state *slotState) error {
	s := b.source
	limit, kept := int64(s.cfg.MaxWAL), state.retained()
	if limit == 0 {
		return nil
	}
	if !b.looked {
		b.first, b.looked = kept, true
	}
	share := float64(kept) / float64(limit)
	if share < warnShare && b.warned {
		s.log.Info("the log that the server keeps is well within the budget again", "kept", size(kept), "max_wal", s.cfg.MaxWAL)
	}
	if share >= warnShare && !b.warned {
		s.log.Warn("the server keeps much of its log for the slot", "kept", size(kept), "max_wal", s.cfg.MaxWAL,
			"at the limit", s.cfg.OnMaxWAL, "slot", s.cfg.Slot, "cure", "see what holds the capture: sluice doctor "+s.capture)
	}
	b.warned = share >= warnShare
	if paused := share >= pauseShare; s.pausedByWAL.Swap(paused) != paused {
		s.log.Warn("a running snapshot is told to pause or to go on, so that the stream comes first", "paused", paused, "kept", size(kept), "max_wal", s.cfg.MaxWAL)
	}
	if share < 1 || s.ended() {
		return nil
	}
	if s.cfg.OnMaxWAL == Stop {
		if kept > b.first+b.first/10 || b.first < limit {
			s.end(b.full(state, "the slot is still there, so the log goes on growing", fmt.Sprintf(
				"mend what held the capture, raise max_wal and start it again; or to free the log at once: SELECT pg_drop_replication_slot(%s); then %s",
				literal(s.cfg.Slot), s.resnapshot())))
		}
		return nil
	}
	if s.cfg.OnMaxWAL == Drop {
		s.end(b.full(state, "the slot was dropped so that the database survives", s.resnapshot()))
	} else {
		s.end(b.full(state, "the slot was dropped so that the database survives, and the capture starts over with a snapshot", ""))
	}
	return b.drop(ctx, q)
}

// paused reports whether a running snapshot should wait, so that the stream can
// catch up before the server keeps more log than Config.MaxWAL.
func (s *Source) paused() bool { return s.pausedByWAL.Load() }

func (b *budget) full(state *slotState, then, cure string) *schemas.Fault {
	return &schemas.Fault{
		Where: "max_wal",
		What:  fmt.Sprintf("the server keeps %s of log for slot %q, and %s are allowed: %s", size(state.retained()), b.source.cfg.Slot, b.source.cfg.MaxWAL, then),
		Cure:  cure,
	}
}

// drop drops the slot, whose reader is this source. A server that has just
// ended the reader may need a moment to set the slot free.
func (b *budget) drop(ctx context.Context, q querier) error {
	s := b.source
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		rows, err := q.query(ctx, `
			SELECT pg_terminate_backend(active_pid) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND active`, s.cfg.Slot)
		if err == nil && len(rows) == 0 {
			_, err = q.query(ctx, "SELECT pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1", s.cfg.Slot)
			if err == nil {
				s.log.Error("the slot was dropped: its log had reached max_wal", "slot", s.cfg.Slot, "max_wal", s.cfg.MaxWAL)
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.verdict.Store(nil) // the next look tries again
			return fmt.Errorf("dropping slot %q: %w", s.cfg.Slot, err)
		}
	}
}

// end makes Next return the fault, and wakes it.
func (s *Source) end(f *schemas.Fault) {
	s.verdict.Store(f)
	if s.stream != nil && s.stream.conn != nil {
		_ = s.stream.conn.Conn().SetReadDeadline(time.Unix(1, 0)) // wakes the reader
	}
}

// ended reports whether the watch has ended the stream.
func (s *Source) ended() bool { return s.verdict.Load() != nil }

// judged replaces an error of the connection by the reason why the watch ended
// it.
func (s *Source) judged(err error) error {
	f := s.verdict.Load()
	if f == nil {
		return err
	}
	if s.cfg.OnMaxWAL == Resnapshot {
		return fmt.Errorf("%w: %s", capture.ErrLost, f.What)
	}
	return f
}
