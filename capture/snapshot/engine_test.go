package snapshot

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"sluice/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// consumer is what was handed out, applied.
type consumer struct {
	// rows are of the tables with a key; newest is the version that the last
	// event or copy of a row had, its end included.
	rows   map[*schemas.Table]map[int]int
	newest map[*schemas.Table]map[int]int
	bag    map[int]int
	// inexact: the copy of the table without a key was cut short once.
	inexact bool
}

func newConsumer() *consumer {
	return &consumer{
		rows:   map[*schemas.Table]map[int]int{tableA: {}, tableB: {}},
		newest: map[*schemas.Table]map[int]int{tableA: {}, tableB: {}},
		bag:    map[int]int{},
	}
}

func (c *consumer) clone() *consumer {
	out := newConsumer()
	for t := range c.rows {
		out.rows[t], out.newest[t] = maps.Clone(c.rows[t]), maps.Clone(c.newest[t])
	}
	out.bag, out.inexact = maps.Clone(c.bag), c.inexact
	return out
}

func (c *consumer) apply(t *rapid.T, change fakeChange) {
	if change.table == tableK {
		count(c.bag, change.op, change.id)
		return
	}
	rows, newest := c.rows[change.table], c.newest[change.table]
	if change.op == schemas.Truncate {
		clear(rows)
		for id := range newest {
			newest[id] = max(newest[id], change.version)
		}
		newest[-1] = change.version
		return
	}
	if before := max(newest[change.id], newest[-1]); change.version < before {
		t.Fatalf("%c of row %s.%d brings version %d after %d", change.op, change.table.Name, change.id, change.version, before)
	}
	newest[change.id] = change.version
	if change.op == schemas.Delete {
		delete(rows, change.id)
	} else {
		rows[change.id] = change.version
	}
}

// place is a position: whole transactions, and events of the next one.
type place struct{ tx, event int }

// decoded is an event that the stream's reader has passed on.
type decoded struct {
	at      place // behind it
	change  fakeChange
	skipped bool // nothing to hand out, the position moves
}

// world drives an engine, the reader of a stream and a consumer, step by step.
type world struct {
	db     *fakeDB
	engine *Engine
	config Config

	reader  place // of the stream
	whole   bool
	resumed place
	queue   []decoded
	handed  place
	out     *consumer
	depth   int
	version int

	saved struct {
		at       place
		progress json.RawMessage
		out      *consumer
	}
}

func (w *world) open(t *rapid.T) {
	var err error
	if w.engine, err = New(w.db, w.config, w.saved.progress); err != nil {
		t.Fatal(err)
	}
	w.reader, w.handed, w.resumed, w.queue = w.saved.at, w.saved.at, w.saved.at, nil
	w.out = w.saved.out.clone()
	for _, r := range w.engine.Runs {
		if r.Table == "s.k" && r.begun {
			w.out.inexact = true
		}
	}
}

func (w *world) save() {
	w.saved.at, w.saved.progress, w.saved.out = w.handed, slices.Clone(w.engine.Progress()), w.out.clone()
}

var cancelled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// decode takes one step of the stream's reader; false: there is none, or it waits.
func (w *world) decode() bool {
	if w.reader.tx == len(w.db.log) {
		return false
	}
	tx := w.db.log[w.reader.tx]
	if w.reader.event == 0 {
		w.whole = w.engine.Active()
		if w.whole {
			w.engine.Begin(tx.tx)
		}
	} else if w.reader == w.resumed {
		w.whole = false // began in the run before
	}
	if w.reader.event == len(tx.changes) {
		w.reader = place{w.reader.tx + 1, 0}
		w.queue = append(w.queue, decoded{at: w.reader, skipped: true})
		return true
	}
	c := tx.changes[w.reader.event]
	pass := true
	if w.engine.Active() {
		var err error
		if pass, err = w.engine.Observe(cancelled, tx.tx, w.whole, c.change()); err != nil {
			return false // waits for the table to be read
		}
	}
	w.reader.event++
	w.queue = append(w.queue, decoded{at: w.reader, change: c, skipped: !pass})
	return true
}

// hand hands out the oldest event.
func (w *world) hand(t *rapid.T) bool {
	if len(w.queue) == 0 {
		return false
	}
	d := w.queue[0]
	w.queue = w.queue[1:]
	w.handed = d.at
	if !d.skipped {
		w.out.apply(t, d.change)
	}
	return true
}

// ready hands out a chunk.
func (w *world) ready(t *rapid.T) bool {
	c, err := w.engine.Ready(func(v View) bool { return w.handed.tx >= v.(*fakeView).log })
	if err != nil {
		t.Fatal(err)
	}
	if c == nil {
		return false
	}
	for i := range c.Changes {
		row := c.Changes[i].After
		w.out.apply(t, fakeChange{c.Changes[i].Table, schemas.Read, int(row[0].Int()), int(row[1].Int())})
	}
	return true
}

// work does one job of a worker.
func (w *world) work(t *rapid.T) bool {
	w.engine.mu.Lock()
	do, wait := w.engine.choose()
	w.engine.mu.Unlock()
	if do == nil {
		if wait < maxBackoff { // a retry is due soon
			<-time.After(wait)
			return true
		}
		return false
	}
	if err := do(context.Background(), w.db); err != nil {
		t.Fatal(err)
	}
	return true
}

// write begins a transaction with some changes, of rows that are free.
func (w *world) write(t *rapid.T) {
	w.db.next++
	w.version++
	tx := &fakeTx{tx: Tx{Seq: uint64(w.db.next)}}
	now := w.db.view()
	rows := map[*schemas.Table]map[int]int{tableA: w.db.rows(now, tableA), tableB: w.db.rows(now, tableB)}
	bag := w.db.bag(now)
	for range rapid.IntRange(1, 4).Draw(t, "changes") {
		table := rapid.SampledFrom([]*schemas.Table{tableA, tableA, tableB, tableK}).Draw(t, "table")
		id := rapid.IntRange(0, 12).Draw(t, "id")
		if w.db.locked(table, id) {
			continue
		}
		add := func(op schemas.Op, id int) {
			w.version++
			tx.changes = append(tx.changes, fakeChange{table, op, id, w.version})
		}
		if table == tableK {
			if bag[id] > 0 && rapid.Bool().Draw(t, "delete") {
				add(schemas.Delete, id)
				bag[id]--
			} else {
				add(schemas.Create, id)
				bag[id]++
			}
			continue
		}
		_, there := rows[table][id]
		what := rapid.IntRange(0, 9).Draw(t, "what")
		other := (id + 5) % 13
		_, taken := rows[table][other]
		switch {
		case !there:
			add(schemas.Create, id)
			rows[table][id] = w.version
		case what == 0 && !slices.ContainsFunc(w.db.txs, func(o *fakeTx) bool {
			return slices.ContainsFunc(o.changes, func(c fakeChange) bool { return c.table == table })
		}):
			add(schemas.Truncate, -2)
			clear(rows[table])
		case what < 3:
			add(schemas.Delete, id)
			delete(rows[table], id)
		case what < 5 && !taken && !w.db.locked(table, other): // its key changes
			add(schemas.Delete, id)
			add(schemas.Create, other)
			rows[table][other] = w.version
			delete(rows[table], id)
		default:
			add(schemas.Update, id)
			rows[table][id] = w.version
		}
	}
	w.db.txs = append(w.db.txs, tx)
}

// commit gets a transaction's commit into the log, appear makes one visible.
func (w *world) commit(i int) {
	if tx := w.db.txs[i]; !tx.logged {
		tx.logged = true
		w.db.log = append(w.db.log, tx)
	}
}

func (w *world) appear(i int) {
	if tx := w.db.txs[i]; tx.logged {
		tx.visible = true
		w.db.txs = slices.Delete(w.db.txs, i, i+1)
	}
}

// TestCopyAndStreamMeet: whatever the order in which transactions commit, become
// visible and are read, and wherever a run ends and the next begins, nothing
// handed out is older than what was before, and in the end the consumer has what
// the database has.
func TestCopyAndStreamMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{db: &fakeDB{views: map[string]*fakeView{}, size: rapid.IntRange(1, 4).Draw(t, "chunk"), guess: rapid.Bool().Draw(t, "guess")}}
		w.config = Config{
			Workers: 2, Backoff: time.Microsecond, Settle: time.Hour,
			Memory: keyBytes * rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "memory"),
		}
		step := func() {
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0:
				w.write(t)
			case 1, 2:
				if n := len(w.db.txs); n > 0 {
					w.commit(rapid.IntRange(0, n-1).Draw(t, "tx"))
				}
			case 3:
				if n := len(w.db.txs); n > 0 {
					w.appear(rapid.IntRange(0, n-1).Draw(t, "tx"))
				}
			case 4, 5:
				w.decode()
			case 6:
				w.hand(t)
			}
		}
		w.db.between = func() {
			if w.depth > 0 {
				return
			}
			w.depth++
			for range rapid.IntRange(0, 6).Draw(t, "between") {
				step()
			}
			w.depth--
		}
		w.db.drain = func() {
			for w.ready(t) {
			}
		}
		// The database has rows, and commits that are not visible, before the
		// stream begins.
		for range rapid.IntRange(0, 30).Draw(t, "before") {
			if i := rapid.IntRange(0, 2).Draw(t, "step"); i == 0 || len(w.db.txs) == 0 {
				w.write(t)
			} else if at := rapid.IntRange(0, len(w.db.txs)-1).Draw(t, "tx"); i == 1 {
				w.commit(at)
			} else {
				w.appear(at)
			}
		}
		w.saved.at, w.saved.out = place{len(w.db.log), 0}, newConsumer()
		w.open(t)
		w.engine.Add("0", false, "s.a", "s.k")
		w.save()
		for range rapid.IntRange(10, 150).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				w.save()
			case 1:
				if rapid.IntRange(0, 3).Draw(t, "crash") == 0 {
					w.open(t)
				}
			case 2, 3:
				w.work(t)
			case 4:
				w.ready(t)
			case 5:
				w.engine.Add("1", false, "s.b")
			default:
				step()
			}
		}
		w.engine.Add("1", false, "s.b")
		// All ends well: what is under way ends, commits and shows.
		w.db.between = func() {}
		for range w.db.txs {
			w.commit(0)
			w.appear(0)
		}
		for idle := 0; idle < 3; {
			if w.work(t) || w.decode() || w.hand(t) || w.ready(t) {
				idle = 0
			} else {
				idle++
			}
		}
		if w.engine.Busy() {
			t.Fatalf("the snapshot does not end: %s", w.engine.Progress())
		}
		now := w.db.view()
		for _, table := range []*schemas.Table{tableA, tableB} {
			if want := w.db.rows(now, table); !maps.Equal(w.out.rows[table], want) {
				t.Fatalf("table %s is %v, want %v", table.Name, w.out.rows[table], want)
			}
		}
		if want := w.db.bag(now); !w.out.inexact && !maps.Equal(w.out.bag, want) {
			t.Fatalf("table k is %v, want %v", w.out.bag, want)
		}
	})
}
