package snapshot

import (
	"encoding/json"
	"time"

	"sluice/schemas"
)

// progress is what is saved in the source's position.
type progress struct {
	// Tables have a first copy.
	Tables []string `json:"tables,omitempty"`
	// Count numbers the runs.
	Count int64 `json:"count,omitempty"`
	// Runs are under way or wait, in order.
	Runs []*run `json:"runs,omitempty"`
	// Filters are of keyless tables that were copied and whose view's mark the
	// stream has not passed.
	Filters []*filter `json:"filters,omitempty"`
	// Begun: a first row of the first copies was handed out.
	Begun  bool `json:"begun,omitempty"`
	Paused bool `json:"paused,omitempty"`
	// Signals is the number of the next signal to obey.
	Signals int64 `json:"signals,omitempty"`

	encoded json.RawMessage // nil: changed since
}

// run is one snapshot of one table.
type run struct {
	ID          string `json:"id"`
	Table       string `json:"table"`
	Where       string `json:"where,omitempty"`
	Incremental bool   `json:"incremental,omitempty"`
	Keyless     bool   `json:"keyless,omitempty"`
	Fresh       bool   `json:"fresh,omitempty"`
	Estimate    int64  `json:"estimate,omitempty"`
	// Rows were read, and handed out or left out.
	Rows int64 `json:"rows,omitempty"`
	// Try tells the ids of rows read again from the beginning from those before.
	Try int `json:"try,omitempty"`
	// Spans are the ranges, in key order; empty: not split yet.
	Spans []*span `json:"ranges,omitempty"`

	begun bool // a row was handed out
	// older ran when a Fresh run began; nil: not known yet.
	older []Suspect
	taken bool // a worker has it
	ended bool
	// truncated is the last transaction that emptied the table, and altered the
	// first one that wrote its rows with the key layout.
	truncated, altered *Tx
	layout             string
	gate               gate
	whole              []*Chunk // of a keyless table, waiting
	retry              retry
}

// span is a range of keys of one table.
type span struct {
	UpTo Key   `json:"to,omitempty"`   // nil: to the end
	Last Key   `json:"last,omitempty"` // of the rows handed out; nil: none
	Rows int64 `json:"rows,omitempty"`
	Done bool  `json:"done,omitempty"`

	from    Key // the bound of the span before
	reading bool
	chunk   *Chunk    // waits for its mark
	since   time.Time // when it came, or was last settled
	dead    bool      // its run began anew
	retry   retry
}

// filter lets pass only what a view did not see.
type filter struct {
	Table string `json:"table"`
	View  string `json:"view"`
	view  View
}

// restore takes up what Progress said.
func (e *Engine) restore(saved json.RawMessage) error {
	if err := json.Unmarshal(saved, &e.progress); err != nil {
		return err
	}
	for _, r := range e.Runs {
		r.begun = r.Rows > 0
		if r.Keyless { // begins anew
			if r.begun {
				r.Try++
			}
			r.Rows, r.Keyless = 0, false
		}
		if !r.Incremental {
			r.shut()
		}
		r.link()
	}
	for _, f := range e.Filters {
		var err error
		if f.view, err = e.db.ParseView(f.View); err != nil {
			return err
		}
	}
	return nil
}

// link tells each range where it begins.
func (r *run) link() {
	for i := range r.Spans {
		if i > 0 {
			r.Spans[i].from = r.Spans[i-1].UpTo
		}
	}
}

// after is the key behind which the range goes on.
func (s *span) after() Key {
	if s.Last != nil {
		return s.Last
	}
	return s.from
}

// Progress is what to save with the stream's position and to give to New. It
// covers exactly what Ready has returned. It must not be changed.
func (e *Engine) Progress() json.RawMessage {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.encoded == nil {
		b, err := json.Marshal(&e.progress)
		if err != nil { // no value of these types is refused
			panic(err)
		}
		e.encoded = b
	}
	return e.encoded
}

// seen is what is known of one version of a table.
type seen struct {
	run    *run // the first of runs
	runs   []*run
	filter *filter
	layout string // of the key
}

// layoutOf names the key's columns and types: values of two layouts cannot be
// compared.
func layoutOf(t *schemas.Table) string {
	var b []byte
	for _, k := range t.Key {
		c := &t.Columns[k]
		b = append(append(b, c.Name...), 0, byte(c.Type.Name), byte(c.Type.Scale))
	}
	return string(b)
}
