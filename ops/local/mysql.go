package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// MySQLOptions say how a private MySQL or MariaDB differs from the default one.
type MySQLOptions struct {
	// Flavour is FlavourMySQL if empty.
	Flavour Flavour
	// Dir holds the data; a temporary directory if empty. A directory that
	// already holds data is used as it is.
	Dir string
	// KeepDir leaves Dir in place after Stop.
	KeepDir bool
	// Port of 127.0.0.1; a free one if 0.
	Port int
	// Durable writes through to the disk. Off by default: the server survives
	// kill -9, not the loss of power.
	Durable bool
	// Settings are the server's variables, with underscores; they win over the
	// defaults.
	Settings map[string]string
}

// MySQL is a private MySQL or MariaDB with a binary log of full row images and
// metadata, and with GTIDs. Its superuser is "root", without a password. The time
// zone is UTC, the character set utf8mb4, and server_id is the port. All methods
// may be called from any goroutine.
type MySQL struct {
	flavour  Flavour
	programs mysqlPrograms
	dir      string
	keep     bool
	durable  bool
	as       *account

	mu    sync.Mutex
	port  int
	extra map[string]string
	p     *process // nil when not running
}

// socketName is relative to the data, as a socket's path may not be long.
const socketName = "mysql.sock"

// StartMySQL starts a MySQL, or a MariaDB, and returns when it answers. ctx
// bounds the start only.
func StartMySQL(ctx context.Context, o MySQLOptions) (*MySQL, error) {
	if o.Flavour == "" {
		o.Flavour = FlavourMySQL
	}
	programs, err := o.Flavour.find()
	if err != nil {
		return nil, err
	}
	dir, err := place(o.Dir, string(o.Flavour))
	if err != nil {
		return nil, err
	}
	s := &MySQL{
		flavour: o.Flavour, programs: programs, dir: dir, keep: o.KeepDir, durable: o.Durable,
		as: unprivileged("mysql", "nobody"), port: o.Port, extra: maps.Clone(o.Settings),
	}
	if err := s.prepare(ctx); err != nil {
		s.clear()
		return nil, err
	}
	// A free port may be taken before the server binds it.
	for try := 1; ; try++ {
		if o.Port == 0 {
			if s.port, err = FreePort(); err != nil {
				break
			}
		}
		if err = s.run(ctx); err == nil {
			return s, nil
		}
		if o.Port != 0 || try == 5 || !inUse(err.Error()) {
			break
		}
	}
	s.clear()
	return nil, err
}

// prepare fills the directory, unless there are data.
func (s *MySQL) prepare(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(s.data(), "ibdata1")); err != nil {
		if err := s.flavour.fill(ctx, s.programs, s.data(), s.extra, s.as); err != nil {
			return err
		}
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return fmt.Errorf("opening the directory of %s: %w", s.flavour, err)
	}
	if err := os.MkdirAll(s.scratch(), 0o700); err != nil {
		return err
	}
	return errors.Join(give(s.scratch(), s.as), give(s.data(), s.as))
}

func (s *MySQL) data() string { return filepath.Join(s.dir, "data") }

// scratch is for the server's temporary files.
func (s *MySQL) scratch() string { return filepath.Join(s.dir, "tmp") }

// run starts the server on the port and waits until it answers. The caller
// holds mu, or is the only one that knows s.
func (s *MySQL) run(ctx context.Context) error {
	// After Kill, the socket and its lock are left. The process of that id may
	// be another by now.
	_ = os.Remove(s.socket())
	_ = os.Remove(s.socket() + ".lock")
	p, err := start(command{
		path: s.programs.server, args: s.arguments(), env: []string{"TZ=UTC"},
		dir: s.dir, keep: s.keep, as: s.as, quit: syscall.SIGKILL,
	}, filepath.Join(s.dir, string(s.flavour)+".log"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("%s did not answer within a minute", s.flavour))
	defer cancel()
	db, err := s.open("")
	if err != nil {
		return join(err, p.kill())
	}
	defer db.Close()
	err = until(ctx, func() bool { return p.exited() || answers(ctx, db) })
	if p.exited() {
		return fmt.Errorf("starting %s in %s: %s", s.flavour, s.dir, p.tail())
	}
	if err != nil {
		return fmt.Errorf("starting %s in %s: %w", s.flavour, s.dir, join(err, p.kill()))
	}
	s.p = p
	return nil
}

func answers(ctx context.Context, db *sql.DB) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return db.PingContext(ctx) == nil
}

// open returns a pool that says nothing of its own. The caller holds mu.
func (s *MySQL) open(database string) (*sql.DB, error) {
	c := s.config(database)
	c.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", s.flavour, err)
	}
	return sql.OpenDB(connector), nil
}

// DSN names the database as go-sql-driver/mysql wants it, as the superuser. No
// database if empty.
func (s *MySQL) DSN(database string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config(database).FormatDSN()
}

func (s *MySQL) config(database string) *mysql.Config {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = "root", "tcp", "127.0.0.1:"+strconv.Itoa(s.port), database
	return c
}

// Port of 127.0.0.1; it stays over Restart.
func (s *MySQL) Port() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.port
}

// Socket is the path of the server's Unix socket.
func (s *MySQL) Socket() string { return s.socket() }

func (s *MySQL) socket() string { return filepath.Join(s.data(), socketName) }

// PID is the id of the server's process, 0 when it is not running.
func (s *MySQL) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.p == nil {
		return 0
	}
	return s.p.pid
}

// Flavour says which of the two it is.
func (s *MySQL) Flavour() Flavour { return s.flavour }

// Release is the server's version, such as "9.7.4" or "10.11.19".
func (s *MySQL) Release() string { return s.programs.release }

// Dir is the directory of the server; its log is mysql.log or mariadb.log there.
func (s *MySQL) Dir() string { return s.dir }

// Bin is the directory of the client programs: mysql, mysqldump, mysqlbinlog;
// mariadb, mariadb-dump, mariadb-binlog. A system may keep them in a package of
// their own, and not have them.
func (s *MySQL) Bin() string { return s.programs.bin }

// Stop shuts the server down in order, and removes the directory unless KeepDir.
// It may be called more than once.
func (s *MySQL) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.halt()
	s.clear()
	return err
}

func (s *MySQL) halt() error {
	if s.p == nil {
		return nil
	}
	err := s.p.stop(syscall.SIGTERM, 20*time.Second)
	s.p = nil
	return err
}

// Kill ends the server with SIGKILL. The directory stays, whatever KeepDir says,
// until Stop.
func (s *MySQL) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.p == nil {
		return ErrStopped
	}
	err := s.p.kill()
	s.p = nil
	return err
}

// Restart stops the server if it runs, and starts it again in the same directory
// on the same port.
func (s *MySQL) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.halt(); err != nil {
		return err
	}
	return s.run(ctx)
}

func (s *MySQL) clear() {
	if !s.keep {
		_ = os.RemoveAll(s.dir)
	}
}
