package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// tables is what is known of the captured tables, by "database.table". It is
// shared by the stream's reader and the snapshot's workers.
type tables struct {
	mu    sync.Mutex
	of    map[string]*relation
	fresh map[string]bool // created since the log is read
	stale map[string]bool // altered since they were read of the catalogue
}

func (t *tables) reset(relations []*relation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of, t.fresh, t.stale = map[string]*relation{}, map[string]bool{}, map[string]bool{}
	for _, rel := range relations {
		t.of[rel.table.FullName()] = rel
	}
}

// names are the captured tables.
func (s *Source) names() []string {
	s.tables.mu.Lock()
	defer s.tables.mu.Unlock()
	out := make([]string, 0, len(s.tables.of))
	for name := range s.tables.of {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// known returns the newest version of a captured table, or nil.
func (s *Source) known(schema, name string) *relation {
	s.tables.mu.Lock()
	defer s.tables.mu.Unlock()
	return s.tables.of[schema+"."+name]
}

// learn makes a relation the newest version of its table. One that makes the same
// Table as another shares it.
func (s *Source) learn(rel *relation) {
	t := &s.tables
	t.mu.Lock()
	defer t.mu.Unlock()
	name := rel.table.FullName()
	if old := t.of[name]; old != nil && old.same(rel) {
		rel.table, rel.source = old.table, old.source
	} else {
		rel.source = s.sourceRow(rel.table)
	}
	t.of[name] = rel
	delete(t.stale, name)
}

// altered notes that a statement of the log may have changed what the catalogue
// says of a table.
func (s *Source) altered(schema string, st *statement, text []byte) {
	t := &s.tables
	t.mu.Lock()
	defer t.mu.Unlock()
	for name := range t.of {
		if _, table, _ := strings.Cut(name, "."); containsFold(st.names, table) {
			t.stale[name] = true
		}
	}
	if st.verb == "CREATE" && len(st.words) > 1 && slices.Contains(st.words[1:min(4, len(st.words))], "TABLE") {
		of, name := st.table(text, "CREATE", "OR", "REPLACE", "TABLE", "IF", "NOT", "EXISTS")
		if of == "" {
			of = schema
		}
		t.fresh[of+"."+name] = true
	}
}

// unread is a table that nobody asked for.
func unread(m *tableMap) (*relation, error) {
	rel := &relation{columns: make([]column, len(m.columns))}
	for i, l := range m.columns {
		c := &rel.columns[i]
		c.logged = l
		if err := c.measure(); err != nil {
			return nil, fmt.Errorf("column %d of table %s.%s: %w", i+1, m.schema, m.name, err)
		}
	}
	return rel, nil
}

// relation finds how the rows of an event's table are read. layout is the part of
// the event that tells.
func (s *Source) relation(ctx context.Context, m *tableMap, layout string, at place) (*relation, error) {
	if !s.cfg.captures(m.schema, m.name) {
		rel, err := unread(m)
		if err != nil {
			return nil, err
		}
		rel.body = layout
		return rel, nil
	}
	if !m.named && len(m.columns) > 0 {
		f := unnamed(m, at)
		f.Cure = "as an administrator: SET GLOBAL binlog_row_metadata = 'FULL'; then " + s.resnapshot()
		return nil, f
	}
	name := m.schema + "." + m.name
	s.tables.mu.Lock()
	old, stale, fresh := s.tables.of[name], s.tables.stale[name], s.tables.fresh[name]
	s.tables.mu.Unlock()
	info := &tableInfo{schema: m.schema, name: m.name}
	if old != nil {
		info = old.info
	}
	rel, err := s.dialect.fromLog(info, m)
	if err != nil || old == nil || stale || !old.same(rel) {
		// The catalogue may know more of these columns than of those before.
		newer := &tableInfo{schema: m.schema, name: m.name}
		if _, err := newer.read(ctx, s.sql, s.dialect); err != nil {
			return nil, s.lost(err)
		}
		if rel, err = s.dialect.fromLog(newer, m); err != nil {
			return nil, err
		}
	}
	rel.body = layout
	s.learn(rel)
	if old == nil {
		s.discovered(name, fresh)
	}
	return rel, nil
}

// discovered takes up a table that the configuration names and that was not there
// before. The log has all rows of one that was created since.
func (s *Source) discovered(name string, fresh bool) {
	s.log.Info("a table is new", "table", name, "created", fresh)
	if s.engine == nil {
		return
	}
	if fresh || s.cfg.Snapshot.Mode == Never {
		s.engine.Keep(s.names(), []string{name})
		return
	}
	s.engine.Add(s.origin, true, name)
}

// measure finds how many bytes the values of a column have in the log, without
// knowing what they mean.
func (c *column) measure() error {
	var d dialect
	d.names = map[uint64]string{c.collation: binaryCharset}
	d.charsets = map[string]*charset{binaryCharset: {name: binaryCharset}}
	l := c.logged
	l.labels = nil
	known, err := d.resolve(l, special{})
	if err != nil {
		return err
	}
	c.width, c.prefix = known.width, known.prefix
	return nil
}
