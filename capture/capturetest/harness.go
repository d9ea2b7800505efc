package capturetest

import (
	"context"
	"testing"
	"time"

	"sluice/capture"
	"sluice/schemas"
)

// Harness is one new, empty database and the sources that read it.
type Harness struct {
	// Schema is what qualifies a table's name ("public").
	Schema string
	// Exec runs statements, which ";" separates, as one transaction.
	Exec func(t testing.TB, sql string)
	// Copying reports whether a position lies inside a snapshot.
	Copying func(t testing.TB, p schemas.Position) bool
	// Source makes a source of the named tables, not yet open. Sources of one
	// harness share the replication slot, so one is open at a time.
	Source func(t testing.TB, o Options) capture.Source
}

// Options of a source under test.
type Options struct {
	// Tables are names without the schema.
	Tables []string
	// Buffer bounds the memory of what waits for Next; zero: the default.
	Buffer schemas.Size
	// Decimals is as in the source's configuration; empty: the default.
	Decimals string
	// ChunkRows is how many rows a snapshot reads at once; zero: the default.
	ChunkRows int
}

// patience is how long a change may take before the test fails. It is no
// promise, only longer than any machine needs.
const patience = 60 * time.Second

// Seen is a change in a form that outlives its batch.
type Seen struct {
	// ID is Change.ID; Text is what Render gives.
	ID, Text string
	Op       schemas.Op
	Table    *schemas.Table
	Before   schemas.Row
	After    schemas.Row
	Source   schemas.Row
}

// Reader drives an open source and keeps what it said.
type Reader struct {
	t      testing.TB
	source capture.Source
	// Seen are all changes, in order.
	Seen []Seen
	// Positions holds, for each batch, its position and how many changes came
	// up to its end.
	Positions []Place
}

// Place is a position and the number of changes before it.
type Place struct {
	Position schemas.Position
	Count    int
}

// Open opens a source and closes it when the test ends.
func Open(t testing.TB, s capture.Source, from schemas.Position) *Reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Open(ctx, from); err != nil {
		t.Fatalf("opening from %q: %v", from, err)
	}
	r := &Reader{t: t, source: s}
	t.Cleanup(r.Close)
	return r
}

// Close closes the source; it may be called again.
func (r *Reader) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.source.Close(ctx); err != nil {
		r.t.Errorf("closing: %v", err)
	}
}

// Next reads one batch and returns its changes.
func (r *Reader) Next() []Seen {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	b, err := r.source.Next(ctx)
	if err != nil {
		r.t.Fatalf("reading after %d changes: %v", len(r.Seen), err)
	}
	if b.Position.IsZero() {
		r.t.Fatalf("a batch of %d changes has no position", len(b.Changes))
	}
	from := len(r.Seen)
	for i := range b.Changes {
		c := &b.Changes[i]
		r.Seen = append(r.Seen, Seen{
			ID: string(c.ID), Text: Render(c), Op: c.Op, Table: c.Table, Before: c.Before.Clone(), After: c.After.Clone(), Source: c.Source.Clone(),
		})
	}
	r.Positions = append(r.Positions, Place{b.Position, len(r.Seen)})
	return r.Seen[from:]
}

// Read reads until n changes have come since the call, and returns them. More
// fail the test.
func (r *Reader) Read(n int) []Seen {
	r.t.Helper()
	from := len(r.Seen)
	for len(r.Seen)-from < n {
		r.Next()
	}
	if got := len(r.Seen) - from; got > n {
		r.t.Fatalf("%d changes came, want %d; the first too many: %s", got, n, r.Seen[from+n].Text)
	}
	return r.Seen[from:]
}

// Until reads until a change has that text, and returns what came before it
// since the call.
func (r *Reader) Until(text string) []Seen {
	r.t.Helper()
	from := len(r.Seen)
	for {
		at := len(r.Seen)
		for i, s := range r.Next() {
			if s.Text == text {
				if at+i+1 != len(r.Seen) {
					r.t.Fatalf("after %q came %s", text, r.Seen[at+i+1].Text)
				}
				return r.Seen[from : at+i]
			}
		}
	}
}

// Settle reads until no snapshot is under way, and returns what came since the
// call.
func (r *Reader) Settle(h Harness) []Seen {
	r.t.Helper()
	from := len(r.Seen)
	for r.Last().IsZero() || h.Copying(r.t, r.Last()) {
		r.Next()
	}
	return r.Seen[from:]
}

// Last is the newest position.
func (r *Reader) Last() schemas.Position {
	if len(r.Positions) == 0 {
		return ""
	}
	return r.Positions[len(r.Positions)-1].Position
}

// Ack acknowledges a position.
func (r *Reader) Ack(p schemas.Position) {
	r.t.Helper()
	if err := r.source.Ack(r.t.Context(), p); err != nil {
		r.t.Fatalf("acknowledging %q: %v", p, err)
	}
}
