package snapshot

import (
	"context"
	"errors"
	"slices"
	"time"

	"sluice/schemas"
)

// retry is when a read may be tried again.
type retry struct {
	at    time.Time
	pause time.Duration
}

// again lets a read be tried again after a pause.
func (e *Engine) again(r *retry, why string, of *run) {
	r.pause = min(max(e.cfg.Backoff, 2*r.pause), 20*e.cfg.Backoff)
	r.at = time.Now().Add(r.pause)
	e.stats.Again++
	e.cfg.Log.Debug("rows are read again", "table", of.Table, "why", why)
	e.change()
}

// job is one thing for a worker to do; it is called without the lock.
type job func(ctx context.Context, r Reader) error

// work does jobs until no run is left, ctx is done or something fails.
func (e *Engine) work(ctx context.Context) {
	var r Reader
	defer func() {
		if r != nil {
			_ = r.Close(context.WithoutCancel(ctx)) // nothing hangs on it
		}
	}()
	for {
		do := e.await(ctx)
		if do == nil {
			return
		}
		if r == nil {
			var err error
			if r, err = e.db.Connect(ctx); err != nil {
				e.undo(ctx, do, err)
				return
			}
			e.mu.Lock()
			e.connected++
			e.mu.Unlock()
			defer func() {
				e.mu.Lock()
				e.connected--
				e.mu.Unlock()
			}()
		}
		if err := do(ctx, r); err != nil {
			e.mu.Lock()
			if ctx.Err() == nil {
				e.fail(err)
			}
			e.mu.Unlock()
			return
		}
	}
}

// undo gives a job back that has no session. While another worker has one, the
// snapshot goes on with fewer.
func (e *Engine) undo(ctx context.Context, do job, err error) {
	_ = do(ctx, unconnected{err})
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case e.connected > 0:
		e.cfg.Log.Warn("the snapshot goes on with fewer workers", "error", err)
	default:
		e.fail(err)
	}
}

// unconnected answers all with ErrAgain.
type unconnected struct{ err error }

func (u unconnected) Split(context.Context, string, int) (Layout, error)         { return Layout{}, u.again() }
func (u unconnected) Read(context.Context, Request) (*Chunk, error)              { return nil, u.again() }
func (u unconnected) ReadAll(context.Context, Request, func(*Chunk) error) error { return u.again() }
func (u unconnected) Suspects(context.Context) ([]Suspect, error)                { return nil, u.again() }
func (u unconnected) Settle(context.Context, View) error                         { return u.again() }
func (u unconnected) Close(context.Context) error                                { return nil }
func (u unconnected) again() error                                               { return errors.Join(ErrAgain, u.err) }

// await waits for a job; nil: there will be none.
func (e *Engine) await(ctx context.Context) job {
	var timer *time.Timer
	for {
		e.mu.Lock()
		do, wait := e.choose()
		over := do == nil && len(e.Runs) == 0 || e.err != nil
		changed := e.changed
		e.mu.Unlock()
		switch {
		case ctx.Err() != nil || over:
			return nil
		case do != nil:
			return do
		}
		if timer == nil {
			timer = time.NewTimer(wait)
			defer timer.Stop()
		} else {
			timer.Reset(wait)
		}
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// perWorker is how many ranges are open for each worker: one that is read and
// one whose chunk waits for its mark.
const perWorker = 2

// parts is into how many ranges a large table is cut for each worker.
const parts = 4

// choose picks a job, or says how long to wait if nothing changes.
func (e *Engine) choose() (job, time.Duration) {
	wait := maxBackoff
	if len(e.Runs) == 0 || e.err != nil {
		return nil, wait
	}
	now := time.Now()
	if v := e.unsettled(now); v != nil {
		return func(ctx context.Context, r Reader) error { return r.Settle(ctx, v) }, 0
	}
	if e.Paused || e.cfg.Paused != nil && e.cfg.Paused() {
		return nil, wait
	}
	if e.known < e.epoch {
		if e.asking == e.epoch {
			return nil, wait
		}
		e.asking = e.epoch
		return e.askSuspects(e.epoch), 0
	}
	open := 0
	for _, r := range e.Runs {
		for _, s := range r.Spans {
			if s.reading || s.chunk != nil {
				open++
			}
		}
	}
	var tables []string
	ready := func(t retry) bool {
		if left := t.at.Sub(now); left > 0 {
			wait = min(wait, left)
			return false
		}
		return true
	}
	for _, r := range e.Runs {
		if open >= perWorker*e.cfg.Workers {
			break
		}
		if slices.Contains(tables, r.Table) {
			continue // after the run before
		}
		tables = append(tables, r.Table)
		switch {
		case r.taken || !ready(r.retry):
		case r.Keyless:
			r.taken = true
			return e.readAll(r), 0
		case len(r.Spans) == 0:
			r.taken = true
			return e.split(r), 0
		default:
			for i, s := range r.Spans {
				if !s.Done && !s.reading && s.chunk == nil && ready(s.retry) {
					return e.read(r, i), 0
				}
			}
		}
	}
	return nil, wait
}

// unsettled is the view of a chunk that has waited long for its mark.
func (e *Engine) unsettled(now time.Time) View {
	for _, r := range e.Runs {
		for _, s := range r.Spans {
			if s.chunk != nil && now.Sub(s.since) >= e.cfg.Settle {
				s.since = now
				return s.chunk.View
			}
		}
	}
	return nil
}

func (e *Engine) askSuspects(epoch int) job {
	return func(ctx context.Context, r Reader) error {
		list, err := r.Suspects(ctx)
		e.mu.Lock()
		defer e.mu.Unlock()
		if err != nil {
			e.asking = 0
			e.change()
			return ignore(err)
		}
		if epoch != e.epoch {
			return nil
		}
		for _, s := range list {
			if _, begun := e.begun[s.Tx]; !begun && !s.Running {
				e.suspects[s.Tx] = s
			}
		}
		for _, r := range e.Runs {
			if r.Fresh && r.older == nil {
				r.older = append(make([]Suspect, 0, len(list)), list...)
			}
		}
		e.known = epoch
		clear(e.begun)
		e.change()
		return nil
	}
}

// ignore leaves out what is no failure.
func ignore(err error) error {
	if errors.Is(err, ErrAgain) {
		return nil
	}
	return err
}

func (e *Engine) split(r *run) job {
	return func(ctx context.Context, reader Reader) error {
		n := parts * e.cfg.Workers
		layout, err := reader.Split(ctx, r.Table, n)
		e.mu.Lock()
		defer e.mu.Unlock()
		r.taken = false
		defer e.change()
		if err != nil {
			return e.failed(r, &r.retry, err)
		}
		e.cfg.Log.Info("reading table", "table", r.Table, "rows", layout.Rows, "ranges", len(layout.Bounds)+1)
		r.Estimate, r.Keyless = layout.Rows, layout.Keyless
		if r.Keyless {
			if r.gate.state == gateOpen {
				r.shut()
			}
		} else {
			for _, tx := range r.gate.dropped { // the table got its key since
				e.memory.unknown[tx] = struct{}{}
			}
			r.gate = gate{}
			for _, b := range append(slices.Clone(layout.Bounds), nil) {
				r.Spans = append(r.Spans, &span{UpTo: b})
			}
			r.link()
		}
		e.encoded = nil
		return nil
	}
}

// failed sorts the error of a read; called with the lock.
func (e *Engine) failed(r *run, t *retry, err error) error {
	switch {
	case r.ended:
		return nil
	case errors.Is(err, ErrGone):
		e.cfg.Log.Warn("the table is gone; its snapshot ends", "table", r.Table)
		e.ended(r)
		e.rest()
		return nil
	case errors.Is(err, ErrLayout):
		e.cfg.Log.Warn("the table's key changed while it was copied; it is copied again", "table", r.Table)
		e.restart(r)
		return nil
	case errors.Is(err, ErrAgain):
		e.again(t, err.Error(), r)
		return nil
	}
	return err
}

// restart copies a table from its beginning.
func (e *Engine) restart(r *run) {
	for _, s := range r.Spans {
		s.dead = true
		if s.chunk != nil {
			e.db.Free(s.chunk)
			s.chunk = nil
		}
	}
	r.Try += len(r.Spans) + 1
	r.Spans, r.Keyless, r.Rows, r.taken = nil, false, 0, false
	e.tables = map[*schemas.Table]*seen{}
	e.encoded = nil
	e.change()
}
