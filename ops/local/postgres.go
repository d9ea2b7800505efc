package local

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresOptions say how a private Postgres differs from the default one.
type PostgresOptions struct {
	// Version is the major version, see PostgresVersions; if 0, that of the
	// environment variable SLUICE_POSTGRES, else the newest that is installed.
	Version int
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
	// Settings are added to postgresql.conf and win over the defaults.
	Settings map[string]string
}

// Postgres is a private server with wal_level=logical. Its superuser is
// "postgres", without a password. All methods may be called from any
// goroutine.
type Postgres struct {
	bin  string
	dir  string
	keep bool
	as   *account

	mu   sync.Mutex
	port int
	p    *process // nil when not running
}

// StartPostgres starts a Postgres and returns when it answers. ctx bounds the
// start only.
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	bin, err := postgresBin(o.Version)
	if err != nil {
		return nil, err
	}
	return startPostgres(ctx, bin, o, copyTemplate)
}

// startPostgres starts the Postgres of the programs in bin on the data that fill
// makes, unless there are some.
func startPostgres(ctx context.Context, bin string, o PostgresOptions,
	fill func(ctx context.Context, bin, data string, as *account) error,
) (*Postgres, error) {
	dir, err := place(o.Dir, "postgres")
	if err != nil {
		return nil, err
	}
	s := &Postgres{bin: bin, dir: dir, keep: o.KeepDir, port: o.Port, as: unprivileged("postgres", "nobody")}
	if _, err := os.Stat(filepath.Join(s.data(), "PG_VERSION")); err != nil {
		if err := fill(ctx, bin, s.data(), s.as); err != nil {
			s.clear()
			return nil, err
		}
	}
	if err := s.prepare(o); err != nil {
		s.clear()
		return nil, err
	}
	// A free port may be taken before Postgres binds it.
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

// prepare writes the settings.
func (s *Postgres) prepare(o PostgresOptions) error {
	data := s.data()
	settings := map[string]string{
		"listen_addresses":           "127.0.0.1",
		"unix_socket_directories":    "",
		"wal_level":                  "logical",
		"max_replication_slots":      "20",
		"max_wal_senders":            "20",
		"max_connections":            "100",
		"shared_buffers":             "64MB",
		"max_wal_size":               "4GB",
		"logging_collector":          "off",
		"log_min_messages":           "warning",
		"timezone":                   "UTC",
		"log_timezone":               "UTC",
		"dynamic_shared_memory_type": "mmap",
	}
	if !o.Durable {
		settings["fsync"] = "off"
		settings["full_page_writes"] = "off"
	}
	for k, v := range o.Settings {
		settings[k] = v
	}
	var conf strings.Builder
	for k, v := range settings {
		fmt.Fprintf(&conf, "%s = '%s'\n", k, strings.ReplaceAll(v, "'", "''"))
	}
	lines := strings.Split(strings.TrimSpace(conf.String()), "\n")
	slices.Sort(lines)
	path := filepath.Join(data, "postgresql.conf")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("writing the settings of postgres: %w", err)
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return fmt.Errorf("opening the directory of postgres: %w", err)
	}
	return give(data, s.as)
}

func (s *Postgres) data() string { return filepath.Join(s.dir, "data") }

// run starts the server on the port and waits until it answers. The caller
// holds mu, or is the only one that knows s.
func (s *Postgres) run(ctx context.Context) error {
	p, err := start(command{
		path: filepath.Join(s.bin, "postgres"),
		args: []string{"-D", s.data(), "-p", strconv.Itoa(s.port)},
		dir:  s.dir, keep: s.keep, as: s.as, quit: syscall.SIGQUIT,
	}, filepath.Join(s.dir, "postgres.log"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("postgres did not answer within a minute"))
	defer cancel()
	err = until(ctx, func() bool { return p.exited() || s.answers(ctx) })
	if p.exited() {
		return fmt.Errorf("starting postgres in %s: %s", s.dir, p.tail())
	}
	if err != nil {
		return fmt.Errorf("starting postgres in %s: %w", s.dir, join(err, p.kill()))
	}
	s.p = p
	return nil
}

func (s *Postgres) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, s.dsn("postgres"))
	if err != nil {
		return false
	}
	_ = c.Close(ctx)
	return true
}

// DSN is the URL of the database as the superuser.
func (s *Postgres) DSN(database string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dsn(database)
}

func (s *Postgres) dsn(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User("postgres"), Path: "/" + database,
		Host: "127.0.0.1:" + strconv.Itoa(s.port), RawQuery: "sslmode=disable",
	}
	return u.String()
}

// PID is the id of the server's main process, 0 when it is not running.
func (s *Postgres) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.p == nil {
		return 0
	}
	return s.p.pid
}

// Dir is the directory of the server; its log is postgres.log there.
func (s *Postgres) Dir() string { return s.dir }

// Bin is the directory of the server's programs. A version that is not installed
// but fetched has none for clients (psql, pg_recvlogical, ...).
func (s *Postgres) Bin() string { return s.bin }

// Stop shuts the server down in order, ending its sessions, and removes the
// directory unless KeepDir. It may be called more than once.
func (s *Postgres) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.halt()
	if !s.keep {
		s.clear()
	}
	return err
}

func (s *Postgres) halt() error {
	if s.p == nil {
		return nil
	}
	// SIGINT is Postgres's "fast shutdown" (PostgreSQL docs, 18.5). A
	// replication client that does not read holds it up without end.
	s.p.signal(syscall.SIGINT)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if until(ctx, s.p.exited) == nil {
		s.p = nil
		return nil
	}
	return s.end()
}

// end sends SIGKILL to the server and to its sessions, and waits until they
// are gone: while one is left, the server does not start again.
func (s *Postgres) end() error {
	// Every session leads a process group of its own, so the group of the
	// main process is not enough.
	sessions := children(s.p.pid)
	err := s.p.kill()
	for _, pid := range sessions {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	s.p = nil
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = until(ctx, func() bool {
		for _, pid := range sessions {
			if alive(pid) {
				return false
			}
		}
		return true
	})
	return err
}

// Kill ends the server and all its sessions with SIGKILL. The directory
// stays, whatever KeepDir says, until Stop.
func (s *Postgres) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.p == nil {
		return ErrStopped
	}
	return s.end()
}

// Restart stops the server if it runs, and starts it again in the same
// directory on the same port.
func (s *Postgres) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.halt(); err != nil {
		return err
	}
	return s.run(ctx)
}

func (s *Postgres) clear() {
	if !s.keep {
		_ = os.RemoveAll(s.dir)
	}
}
