package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// tableInfo is what the catalogue says of a table.
type tableInfo struct {
	oid          uint32
	schema, name string
	// kind is relkind: r, or p for a partitioned table.
	kind string
	// identity is relreplident: d, n, f or i.
	identity  string
	readable  bool
	partition bool
	// ancestors are the tables that a partition is part of, the nearest first;
	// root is the farthest of them that is captured, as SQL, where the partition
	// is captured for its sake.
	ancestors []string
	root      string
	// parent: other tables inherit from it.
	parent bool
	// unfit is why the log cannot carry the table; "" if it can.
	unfit string
	// filter is the publication's condition on the rows; "": all.
	filter     string
	attributes []attribute
	// primary and identityIndex are column names in key order.
	primary, identityIndex []string
	// unique are the columns of a unique index, for a table without a primary
	// key: none of them may be NULL, and it covers all rows.
	unique []string
	// toasted are columns whose unchanged values may stay out of an update.
	toasted []string
}

// attribute is one column of a table or of a relation message.
type attribute struct {
	name     string
	oid      uint32
	typmod   int32
	optional bool
	// dims is the declared number of an array's dimensions.
	dims int
	// identity: the column is part of the old row that the log carries.
	identity bool
	// expression is the column's DEFAULT, as the server prints it.
	expression string
	generated  bool
}

func (t *tableInfo) fullName() string { return t.schema + "." + t.name }
func (t *tableInfo) sql() string      { return quote(t.schema) + "." + quote(t.name) }

// keyColumns is the key of the table's records: the primary key, unless the log
// does not carry it with a delete; then the index that it carries. Without both
// it is a unique index, as with Debezium.
func (t *tableInfo) keyColumns() []string {
	if t.identity != "i" || len(t.identityIndex) == 0 {
		if len(t.primary) == 0 {
			return t.unique
		}
		return t.primary
	}
	for _, k := range t.primary {
		if !slices.Contains(t.identityIndex, k) {
			return t.identityIndex
		}
	}
	if len(t.primary) == 0 {
		return t.identityIndex
	}
	return t.primary
}

// catalogued asks for tables; a condition may follow.
const catalogued = `
	SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident,
	       has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE'), c.relispartition,
	       c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid), c.relpersistence,
	       CASE WHEN c.relispartition THEN (
	           SELECT json_agg(json_build_array(pn.nspname, pc.relname) ORDER BY a.ord)
	           FROM pg_catalog.pg_partition_ancestors(c.oid) WITH ORDINALITY AS a(relid, ord)
	           JOIN pg_catalog.pg_class pc ON pc.oid = a.relid JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace
	           WHERE a.relid <> c.oid) END
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace `

func tablesOf(rows []record) ([]*tableInfo, error) {
	out := make([]*tableInfo, len(rows))
	for i, r := range rows {
		t := &tableInfo{
			oid: r.oid(0), schema: r.text(1), name: r.text(2), kind: r.text(3),
			identity: r.text(4), readable: r.bool(5), partition: r.bool(6), parent: r.bool(7),
		}
		t.unfit = unfit(t.kind, r.text(8))
		if r[9] != nil {
			var names [][2]string
			if err := json.Unmarshal(r[9], &names); err != nil {
				return nil, fmt.Errorf("reading the ancestors of %s: %w", t.fullName(), err)
			}
			for _, n := range names {
				t.ancestors = append(t.ancestors, n[0]+"."+n[1])
			}
		}
		out[i] = t
	}
	return out, nil
}

// unfit says why a relation of that relkind and relpersistence is not in the
// log.
func unfit(kind, persistence string) string {
	switch kind {
	case "v", "m":
		return "is a view: the log carries tables"
	case "f":
		return "is a foreign table: its changes are in another server's log"
	}
	switch persistence {
	case "u":
		return "is unlogged: its changes are in no log"
	case "t":
		return "is temporary: its changes are in no log"
	}
	return ""
}

// mend is what to do about an unfit table.
func (t *tableInfo) mend() string {
	if strings.Contains(t.unfit, "unlogged") {
		return fmt.Sprintf("ALTER TABLE %s SET LOGGED; or leave it out of tables", t.sql())
	}
	return "name the tables behind it, or leave it out of tables"
}

// readTables lists the tables of the database, without their columns.
func readTables(ctx context.Context, q querier) ([]*tableInfo, error) {
	rows, err := q.query(ctx, catalogued+`
		WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
		  AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
		ORDER BY n.nspname, c.relname`)
	if err != nil {
		return nil, fmt.Errorf("listing tables: %w", err)
	}
	return tablesOf(rows)
}

// readTable asks for one table by object id; nil if it is gone.
func readTable(ctx context.Context, q querier, oid uint32) (*tableInfo, error) {
	rows, err := q.query(ctx, catalogued+"WHERE c.oid = $1", strconv.FormatUint(uint64(oid), 10))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	tables, err := tablesOf(rows)
	if err != nil {
		return nil, err
	}
	return tables[0], tables[0].readColumns(ctx, q)
}

// readColumns fills in columns and keys.
func (t *tableInfo) readColumns(ctx context.Context, q querier) error {
	oid := strconv.FormatUint(uint64(t.oid), 10)
	rows, err := q.query(ctx, `
		SELECT a.attname, a.atttypid, a.atttypmod, a.attnotnull OR y.typnotnull, a.attstorage IN ('x', 'e'), a.attndims, a.attgenerated <> ''
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
		WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
		ORDER BY a.attnum`, oid)
	if err != nil {
		return fmt.Errorf("reading the columns of %s: %w", t.fullName(), err)
	}
	t.attributes, t.toasted = nil, nil
	for _, r := range rows {
		t.attributes = append(t.attributes, attribute{
			name: r.text(0), oid: r.oid(1), typmod: int32(r.int(2)), optional: !r.bool(3), dims: int(r.int(5)), generated: r.bool(6),
		})
		if r.bool(4) {
			t.toasted = append(t.toasted, r.text(0))
		}
	}
	if err := t.readDefaults(ctx, q); err != nil {
		return err
	}
	rows, err = q.query(ctx, `
		SELECT i.indisprimary, i.indisreplident, json_agg(a.attname ORDER BY k.ord),
		       i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
		       AND count(*) FILTER (WHERE a.attnotnull) = i.indnkeyatts
		FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
		CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, ord)
		JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
		WHERE i.indrelid = $1 AND (i.indisprimary OR i.indisreplident OR i.indisunique) AND k.ord <= i.indnkeyatts
		GROUP BY i.indexrelid, i.indisprimary, i.indisreplident, i.indisunique, i.indisvalid, i.indimmediate,
		         i.indpred IS NULL, i.indnkeyatts, c.relname
		ORDER BY c.relname`, oid)
	if err != nil {
		return fmt.Errorf("reading the keys of %s: %w", t.fullName(), err)
	}
	t.primary, t.identityIndex, t.unique = nil, nil, nil
	for _, r := range rows {
		var names []string
		if err := json.Unmarshal(r[2], &names); err != nil {
			return fmt.Errorf("reading the keys of %s: %w", t.fullName(), err)
		}
		if r.bool(0) {
			t.primary = names
		}
		if r.bool(1) {
			t.identityIndex = names
		}
		if r.bool(3) && t.unique == nil {
			t.unique = names
		}
	}
	inLog := t.primary
	if t.identity == "i" {
		inLog = t.identityIndex
	}
	for i := range t.attributes {
		a := &t.attributes[i]
		a.identity = t.identity == "f" || t.identity != "n" && slices.Contains(inLog, a.name)
	}
	return nil
}
