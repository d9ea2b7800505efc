package snapshot

import (
	"slices"
)

// Ready returns a chunk to hand out now, behind all that was handed out before:
// one whose mark the stream has passed, according to passed. Nil: none yet. Its
// memory is the caller's until given to Database.Free. An error ends the
// snapshot.
func (e *Engine) Ready(passed func(View) bool) (*Chunk, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return nil, e.err
	}
	e.expire(passed)
	for _, r := range e.Runs {
		if len(r.whole) > 0 {
			return e.takeWhole(r), nil
		}
		for _, s := range r.Spans {
			c := s.chunk
			if c == nil || len(c.Changes) > 0 && !passed(c.View) {
				continue
			}
			s.chunk = nil
			if e.stale(r, c) {
				e.db.Free(c)
				e.again(&s.retry, "more changed than is remembered", r)
				continue
			}
			return e.takeChunk(r, s, c), nil
		}
	}
	return nil, nil
}

// Waiting calls f with the view of each chunk that waits for its mark.
func (e *Engine) Waiting(f func(View)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.Runs {
		for _, s := range r.Spans {
			if s.chunk != nil {
				f(s.chunk.View)
			}
		}
	}
	for _, f2 := range e.Filters {
		f(f2.view)
	}
}

// stale reports whether the chunk cannot be judged by what is remembered.
func (e *Engine) stale(r *run, c *Chunk) bool {
	if len(c.Changes) == 0 {
		return false
	}
	// The stream has keys of another layout, written behind this view.
	if r.altered != nil && r.layout != layoutOf(c.Changes[0].Table) && !c.View.Sees(*r.altered) {
		return true
	}
	return e.memory.forgot(c.View)
}

// takeChunk leaves out the rows that events have brought.
func (e *Engine) takeChunk(r *run, s *span, c *Chunk) *Chunk {
	rows := len(c.Changes)
	if r.truncated != nil && !c.View.Sees(*r.truncated) {
		c.Changes = c.Changes[:0]
	} else {
		kept := c.Changes[:0]
		for i := range c.Changes {
			change := &c.Changes[i]
			if !e.memory.touched(r.Table, change.Table, change.After) {
				kept = append(kept, *change)
			}
		}
		c.Changes = kept
	}
	e.stats.Dropped += int64(rows - len(c.Changes))
	s.Rows += int64(c.Rows)
	if c.Last != nil {
		s.Last = c.Last
	}
	s.Done = !c.More
	s.retry = retry{}
	e.count(r, c)
	if !slices.ContainsFunc(r.Spans, func(s *span) bool { return !s.Done }) {
		e.finish(r, c)
	}
	e.change()
	return c
}

// takeWhole takes a chunk of a table without a key. All its rows count: the
// stream leaves out what they hold.
func (e *Engine) takeWhole(r *run) *Chunk {
	c := r.whole[0]
	r.whole = slices.Delete(r.whole, 0, 1)
	e.count(r, c)
	if !c.More {
		e.Filters = append(e.Filters, &filter{Table: r.Table, View: c.View.String(), view: c.View})
		e.finish(r, c)
	}
	e.change()
	return c
}

// count marks the chunk's edges.
func (e *Engine) count(r *run, c *Chunk) {
	r.Rows += int64(c.Rows)
	e.stats.Rows += int64(len(c.Changes))
	c.Incremental = r.Incremental
	if len(c.Changes) > 0 {
		c.FirstOfTable = !r.begun
		r.begun = true
		if !r.Incremental {
			c.FirstOfAll = !e.Begun
			e.Begun = true
		}
	}
	e.encoded = nil
}

// finish ends a run behind its last chunk.
func (e *Engine) finish(r *run, c *Chunk) {
	c.LastOfTable = true
	e.ended(r)
	c.LastOfAll = !r.Incremental && !slices.ContainsFunc(e.Runs, func(o *run) bool { return !o.Incremental })
	if c.LastOfAll {
		e.Begun = false
	}
	e.rest()
}

func (e *Engine) ended(r *run) {
	e.remove(r)
	if !r.Incremental && !slices.Contains(e.Tables, r.Table) {
		e.Tables = append(e.Tables, r.Table)
	}
	e.cfg.Log.Info("table read", "table", r.Table, "rows", r.Rows)
	if len(e.Runs) == 0 {
		e.cfg.Log.Info("the snapshot is complete")
	}
}

// expire ends the filters whose mark the stream has passed: all that follows is
// news to their views.
func (e *Engine) expire(passed func(View) bool) {
	if len(e.Filters) == 0 {
		return
	}
	n := len(e.Filters)
	e.Filters = slices.DeleteFunc(e.Filters, func(f *filter) bool { return passed(f.view) })
	if len(e.Filters) < n {
		clear(e.tables)
		e.encoded = nil
		e.rest()
	}
}
