package e2e

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/go-sql-driver/mysql"

	"sluice/ops/local"
)

// mysqlJob does one odd job: LOAD DATA, savepoints, huge transactions, DDL.
func mysqlJob(ctx context.Context, s *mysqlSession, j *jobs) error {
	first := j.first()
	do := func(format string, args ...any) error {
		return s.do(ctx, strings.Split(fmt.Sprintf(format, args...), "; ")...)
	}
	switch job := j.r.IntN(36); {
	case job < 4:
		return loadData(ctx, s, first, 100+j.r.IntN(3000))
	case job < 8: // savepoints, and now and then nothing at all
		end := "COMMIT"
		if j.r.IntN(4) == 0 {
			end = "ROLLBACK"
		}
		return do("BEGIN; INSERT INTO crash_items (id, grp) SELECT %[1]d + n, 1 FROM base.numbers WHERE n <= 50; "+
			"SAVEPOINT a; UPDATE crash_items SET grp = 2 WHERE id BETWEEN %[1]d AND %[1]d + 25; "+
			"SAVEPOINT b; DELETE FROM crash_items WHERE id BETWEEN %[1]d AND %[1]d + 30; ROLLBACK TO b; "+
			"UPDATE crash_items SET id = id + 60 WHERE id BETWEEN %[1]d AND %[1]d + 5; ROLLBACK TO a; "+
			"UPDATE crash_items SET price = 1.5 WHERE id BETWEEN %[1]d + 10 AND %[1]d + 20; RELEASE SAVEPOINT a; %[2]s", first, end)
	case job < 13:
		return mysqlShape(ctx, s, j, do)
	case job < 15:
		return do("TRUNCATE crash_side")
	case job < 18:
		return do("INSERT INTO crash_side (v) SELECT CONCAT('job %d row ', n) FROM base.numbers WHERE n < 200; UPDATE crash_side SET v = CONCAT(v, '!') WHERE id %% 3 = 0 AND LENGTH(v) < 190", j.made)
	case job < 21: // large values
		return do("INSERT INTO crash_items (id, grp, note) SELECT %[1]d + n, 3, REPEAT(SHA2(n, 224), 200) FROM base.numbers WHERE n <= 20; "+
			"UPDATE crash_items SET price = 2.25 WHERE id BETWEEN %[1]d AND %[1]d + 10; "+
			"UPDATE crash_items SET id = id + 30 WHERE id BETWEEN %[1]d AND %[1]d + 3", first)
	case job < 23:
		return ghost(ctx, s, j)
	case job < 25: // rows without a key, some of them alike
		return do("INSERT INTO crash_log SELECT d %% 3, 'job %[1]d' FROM base.digits; UPDATE crash_log SET v = 'again %[1]d' WHERE at = 1 LIMIT 4; DELETE FROM crash_log WHERE at = 2 LIMIT 6", j.made)
	case job < 26: // a table that goes, and one of its name that comes
		return do("%s; DELETE FROM crash_made; DROP TABLE crash_made; CREATE TABLE crash_made (id int PRIMARY KEY, v varchar(40)) SELECT n AS id, 'made %d' AS v FROM base.numbers WHERE n < %d",
			madeTable, j.made, 10+j.r.IntN(50))
	case job < 27:
		return do("FLUSH BINARY LOGS")
	case job < 28:
		return compress(ctx, s, j.r.IntN(2) == 0)
	case j.r.IntN(2) == 0:
		return do("INSERT INTO crash_bulk SELECT %d + n, SHA2(n, 224) FROM base.numbers WHERE n < 60000", first)
	default: // as much as there is, in one transaction
		return do("BEGIN; UPDATE crash_bulk SET v = CONCAT(LEFT(v, 70), '+') WHERE id %% 2 = 0; DELETE FROM crash_bulk WHERE id %% 3 = 0; COMMIT")
	}
}

// loadData sends a file of so many rows.
func loadData(ctx context.Context, s *mysqlSession, first int64, n int) error {
	mysql.RegisterReaderHandler(s.of.name, func() io.Reader {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%d\t%d\tloaded ☃ %d\n", first+int64(i), i%7, i)
		}
		return strings.NewReader(b.String())
	})
	defer mysql.DeregisterReaderHandler(s.of.name)
	return s.do(ctx, fmt.Sprintf("LOAD DATA LOCAL INFILE 'Reader::%s' INTO TABLE crash_items CHARACTER SET utf8mb4 (id, grp, note)", s.of.name))
}

// mysqlShape adds, drops, renames or moves a column, while others write the table.
func mysqlShape(ctx context.Context, s *mysqlSession, j *jobs, do func(string, ...any) error) error {
	var all string
	if err := s.QueryRowContext(ctx, `SELECT COALESCE(GROUP_CONCAT(column_name ORDER BY 1), '') FROM information_schema.columns
		WHERE table_schema = 'crash' AND table_name = 'crash_shape' AND column_name LIKE 'extra%'`).Scan(&all); err != nil {
		return err
	}
	extra := strings.FieldsFunc(all, func(r rune) bool { return r == ',' })
	where := j.oneOf([]string{"FIRST", "AFTER id", "AFTER n"})
	switch what := j.r.IntN(5); {
	case len(extra) < 2 || what == 0 && len(extra) < 5:
		return do("ALTER TABLE crash_shape ADD COLUMN %s %s; UPDATE crash_shape SET n = n + 1 WHERE id %% 10 = 0", j.extra("int", "varchar(20)", "decimal(8,3)"), where)
	case what == 1:
		return do("ALTER TABLE crash_shape DROP COLUMN %s; INSERT INTO crash_shape (id, n) VALUES (%d, 0)", j.oneOf(extra), 100_000+j.made)
	case what == 2:
		return do("ALTER TABLE crash_shape MODIFY n int NOT NULL %s; UPDATE crash_shape SET n = n + 1 WHERE id %% 10 = 2", j.oneOf([]string{"FIRST", "AFTER id", "AFTER again"}))
	case what == 3:
		return do("ALTER TABLE crash_shape DROP COLUMN again, ADD COLUMN again int DEFAULT %d %s; UPDATE crash_shape SET n = n + 1 WHERE id %% 10 = 3", j.made, where)
	default:
		return do("ALTER TABLE crash_shape RENAME COLUMN %s TO extra%dx; UPDATE crash_shape SET n = n + 1 WHERE id %% 10 = 1", j.oneOf(extra), j.made)
	}
}

// ghost alters a table as gh-ost does: a copy under another name takes its place.
func ghost(ctx context.Context, s *mysqlSession, j *jobs) error {
	alter, copied := "MODIFY b varchar(50) "+j.oneOf([]string{"FIRST", "AFTER id", "AFTER n"}), "id, n, a, b"
	if j.r.IntN(2) == 0 {
		alter, copied = fmt.Sprintf("DROP COLUMN a, ADD COLUMN a int DEFAULT %d %s", j.made, j.oneOf([]string{"FIRST", "AFTER n"})), "id, n, b"
	}
	return s.do(ctx,
		"DROP TABLE IF EXISTS _crash_ghost_gho, _crash_ghost_del",
		"CREATE TABLE _crash_ghost_gho LIKE crash_ghost",
		"ALTER TABLE _crash_ghost_gho "+alter,
		fmt.Sprintf("INSERT INTO _crash_ghost_gho (%[1]s) SELECT %[1]s FROM crash_ghost", copied),
		"RENAME TABLE crash_ghost TO _crash_ghost_del, _crash_ghost_gho TO crash_ghost",
		"UPDATE crash_ghost SET n = n + 1 WHERE id % 7 = 0",
		fmt.Sprintf("INSERT INTO crash_ghost (n, b) VALUES (%d, 'after')", j.made),
		"DROP TABLE _crash_ghost_del")
}

// compress has the log hold transactions compressed, or not.
func compress(ctx context.Context, s *mysqlSession, on bool) error {
	value := map[bool]string{true: "ON", false: "OFF"}[on]
	if s.of.Flavour() == local.FlavourMariaDB {
		return s.do(ctx, "SET GLOBAL log_bin_compress = "+value)
	}
	return s.do(ctx, "SET GLOBAL binlog_transaction_compression = "+value, "SET SESSION binlog_transaction_compression = "+value)
}
