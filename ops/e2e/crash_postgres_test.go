package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"sluice/ops/local"
	"sluice/ops/local/localtest"
)

// postgresVictim is a Postgres under pgbench and stranger transactions.
type postgresVictim struct {
	*local.Postgres
	t   *testing.T
	dir string // of pgbench's scripts
}

func startPostgresVictim(t *testing.T, _ uint64) victim {
	t.Helper()
	localtest.Postgres(t) // says why it skips where there is none
	// It is killed: what it has confirmed must be on the disk.
	pg, err := local.StartPostgres(t.Context(), local.PostgresOptions{Durable: true, Settings: map[string]string{"max_wal_size": "1GB"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	p := &postgresVictim{Postgres: pg, t: t, dir: t.TempDir()}
	p.tables()
	return p
}

func (p *postgresVictim) dsn() string { return p.DSN("postgres") }

func (p *postgresVictim) topics() string { return "crash.public." }

func (p *postgresVictim) settings() string {
	return `    postgres:
      dsn: ${CRASH_DSN}
      tables: ["public.pgbench_*", "public.crash_*"]
      heartbeat: 1s
`
}

func (p *postgresVictim) writers(seed uint64) []func(context.Context) {
	odd := &jobs{t: p.t, name: "odd job", r: rand.New(rand.NewPCG(seed, 6)), rest: 120 * time.Millisecond}
	return []func(context.Context){
		func(ctx context.Context) { p.pgbench(ctx, seed) },
		func(ctx context.Context) { odd.run(ctx, p.session) },
	}
}

func (p *postgresVictim) last(ctx context.Context) error {
	db, err := pgx.Connect(ctx, p.dsn())
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	for _, sql := range []string{"UPDATE crash_shape SET n = n + 1", "INSERT INTO crash_mark VALUES (1)"} {
		if _, err := db.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func (p *postgresVictim) keys() map[string][]string {
	return map[string][]string{
		"pgbench_accounts": {"aid"}, "pgbench_branches": {"bid"}, "pgbench_tellers": {"tid"}, "pgbench_history": {"id"},
		"crash_items": {"id"}, "crash_bulk": {"id"}, "crash_side": {"id"}, "crash_shape": {"id"}, "crash_mark": {"id"},
	}
}

func (p *postgresVictim) least() []string { return []string{"crash_items", "pgbench_accounts"} }

func (p *postgresVictim) table(ctx context.Context, name string, row func(map[string]string)) error {
	db, err := pgx.Connect(ctx, p.dsn())
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	r := db.PgConn().ExecParams(ctx, "SELECT * FROM "+name, nil, nil, nil, nil) // as text
	var wrong error
	for r.NextRow() {
		texts := map[string]string{}
		for i, v := range r.Values() {
			f := r.FieldDescriptions()[i]
			if texts[f.Name], err = neutral(f.DataTypeOID, v); err != nil {
				wrong = fmt.Errorf("column %s: %w", f.Name, err)
			}
		}
		row(texts)
	}
	_, err = r.Close()
	return errors.Join(wrong, err)
}

// neutral writes PostgreSQL's text of a value as capturetest.RenderValue writes
// the value, and timestamps as microseconds.
func neutral(oid uint32, text []byte) (string, error) {
	if text == nil {
		return "null", nil
	}
	s := string(text)
	switch oid {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.NumericOID:
		return s, nil
	case pgtype.BoolOID:
		return strconv.FormatBool(s == "t"), nil
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID:
		return strconv.Quote(s), nil
	case pgtype.TimestampOID, pgtype.TimestamptzOID:
		layout := "2006-01-02 15:04:05.999999"
		if oid == pgtype.TimestamptzOID {
			layout += "-07"
		}
		at, err := time.Parse(layout, s)
		return strconv.FormatInt(at.UnixMicro(), 10), err
	}
	return "", fmt.Errorf("type %d is not compared yet", oid)
}
