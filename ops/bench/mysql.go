package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	driver "github.com/go-sql-driver/mysql"

	"sluice/ops/local"
)

// mysqlDrain reads the same log again and again: with go-mysql's own syncer, which
// decodes the rows and does nothing with them, with the same told to leave them as
// they are, and by the capture, which stands on it.
type mysqlDrain struct {
	flavour    local.Flavour
	server     *local.MySQL
	stage      *stage
	begin, end gomysql.Position // of the log that holds the rows
	rows       int
}

// Names of the two ways in which the syncer reads.
const (
	syncerDecodes = "go-mysql's syncer"
	syncerRaw     = "go-mysql's syncer, rows raw"
)

func (d *mysqlDrain) what() string { return "from the binary log of " + string(d.flavour) }

func (d *mysqlDrain) limits() []string { return []string{syncerDecodes, syncerRaw} }

func (d *mysqlDrain) aims() (ratio, peakMB float64) { return 0.4, 150 }

func (d *mysqlDrain) open(ctx context.Context, binary string) (_ *stage, err error) {
	if d.server, err = local.StartMySQL(ctx, local.MySQLOptions{Flavour: d.flavour}); err != nil {
		return nil, err
	}
	d.stage, err = openStage(ctx, binary, captured{
		settings: fmt.Sprintf("mysql: {dsn: %q, tables: [bench.bench], heartbeat: 1s}", d.server.DSN("")),
		table:    "bench.bench", saved: "server_id", stop: d.server.Stop,
	})
	return d.stage, err
}

var mysqlBenchTables = []string{
	"CREATE DATABASE bench", "USE bench",
	`CREATE TABLE bench (id bigint PRIMARY KEY, customer_id int NOT NULL, name varchar(200) NOT NULL, city varchar(100) NOT NULL,
		amount decimal(12,2) NOT NULL, paid boolean NOT NULL, at timestamp(6) NOT NULL)`,
	"CREATE TABLE numbers (n int PRIMARY KEY)",
	"INSERT INTO numbers VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)",
	"INSERT INTO numbers SELECT a.n + 10 * b.n + 100 * c.n FROM numbers a, numbers b, numbers c WHERE b.n + c.n > 0",
}

// mysqlBenchInsert inserts up to 1,000 rows, from the first id to the last, of about
// 90 bytes of text each: the same as benchInsert's.
const mysqlBenchInsert = `INSERT INTO bench SELECT i, i % 50000,
	CONCAT('customer number ', i, ' of the company ', LEFT(SHA2(i, 256), 32)), CONCAT('city of ', i % 1000, ' rivers'),
	(i % 1000000) / 100, i % 3 = 0, TIMESTAMP '2026-01-01 00:00:00' + INTERVAL i SECOND
	FROM (SELECT n + ? AS i FROM numbers ORDER BY n) ids WHERE i <= ?`

// fill prepares the captures, then makes the rows.
func (d *mysqlDrain) fill(ctx context.Context, of *drain) error {
	cfg, err := driver.ParseDSN(d.server.DSN(""))
	if err != nil {
		return err
	}
	connector, err := driver.NewConnector(cfg)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	do := func(statements ...string) error {
		for _, q := range statements {
			if _, err := conn.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
		return nil
	}
	if err := do(mysqlBenchTables...); err != nil {
		return err
	}
	for i := range of.rounds {
		if err := d.stage.prepare(ctx, of.capture(i)); err != nil {
			return err
		}
	}
	if d.begin, err = d.place(ctx, conn); err != nil {
		return err
	}
	for at := 1; at <= of.rows; at += 1000 {
		if at%of.each() == 1 {
			if err := do("COMMIT", "BEGIN"); err != nil {
				return err
			}
		}
		if _, err := conn.ExecContext(ctx, mysqlBenchInsert, at, of.rows); err != nil {
			return err
		}
	}
	if err := do("COMMIT"); err != nil {
		return err
	}
	d.rows = of.rows
	d.end, err = d.place(ctx, conn)
	return err
}

// place is the end of the log.
func (d *mysqlDrain) place(ctx context.Context, conn *sql.Conn) (at gomysql.Position, err error) {
	q := "SHOW BINARY LOG STATUS"
	if d.flavour == local.FlavourMariaDB {
		q = "SHOW MASTER STATUS"
	}
	rows, err := conn.QueryContext(ctx, q)
	if err != nil {
		return at, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return at, err
	}
	into := make([]any, len(columns))
	for i := range into {
		into[i] = new(sql.RawBytes)
	}
	into[0], into[1] = &at.Name, &at.Pos
	if !rows.Next() {
		return at, errors.Join(errors.New("the server has no binary log"), rows.Err())
	}
	return at, rows.Scan(into...)
}

// limit is the time that the syncer takes to read to the end.
func (d *mysqlDrain) limit(ctx context.Context, _ int, name string) (time.Duration, error) {
	flavour := gomysql.MySQLFlavor
	if d.flavour == local.FlavourMariaDB {
		flavour = gomysql.MariaDBFlavor
	}
	start := time.Now()
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: 4_000_000_000, Flavor: flavour, Host: "127.0.0.1", Port: uint16(d.server.Port()), User: "root",
		RawModeEnabled: name == syncerRaw, Logger: slog.New(slog.DiscardHandler),
	})
	defer syncer.Close()
	stream, err := syncer.StartSync(d.begin)
	if err != nil {
		return 0, err
	}
	file, rows := d.begin.Name, 0
	for {
		e, err := stream.GetEvent(ctx)
		if err != nil {
			return 0, err
		}
		switch of := e.Event.(type) {
		case *replication.RotateEvent:
			file = string(of.NextLogName)
		case *replication.RowsEvent:
			rows += len(of.Rows)
		}
		if file != d.end.Name || e.Header.LogPos < d.end.Pos {
			continue
		}
		took := time.Since(start)
		if name == syncerDecodes && rows != d.rows {
			return 0, fmt.Errorf("%s read %d rows of %d", name, rows, d.rows)
		}
		return took, nil
	}
}
