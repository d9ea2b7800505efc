package mysql

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	driver "github.com/go-sql-driver/mysql"

	"sluice/capture"
	"sluice/schemas"
)

// aliveFor is how long a silent peer is believed to live.
const aliveFor = 30 * time.Second

// dialer opens a connection that notices when its peer is gone.
var dialer = &net.Dialer{
	Timeout:         10 * time.Second,
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: aliveFor / 2, Interval: aliveFor / 6, Count: 3},
}

func dsnFault(err error) error {
	return &schemas.Fault{Where: "dsn", What: "cannot be read", Err: err, Cure: "write user:password@tcp(host:3306)/ and see https://github.com/go-sql-driver/mysql#dsn-data-source-name"}
}

// settings reads the dsn, and says what every session is to be like.
func (c *Config) settings() (*driver.Config, error) {
	cfg, err := driver.ParseDSN(c.DSN)
	if err != nil {
		return nil, dsnFault(err)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = dialer.Timeout
	}
	if cfg.ReadTimeout == 0 { // an answer that never comes
		cfg.ReadTimeout = c.Silence
	}
	cfg.DialFunc = dialer.DialContext
	cfg.Logger = &driver.NopLogger{} // errors are returned
	cfg.ParseTime = false
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	cfg.Params["time_zone"] = "'+00:00'"
	return cfg, nil
}

// connect opens a session for questions; they take turns.
func connect(ctx context.Context, cfg *driver.Config) (*sql.DB, error) {
	connector, err := driver.NewConnector(cfg)
	if err != nil {
		return nil, dsnFault(err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(connectFault(cfg, err), db.Close())
	}
	return db, nil
}

// connectFault says what a person can do about a refused connection. Where
// waiting may help, it wraps capture.ErrLost too.
func connectFault(cfg *driver.Config, err error) error {
	f := &schemas.Fault{Where: "dsn", Err: err}
	var my *driver.MySQLError
	var other *gomysql.MyError
	number := uint16(0)
	switch {
	case errors.As(err, &my):
		number, f.Err = my.Number, errors.New(my.Message)
	case errors.As(err, &other):
		number, f.Err = other.Code, errors.New(other.Message)
	}
	switch number {
	case 0:
		if unknown, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
			f.What, f.Err = "the certificate of "+cfg.Addr+" is not trusted", unknown.Err
			f.Cure = "register the authority, or write tls=skip-verify in the dsn to do without proof of who answers"
			return f
		}
		f.What, f.Cure = "cannot reach the server at "+cfg.Addr, "check host, port, firewall and that the server runs"
		f.Err = fmt.Errorf("%w: %s", capture.ErrLost, lastCause(err))
	case 1045, 1698: // ER_ACCESS_DENIED_ERROR
		f.What, f.Cure = fmt.Sprintf("user %s is refused", cfg.User), "correct user and password in the dsn, and see: sluice grants"
	case 1049, 1044: // ER_BAD_DB_ERROR, ER_DBACCESS_DENIED_ERROR
		f.What, f.Cure = fmt.Sprintf("database %s cannot be used", cfg.DBName), "leave the database out of the dsn, or correct it"
	default:
		f.What = "the server at " + cfg.Addr + " refuses the connection"
		f.Err = fmt.Errorf("%w: %s", capture.ErrLost, f.Err)
	}
	return f
}

// lastCause is the innermost error.
func lastCause(err error) error {
	for {
		if j, ok := err.(interface{ Unwrap() []error }); ok && len(j.Unwrap()) > 0 {
			errs := j.Unwrap()
			err = errs[len(errs)-1]
			continue
		}
		next := errors.Unwrap(err)
		if c, ok := err.(interface{ Cause() error }); ok && next == nil && c.Cause() != err {
			next = c.Cause()
		}
		if next == nil {
			return err
		}
		err = next
	}
}

// record is a row of an answer, all as text; NULL is empty.
type record []sql.NullString

func (r record) text(i int) string { return r[i].String }

func (r record) int(i int) int64 {
	n, err := strconv.ParseInt(r[i].String, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// querier is a pool of sessions, or one of them.
type querier interface {
	QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error)
}

// query asks and returns all rows.
func query(ctx context.Context, db querier, q string, args ...any) ([]record, error) {
	rows, err := db.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out []record
	for rows.Next() {
		r := make(record, len(columns))
		dst := make([]any, len(columns))
		for i := range r {
			dst[i] = &r[i]
		}
		if err := rows.Scan(dst...); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// rowSession is a session whose rows come without being boxed.
type rowSession struct {
	*client.Conn
	conn net.Conn
}

// openRows opens a session that reads rows: in UTC, in one snapshot, texts as the
// bytes that the table holds.
func (c *Config) openRows(ctx context.Context, secure *tls.Config) (*rowSession, error) {
	cfg, err := c.settings()
	if err != nil {
		return nil, err
	}
	s := &rowSession{}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		var err error
		s.conn, err = dialer.DialContext(ctx, network, address)
		return s.conn, err
	}
	s.Conn, err = client.ConnectWithDialer(ctx, cfg.Net, cfg.Addr, cfg.User, cfg.Passwd, "", dial, func(c *client.Conn) error {
		c.SetTLSConfig(secure)
		return nil
	})
	if err != nil {
		return nil, connectFault(cfg, err)
	}
	for _, q := range []string{
		"SET SESSION time_zone = '+00:00', sql_mode = '', net_write_timeout = 31536000",
		"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
		"SET character_set_results = NULL",
	} {
		if _, err := s.Execute(q); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// discard keeps go-mysql from logging: its errors are returned.
var discard = slog.New(slog.DiscardHandler)
