package snapshot

import (
	"context"
	"slices"

	"sluice/schemas"
)

// gate holds back the changes of a keyless table.
type gate struct {
	state gateState
	view  View
	// dropped are transactions whose changes were left out, for a view to come.
	dropped []Tx
}

type gateState uint8

const (
	// gateOpen: changes pass. The table has a copy, and waits for another.
	gateOpen gateState = iota
	// gateShut: changes are left out; the view to come must see them.
	gateShut
	// gateHeld: changes that the view sees are left out, others wait until the
	// table is read.
	gateHeld
)

// Begin says that a transaction begins in the stream, all of whose changes to
// come will be shown to Observe. It must be called before the first of them.
func (e *Engine) Begin(tx Tx) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.suspects, tx)
	if e.known < e.epoch {
		e.begun[tx] = struct{}{}
	}
}

// Observe is shown a change of the stream, in order, before it is handed out,
// and reports whether to hand it out. For a table without a key it may wait.
// whole says that Begin was called for the transaction; a change of one that
// had begun before is shown for the tables without a key alone.
func (e *Engine) Observe(ctx context.Context, tx Tx, whole bool, c *schemas.Change) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for {
		s := e.seen(c.Table)
		switch {
		case s.filter != nil && s.filter.view.Sees(tx):
			return false, nil
		case s.run == nil:
			return true, nil
		case !s.run.keyless(c.Table):
			if whole {
				e.note(s, tx, c)
			}
			return true, nil
		case s.run.gate.state == gateOpen:
			return true, nil
		case s.run.gate.state == gateShut:
			if n := len(s.run.gate.dropped); n == 0 || s.run.gate.dropped[n-1] != tx {
				s.run.gate.dropped = append(s.run.gate.dropped, tx)
			}
			return false, nil
		case s.run.gate.view.Sees(tx):
			return false, nil
		}
		wait := e.changed
		e.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
		}
		e.mu.Lock()
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
}

// Watches reports whether rows of the table are being copied, so that its events
// stand in for them and must be complete.
func (e *Engine) Watches(t *schemas.Table) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seen(t).run != nil
}

// keyless reports how the run treats the table: as it found it, or, before it
// looked, as the stream shows it.
func (r *run) keyless(t *schemas.Table) bool {
	if r.Keyless || len(r.Spans) > 0 {
		return r.Keyless
	}
	return len(t.Key) == 0
}

// seen finds what a table's version has to do with the snapshot.
func (e *Engine) seen(t *schemas.Table) *seen {
	if s := e.tables[t]; s != nil {
		return s
	}
	s := &seen{layout: layoutOf(t)}
	name := t.FullName()
	for _, r := range e.Runs {
		if r.Table != name {
			continue
		}
		if s.run == nil { // the others wait for it
			s.run = r
		}
		s.runs = append(s.runs, r)
	}
	for _, f := range e.Filters {
		if f.Table == name {
			s.filter = f
		}
	}
	e.tables[t] = s
	return s
}

// note remembers what a change touched.
func (e *Engine) note(s *seen, tx Tx, c *schemas.Change) {
	for _, r := range s.runs {
		if r.altered == nil || r.layout != s.layout {
			at := tx
			r.altered, r.layout = &at, s.layout
		}
		if c.Op == schemas.Truncate {
			at := tx
			r.truncated = &at
		}
	}
	switch {
	case c.Op == schemas.Truncate:
	case len(c.Table.Key) == 0: // it lost its key
		e.memory.unknown[tx] = struct{}{}
	default:
		e.memory.touch(tx, s.run.Table, c.Table, c.KeyRow())
		if e.memory.full() {
			e.memory.sweep(e.views())
		}
	}
}

// views are those that the memory must serve: of the chunks that wait, and of
// those being read at least what was known when they began. Nil: none is known.
func (e *Engine) views() []View {
	var out []View
	for _, v := range e.reading {
		if *v == nil {
			return nil
		}
		out = append(out, *v)
	}
	for _, r := range e.Runs {
		for _, s := range r.Spans {
			if s.chunk != nil {
				out = append(out, s.chunk.View)
			}
		}
	}
	if e.latest != nil {
		out = append(out, e.latest)
	}
	return out
}

// shut lets the gate of a keyless table hold its changes back from now on.
func (r *run) shut() { r.gate = gate{state: gateShut} }

// hold installs the view as the gate's, if it sees all that was dropped.
func (r *run) hold(v View) bool {
	if slices.ContainsFunc(r.gate.dropped, func(tx Tx) bool { return !v.Sees(tx) }) {
		return false
	}
	r.gate = gate{state: gateHeld, view: v}
	return true
}
