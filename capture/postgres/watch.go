package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// watchEvery is how often the slot is looked at: often enough for a budget of
// gigabytes, and nothing to the server.
const watchEvery = 10 * time.Second

// watch looks at the slot on a connection of its own while the source is open,
// so that what it says does not depend on whether anybody reads. It keeps the
// metrics and the budget of log.
type watch struct {
	source *Source
	stop   context.CancelFunc
	joined sync.WaitGroup

	conn   *pgconn.PgConn // nil: to be opened
	budget budget
	told   map[string]bool // see Source.discover
}

// startWatch begins to look; end it with close.
func (s *Source) startWatch(ctx context.Context) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &watch{source: s, stop: stop, budget: budget{source: s}, told: map[string]bool{}}
	s.watch = w
	w.joined.Go(func() { w.run(ctx) })
}

func (w *watch) run(ctx context.Context) {
	defer func() { _ = hangUp(context.WithoutCancel(ctx), w.conn) }() // nothing hangs on it
	tick := time.NewTicker(w.source.watchEvery)
	defer tick.Stop()
	silent := false
	for {
		err := w.look(ctx)
		if ctx.Err() != nil {
			return
		}
		// The stream meets a server that is away; this one only asks again.
		if err != nil && !silent {
			w.source.log.Warn("the slot cannot be looked at; its metrics stand still", "error", err)
		}
		if silent = err != nil; silent {
			_ = hangUp(ctx, w.conn)
			w.conn = nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look asks once. It takes no longer than the interval.
func (w *watch) look(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, max(w.source.watchEvery, time.Second))
	defer cancel()
	if w.conn == nil {
		if w.conn, err = w.source.cfg.connect(ctx, w.source.capture, nil); err != nil {
			return err
		}
	}
	s := w.source
	state, err := readSlotState(ctx, plain{w.conn}, s.cfg.Slot)
	if err != nil {
		return err
	}
	if state.Name == "" {
		return fmt.Errorf("slot %q is gone", s.cfg.Slot)
	}
	work, err := readSlotWork(ctx, plain{w.conn}, s.cfg.Slot, s.server.version)
	if err != nil {
		return err
	}
	s.metrics.set(&state, work, int64(s.cfg.MaxWAL))
	if err := s.discover(ctx, plain{w.conn}, w.told); err != nil {
		return err
	}
	return w.budget.check(ctx, plain{w.conn}, &state)
}

// close joins the goroutine. The metrics are of a slot that this process no
// longer looks at, so they go too.
func (w *watch) close() {
	if w == nil {
		return
	}
	w.stop()
	w.joined.Wait()
	w.source.metrics.reset()
}
