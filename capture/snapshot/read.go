package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// read reads the next chunk of a range.
func (e *Engine) read(r *run, i int) job {
	s := r.Spans[i]
	s.reading = true
	base := e.latest
	e.reading = append(e.reading, &base)
	request := Request{
		Table: r.Table, Where: r.Where, After: s.after(), UpTo: s.UpTo, Incremental: r.Incremental,
		ID: fmt.Sprintf("s%s.%s.%d.", r.ID, printable(r.Table), i+r.Try), First: s.Rows,
		Usable: func(v View) error { return e.usable(r, v) },
	}
	return func(ctx context.Context, reader Reader) error {
		c, err := reader.Read(ctx, request)
		lost := e.pardon(ctx, reader, err)
		e.mu.Lock()
		defer e.mu.Unlock()
		s.reading = false
		e.reading = slices.DeleteFunc(e.reading, func(v *View) bool { return v == &base })
		defer e.change()
		if lost != nil {
			return lost
		}
		if err != nil {
			return e.failed(r, &s.retry, err)
		}
		e.stats.Chunks++
		if r.ended || s.dead {
			e.db.Free(c)
			return nil
		}
		e.latest = c.View
		s.chunk, s.since = c, time.Now()
		return nil
	}
}

// usable refuses a view that does not see a transaction whose events the stream
// may have brought before they were observed.
func (e *Engine) usable(r *run, v View) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range r.older {
		if !v.Sees(s.Tx) {
			return e.awaits(s)
		}
	}
	for tx, s := range e.suspects {
		if v.Sees(tx) {
			continue
		}
		return e.awaits(s)
	}
	return nil
}

func (e *Engine) awaits(s Suspect) error {
	if !e.warned {
		e.warned = true
		e.cfg.Log.Info("the snapshot waits for a transaction, whose changes the stream may lack, to be visible", "transaction", s.Name)
	}
	return fmt.Errorf("%w: transaction %s is not visible yet", errSuspect, s.Name)
}

// errSuspect is an ErrAgain of usable.
var errSuspect = fmt.Errorf("%w", ErrAgain)

// pardon drops the suspects that certainly have not begun to commit: their
// events are still to come. Those that have ended stay; each view says itself
// that it sees them, since one that does not may still be asked.
func (e *Engine) pardon(ctx context.Context, reader Reader, err error) error {
	if !errors.Is(err, errSuspect) {
		return nil
	}
	list, err := reader.Suspects(ctx)
	if err != nil {
		return ignore(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range list {
		if s.Running {
			delete(e.suspects, s.Tx)
		}
	}
	return nil
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

// waitingChunks is how many chunks of a table without a key may wait.
const waitingChunks = 2

// readAll reads a table without a key.
func (e *Engine) readAll(r *run) job {
	request := Request{
		Table: r.Table, Where: r.Where, Incremental: r.Incremental,
		ID: fmt.Sprintf("s%s.%s.%d.", r.ID, printable(r.Table), r.Try), Usable: func(v View) error {
			if err := e.usable(r, v); err != nil {
				return err
			}
			e.mu.Lock()
			defer e.mu.Unlock()
			if !r.hold(v) {
				return fmt.Errorf("%w: a change left out is not visible yet", ErrAgain)
			}
			e.change()
			return nil
		},
	}
	return func(ctx context.Context, reader Reader) error {
		begun := false
		err := reader.ReadAll(ctx, request, func(c *Chunk) error {
			begun = true
			return e.put(ctx, r, c)
		})
		lost := e.pardon(ctx, reader, err)
		e.mu.Lock()
		defer e.mu.Unlock()
		defer e.change()
		if lost != nil {
			return lost
		}
		if err != nil && begun && !r.ended {
			return fmt.Errorf("reading table %s, which has no key and must be read whole: %w", r.Table, err)
		}
		if err != nil {
			if !r.ended && r.gate.state == gateHeld {
				// Nothing of it was handed out: another view will do.
				r.gate = gate{state: gateShut, dropped: r.gate.dropped}
			}
			r.taken = false
			return e.failed(r, &r.retry, err)
		}
		e.stats.Chunks++
		return nil // taken for good: it is read once
	}
}

// put hands a chunk of a whole table to the consumer, for which it may wait.
func (e *Engine) put(ctx context.Context, r *run, c *Chunk) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(r.whole) >= waitingChunks && !r.ended {
		changed := e.changed
		e.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		e.mu.Lock()
		if ctx.Err() != nil {
			e.db.Free(c)
			return ctx.Err()
		}
	}
	if r.ended {
		e.db.Free(c)
		return fmt.Errorf("%w: it was cancelled", ErrGone)
	}
	r.whole = append(r.whole, c)
	e.change()
	return nil
}
