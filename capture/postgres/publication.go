package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/schemas"
)

// publication is what the server sends of each table; stream and snapshot both
// keep to it.
type publication struct {
	exists bool
	// ours: a capture made it, so a capture may add tables to it.
	ours      bool
	allTables bool
	// viaRoot: changes of partitions come as those of the partitioned table.
	viaRoot bool
	tables  map[string]*publishedTable
}

// publishedTable is what is published of one table.
type publishedTable struct {
	// columns is nil where the server is too old to say: all.
	columns []string
	// filter is an SQL condition on the row; "": all rows.
	filter string
}

// oursMark begins the comment of a publication that a capture made.
const oursMark = "made by sluice"

func readPublication(ctx context.Context, q querier, name string) (*publication, error) {
	p := &publication{tables: map[string]*publishedTable{}}
	rows, err := q.query(ctx, `
		SELECT puballtables, pubviaroot, coalesce(obj_description(oid, 'pg_publication') LIKE $2, false)
		FROM pg_catalog.pg_publication WHERE pubname = $1`, name, oursMark+"%")
	if err != nil {
		return nil, fmt.Errorf("looking for publication %q: %w", name, err)
	}
	if len(rows) == 0 {
		return p, nil
	}
	p.exists, p.allTables, p.viaRoot, p.ours = true, rows[0].bool(0), rows[0].bool(1), rows[0].bool(2)
	rows, err = q.query(ctx, `
		SELECT schemaname, tablename, to_jsonb(t)->'attnames', coalesce(to_jsonb(t)->>'rowfilter', '')
		FROM pg_catalog.pg_publication_tables t WHERE pubname = $1`, name)
	if err != nil {
		return nil, fmt.Errorf("reading publication %q: %w", name, err)
	}
	for _, r := range rows {
		t := &publishedTable{filter: r.text(3)}
		if r[2] != nil {
			if err := json.Unmarshal(r[2], &t.columns); err != nil {
				return nil, fmt.Errorf("reading publication %q: %w", name, err)
			}
		}
		p.tables[r.text(0)+"."+r.text(1)] = t
	}
	return p, nil
}

// limit leaves of the table what is published of it: the columns to read, and
// the condition on its rows. A generated column is published only from 18 on,
// and only where the publication says so.
func (p *publication) limit(t *tableInfo, version int64) {
	var columns []string
	if of := p.tables[t.fullName()]; of != nil {
		columns, t.filter = of.columns, of.filter
	}
	t.attributes = slices.DeleteFunc(t.attributes, func(a attribute) bool {
		return columns != nil && !slices.Contains(columns, a.name) || a.generated && (columns == nil || version < 180000)
	})
	published := func(name string) bool {
		return slices.ContainsFunc(t.attributes, func(a attribute) bool { return a.name == name })
	}
	for _, key := range []*[]string{&t.primary, &t.identityIndex, &t.unique} {
		for _, k := range *key {
			if !published(k) {
				*key = nil // half a key is none
				break
			}
		}
	}
	t.toasted = slices.DeleteFunc(t.toasted, func(name string) bool { return !published(name) })
}

// published is what a query must read so that it returns the rows that the log
// carries: the columns of the relation's Table in order, what stands behind FROM,
// and a condition, which is "true" for all rows.
func (r *relation) published() (columns []string, from, where string) {
	columns = make([]string, len(r.table.Columns))
	for i, c := range r.table.Columns {
		columns[i] = quote(c.Name)
	}
	from, where = "ONLY "+r.info.sql(), "true"
	if r.info.kind == "p" {
		from = r.info.sql()
	}
	if r.info.filter != "" {
		where = "(" + r.info.filter + ")"
	}
	return columns, from, where
}

// publish creates the publication, or checks that it covers the tables and adds
// to its own what is missing. Where a position is resumed it must be there: one
// made now knows nothing of the log before it.
func (s *Source) publish(ctx context.Context, tables []*tableInfo, resumed bool) error {
	q, p := plain{s.sql}, s.publication
	if !p.exists && resumed {
		return &schemas.Fault{Where: "publication", What: fmt.Sprintf("%q is gone, and with it the changes since the saved position", s.cfg.Publication), Cure: s.resnapshot()}
	}
	if !p.exists {
		create := createPublication(s.cfg.Publication, tables)
		if s.server.standby {
			return &schemas.Fault{
				Where: "publication", What: fmt.Sprintf("%q does not exist, and this server is a standby", s.cfg.Publication),
				Cure: "on the primary, as the owner of the tables: " + create + ";",
			}
		}
		comment := fmt.Sprintf("COMMENT ON PUBLICATION %s IS %s", quote(s.cfg.Publication), literal(oursMark+" for capture "+s.capture))
		if err := q.exec(ctx, create+"; "+comment); err != nil {
			return &schemas.Fault{Where: "publication", What: fmt.Sprintf("%q does not exist and cannot be created", s.cfg.Publication), Err: message(err), Cure: "as the owner of the tables: " + create + ";"}
		}
		s.log.Info("publication created", "publication", s.cfg.Publication)
		return nil
	}
	if err := s.checkRoot(tables); err != nil {
		return err
	}
	missing := p.missing(tables)
	if len(missing) == 0 {
		return nil
	}
	if p.ours && !s.server.standby {
		return s.addTables(ctx, q, missing)
	}
	return &schemas.Fault{
		Where: "publication", What: fmt.Sprintf("%q does not publish %s", s.cfg.Publication, strings.Join(missing, ", ")),
		Cure: "as the owner of the tables: " + s.addStatement(missing) + ";",
	}
}

// missing are the tables that the publication lacks, as SQL names.
func (p *publication) missing(tables []*tableInfo) []string {
	var out []string
	for _, t := range tables {
		if p.tables[t.fullName()] == nil && !slices.Contains(out, t.publishAs()) {
			out = append(out, t.publishAs())
		}
	}
	return out
}

func (s *Source) addStatement(tables []string) string {
	return fmt.Sprintf("ALTER PUBLICATION %s ADD TABLE %s", quote(s.cfg.Publication), strings.Join(tables, ", "))
}

// errNoTable is that of a table that was dropped in the meantime. noTable are the
// server's codes for it: no such table, no such schema.
var (
	errNoTable = errors.New("dropped in the meantime")
	noTable    = []string{"42P01", "3F000"}
)

// addTables adds to a publication of ours. The log carries what is written from
// then on; what the tables held before must be copied.
func (s *Source) addTables(ctx context.Context, q querier, tables []string) error {
	add := s.addStatement(tables)
	if _, err := q.query(ctx, add); err != nil {
		if pe, ok := errors.AsType[*pgconn.PgError](err); ok && slices.Contains(noTable, pe.Code) {
			err = fmt.Errorf("%w: %s", errNoTable, pe.Message)
		}
		return &schemas.Fault{
			Where: "publication", What: fmt.Sprintf("%s cannot be added to %q", strings.Join(tables, ", "), s.cfg.Publication),
			Err: message(err), Cure: "as the owner of the tables: " + add + ";",
		}
	}
	s.log.Info("tables added to the publication", "publication", s.cfg.Publication, "tables", strings.Join(tables, ", "))
	return nil
}

// checkRoot refuses a publication that names partitions' changes otherwise than
// partitions says.
func (s *Source) checkRoot(tables []*tableInfo) error {
	root := s.cfg.Partitions != Leaf
	split := slices.ContainsFunc(tables, func(t *tableInfo) bool { return t.kind == "p" || t.partition && !root })
	if !split || s.publication.viaRoot == root {
		return nil
	}
	what := "publishes the changes of partitions under their own names, and partitions is root"
	if !root {
		what = "publishes the changes of partitions as the partitioned table's, and partitions is leaf"
	}
	return &schemas.Fault{
		Where: "publication", What: fmt.Sprintf("%q %s", s.cfg.Publication, what),
		Cure: fmt.Sprintf("as its owner: ALTER PUBLICATION %s SET (publish_via_partition_root = %t); or change partitions", quote(s.cfg.Publication), root),
	}
}

// createPublication is the statement that publishes the tables. Without ONLY a
// table's inheritance children would come too, unasked.
func createPublication(name string, tables []*tableInfo) string {
	var names []string
	for _, t := range tables {
		if n := t.publishAs(); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	create := fmt.Sprintf("CREATE PUBLICATION %s FOR TABLE %s", quote(name), strings.Join(names, ", "))
	if slices.ContainsFunc(tables, func(t *tableInfo) bool { return t.kind == "p" }) {
		create += " WITH (publish_via_partition_root = true)"
	}
	return create
}

// publishAs is how a publication names the table: a partition that is captured
// for its root's sake by that, so that partitions to come are published too.
func (t *tableInfo) publishAs() string {
	switch {
	case t.root != "":
		return t.root
	case t.parent:
		return "ONLY " + t.sql()
	}
	return t.sql()
}
