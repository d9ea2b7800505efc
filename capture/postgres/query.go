package postgres

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// querier asks the database; parameters and answers are text.
type querier interface {
	query(ctx context.Context, sql string, args ...string) ([]record, error)
}

// plain is a querier over one connection.
type plain struct{ conn *pgconn.PgConn }

// record is one row of an answer; nil is NULL.
type record [][]byte

func (r record) text(i int) string { return string(r[i]) }
func (r record) bool(i int) bool   { return string(r[i]) == "t" }
func (r record) int(i int) int64 {
	n, _ := strconv.ParseInt(string(r[i]), 10, 64) // columns of integer type only
	return n
}
func (r record) oid(i int) uint32 { return uint32(r.int(i)) }

func (p plain) query(ctx context.Context, sql string, args ...string) ([]record, error) {
	params := make([][]byte, len(args))
	for i, a := range args {
		params[i] = []byte(a)
	}
	res := p.conn.ExecParams(ctx, sql, params, nil, nil, nil).Read()
	out := make([]record, len(res.Rows))
	for i, r := range res.Rows {
		out[i] = r
	}
	return out, res.Err
}

// exec runs a statement without parameters or answer.
func (p plain) exec(ctx context.Context, sql string) error {
	_, err := p.conn.Exec(ctx, sql).ReadAll()
	return err
}

// quote writes an identifier for SQL.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal writes a string for SQL; standard_conforming_strings is on wherever
// this source connects, and no backslash is special then.
func literal(s string) string { return `'` + strings.ReplaceAll(s, `'`, `''`) + `'` }
