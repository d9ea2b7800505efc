package loop

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"sluice/schemas"
)

// Write is what a sink is about to write, or has written.
type Write struct {
	// Entity and Key name the record.
	Entity, Key string
	// Table and Row are its state; Row nil is a deletion.
	Table *schemas.Table
	Row   schemas.Row
	// ID is the same for every try of the same write and different for every
	// other.
	ID string
	// TargetID is the target's own id of the record, where its answer told one.
	TargetID string
}

// Outcome is what became of a write.
type Outcome uint8

const (
	// Taken: the target has it.
	Taken Outcome = iota
	// Refused: the target certainly does not have it.
	Refused
	// Unclear: it may have it.
	Unclear
)

// Marks is the sinks' side of the guard: it leaves marks of what is about to be
// written, and knows what a target has. It is safe for concurrent use.
type Marks struct {
	sink   string
	echoes map[string]*echo // by entity
	cfg    Config
	store  Store
	now    func() time.Time
}

// NewMarks makes the marks of one sink. Of the echoes those of other sinks are
// left out. The configuration must have its defaults.
func NewMarks(sink string, echoes []Echo, cfg Config, store Store) *Marks {
	m := &Marks{sink: sink, echoes: map[string]*echo{}, cfg: cfg, store: store, now: time.Now}
	for _, e := range echoes {
		if e.Sink == sink {
			m.echoes[e.Entity] = newEcho(e)
		}
	}
	return m
}

// mostMarks bounds the marks of a record that wait for their echoes.
const mostMarks = 200

// offered is a write with its place in Redis.
type offered struct {
	write int
	echo  *echo
	body  content
	key   string
	byID  bool // key is of the target's id
}

// Before leaves a mark of each write, unless the target has its content already:
// then the write is needless, and has says so. Call it before every try. It takes
// three round trips at most. After an error nothing may be written: its echo would
// go round.
func (m *Marks) Before(ctx context.Context, writes []Write) (has []bool, err error) {
	has = make([]bool, len(writes))
	all, err := m.places(ctx, writes)
	if err != nil || len(all) == 0 {
		return has, err
	}
	calls := make([]Call, len(all), len(all)+1)
	lost := map[*echo]int{} // the index in calls
	for i, o := range all {
		complete := o.echo.Complete && (o.echo.Key != "" || o.byID)
		calls[i] = m.offer(o.key, o.body, writes[o.write].ID, complete)
		if complete {
			lost[o.echo] = 0
		}
	}
	for e := range lost {
		lost[e] = len(calls)
		calls = append(calls, Call{Script: getID, Key: address(m.sink, e.Entity, lostOf, "")})
	}
	answers, err := m.store.Eval(ctx, calls)
	if err != nil {
		return has, fmt.Errorf("leaving echo marks in redis: %w", err)
	}
	var again []Call
	for i, o := range all {
		since, err := answer(answers[i])
		if err != nil {
			continue // it is to be written
		}
		// What is known from before records were gone is not known any more.
		if gone, err := answer(answers[lost[o.echo]]); err == nil && since <= gone+grace.Milliseconds() {
			again = append(again, m.offer(o.key, o.body, writes[o.write].ID, false))
			continue
		}
		has[o.write] = true
	}
	if len(again) == 0 {
		return has, nil
	}
	if _, err := m.store.Eval(ctx, again); err != nil {
		return has, fmt.Errorf("leaving echo marks in redis: %w", err)
	}
	return has, nil
}

// answer is a time in milliseconds that a script gave; an error: it gave none.
func answer(a any) (int64, error) {
	text, _ := a.(string)
	return strconv.ParseInt(text, 10, 64)
}

func (m *Marks) offer(key string, body content, write string, complete bool) Call {
	all := "0"
	if complete {
		all = "1"
	}
	return Call{Script: offer, Key: key, Args: []any{
		body.exact, body.loose, write, number(m.now().UnixMilli()), number(m.cfg.Keep.Milliseconds()), all, number(mostMarks),
	}}
}

func (m *Marks) done(key string, body content, write, outcome string) Call {
	return Call{Script: done, Key: key, Args: []any{body.exact, body.loose, write, outcome, number(m.cfg.Keep.Milliseconds())}}
}

// places finds where the marks of the writes belong.
func (m *Marks) places(ctx context.Context, writes []Write) ([]offered, error) {
	var all []offered
	var asks []Call
	var unnamed []int // in all: records known by the target's id
	var h hasher
	for i := range writes {
		w := &writes[i]
		e := m.echoes[w.Entity]
		if e == nil {
			continue
		}
		body, known := e.contentOf(w, &h)
		if !known {
			continue
		}
		o := offered{write: i, echo: e, body: body, key: address(m.sink, w.Entity, byKey, w.Key)}
		if e.ID != "" {
			unnamed = append(unnamed, len(all))
			asks = append(asks, Call{Script: getID, Key: address(m.sink, w.Entity, idOf, w.Key)})
		}
		all = append(all, o)
	}
	if len(asks) == 0 {
		return all, nil
	}
	answers, err := m.store.Eval(ctx, asks)
	if err != nil {
		return nil, fmt.Errorf("asking redis for the target's ids: %w", err)
	}
	for n, i := range unnamed {
		o := &all[i]
		entity := writes[o.write].Entity
		if id, _ := answers[n].(string); id != "" {
			o.key, o.byID = address(m.sink, entity, byID, id), true
		} else {
			o.key = address(m.sink, entity, byContent, o.body.loose)
		}
	}
	return all, nil
}

// contentOf is the content of what a write puts into the echo's columns. false:
// the entity does not say.
func (e *echo) contentOf(w *Write, h *hasher) (content, bool) {
	if w.Row == nil {
		return deletion, true
	}
	h.reset()
	for _, name := range e.fields {
		i := w.Table.Column(name)
		if i < 0 || i >= len(w.Row) || !h.add(&w.Table.Columns[i].Type, w.Row[i]) {
			return content{}, false
		}
	}
	return h.sum(), true
}

// After is told what became of writes that Before let pass. It takes three round
// trips at most. Its errors only mean that the marks are less exact: more is
// written, or passes the guard, than need be.
func (m *Marks) After(ctx context.Context, writes []Write, outcomes []Outcome) error {
	all, err := m.places(ctx, writes)
	if err != nil {
		return err
	}
	var calls []Call
	var created []offered // marked by content alone: the id is known by now
	at := map[int]int{}   // index in created -> in calls
	for _, o := range all {
		w := &writes[o.write]
		switch outcomes[o.write] {
		case Unclear:
			continue
		case Refused:
			calls = append(calls, m.done(o.key, o.body, w.ID, "refused"))
			continue
		}
		if o.echo.ID != "" && !o.byID && w.TargetID != "" && w.Row != nil {
			at[len(created)] = len(calls)
			created = append(created, o)
			calls = append(calls, m.done(o.key, o.body, w.ID, "refused"))
		} else {
			calls = append(calls, m.done(o.key, o.body, w.ID, "taken"))
		}
		switch {
		case o.echo.ID == "":
		case w.Row == nil:
			calls = append(calls, Call{Script: setID, Key: address(m.sink, w.Entity, idOf, w.Key), Args: []any{""}})
		case w.TargetID != "":
			calls = append(calls, Call{Script: setID, Key: address(m.sink, w.Entity, idOf, w.Key), Args: []any{w.TargetID}})
		}
	}
	if len(calls) == 0 {
		return nil
	}
	answers, err := m.store.Eval(ctx, calls)
	if err != nil {
		return fmt.Errorf("telling redis what was written: %w", err)
	}
	return m.rename(ctx, writes, created, func(i int) bool { return answers[at[i]] == int64(1) })
}

// rename leaves the marks of created records under their ids, as far as they
// were not used up meanwhile under their content.
func (m *Marks) rename(ctx context.Context, writes []Write, created []offered, left func(int) bool) error {
	var calls []Call
	for i, o := range created {
		if !left(i) {
			continue
		}
		w := &writes[o.write]
		key := address(m.sink, w.Entity, byID, w.TargetID)
		calls = append(calls, m.offer(key, o.body, w.ID, false), m.done(key, o.body, w.ID, "taken"))
	}
	if len(calls) == 0 {
		return nil
	}
	if _, err := m.store.Eval(ctx, calls); err != nil {
		return fmt.Errorf("leaving echo marks in redis: %w", err)
	}
	return nil
}
