package pump_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"sluice/capture"
	"sluice/schemas"
)

// tape is a source of made-up events that follow from their number alone, and
// that watches how it is used: the order of the calls, what is acknowledged, and
// that nobody reads a batch after the following Next.
type tape struct {
	t     testing.TB
	table *schemas.Table
	keys  int

	// size is how many events the next batch has; nil: up to 10.
	size func() int
	// lose says whether the connection is lost now; nil: never.
	lose func() bool
	// spoil changes an event before it is handed out; nil: nothing.
	spoil func(i int, c *schemas.Change)
	// onAck sees each position that is acknowledged.
	onAck func(next int)
	// onOpen sees where the source is opened; an error is returned by Open.
	onOpen func(from schemas.Position) error
	// ends says that the source ends behind the last event.
	ends bool

	mu     sync.Mutex
	have   int           // events there are
	more   chan struct{} // closed when have grows
	cursor int
	beat   int // heartbeats to send
	open   bool
	inNext bool
	seen   int // highest position handed out by this Open
	acked  int // highest position acknowledged ever
	given  []schemas.Change
	dirty  [][]byte
	arena  schemas.Arena
	opens  []schemas.Position
	closes int
}

type tapePosition struct {
	Next int `json:"next"`
	Beat int `json:"beat,omitempty"`
}

func position(next int) schemas.Position {
	return schemas.Position(fmt.Sprintf(`{ "next": %d }`, next)) // spaces must survive
}

func newTape(t testing.TB, have int) *tape {
	return &tape{t: t, table: itemTable(), keys: 17, have: have, more: make(chan struct{})}
}

// itemTable is the table of the tape's events.
func itemTable() *schemas.Table {
	source := &schemas.Table{Name: "Source", Columns: []schemas.Column{
		{Name: "version", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "connector", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "name", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "ts_ms", Type: schemas.Type{Name: schemas.Int64Type}},
	}}
	return &schemas.Table{
		Schema: "public", Name: "items", Key: []int{0}, Source: source,
		Columns: []schemas.Column{
			{Name: "id", Type: schemas.Type{Name: schemas.Int64Type}},
			{Name: "n", Type: schemas.Type{Name: schemas.Int64Type}, Optional: true},
			{Name: "note", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
		},
	}
}

// grow adds events.
func (s *tape) grow(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.have += n
	close(s.more)
	s.more = make(chan struct{})
}

// heartbeat makes the source give a position without events.
func (s *tape) heartbeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beat++
	close(s.more)
	s.more = make(chan struct{})
}

func (s *tape) Open(_ context.Context, from schemas.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open {
		s.t.Error("Open of a source that is open")
	}
	s.opens = append(s.opens, from)
	if s.onOpen != nil {
		if err := s.onOpen(from); err != nil {
			return err
		}
	}
	var at tapePosition
	if !from.IsZero() {
		if err := json.Unmarshal([]byte(from), &at); err != nil {
			s.t.Errorf("opened at %q: %v", from, err)
		}
	}
	if at.Next < s.acked {
		s.t.Errorf("opened at event %d after %d were acknowledged and forgotten", at.Next, s.acked)
	}
	s.cursor, s.seen, s.open = at.Next, at.Next, true
	s.acked = at.Next // it was saved, so it is durable
	return nil
}

func (s *tape) Next(ctx context.Context) (capture.Batch, error) {
	s.mu.Lock()
	if !s.open || s.inNext {
		s.t.Errorf("Next while open=%v and another Next=%v", s.open, s.inNext)
	}
	s.inNext = true
	defer func() { s.inNext = false; s.mu.Unlock() }()
	s.scribble()
	for s.cursor == s.have {
		if s.beat > 0 {
			s.beat--
			return capture.Batch{Position: schemas.Position(fmt.Sprintf(`{"next":%d,"beat":%d}`, s.cursor, s.beat+1))}, nil
		}
		if s.ends {
			return capture.Batch{}, io.EOF
		}
		more := s.more
		s.mu.Unlock()
		select {
		case <-more:
			s.mu.Lock()
		case <-ctx.Done():
			s.mu.Lock()
			return capture.Batch{}, ctx.Err()
		}
	}
	if s.lose != nil && s.lose() {
		return capture.Batch{}, fmt.Errorf("reading the tape: %w", capture.ErrLost)
	}
	n := 10
	if s.size != nil {
		n = s.size()
	}
	n = min(max(n, 1), s.have-s.cursor)
	for range n {
		s.given = append(s.given, s.event(s.cursor))
		s.cursor++
	}
	s.seen = s.cursor
	return capture.Batch{Changes: s.given, Position: position(s.cursor), Time: time.Now()}, nil
}

// event makes event i: of a key's events every fourth is a delete.
func (s *tape) event(i int) schemas.Change {
	bytes := func(format string, args ...any) []byte {
		b := s.arena.Copy(fmt.Appendf(nil, format, args...))
		s.dirty = append(s.dirty, b)
		return b
	}
	row := s.arena.Row(3)
	row[0] = schemas.IntOf(int64(i % s.keys))
	row[1] = schemas.IntOf(int64(i))
	row[2] = schemas.TextOf(bytes("note %d", i))
	source := s.arena.Row(4)
	source[0], source[1], source[2] = schemas.TextOf(bytes("1")), schemas.TextOf(bytes("tape")), schemas.TextOf(bytes("t"))
	source[3] = schemas.IntOf(int64(i))
	c := schemas.Change{Op: schemas.Update, Table: s.table, After: row, Source: source, ID: bytes("%s", eventID(i))}
	switch i / s.keys % 4 {
	case 0:
		c.Op = schemas.Create
	case 3:
		c.Op, c.Before, c.After = schemas.Delete, row, nil
	}
	if s.spoil != nil {
		s.spoil(i, &c)
	}
	return c
}

func eventID(i int) string { return fmt.Sprintf("e/%07d", i) }

// scribble destroys the memory of the last batch.
func (s *tape) scribble() {
	for _, b := range s.dirty {
		for i := range b {
			b[i] = 0xAA
		}
	}
	for i := range s.given {
		clear(s.given[i].After)
		clear(s.given[i].Before)
		s.given[i] = schemas.Change{}
	}
	s.given, s.dirty = s.given[:0], s.dirty[:0]
	s.arena.Reset()
}

func (s *tape) Ack(_ context.Context, upTo schemas.Position) error {
	var at tapePosition
	if err := json.Unmarshal([]byte(upTo), &at); err != nil {
		s.t.Errorf("acknowledged %q: %v", upTo, err)
	}
	s.mu.Lock()
	if !s.open {
		s.t.Errorf("Ack of %s on a source that is not open", upTo)
	}
	if at.Next < s.acked || at.Next > s.seen {
		s.t.Errorf("Ack of event %d; %d were acknowledged before, %d handed out", at.Next, s.acked, s.seen)
	}
	s.acked = at.Next
	s.mu.Unlock()
	if s.onAck != nil {
		s.onAck(at.Next)
	}
	return nil
}

func (s *tape) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = false
	s.closes++
	return nil
}

// ackedUpTo returns how many events were acknowledged.
func (s *tape) ackedUpTo() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked
}

func (s *tape) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// length is how many events there are.
func (s *tape) length() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.have
}
