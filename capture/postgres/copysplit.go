package postgres

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pglogrepl"

	"sluice/capture/snapshot"
)

// splitBytes is how large a range is worth being read beside others.
const splitBytes = 8 << 20

// samples is about how many pages are looked at for the bounds of a range.
const samples = 64

// Split cuts a table at keys from a sample of its pages.
func (r *copyReader) Split(ctx context.Context, table string, parts int) (snapshot.Layout, error) {
	l, err := r.split(ctx, table, parts)
	r.end(ctx)
	if err != nil {
		return l, r.copies.fault(ctx, &snapshot.Request{Table: table}, err)
	}
	return l, nil
}

func (r *copyReader) split(ctx context.Context, table string, parts int) (snapshot.Layout, error) {
	_, t, err := r.begin(ctx, table)
	if err != nil {
		return snapshot.Layout{}, err
	}
	rel := t.rel
	rows, err := plain{r.conn}.query(ctx, `
		SELECT coalesce(sum(pg_catalog.pg_relation_size(c.oid)), 0), coalesce(sum(pg_catalog.pg_table_size(c.oid)), 0),
		       coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint
		FROM pg_catalog.pg_class c
		WHERE c.oid = $1 OR c.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::oid::regclass) WHERE isleaf)`,
		strconv.FormatUint(uint64(rel.info.oid), 10))
	if err != nil {
		return snapshot.Layout{}, err
	}
	heap, whole := rows[0].int(0), rows[0].int(1)
	l := snapshot.Layout{Rows: rows[0].int(2), Keyless: len(rel.table.Key) == 0}
	parts = int(min(int64(parts), whole/splitBytes+1))
	if l.Keyless || parts < 2 {
		return l, nil
	}
	key := make([]string, len(rel.table.Key))
	for i, k := range rel.table.Key {
		key[i] = quote(rel.table.Columns[k].Name)
	}
	columns := strings.Join(key, ", ")
	pages := max(1, heap>>13)
	percent := min(100, 100*float64(samples*parts)/float64(pages))
	_, from, _ := rel.published()
	found, err := plain{r.conn}.query(ctx, "SELECT "+columns+" FROM "+from+
		" TABLESAMPLE SYSTEM ("+strconv.FormatFloat(percent, 'f', -1, 64)+") ORDER BY "+columns)
	if err != nil {
		return snapshot.Layout{}, err
	}
	if l.Rows == 0 {
		l.Rows = int64(float64(len(found)) * 100 / percent)
	}
	for i := 1; i < parts && len(found) >= 2*parts; i++ {
		row := found[i*len(found)/parts]
		bound := make(snapshot.Key, len(row))
		for j := range row {
			bound[j] = string(row[j])
		}
		l.Bounds = append(l.Bounds, bound)
	}
	return l, nil
}

// Suspects lists the transactions that have an id and are not visible. Until it
// is, a session's transaction id stays in pg_stat_activity, for whoever asks; its
// state is shown to members of pg_read_all_stats. A session that waits for its
// client, for a lock or for a page of a table has no commit record yet.
func (r *copyReader) Suspects(ctx context.Context) ([]snapshot.Suspect, error) {
	rows, err := plain{r.conn}.query(ctx, `
		SELECT a.backend_xid, 'of process ' || a.pid,
		       coalesce(a.state LIKE 'idle in transaction%' OR a.wait_event_type IN ('Lock', 'Client') OR a.wait_event = 'DataFileRead', false)
		FROM pg_catalog.pg_stat_activity a WHERE a.backend_xid IS NOT NULL
		UNION ALL
		SELECT p.transaction, 'prepared as ' || p.gid, NOT EXISTS (
			SELECT FROM pg_catalog.pg_stat_activity a
			WHERE a.pid <> pg_catalog.pg_backend_pid() AND a.backend_type = 'client backend'
			AND (a.state IS NULL OR a.state <> 'idle' AND a.query ~* 'commit.*prepared'))
		FROM pg_catalog.pg_prepared_xacts p`)
	if err != nil {
		return nil, r.copies.fault(ctx, &snapshot.Request{Table: "pg_stat_activity"}, err)
	}
	out := make([]snapshot.Suspect, len(rows))
	for i, row := range rows {
		out[i] = snapshot.Suspect{Tx: transaction(row.oid(0)), Name: row.text(0) + " " + row.text(1), Running: row.bool(2)}
	}
	return out, nil
}

// Settle lowers the mark of a view to what the server has flushed. What it wrote
// beyond that, as hint bits and the like, may lie there for long when nothing
// commits; commits do not: the WAL writer flushes even those that do not wait
// for it within three rounds (PostgreSQL docs, 30.4).
func (r *copyReader) Settle(ctx context.Context, v snapshot.View) error {
	rows, err := plain{r.conn}.query(ctx, `SELECT CASE WHEN pg_catalog.pg_is_in_recovery()
		THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_flush_lsn() END`)
	if err != nil {
		return r.copies.fault(ctx, &snapshot.Request{Table: "pg_current_wal_flush_lsn"}, err)
	}
	at, err := pglogrepl.ParseLSN(rows[0].text(0))
	if err != nil {
		return err
	}
	if mark := &v.(*view).mark; uint64(at) < mark.Load() {
		mark.Store(uint64(at))
	}
	return nil
}
