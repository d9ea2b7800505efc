package e2e

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// session opens a connection for odd jobs: COPY, savepoints, DDL, values out of line.
func (p *postgresVictim) session(ctx context.Context) (jobSession, error) {
	db, err := pgx.Connect(ctx, p.dsn())
	if err != nil {
		return jobSession{}, err
	}
	return jobSession{
		one:   func(ctx context.Context, j *jobs) error { return postgresJob(ctx, db, j) },
		close: func() { _ = db.Close(context.Background()) },
	}, nil
}

func postgresJob(ctx context.Context, db *pgx.Conn, j *jobs) error {
	first := j.first()
	do := func(format string, args ...any) error {
		_, err := db.Exec(ctx, fmt.Sprintf(format, args...), pgx.QueryExecModeSimpleProtocol)
		return err
	}
	switch job := j.r.IntN(24); {
	case job < 5: // COPY
		n := 100 + j.r.IntN(3000)
		_, err := db.CopyFrom(ctx, pgx.Identifier{"crash_items"}, []string{"id", "grp", "note", "at"},
			pgx.CopyFromSlice(n, func(i int) ([]any, error) {
				return []any{first + int64(i), i % 7, fmt.Sprintf("copied %d", i), time.Now()}, nil
			}))
		return err
	case job < 9: // savepoints, and now and then nothing at all
		end := "COMMIT"
		if j.r.IntN(4) == 0 {
			end = "ROLLBACK"
		}
		return do(`BEGIN;
			INSERT INTO crash_items (id, grp) SELECT i, 1 FROM generate_series(%[1]d, %[1]d + 50) i;
			SAVEPOINT a; UPDATE crash_items SET grp = 2 WHERE id BETWEEN %[1]d AND %[1]d + 25;
			SAVEPOINT b; DELETE FROM crash_items WHERE id BETWEEN %[1]d AND %[1]d + 30; ROLLBACK TO b;
			UPDATE crash_items SET id = id + 60 WHERE id BETWEEN %[1]d AND %[1]d + 5; ROLLBACK TO a;
			UPDATE crash_items SET price = 1.5 WHERE id BETWEEN %[1]d + 10 AND %[1]d + 20; RELEASE a; %[2]s`, first, end)
	case job < 13:
		return postgresShape(ctx, db, j, do)
	case job < 15:
		return do("TRUNCATE crash_side")
	case job < 18:
		return do("INSERT INTO crash_side (v) SELECT 'job %d row ' || i FROM generate_series(1, 200) i; UPDATE crash_side SET v = v || '!' WHERE id %% 3 = 0", j.made)
	case job < 22: // the note is out of line, and unchanged in the updates
		return do(`INSERT INTO crash_items (id, grp, note) SELECT i, 3, repeat(md5(i::text), 200) FROM generate_series(%[1]d, %[1]d + 20) i;
			UPDATE crash_items SET price = 2.25 WHERE id BETWEEN %[1]d AND %[1]d + 10;
			UPDATE crash_items SET id = id + 30 WHERE id BETWEEN %[1]d AND %[1]d + 3`, first)
	case j.r.IntN(2) == 0:
		return do("INSERT INTO crash_bulk SELECT i, md5(i::text) FROM generate_series(%[1]d, %[1]d + 99999) i", first)
	default:
		return do("UPDATE crash_bulk SET v = v || '+' WHERE id %% 2 = 0; DELETE FROM crash_bulk WHERE id %% 3 = 0")
	}
}

// postgresShape adds, drops or renames a column.
func postgresShape(ctx context.Context, db *pgx.Conn, j *jobs, do func(string, ...any) error) error {
	rows, err := db.Query(ctx, `SELECT attname::text FROM pg_attribute WHERE attrelid = 'crash_shape'::regclass AND attname LIKE 'extra%' AND NOT attisdropped ORDER BY 1`)
	if err != nil {
		return err
	}
	extra, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	switch what := j.r.IntN(3); {
	case len(extra) < 2 || what == 0 && len(extra) < 5:
		return do("ALTER TABLE crash_shape ADD COLUMN %s; UPDATE crash_shape SET n = n + 1 WHERE id %% 10 = 0", j.extra("int", "text", "numeric(8,3)"))
	case what == 1:
		return do("ALTER TABLE crash_shape DROP COLUMN %s; INSERT INTO crash_shape (id, n) VALUES (%d, 0)", j.oneOf(extra), 100_000+j.made)
	default:
		return do("ALTER TABLE crash_shape RENAME COLUMN %s TO extra%dx; UPDATE crash_shape SET n = n + 1 WHERE id %% 10 = 1", j.oneOf(extra), j.made)
	}
}
