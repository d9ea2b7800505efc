package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/capture"
	"sluice/capture/capturetest"
	"sluice/schemas"
	"sluice/schemas/avro"
)

// trace is what a source says, without what differs from run to run.
type trace struct {
	events []string
	// at holds, for each position, how many events came before it.
	at []capturetest.Place
	// shared says that two rows that follow one another are at one place in the
	// log.
	shared bool
}

// line writes a change with its place in its transaction.
func line(c *schemas.Change) string {
	text := capturetest.Render(c)
	switch c.Table {
	case messageTable:
		src := c.After[3].Elems()
		text = fmt.Sprintf("m %s tx %s of %s", capturetest.RenderValue(c.After[5]), src[colTx].Kind, capturetest.RenderValue(c.After[4]))
		if src[colTx].Kind == schemas.Int {
			text = fmt.Sprintf("m %s tx %d of %s", capturetest.RenderValue(c.After[5]), src[colTx].Int(), capturetest.RenderValue(c.After[4]))
		}
	case heartbeatTable:
		return "heartbeat"
	}
	if p := c.Transaction; len(p.ID) > 0 {
		text += fmt.Sprintf(" [%s %d %d]", p.ID, p.Total, p.Collection)
	}
	return string(c.ID) + " " + text
}

// encodable writes a change as Avro, as the way to Kafka does.
func encodable(t *testing.T, known map[*schemas.Table]*avro.Envelope, c *schemas.Change) {
	t.Helper()
	e := known[c.Table]
	if e == nil {
		var err error
		if e, err = avro.CompileEnvelope("erp", c.Table, avro.Options{}); err != nil {
			t.Fatal(err)
		}
		known[c.Table] = e
	}
	if _, err := e.AppendValue(nil, c, time.Now()); err != nil {
		t.Fatalf("%s: %v", line(c), err)
	}
	if c.Op == schemas.Truncate {
		return
	}
	if _, err := e.AppendKey(nil, c.KeyRow()); err != nil {
		t.Fatalf("%s: %v", line(c), err)
	}
}

// follow reads from a position up to an event that contains last. With single,
// each event has a position behind it.
func (b *bed) follow(t *testing.T, s *Source, from schemas.Position, last string, single bool) trace {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Open(ctx, from); err != nil {
		t.Fatalf("opening from %s: %v", from, err)
	}
	defer func() {
		if err := s.Close(context.WithoutCancel(ctx)); err != nil {
			t.Errorf("closing: %v", err)
		}
		b.idle(t)
	}()
	if single {
		s.stream.target = 1
	}
	var out trace
	place := schemas.Value{}
	known := map[*schemas.Table]*avro.Envelope{}
	for {
		var batch capture.Batch
		batch, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("after %d events: %v", len(out.events), err)
		}
		done := false
		for i := range batch.Changes {
			if done { // the end of a transaction may or may not come along
				break
			}
			if src := batch.Changes[i].Source; src != nil {
				out.shared = out.shared || src[colLSN].Equal(place)
				place = src[colLSN]
			}
			encodable(t, known, &batch.Changes[i])
			out.events = append(out.events, line(&batch.Changes[i]))
			done = strings.Contains(out.events[len(out.events)-1], last)
		}
		if done {
			return out
		}
		out.at = append(out.at, capturetest.Place{Position: batch.Position, Count: len(out.events)})
	}
}

// resume opens a source from every position of the trace, and expects exactly
// what came behind it.
func (b *bed) resume(t *testing.T, open func() *Source, tr trace, last string) {
	t.Helper()
	seen := map[string]bool{}
	for _, e := range tr.events {
		id, _, _ := strings.Cut(e, " ")
		if seen[id] {
			t.Errorf("two events are named %s", id)
		}
		seen[id] = true
	}
	for _, p := range tr.at {
		got := b.follow(t, open(), p.Position, last, len(tr.events) < 100)
		sameLines(t, "from "+string(p.Position), got.events, tr.events[p.Count:])
	}
}

func sameLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("%s: event %d is\n got %.300s\nwant %.300s", what, i+1, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d events came, want %d", what, len(got), len(want))
	}
}
