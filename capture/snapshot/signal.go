package snapshot

import (
	"slices"

	"sluice/capture"
)

// Signal obeys a signal. captured are the tables that may be copied, origin
// begins the names of new runs.
func (e *Engine) Signal(s capture.Signal, captured []string, origin string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.Number < e.Signals {
		return
	}
	e.Signals = s.Number + 1
	e.encoded = nil
	switch s.Action {
	case capture.CopyTables:
		added := false
		for _, t := range s.Tables {
			if !slices.Contains(captured, t) {
				e.cfg.Log.Error("a snapshot was asked for of a table that is not captured", "table", t)
				continue
			}
			e.add(&run{Table: t, Where: s.Where, Incremental: true}, origin)
			e.cfg.Log.Info("a snapshot was asked for", "table", t, "where", s.Where)
			added = true
		}
		if added {
			e.activate()
		}
	case capture.PauseCopies, capture.ResumeCopies:
		e.Paused = s.Action == capture.PauseCopies
		e.cfg.Log.Info("the snapshots were told to "+s.Action, "tables", len(e.Runs))
	case capture.CancelCopies:
		for _, r := range slices.Clone(e.Runs) {
			if r.Incremental && (len(s.Tables) == 0 || slices.Contains(s.Tables, r.Table)) {
				e.cfg.Log.Info("a snapshot was cancelled", "table", r.Table, "rows", r.Rows)
				e.remove(r)
			}
		}
		e.rest()
	default:
		e.cfg.Log.Error("a signal is unknown", "action", s.Action)
	}
	e.change()
}

// Signalled is the number of the last signal obeyed; -1: none.
func (e *Engine) Signalled() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.Signals - 1
}
