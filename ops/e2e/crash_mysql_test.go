package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"sluice/ops/local"
	"sluice/ops/local/localtest"
)

// mysqlVictim is a MySQL or MariaDB under an OLTP mix, sysbench and stranger
// transactions.
type mysqlVictim struct {
	*local.MySQL
	t    *testing.T
	name string // of the odd jobs' bulk, which the driver keeps for the whole process
	// sysbench is the program; "" where there is none.
	sysbench string
}

func startMySQLVictim(t *testing.T, seed uint64) victim {
	t.Helper()
	return newMySQLVictim(t, seed, localtest.MySQL(t).Flavour(), nil)
}

// startPlainVictim is a MySQL without GTIDs: positions are places in its log.
func startPlainVictim(t *testing.T, seed uint64) victim {
	t.Helper()
	return newMySQLVictim(t, seed, localtest.MySQL(t).Flavour(), map[string]string{"gtid_mode": "OFF", "enforce_gtid_consistency": "OFF"})
}

func startMariaDBVictim(t *testing.T, seed uint64) victim {
	t.Helper()
	return newMySQLVictim(t, seed, localtest.MariaDB(t).Flavour(), nil)
}

func newMySQLVictim(t *testing.T, seed uint64, flavour local.Flavour, more map[string]string) *mysqlVictim {
	t.Helper()
	// It is killed: what it has confirmed must be on the disk. Small files, so that
	// the log goes through many.
	settings := map[string]string{"local_infile": "ON", "max_binlog_size": "8M"}
	maps.Copy(settings, more)
	server, err := local.StartMySQL(t.Context(), local.MySQLOptions{Flavour: flavour, Durable: true, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	m := &mysqlVictim{MySQL: server, t: t, name: "crash_" + t.Name()}
	m.tables(seed)
	return m
}

func (m *mysqlVictim) dsn() string { return m.DSN("") }

func (m *mysqlVictim) topics() string { return "crash.crash." }

func (m *mysqlVictim) settings() string {
	return `    mysql:
      dsn: ${CRASH_DSN}
      tables: ["crash.oltp*", "crash.sbtest*", "crash.crash_*"]
      heartbeat: 1s
`
}

func (m *mysqlVictim) writers(seed uint64) []func(context.Context) {
	bulk := &jobs{t: m.t, name: "odd job", r: rand.New(rand.NewPCG(seed, 6)), rest: 120 * time.Millisecond}
	out := []func(context.Context){func(ctx context.Context) { bulk.run(ctx, m.session(mysqlJob)) }}
	for id := range oltpClients {
		client := &oltp{id: int64(id)}
		mix := &jobs{t: m.t, name: "transaction", r: rand.New(rand.NewPCG(seed, 100+uint64(id))), rest: 32 * time.Millisecond}
		out = append(out, func(ctx context.Context) { mix.run(ctx, m.session(client.transaction)) })
	}
	if m.sysbench != "" {
		out = append(out, func(ctx context.Context) { m.runSysbench(ctx, seed) })
	}
	return out
}

// mysqlSession is one connection; do executes statements one after the other.
type mysqlSession struct {
	*sql.Conn
	of *mysqlVictim
}

func (s *mysqlSession) do(ctx context.Context, statements ...string) error {
	for _, q := range statements {
		if _, err := s.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%.100s: %w", q, err)
		}
	}
	return nil
}

// open connects to the database.
func (m *mysqlVictim) open(ctx context.Context, database string) (s *mysqlSession, closeIt func(), err error) {
	cfg, err := mysql.ParseDSN(m.DSN(database))
	if err != nil {
		return nil, nil, err
	}
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, nil, err
	}
	db := sql.OpenDB(connector)
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return &mysqlSession{conn, m}, func() { _ = conn.Close(); _ = db.Close() }, nil
}

// session opens connections for jobs. A transaction that meets another one's locks,
// or a new layout of its table, is taken back: that, too, happens to a database.
func (m *mysqlVictim) session(one func(context.Context, *mysqlSession, *jobs) error) func(context.Context) (jobSession, error) {
	return func(ctx context.Context) (jobSession, error) {
		s, closeIt, err := m.open(ctx, "crash")
		if err != nil {
			return jobSession{}, err
		}
		return jobSession{close: closeIt, one: func(ctx context.Context, j *jobs) error {
			err := one(ctx, s, j)
			if refused, ok := errors.AsType[*mysql.MySQLError](err); ok {
				switch refused.Number {
				case 1020, 1205, 1213, 1412: // changed since it was read, lock wait, deadlock, new layout
					return s.do(ctx, "ROLLBACK")
				}
			}
			return err
		}}, nil
	}
}

func (m *mysqlVictim) last(ctx context.Context) error {
	s, closeIt, err := m.open(ctx, "crash")
	if err != nil {
		return err
	}
	defer closeIt()
	// A short run may have had no TRUNCATE.
	return s.do(ctx, madeTable, "TRUNCATE crash_side", "INSERT INTO crash_side (v) VALUES ('after')", "UPDATE crash_shape SET n = n + 1", "UPDATE crash_ghost SET n = n + 1", "INSERT INTO crash_mark VALUES (1)")
}

func (m *mysqlVictim) keys() map[string][]string {
	id := []string{"id"}
	keys := map[string][]string{
		"oltp1": id, "oltp2": id, "crash_items": id, "crash_bulk": id, "crash_side": id, "crash_shape": id, "crash_ghost": id, "crash_made": id, "crash_mark": id,
		"crash_pairs": {"region", "n"}, "crash_log": nil,
	}
	if m.sysbench != "" {
		keys["sbtest1"], keys["sbtest2"] = id, id
	}
	return keys
}

func (m *mysqlVictim) least() []string {
	return []string{"oltp1", "oltp2", "crash_items", "crash_pairs"}
}

func (m *mysqlVictim) table(ctx context.Context, name string, row func(map[string]string)) error {
	s, closeIt, err := m.open(ctx, "crash")
	if err != nil {
		return err
	}
	defer closeIt()
	found, err := s.QueryContext(ctx, "SELECT * FROM "+name)
	if err != nil {
		return err
	}
	defer found.Close()
	columns, err := found.ColumnTypes()
	if err != nil {
		return err
	}
	values, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for found.Next() {
		if err := found.Scan(into...); err != nil {
			return err
		}
		texts := map[string]string{}
		for i, c := range columns {
			if texts[c.Name()], err = neutralMySQL(c.DatabaseTypeName(), values[i]); err != nil {
				return fmt.Errorf("column %s: %w", c.Name(), err)
			}
		}
		row(texts)
	}
	return found.Err()
}

// neutralMySQL writes MySQL's text of a value as capturetest.RenderValue writes the
// value; timestamps as microseconds, whole days since 1970 for dates. Each DATETIME
// and TIMESTAMP of the tables has six places.
func neutralMySQL(kind string, text []byte) (string, error) {
	if text == nil {
		return "null", nil
	}
	s := string(text)
	switch strings.TrimPrefix(kind, "UNSIGNED ") {
	case "TINYINT", "SMALLINT", "INT", "BIGINT", "DECIMAL":
		return s, nil
	case "CHAR", "VARCHAR", "TEXT", "MEDIUMTEXT", "LONGTEXT", "JSON", "ENUM":
		return strconv.Quote(s), nil
	case "VARBINARY", "BLOB":
		return fmt.Sprintf("x'%x'", s), nil
	case "DATE":
		at, err := time.Parse(time.DateOnly, s)
		return strconv.FormatInt(at.Unix()/86400, 10), err
	case "DATETIME", "TIMESTAMP":
		at, err := time.Parse("2006-01-02 15:04:05.000000", s)
		return strconv.FormatInt(at.UnixMicro(), 10), err
	}
	return "", fmt.Errorf("type %s is not compared yet", kind)
}
