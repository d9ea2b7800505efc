package world

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/capture/pump"
	"sluice/ops/demo/sales"
	"sluice/ops/local"
)

// The user that captures the CRM's database, and its password.
const (
	salesUser     = "sluice"
	salesPassword = "demo-password"
)

// startSales starts the server of the CRM's database, fills it, and lets the
// capture's user read what it captures.
func (w *World) startSales(ctx context.Context, o Options, say func(string, ...any)) (err error) {
	say("starting %s for the CRM's own database", o.Sales.Product())
	if w.Sales, err = local.StartMySQL(ctx, local.MySQLOptions{Flavour: o.Sales}); err != nil {
		return err
	}
	say("creating %d contacts with their deals and calls in %s %s", o.Contacts, o.Sales.Product(), w.Sales.Release())
	db, err := w.OpenSales()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for _, step := range []func() error{
		func() error { return sales.Create(ctx, db) },
		func() error { return sales.Seed(ctx, db, o.Seed, o.Contacts) },
		func() error { return sales.Watch(ctx, db) },
		func() error { return sales.Grant(ctx, db, salesUser, salesPassword) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// OpenSales connects to the CRM's database as its administrator.
func (w *World) OpenSales() (*sql.DB, error) {
	cfg, err := mysql.ParseDSN(w.Sales.DSN(""))
	if err != nil {
		return nil, fmt.Errorf("connecting to the CRM's database: %w", err)
	}
	cfg.InterpolateParams = true
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to the CRM's database: %w", err)
	}
	return sql.OpenDB(connector), nil
}

// salesDSN is how the capture connects.
func (w *World) salesDSN() string {
	return fmt.Sprintf("%s:%s@tcp(127.0.0.1:%d)/", salesUser, salesPassword, w.Sales.Port())
}

// SalesCaptured reports whether the capture of the CRM's database has begun: each
// change that is committed from now on has an event of its own.
func (w *World) SalesCaptured(ctx context.Context) (bool, error) {
	at, err := w.saved(ctx, "crm")
	return at.Place != "", err
}

// PendingSales says what has not yet arrived in Kafka of all that the CRM's
// database has written into its log; empty: nothing.
func (w *World) PendingSales(ctx context.Context) (string, error) {
	at, err := w.saved(ctx, "crm")
	if err != nil {
		return "", err
	}
	if at.Place == "" || at.Snapshot {
		return "the snapshot of the CRM's database", nil
	}
	db, err := w.OpenSales()
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close() }()
	file, end, err := logEnd(ctx, db)
	if err != nil {
		return "", err
	}
	name, offset, _ := strings.Cut(at.Place, ":")
	read, err := strconv.ParseUint(offset, 10, 64)
	switch {
	case err != nil:
		return "", fmt.Errorf("reading the saved position %q of the CRM's capture: %w", at.Place, err)
	case name != file:
		return "the capture of the CRM's database, in " + name + " of " + file, nil
	case read < end || at.Row > 0:
		return fmt.Sprintf("the capture of the CRM's database, %d bytes of its log", end-min(read, end)), nil
	}
	return "", nil
}

// logEnd is where the binary log ends. The two words for it are of MySQL from
// 8.2 on, and of all others.
func logEnd(ctx context.Context, db *sql.DB) (file string, at uint64, err error) {
	for _, q := range []string{"SHOW BINARY LOG STATUS", "SHOW MASTER STATUS"} {
		if file, at, err = statusOf(ctx, db, q); err == nil {
			return file, at, nil
		}
	}
	return "", 0, fmt.Errorf("asking the CRM's database where its log ends: %w", err)
}

func statusOf(ctx context.Context, db *sql.DB, q string) (file string, at uint64, err error) {
	rows, err := db.QueryContext(ctx, q)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return "", 0, err
	}
	if !rows.Next() {
		return "", 0, errors.Join(rows.Err(), errors.New("it writes none"))
	}
	into := []any{&file, &at}
	for range len(columns) - len(into) {
		into = append(into, new(any))
	}
	return file, at, rows.Scan(into...)
}

// place is what is asked of a capture's saved position, of either kind of
// database.
type place struct {
	// System is of PostgreSQL, Place and Row are of MySQL and MariaDB.
	System   string `json:"system"`
	Place    string `json:"place"`
	Row      int64  `json:"row"`
	Snapshot bool   `json:"snapshot"`
}

// saved is the last saved position of a capture; zero: there is none yet.
func (w *World) saved(ctx context.Context, capture string) (place, error) {
	var last struct {
		Position place `json:"position"`
	}
	err := w.Kafka.ReadToEnd(ctx, nil, func(r *kgo.Record) error {
		if string(r.Key) != capture || r.Value == nil {
			return nil
		}
		last.Position = place{}
		if err := json.Unmarshal(r.Value, &last); err != nil {
			return fmt.Errorf("reading the saved position of capture %s: %w", capture, err)
		}
		return nil
	}, pump.PositionsTopic)
	return last.Position, err
}
