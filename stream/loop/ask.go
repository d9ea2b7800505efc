package loop

import (
	"fmt"
	"strings"
	"time"

	"sluice/schemas"
	"sluice/stream"
)

// Modes of a change, as the script see has them.
const (
	// modePlain: nothing else changed that the rules read.
	modePlain = "plain"
	// modeRest: the source did not send what was before; the columns that the
	// sink does not write are compared with those of the last change.
	modeRest = "rest"
	// modeOther: a column that the sink does not write has changed: no echo.
	modeOther = "other"
	// modeRead: a row of a snapshot is no change.
	modeRead = "read"
	// modeTagged: the origin has decided; only the content is noted.
	modeTagged = "tagged"
)

// echo is an Echo with its columns found.
type echo struct {
	Echo
	fields []string // names, sorted
	bound  map[*schemas.Table]*columns
}

func newEcho(e Echo) *echo { return &echo{e, e.names(), map[*schemas.Table]*columns{}} }

// columns are the indexes of an echo's columns in one version of a table.
type columns struct {
	name   int   // key or id
	fields []int // in the order of the echo's fields
	rest   []int // others that the rules read
	time   clock
}

func (e *echo) bind(t *schemas.Table) (*columns, error) {
	if b, ok := e.bound[t]; ok {
		return b, nil
	}
	b := &columns{time: clockOf(t)}
	missing := func(column, where string) error {
		return &schemas.Fault{
			Where: "sinks." + e.Sink + ".echo." + e.Entity + "." + where, What: fmt.Sprintf("the topic %s has no column %s", e.Topic, column),
			Cure: "there are: " + strings.Join(columnNames(t), ", "),
		}
	}
	name, where := e.Key, "key"
	if e.ID != "" {
		name, where = e.ID, "id"
	}
	if b.name = t.Column(name); b.name < 0 {
		return nil, missing(name, where)
	}
	written := map[int]bool{b.name: true}
	for _, f := range e.fields {
		i := t.Column(e.Fields[f])
		if i < 0 {
			return nil, missing(e.Fields[f], "fields."+f)
		}
		b.fields = append(b.fields, i)
		written[i] = true
	}
	for i := range t.Columns {
		if !written[i] && (e.Reads == nil || e.Reads[t.Columns[i].Name]) {
			b.rest = append(b.rest, i)
		}
	}
	e.bound[t] = b
	return b, nil
}

func columnNames(t *schemas.Table) []string {
	var names []string
	for i := range t.Columns {
		names = append(names, t.Columns[i].Name)
	}
	return names
}

// ask adds the calls for one change to an echo's topic.
func (g *Guard) ask(e *echo, i int, it *stream.Item, ours bool) error {
	c := &it.Change
	b, err := e.bind(c.Table)
	if err != nil {
		return err
	}
	name, ok := g.recordName(c, b)
	if !ok {
		// A record that no sink wrote, or one whose deletion does not name it.
		if row := c.KeyRow(); c.Op == schemas.Delete && !ours && (b.name >= len(row) || !row[b.name].Known()) {
			g.lose(e, i, it)
		}
		return nil
	}
	body, rest, mode := deletion, "", modePlain
	if c.Op != schemas.Delete {
		body = g.contentOf(c, b.fields)
		rest, mode = g.others(c, b)
	}
	switch {
	case ours:
		mode = modeTagged
	case c.Op == schemas.Read:
		mode = modeRead
	}
	kind := byKey
	if e.ID != "" {
		kind = byID
	}
	add := func(kind, name string, body content, rest, mode string, keep time.Duration) {
		g.call(i, it, e.Path, address(e.Sink, e.Entity, kind, name), name, body, rest, mode, true, b.time.of(it), keep)
	}
	add(kind, name, body, rest, mode, g.cfg.Keep)
	if e.ID != "" && c.Op == schemas.Create && body.loose != unknown {
		add(byContent, body.loose, body, "", mode, g.cfg.Marks)
	}
	if before, ok := beforeName(c, b); ok && before != name {
		// The record has another name now; that one is gone.
		add(kind, before, deletion, "", modeTagged, g.cfg.Keep)
		g.asked[len(g.asked)-1].note = true
	}
	return nil
}

// lose adds the call for a change that takes records away without naming them:
// of none of them it is known any more that the target has it.
func (g *Guard) lose(e *echo, i int, it *stream.Item) {
	at := clockOf(it.Change.Table).of(it)
	g.calls = append(g.calls, Call{Script: lose, Key: address(e.Sink, e.Entity, lostOf, ""), Args: []any{number(at)}})
	g.asked = append(g.asked, question{item: i, path: e.Path, note: true})
}

// recordName is the text that names the record at the target.
func (g *Guard) recordName(c *schemas.Change, b *columns) (string, bool) {
	row := c.KeyRow()
	if b.name >= len(row) {
		return "", false
	}
	return nameOf(c.Table, b.name, row)
}

func beforeName(c *schemas.Change, b *columns) (string, bool) {
	if c.After == nil || b.name >= len(c.Before) {
		return "", false
	}
	return nameOf(c.Table, b.name, c.Before)
}

func nameOf(t *schemas.Table, column int, row schemas.Row) (string, bool) {
	v := row[column]
	if !v.Known() || v.IsNull() {
		return "", false
	}
	text := string(schemas.AppendText(nil, &t.Columns[column].Type, v))
	return text, text != ""
}

// value is a column of the change as it is now: what did not change and was not
// sent is as it was before.
func value(c *schemas.Change, i int) schemas.Value {
	if v := c.After[i]; v.Kind != schemas.Unchanged || i >= len(c.Before) {
		return v
	}
	return c.Before[i]
}

// contentOf is the content of some columns of the row as it is now.
func (g *Guard) contentOf(c *schemas.Change, of []int) content {
	g.hasher.reset()
	for _, i := range of {
		if i >= len(c.After) || !g.hasher.add(&c.Table.Columns[i].Type, value(c, i)) {
			return content{unknown, unknown}
		}
	}
	return g.hasher.sum()
}

// others looks at the columns that the sink does not write, and gives their
// hash.
func (g *Guard) others(c *schemas.Change, b *columns) (rest, mode string) {
	rest, mode = g.contentOf(c, b.rest).exact, modePlain
	if c.Op != schemas.Update || len(b.rest) == 0 {
		return rest, mode
	}
	for _, i := range b.rest {
		switch now := c.After[i]; {
		case now.Kind == schemas.Unchanged:
		case i >= len(c.Before) || !c.Before[i].Known():
			mode = modeRest
		case !now.Equal(c.Before[i]):
			return rest, modeOther
		}
	}
	return rest, mode
}

// watch is a Watch with its columns found.
type watch struct {
	Watch
	bound map[*schemas.Table][]int
}

// askWatch adds the call for one change to a watched topic.
func (g *Guard) askWatch(w *watch, i int, it *stream.Item) {
	c := &it.Change
	if c.Op == schemas.Read || len(it.Key) == 0 {
		return
	}
	columns, ok := w.bound[c.Table]
	if !ok {
		for n := range c.Table.Columns {
			if w.Reads == nil || w.Reads[c.Table.Columns[n].Name] {
				columns = append(columns, n)
			}
		}
		w.bound[c.Table] = columns
	}
	body := deletion
	if c.Op != schemas.Delete {
		body = g.contentOf(c, columns)
	}
	g.call(i, it, w.Path, address(w.Topic, g.entity, byRecord, sum(it.Key)), keyText(c), body, "", modeOther, false, clockOf(c.Table).of(it), g.cfg.Keep)
}

// keyText names a raw record for people.
func keyText(c *schemas.Change) string {
	var parts []string
	for _, i := range c.Table.Key {
		if row := c.KeyRow(); i < len(row) {
			text, _ := nameOf(c.Table, i, row)
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ", ")
}

func (g *Guard) call(i int, it *stream.Item, path, key, name string, body content, rest, mode string, linked bool, at int64, keep time.Duration) {
	most, link := g.cfg.Bounces, "1"
	if !linked {
		most, link = most*unlinkedFactor, "0"
	}
	partition, offset := number(int64(it.Partition)), number(it.Offset)
	g.calls = append(g.calls, Call{Script: see, Key: key, Args: []any{
		partition, offset, number(at), body.loose, body.exact, rest, mode, link,
		number(g.cfg.Window.Milliseconds()), number(int64(most)), number((longWindow * g.cfg.Window).Milliseconds()),
		number(g.cfg.Marks.Milliseconds()), number(grace.Milliseconds()), number(keep.Milliseconds()),
	}})
	g.asked = append(g.asked, question{item: i, name: name, path: path})
}

// clock finds the commit time of a change, in milliseconds, in its source block.
type clock struct {
	column int
	micros bool
}

func clockOf(t *schemas.Table) clock {
	if t.Source != nil {
		if i := t.Source.Column("ts_us"); i >= 0 {
			return clock{i, true}
		}
		if i := t.Source.Column("ts_ms"); i >= 0 {
			return clock{i, false}
		}
	}
	return clock{column: -1}
}

func (k clock) of(it *stream.Item) int64 {
	if k.column < 0 || k.column >= len(it.Change.Source) || it.Change.Source[k.column].Kind != schemas.Int {
		return it.Time.UnixMilli()
	}
	n := it.Change.Source[k.column].Int()
	if k.micros {
		n /= 1000
	}
	return n
}
