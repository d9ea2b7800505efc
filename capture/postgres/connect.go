package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"sluice/capture"
	"sluice/schemas"
)

// session fixes whatever the text form of a value depends on.
var session = map[string]string{
	"client_encoding":    "UTF8",
	"DateStyle":          "ISO",
	"TimeZone":           "UTC",
	"IntervalStyle":      "postgres",
	"extra_float_digits": "3",
	"bytea_output":       "hex",
	"lc_monetary":        "C",
	"statement_timeout":  "0",
}

// aliveFor is how long a silent peer is believed to live.
const aliveFor = 30 * time.Second

// connect opens a session. With w its bytes are read through w.
func (c *Config) connect(ctx context.Context, capture string, w *wire) (*pgconn.PgConn, error) {
	return c.dial(ctx, capture, w, nil)
}

// replicate opens a session with a logical walsender, read through w.
func (c *Config) replicate(ctx context.Context, capture string, w *wire) (*pgconn.PgConn, error) {
	return c.dial(ctx, capture, w, map[string]string{"replication": "database"})
}

func (c *Config) dial(ctx context.Context, capture string, w *wire, params map[string]string) (*pgconn.PgConn, error) {
	cfg, err := pgconn.ParseConfig(c.DSN)
	if err != nil {
		return nil, dsnFault(err)
	}
	maps.Copy(cfg.RuntimeParams, session)
	maps.Copy(cfg.RuntimeParams, params)
	if _, ok := cfg.RuntimeParams["application_name"]; !ok {
		cfg.RuntimeParams["application_name"] = "sluice " + capture
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	d := &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: aliveFor / 2, Interval: aliveFor / 6, Count: 3},
		Control:         userTimeout,
	}
	cfg.DialFunc = d.DialContext
	if w != nil {
		cfg.BuildFrontend = func(r io.Reader, out io.Writer) *pgproto3.Frontend {
			w.r = r
			return pgproto3.NewFrontend(w, out)
		}
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, connectFault(cfg, err)
	}
	return conn, nil
}

// connectFault says what a person can do about a refused connection. Where
// waiting may help, it wraps capture.ErrLost too, and where the server says so
// itself, it is that alone.
func connectFault(cfg *pgconn.Config, err error) error {
	f := &schemas.Fault{Where: "dsn"}
	at := fmt.Sprintf("%s:%d", cfg.Host, cfg.Port)
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		if f.What, f.Cure = tlsFault(cfg, err); f.What != "" {
			f.Err = lastCause(err)
			return f
		}
		f.What = "cannot reach PostgreSQL at " + at
		f.Cure = "check host, port, firewall and that the server runs"
		f.Err = fmt.Errorf("%w: %s", capture.ErrLost, lastCause(err))
		return f
	}
	if passing(pe) {
		return fmt.Errorf("%w: PostgreSQL at %s: %s", capture.ErrLost, at, pe.Message)
	}
	f.Err = errors.New(pe.Message)
	switch pe.Code {
	case "28P01", "28000":
		f.What, f.Cure = refusedLogin(cfg, pe, at)
	case "3D000":
		f.What = fmt.Sprintf("no database %s at %s", cfg.Database, at)
		f.Cure = "correct the database in the dsn"
	case "42501":
		if cfg.RuntimeParams["replication"] == "" {
			f.What = fmt.Sprintf("user %s may not connect to database %s", cfg.User, cfg.Database)
			f.Cure = fmt.Sprintf("as a superuser: GRANT CONNECT ON DATABASE %s TO %s;", quote(cfg.Database), quote(cfg.User))
			break
		}
		f.What = fmt.Sprintf("user %s may not replicate", cfg.User)
		f.Cure = fmt.Sprintf("as a superuser: ALTER ROLE %s REPLICATION;", quote(cfg.User))
	case "53300":
		f.What = "no connection is free at " + at
		f.Cure = "raise max_wal_senders and max_connections, or end other clients"
		f.Err = fmt.Errorf("%w: %s", capture.ErrLost, pe.Message)
	default:
		f.What = "PostgreSQL at " + at + " refuses the connection"
		f.Err = fmt.Errorf("%w: %s", capture.ErrLost, pe.Message)
	}
	return f
}

// passing reports whether an answer tells of a server that starts, stops or has
// cut the session off: class 57 but for a query that was cancelled, and class 08
// (PostgreSQL docs, appendix A).
func passing(pe *pgconn.PgError) bool {
	return len(pe.Code) == 5 && (pe.Code[:2] == "08" || pe.Code[:2] == "57" && pe.Code != "57014")
}

// lostOr returns the error of a question to the catalogue, as an ErrLost where it
// is the connection's end.
func lostOr(err error) error {
	if err == nil || errors.Is(err, capture.ErrLost) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*schemas.Fault](err); ok {
		return err
	}
	var pe *pgconn.PgError
	var ne net.Error
	switch {
	case errors.As(err, &pe):
		if !passing(pe) {
			return err
		}
	case errors.As(err, &ne), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), pgconn.SafeToRetry(err):
	default:
		return err
	}
	return fmt.Errorf("%w: %w", capture.ErrLost, err)
}

// lastCause is the innermost error: connection errors repeat the whole dsn.
func lastCause(err error) error {
	for {
		if j, ok := err.(interface{ Unwrap() []error }); ok && len(j.Unwrap()) > 0 {
			errs := j.Unwrap()
			err = errs[len(errs)-1]
			continue
		}
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// hangUp closes a connection and waits until what it left behind is gone.
func hangUp(ctx context.Context, conn *pgconn.PgConn) error {
	if conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := conn.Close(ctx)
	select {
	case <-conn.CleanupDone():
	case <-ctx.Done():
	}
	return err
}
