package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// lookAtTables looks at each table: may the role read it, does the log carry
// which row was changed, is it published.
func (d *doctor) lookAtTables(ctx context.Context) error {
	all, err := readTables(ctx, d.q)
	if err != nil {
		return err
	}
	var tables []*tableInfo
	for _, t := range all {
		if d.cfg.wants(t) {
			tables = append(tables, t)
		}
	}
	for _, pattern := range d.cfg.Tables {
		schema, name, _ := strings.Cut(pattern, ".")
		if !slices.ContainsFunc(tables, func(t *tableInfo) bool { return matches(schema, t.schema) && matches(name, t.name) }) {
			d.problemf("table", pattern, "correct the name (schema.table, case counts), or create the table first", "is not in database %s", d.srv.database)
		}
	}
	for _, t := range tables {
		if err := t.readColumns(ctx, d.q); err != nil {
			return err
		}
		if err := d.lookAtTable(ctx, t); err != nil {
			return err
		}
	}
	return d.lookAtPublication(ctx, tables)
}

func (d *doctor) lookAtTable(ctx context.Context, t *tableInfo) error {
	bad := len(d.found)
	rows, err := d.q.query(ctx, `
		SELECT has_table_privilege(r.oid, $1::oid, 'SELECT'), has_schema_privilege(r.oid, c.relnamespace, 'USAGE'), c.relrowsecurity AND NOT (r.rolbypassrls OR r.rolsuper)
		FROM pg_catalog.pg_roles r, pg_catalog.pg_class c WHERE r.rolname = $2 AND c.oid = $1::oid`,
		strconv.FormatUint(uint64(t.oid), 10), d.role)
	if err != nil {
		return err
	}
	name, role := t.fullName(), quote(d.role)
	if len(rows) == 1 {
		if !rows[0].bool(0) {
			d.problemf("privilege", name, fmt.Sprintf("as its owner: GRANT SELECT ON %s TO %s;", t.sql(), role), "role %s has no SELECT", d.role)
		}
		if !rows[0].bool(1) {
			d.problemf("privilege", name, fmt.Sprintf("as its owner: GRANT USAGE ON SCHEMA %s TO %s;", quote(t.schema), role), "role %s has no USAGE on schema %s", d.role, t.schema)
		}
		if rows[0].bool(2) {
			d.warnf("row security", name, fmt.Sprintf("as a superuser: ALTER ROLE %s BYPASSRLS;", role), "its policies hide rows from the snapshot, while the log has all of them")
		}
	}
	switch why := t.lacksIdentity(); {
	case why != "":
		d.problemf("replica identity", name, fmt.Sprintf("as its owner: ALTER TABLE %s ADD PRIMARY KEY (...); or ALTER TABLE %s REPLICA IDENTITY FULL;", t.sql(), t.sql()),
			"%s: PostgreSQL refuses its updates and deletes while it is published", why)
	case len(t.toasted) > 0 && t.identity != "f":
		d.warnf("replica identity", name, fmt.Sprintf("as its owner: ALTER TABLE %s REPLICA IDENTITY FULL;", t.sql()),
			"large values that an update does not change are not in the log (%s)", strings.Join(t.toasted, ", "))
	}
	if len(t.keyColumns()) == 0 {
		d.warnf("key", name, fmt.Sprintf("as its owner: ALTER TABLE %s ADD PRIMARY KEY (...);", t.sql()),
			"has none: its records have no key, and a snapshot that is interrupted reads it anew")
	}
	if len(d.found) == bad {
		d.finef("table", name, "readable, key %s", strings.Join(t.keyColumns(), ", "))
	}
	return nil
}

// lookAtPublication looks whether everything of the tables is published.
func (d *doctor) lookAtPublication(ctx context.Context, tables []*tableInfo) error {
	name := d.cfg.Publication
	rows, err := d.q.query(ctx, `
		SELECT concat_ws(', ', CASE WHEN NOT pubinsert THEN 'insert' END, CASE WHEN NOT pubupdate THEN 'update' END,
		                 CASE WHEN NOT pubdelete THEN 'delete' END, CASE WHEN NOT pubtruncate THEN 'truncate' END), pubviaroot
		FROM pg_catalog.pg_publication WHERE pubname = $1`, name)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		if d.saved != nil {
			d.problemf("publication", name, d.resnapshot(), "is gone, and with it the changes since the saved position")
		} else if len(tables) > 0 {
			d.warnf("publication", name, "as the owner of the tables: "+createPublication(name, tables)+";", "does not exist; the capture makes it where its role owns the tables")
		}
		return nil
	}
	bad := len(d.found)
	if missing := rows[0].text(0); missing != "" {
		d.problemf("publication", name, fmt.Sprintf("as its owner: ALTER PUBLICATION %s SET (publish = 'insert, update, delete, truncate');", quote(name)), "leaves out %s", missing)
	}
	viaRoot := rows[0].bool(1)
	if slices.ContainsFunc(tables, func(t *tableInfo) bool { return t.kind == "p" }) && !viaRoot {
		d.problemf("publication", name, fmt.Sprintf("as its owner: ALTER PUBLICATION %s SET (publish_via_partition_root = true);", quote(name)),
			"publishes changes of partitions under the partitions' names")
	}
	rows, err = d.q.query(ctx, "SELECT to_jsonb(t)->>'schemaname', to_jsonb(t)->>'tablename', coalesce(to_jsonb(t)->>'rowfilter', '') FROM pg_catalog.pg_publication_tables t WHERE pubname = $1", name)
	if err != nil {
		return err
	}
	filter := map[string]*string{}
	for _, r := range rows {
		where := r.text(2)
		filter[r.text(0)+"."+r.text(1)] = &where
	}
	var missing []string
	for _, t := range tables {
		switch where := filter[t.fullName()]; {
		case where == nil && (t.kind != "p" || viaRoot):
			missing = append(missing, t.sql())
		case where != nil && *where != "":
			d.finef("publication", name, "publishes, and the snapshot reads, only the rows of %s that are %s", t.fullName(), *where)
		}
	}
	if len(missing) > 0 {
		d.problemf("publication", name, fmt.Sprintf("as the owner of the tables: ALTER PUBLICATION %s ADD TABLE %s;", quote(name), strings.Join(missing, ", ")),
			"does not publish %s", strings.Join(missing, ", "))
	}
	if len(d.found) == bad {
		d.finef("publication", name, "publishes every operation of every table")
	}
	return nil
}
