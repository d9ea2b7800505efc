package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// oddJobs does one after another what pgbench cannot: COPY, huge transactions,
// DDL, TRUNCATE, values out of line.
type oddJobs struct {
	t    *testing.T
	dsn  string
	r    *rand.Rand
	made int // jobs so far; each has ids of its own
}

// run works until ctx is done. A job whose server is killed is given up; whether
// it was committed is for the database to say.
func (o *oddJobs) run(ctx context.Context) {
	for ctx.Err() == nil {
		db, err := pgx.Connect(ctx, o.dsn)
		for err == nil && ctx.Err() == nil {
			err = o.one(ctx, db)
			pause(ctx, time.Duration(o.r.IntN(120))*time.Millisecond)
		}
		if db != nil {
			_ = db.Close(context.Background())
		}
		if err != nil && ctx.Err() == nil && !crashed(err.Error()) {
			o.t.Errorf("odd job %d: %v", o.made, err)
			return
		}
		pause(ctx, 100*time.Millisecond)
	}
}

func (o *oddJobs) one(ctx context.Context, db *pgx.Conn) error {
	o.made++
	first := 10_000_000_000 + int64(o.made)*100_000
	do := func(format string, args ...any) error {
		_, err := db.Exec(ctx, fmt.Sprintf(format, args...), pgx.QueryExecModeSimpleProtocol)
		return err
	}
	switch job := o.r.IntN(24); {
	case job < 5: // COPY
		n := 100 + o.r.IntN(3000)
		_, err := db.CopyFrom(ctx, pgx.Identifier{"crash_items"}, []string{"id", "grp", "note", "at"},
			pgx.CopyFromSlice(n, func(i int) ([]any, error) {
				return []any{first + int64(i), i % 7, fmt.Sprintf("copied %d", i), time.Now()}, nil
			}))
		return err
	case job < 9: // savepoints, and now and then nothing at all
		end := "COMMIT"
		if o.r.IntN(4) == 0 {
			end = "ROLLBACK"
		}
		return do(`BEGIN;
			INSERT INTO crash_items (id, grp) SELECT i, 1 FROM generate_series(%[1]d, %[1]d + 50) i;
			SAVEPOINT a; UPDATE crash_items SET grp = 2 WHERE id BETWEEN %[1]d AND %[1]d + 25;
			SAVEPOINT b; DELETE FROM crash_items WHERE id BETWEEN %[1]d AND %[1]d + 30; ROLLBACK TO b;
			UPDATE crash_items SET id = id + 60 WHERE id BETWEEN %[1]d AND %[1]d + 5; ROLLBACK TO a;
			UPDATE crash_items SET price = 1.5 WHERE id BETWEEN %[1]d + 10 AND %[1]d + 20; RELEASE a; %[2]s`, first, end)
	case job < 13:
		return o.shape(ctx, db, do)
	case job < 15:
		return do("TRUNCATE crash_side")
	case job < 18:
		return do("INSERT INTO crash_side (v) SELECT 'job %d row ' || i FROM generate_series(1, 200) i; UPDATE crash_side SET v = v || '!' WHERE id %% 3 = 0", o.made)
	case job < 22: // the note is out of line, and unchanged in the updates
		return do(`INSERT INTO crash_items (id, grp, note) SELECT i, 3, repeat(md5(i::text), 200) FROM generate_series(%[1]d, %[1]d + 20) i;
			UPDATE crash_items SET price = 2.25 WHERE id BETWEEN %[1]d AND %[1]d + 10;
			UPDATE crash_items SET id = id + 30 WHERE id BETWEEN %[1]d AND %[1]d + 3`, first)
	case o.r.IntN(2) == 0:
		return do("INSERT INTO crash_bulk SELECT i, md5(i::text) FROM generate_series(%[1]d, %[1]d + 99999) i", first)
	default:
		return do("UPDATE crash_bulk SET v = v || '+' WHERE id %% 2 = 0; DELETE FROM crash_bulk WHERE id %% 3 = 0")
	}
}

// shape adds, drops or renames a column.
func (o *oddJobs) shape(ctx context.Context, db *pgx.Conn, do func(string, ...any) error) error {
	rows, err := db.Query(ctx, `SELECT attname::text FROM pg_attribute WHERE attrelid = 'crash_shape'::regclass AND attname LIKE 'extra%' AND NOT attisdropped ORDER BY 1`)
	if err != nil {
		return err
	}
	extra, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	types := []string{"int", "text", "numeric(8,3)"}
	switch what := o.r.IntN(3); {
	case len(extra) < 2 || what == 0 && len(extra) < 5:
		as := "" // without a default
		if o.r.IntN(2) == 0 {
			as = fmt.Sprintf(" DEFAULT '%d'", o.made)
		}
		return do("ALTER TABLE crash_shape ADD COLUMN extra%d %s%s; UPDATE crash_shape SET n = n + 1 WHERE id %% 10 = 0", o.made, types[o.r.IntN(len(types))], as)
	case what == 1:
		return do("ALTER TABLE crash_shape DROP COLUMN %s; INSERT INTO crash_shape (id, n) VALUES (%d, 0)", extra[o.r.IntN(len(extra))], 100_000+o.made)
	default:
		old := extra[o.r.IntN(len(extra))]
		return do("ALTER TABLE crash_shape RENAME COLUMN %s TO extra%dx; UPDATE crash_shape SET n = n + 1 WHERE id %% 10 = 1", old, o.made)
	}
}
