package mysql

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/capture/snapshot"
)

// selectRows writes the query of a table's rows, and of their keys behind them.
func selectRows(rel *relation, where string, keys []string) string {
	parts := make([]string, 0, len(rel.columns)+len(keys))
	for i := range rel.columns {
		parts = append(parts, rel.columns[i].selected())
	}
	sql := "SELECT " + strings.Join(append(parts, keys...), ", ") + " FROM " + rel.info.sql() + " WHERE true"
	if where != "" {
		sql += " AND (" + where + ")"
	}
	return sql
}

// rangeQuery writes the query of a range in key order. A server finds the begin
// of (a, b) > (1, 2) by its index only if that is spelt out.
func rangeQuery(rel *relation, q *snapshot.Request, limit int) (string, error) {
	var names, keys []string
	for _, k := range rel.table.Key {
		c := &rel.columns[k]
		names = append(names, quote(c.name))
		keys = append(keys, c.keyExpression())
	}
	sql := selectRows(rel, q.Where, keys)
	for _, b := range []struct {
		values snapshot.Key
		op     string
		last   string
	}{{q.After, ">", ">"}, {q.UpTo, "<", "<="}} {
		if b.values == nil {
			continue
		}
		if len(b.values) != len(names) {
			return "", snapshot.ErrLayout
		}
		var same string
		var terms []string
		for i, name := range names {
			v, err := rel.columns[rel.table.Key[i]].keyLiteral(b.values[i])
			if err != nil {
				return "", err
			}
			op := b.op
			if i == len(names)-1 {
				op = b.last
			}
			terms = append(terms, "("+same+name+" "+op+" "+v+")")
			if i == 0 && len(names) > 1 {
				sql += " AND " + name + " " + b.op + "= " + v
			}
			same += name + " = " + v + " AND "
		}
		sql += " AND (" + strings.Join(terms, " OR ") + ")"
	}
	return sql + " ORDER BY " + strings.Join(names, ", ") + " LIMIT " + strconv.Itoa(limit), nil
}

// keyExpression selects a key's value in a form that keyLiteral reads.
func (c *column) keyExpression() string {
	switch {
	case c.isLabels(), c.kind == gomysql.MYSQL_TYPE_BIT:
		return "CAST(" + quote(c.name) + " AS UNSIGNED)"
	case c.set != nil:
		return quote(c.name)
	}
	return c.selected()
}

// keyLiteral writes a key's value as SQL.
func (c *column) keyLiteral(text string) (string, error) {
	switch c.kind {
	case gomysql.MYSQL_TYPE_TINY, gomysql.MYSQL_TYPE_SHORT, gomysql.MYSQL_TYPE_INT24, gomysql.MYSQL_TYPE_LONG, gomysql.MYSQL_TYPE_LONGLONG,
		gomysql.MYSQL_TYPE_NEWDECIMAL, gomysql.MYSQL_TYPE_FLOAT, gomysql.MYSQL_TYPE_DOUBLE, gomysql.MYSQL_TYPE_YEAR,
		gomysql.MYSQL_TYPE_ENUM, gomysql.MYSQL_TYPE_SET, gomysql.MYSQL_TYPE_BIT:
		if strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789.e+-", r) }) || text == "" {
			return "", fmt.Errorf("%q is no number for key column %s", text, c.name)
		}
		return text, nil
	}
	switch {
	case c.set == nil: // dates, UUIDs, addresses
		return literal(text), nil
	case text == "":
		return "''", nil
	case c.set.name == binaryCharset:
		return "X'" + hex.EncodeToString([]byte(text)) + "'", nil
	}
	return "_" + c.set.name + " X'" + hex.EncodeToString([]byte(text)) + "'", nil
}

// splitBytes is how large a range is worth being read beside others.
const splitBytes = 8 << 20

// Split cuts a table whose key begins with a whole number into even ranges of
// that number; others are read as one range.
func (r *copyReader) Split(ctx context.Context, table string, parts int) (snapshot.Layout, error) {
	l, err := r.split(ctx, table, parts)
	r.end(ctx)
	if err != nil {
		return l, r.copies.fault(ctx, &snapshot.Request{Table: table}, err)
	}
	return l, nil
}

func (r *copyReader) split(ctx context.Context, table string, parts int) (snapshot.Layout, error) {
	rel, err := r.relation(ctx, table)
	if err != nil {
		return snapshot.Layout{}, err
	}
	s := r.copies.source
	l := snapshot.Layout{Keyless: len(rel.table.Key) == 0}
	sizes, err := query(ctx, s.sql, "SELECT coalesce(table_rows, 0), coalesce(data_length, 0) FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
		rel.info.schema, rel.info.name)
	if err != nil {
		return l, s.lost(err)
	}
	if len(sizes) == 0 {
		return l, snapshot.ErrGone
	}
	l.Rows = sizes[0].int(0)
	parts = int(min(int64(parts), sizes[0].int(1)/splitBytes+1))
	if l.Keyless || parts < 2 || len(rel.table.Key) != 1 || !rel.columns[rel.table.Key[0]].isWhole() {
		return l, nil
	}
	k := quote(rel.columns[rel.table.Key[0]].name)
	ends, err := query(ctx, s.sql, "SELECT min("+k+"), max("+k+") FROM "+rel.info.sql())
	if err != nil {
		return l, s.lost(err)
	}
	low, high, ok := wholeEnds(ends[0])
	if !ok || uint64(high-low) < uint64(2*parts) {
		return l, nil
	}
	step := uint64(high-low) / uint64(parts)
	for i := 1; i < parts; i++ {
		l.Bounds = append(l.Bounds, snapshot.Key{strconv.FormatInt(low+int64(step*uint64(i)), 10)})
	}
	return l, nil
}

// wholeEnds reads the least and the greatest key; false: there is none, or it is
// beyond what is worth the care.
func wholeEnds(r record) (low, high int64, ok bool) {
	low, err1 := strconv.ParseInt(r.text(0), 10, 64)
	high, err2 := strconv.ParseInt(r.text(1), 10, 64)
	return low, high, err1 == nil && err2 == nil
}

func (c *logged) isWhole() bool {
	switch c.kind {
	case gomysql.MYSQL_TYPE_TINY, gomysql.MYSQL_TYPE_SHORT, gomysql.MYSQL_TYPE_INT24, gomysql.MYSQL_TYPE_LONG, gomysql.MYSQL_TYPE_LONGLONG:
		return true
	}
	return false
}

// reach waits until the stream has read the log up to the place.
func (st *stream) reach(ctx context.Context, to place) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if at, _ := st.decoder.progress.read(); at.compare(to) >= 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
