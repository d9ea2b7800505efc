package e2e

import (
	"context"
	"fmt"
)

const (
	oltpRows    = 60_000 // of each of two tables
	oltpClients = 4
)

// madeTable makes the table that an odd job drops and makes anew, if it was killed
// in between.
const madeTable = "CREATE TABLE IF NOT EXISTS crash_made (id int PRIMARY KEY, v varchar(40))"

// mysqlTables are sysbench's tables under names of our own, and stranger ones. base
// is not captured.
var mysqlTables = []string{
	"CREATE DATABASE base",
	"CREATE DATABASE crash",
	"CREATE TABLE base.digits (d int PRIMARY KEY)",
	"INSERT INTO base.digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)",
	"CREATE TABLE base.numbers (n int PRIMARY KEY)",
	`INSERT INTO base.numbers SELECT a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d
		FROM base.digits a, base.digits b, base.digits c, base.digits d, base.digits e`,
	"USE crash",
	"CREATE TABLE oltp1 (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, k int NOT NULL DEFAULT 0, c char(120) NOT NULL DEFAULT '', pad char(60) NOT NULL DEFAULT '', KEY (k))",
	fmt.Sprintf("INSERT INTO oltp1 SELECT n + 1, n %% 1000, CONCAT(SHA2(n, 224), '-', SHA2(n + 1, 224)), SHA2(n, 224) FROM base.numbers WHERE n < %d", oltpRows),
	"CREATE TABLE oltp2 LIKE oltp1",
	"INSERT INTO oltp2 SELECT * FROM oltp1",
	`CREATE TABLE crash_items (id bigint PRIMARY KEY, grp int unsigned, price decimal(12,2), paid boolean, note mediumtext, at timestamp(6) NULL, made datetime(6),
		doc json, kind enum('plain', 'grün', 'moved'), raw varbinary(40), big bigint unsigned, born date, latin varchar(40) CHARACTER SET latin1)`,
	`INSERT INTO crash_items SELECT n, n % 7, n / 100, n % 2, CONCAT('item ', n), NOW(6), NOW(6), JSON_OBJECT('n', n, 'a', JSON_ARRAY(n, NULL, 'x')), 1 + n % 3,
		UNHEX(SHA2(n, 224)), 9223372036854775807 - n, DATE '2000-01-01' + INTERVAL n DAY, CONCAT('grün ', n) FROM base.numbers WHERE n < 20000`,
	"CREATE TABLE crash_bulk (id bigint PRIMARY KEY, v varchar(80))",
	"CREATE TABLE crash_side (id bigint AUTO_INCREMENT PRIMARY KEY, v varchar(200))",
	"INSERT INTO crash_side (v) SELECT CONCAT('side ', n) FROM base.numbers WHERE n < 500",
	"CREATE TABLE crash_shape (id bigint PRIMARY KEY, n int NOT NULL, again int DEFAULT 0, extra0 int DEFAULT 0)",
	"INSERT INTO crash_shape SELECT n + 1, 0, n, n FROM base.numbers WHERE n < 1000",
	"CREATE TABLE crash_ghost (id bigint AUTO_INCREMENT PRIMARY KEY, n int NOT NULL, a int, b varchar(50))",
	"INSERT INTO crash_ghost SELECT n + 1, 0, n, CONCAT('ghost ', n) FROM base.numbers WHERE n < 1000",
	// Of keys that the collation holds equal, the bytes differ.
	"CREATE TABLE crash_pairs (region varchar(10), n int, v int NOT NULL, PRIMARY KEY (region, n))",
	"INSERT INTO crash_pairs SELECT IF(n % 2, 'north', 'süd'), n, 0 FROM base.numbers WHERE n < 2000",
	"CREATE TABLE crash_log (at int, v varchar(40))", // no key
	"INSERT INTO crash_log SELECT n % 10, CONCAT('first ', n % 800) FROM base.numbers WHERE n < 2000",
	madeTable,
	"CREATE TABLE crash_mark (id int PRIMARY KEY)",
}

// tables makes all of them.
func (m *mysqlVictim) tables(seed uint64) {
	m.t.Helper()
	ctx := m.t.Context()
	s, closeIt, err := m.open(ctx, "")
	if err != nil {
		m.t.Fatal(err)
	}
	defer closeIt()
	if err := s.do(ctx, mysqlTables...); err != nil {
		m.t.Fatal(err)
	}
	m.prepareSysbench(seed)
}

// oltp is a client of the mix. It has ids of its own in crash_items, so that none
// meets another's key there.
type oltp struct{ id int64 }

// transaction runs one of the mix, most often that of sysbench's oltp_read_write,
// with fewer reads.
func (c *oltp) transaction(ctx context.Context, s *mysqlSession, j *jobs) error {
	switch what := j.r.IntN(20); {
	case what < 6:
		return c.readWrite(ctx, s, j)
	case what < 10:
		first := c.id*1_000_000 + int64(1+j.r.IntN(2000))*10
		return s.do(ctx, // several rows a statement, and deletes
			fmt.Sprintf(`INSERT IGNORE INTO crash_items SELECT %[1]d + d, d, d / 100, d %% 2, CONCAT('item ', d), NOW(6), NOW(6), JSON_OBJECT('d', d), 2,
				UNHEX(SHA2(d, 224)), d, CURRENT_DATE, 'grün' FROM base.digits`, first),
			fmt.Sprintf("UPDATE crash_items SET price = price + 1, at = NOW(6), doc = JSON_SET(doc, '$.n', %[1]d) WHERE id BETWEEN %[1]d AND %[1]d + 4", first),
			fmt.Sprintf("DELETE FROM crash_items WHERE id BETWEEN %[1]d + 7 AND %[1]d + 8", first))
	case what < 12:
		return c.keys(ctx, s, j)
	case what < 14: // the key's bytes, not what the collation sees
		return s.do(ctx, fmt.Sprintf(`UPDATE crash_pairs SET v = v + 1, region = IF(BINARY region = BINARY UPPER(region), LOWER(region), UPPER(region))
			WHERE region = '%s' AND n BETWEEN %[2]d AND %[2]d + 3`, []string{"North", "SÜD"}[j.r.IntN(2)], j.r.IntN(2000)))
	case what < 17:
		return s.do(ctx, fmt.Sprintf("UPDATE crash_shape SET n = n + 1 WHERE id = %d", 1+j.r.IntN(1000)))
	case what < 19: // rows without a key, two of them alike
		at, v := j.r.IntN(10), j.r.IntN(1000)
		return s.do(ctx,
			"BEGIN",
			fmt.Sprintf("INSERT INTO crash_log VALUES (%[1]d, 'twin %[2]d'), (%[1]d, 'twin %[2]d')", at, v),
			fmt.Sprintf("DELETE FROM crash_log WHERE at = %d LIMIT 2", at),
			"COMMIT")
	}
	id := c.id*1_000_000 + 30_000 + int64(j.r.IntN(10_000))
	return s.do(ctx,
		"BEGIN",
		fmt.Sprintf("INSERT INTO crash_items (id, note) VALUES (%d, 'kept') ON DUPLICATE KEY UPDATE grp = COALESCE(grp, 0) + 1", id),
		"SAVEPOINT a",
		fmt.Sprintf("UPDATE crash_items SET note = 'lost' WHERE id = %d", id),
		"ROLLBACK TO a",
		"SAVEPOINT b",
		fmt.Sprintf("UPDATE crash_items SET paid = 1 WHERE id = %d", id),
		"RELEASE SAVEPOINT b",
		"COMMIT")
}

func (c *oltp) readWrite(ctx context.Context, s *mysqlSession, j *jobs) error {
	id := func() int { return 1 + j.r.IntN(oltpRows) }
	table, gone := []string{"oltp1", "oltp2"}[j.r.IntN(2)], id()
	return s.do(ctx,
		"BEGIN",
		fmt.Sprintf("SELECT c FROM %s WHERE id = %d", table, id()),
		fmt.Sprintf("SELECT SUM(k) FROM %s WHERE id BETWEEN %[2]d AND %[2]d + 99", table, id()),
		fmt.Sprintf("UPDATE %s SET k = k + 1 WHERE id = %d", table, id()),
		fmt.Sprintf("UPDATE %s SET c = '%d-%d' WHERE id = %d", table, j.r.Int(), j.r.Int(), id()),
		fmt.Sprintf("DELETE FROM %s WHERE id = %d", table, gone),
		fmt.Sprintf("INSERT INTO %s (id, k, c, pad) VALUES (%d, %d, '%d', '%d')", table, gone, j.r.IntN(1000), j.r.Int(), j.r.Int()),
		"COMMIT")
}

// keys updates keys, there and back, and away for good.
func (c *oltp) keys(ctx context.Context, s *mysqlSession, j *jobs) error {
	id := c.id*1_000_000 + int64(1+j.r.IntN(20_000))
	return s.do(ctx,
		"BEGIN",
		fmt.Sprintf("UPDATE crash_items SET id = -id, kind = 'moved' WHERE id = %d", id),
		fmt.Sprintf("UPDATE crash_items SET id = -id, price = 7.77 WHERE id = -%d", id),
		fmt.Sprintf("DELETE FROM crash_items WHERE id = -%d - 500000000", id),
		fmt.Sprintf("UPDATE crash_items SET id = -id - 500000000 WHERE id = %d", id),
		"COMMIT")
}
