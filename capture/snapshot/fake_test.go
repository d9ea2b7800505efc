package snapshot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"sluice/schemas"
)

// The tables of the fake database: two with a key, one without.
var (
	tableA = fakeTable("a", true)
	tableB = fakeTable("b", true)
	tableK = fakeTable("k", false)
)

func fakeTable(name string, keyed bool) *schemas.Table {
	t := &schemas.Table{Schema: "s", Name: name, Columns: []schemas.Column{
		{Name: "id", Type: schemas.Type{Name: schemas.Int64Type}}, {Name: "v", Type: schemas.Type{Name: schemas.Int64Type}},
	}}
	if keyed {
		t.Key = []int{0}
	}
	return t
}

// fakeChange is one event: a row's new version, or its end. A row of the table
// without a key has its id alone.
type fakeChange struct {
	table   *schemas.Table
	op      schemas.Op
	id      int
	version int
}

func (c fakeChange) change() *schemas.Change {
	row := schemas.Row{schemas.IntOf(int64(c.id)), schemas.IntOf(int64(c.version))}
	out := &schemas.Change{Op: c.op, Table: c.table}
	switch c.op {
	case schemas.Delete:
		out.Before = row
	case schemas.Truncate:
	default:
		out.After = row
	}
	return out
}

type fakeTx struct {
	tx      Tx
	changes []fakeChange
	logged  bool // its commit is in the log
	visible bool
}

// fakeDB is a database whose commits get into its log in one order and become
// visible in another.
type fakeDB struct {
	next    int
	txs     []*fakeTx // all that are not visible yet
	log     []*fakeTx
	views   map[string]*fakeView
	size    int    // rows of a chunk
	between func() // runs while a read is under way
	drain   func() // takes what waits of a table without a key
	guess   bool   // suspects are told running where they are
}

type fakeView struct {
	name string
	seen map[Tx]bool
	log  int
}

func (v *fakeView) Sees(tx Tx) bool { return v.seen[tx] }
func (v *fakeView) String() string  { return v.name }

// locked reports whether a transaction that is not visible holds the row.
func (db *fakeDB) locked(table *schemas.Table, id int) bool {
	for _, t := range db.txs {
		for _, c := range t.changes {
			if c.table == table && (c.id == id || c.op == schemas.Truncate) {
				return true
			}
		}
	}
	return false
}

func (db *fakeDB) view() *fakeView {
	v := &fakeView{name: strconv.Itoa(len(db.views)), seen: map[Tx]bool{}, log: len(db.log)}
	for _, t := range db.log {
		if t.visible {
			v.seen[t.tx] = true
		}
	}
	db.views[v.name] = v
	return v
}

// rows are what the view sees of a table with a key: id to version.
func (db *fakeDB) rows(v *fakeView, table *schemas.Table) map[int]int {
	out := map[int]int{}
	for _, t := range db.log[:v.log] {
		if !v.seen[t.tx] {
			continue
		}
		for _, c := range t.changes {
			switch {
			case c.table != table:
			case c.op == schemas.Truncate:
				clear(out)
			case c.op == schemas.Delete:
				delete(out, c.id)
			default:
				out[c.id] = c.version
			}
		}
	}
	return out
}

// bag is what the view sees of the table without a key: id to how many rows.
func (db *fakeDB) bag(v *fakeView) map[int]int {
	out := map[int]int{}
	for _, t := range db.log[:v.log] {
		for _, c := range t.changes {
			if c.table == tableK && v.seen[t.tx] {
				count(out, c.op, c.id)
			}
		}
	}
	return out
}

func count(bag map[int]int, op schemas.Op, id int) {
	if op == schemas.Delete {
		bag[id]--
	} else {
		bag[id]++
	}
	if bag[id] == 0 {
		delete(bag, id)
	}
}

func byName(name string) *schemas.Table {
	return map[string]*schemas.Table{"s.a": tableA, "s.b": tableB, "s.k": tableK}[name]
}

func (db *fakeDB) Connect(context.Context) (Reader, error) { return db, nil }
func (db *fakeDB) Close(context.Context) error             { return nil }
func (db *fakeDB) Settle(context.Context, View) error      { return nil }
func (db *fakeDB) Free(*Chunk)                             {}

func (db *fakeDB) ParseView(text string) (View, error) {
	if v := db.views[text]; v != nil {
		return v, nil
	}
	return nil, fmt.Errorf("no view %q", text)
}

func (db *fakeDB) Split(_ context.Context, table string, parts int) (Layout, error) {
	if table == "s.k" {
		return Layout{Keyless: true}, nil
	}
	var l Layout
	for i := 1; i < min(parts, 3); i++ {
		l.Bounds = append(l.Bounds, Key{strconv.Itoa(i * 4)})
	}
	return l, nil
}

func (db *fakeDB) Read(_ context.Context, r Request) (*Chunk, error) {
	v := db.view()
	if err := r.Usable(v); err != nil {
		return nil, err
	}
	c := &Chunk{View: v}
	table := byName(r.Table)
	rows := db.rows(v, table)
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		if r.After != nil && id <= number(r.After) || r.UpTo != nil && id > number(r.UpTo) {
			continue
		}
		if c.Rows == db.size {
			c.More = true
			break
		}
		c.Rows++
		c.Last = Key{strconv.Itoa(id)}
		c.Changes = append(c.Changes, *fakeChange{table, schemas.Read, id, rows[id]}.change())
	}
	db.between()
	return c, nil
}

func number(k Key) int {
	n, err := strconv.Atoi(k[0])
	if err != nil {
		panic(err)
	}
	return n
}

func (db *fakeDB) ReadAll(_ context.Context, r Request, out func(*Chunk) error) error {
	v := db.view()
	db.between() // the view is there, and the engine does not know it yet
	if err := r.Usable(v); err != nil {
		return err
	}
	c := &Chunk{View: v}
	bag := db.bag(v)
	for _, id := range slices.Sorted(maps.Keys(bag)) {
		for range bag[id] {
			c.Rows++
			c.Changes = append(c.Changes, *fakeChange{tableK, schemas.Read, id, 0}.change())
			if c.Rows == db.size {
				c.More = true
				db.between()
				db.drain()
				if err := out(c); err != nil {
					return err
				}
				c = &Chunk{View: v}
			}
		}
	}
	db.drain()
	return out(c)
}

func (db *fakeDB) Suspects(context.Context) ([]Suspect, error) {
	var out []Suspect
	for _, t := range db.txs {
		out = append(out, Suspect{Tx: t.tx, Name: "someone", Running: !t.logged && db.guess})
	}
	db.between()
	return out, nil
}
