package local

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"sluice/schemas"
)

// RedisOptions say how a private Redis differs from the default one.
type RedisOptions struct {
	// Dir holds the data; a temporary directory if empty.
	Dir string
	// KeepDir leaves Dir in place after Stop.
	KeepDir bool
	// Port of 127.0.0.1; a free one if 0.
	Port int
	// Durable keeps an append-only file, so that the data outlives Kill.
	Durable bool
	// Args are more arguments of the command line.
	Args []string
}

// Redis is a private server without a password. All methods may be called
// from any goroutine.
type Redis struct {
	bin     string
	dir     string
	keep    bool
	durable bool
	args    []string

	mu   sync.Mutex
	port int
	p    *process
}

func findRedis() (string, error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", &schemas.Fault{
		Where: "redis", What: "no redis-server or valkey-server in the PATH", Err: ErrMissing,
		Cure: "install it: apt-get install redis-server (Debian), dnf install valkey, brew install redis",
	}
}

// StartRedis starts Redis, or Valkey, and returns when it answers. ctx bounds
// the start only.
func StartRedis(ctx context.Context, o RedisOptions) (*Redis, error) {
	bin, err := findRedis()
	if err != nil {
		return nil, err
	}
	dir, err := place(o.Dir, "redis")
	if err != nil {
		return nil, err
	}
	s := &Redis{bin: bin, dir: dir, keep: o.KeepDir, durable: o.Durable, args: o.Args, port: o.Port}
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

func (s *Redis) run(ctx context.Context) error {
	appendOnly := "no"
	if s.durable {
		appendOnly = "yes"
	}
	p, err := start(command{
		path: s.bin,
		args: append([]string{
			"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir,
			"--appendonly", appendOnly, "--appendfsync", "everysec", "--save", "",
			"--daemonize", "no", "--enable-debug-command", "local",
		}, s.args...),
		dir: s.dir, keep: s.keep, quit: syscall.SIGKILL,
	}, filepath.Join(s.dir, "redis.log"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, fmt.Errorf("redis did not answer within 30 s"))
	defer cancel()
	err = until(ctx, func() bool { return p.exited() || pong(s.addr()) })
	if p.exited() {
		return fmt.Errorf("starting redis in %s: %s", s.dir, p.tail())
	}
	if err != nil {
		return fmt.Errorf("starting redis in %s: %w", s.dir, join(err, p.kill()))
	}
	s.p = p
	return nil
}

// pong asks for a PING in Redis's inline form; while it loads its file, Redis
// answers with an error instead.
func pong(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	answer := make([]byte, 5)
	_, err = conn.Write([]byte("PING\r\n"))
	if err != nil {
		return false
	}
	n, err := conn.Read(answer)
	return err == nil && string(answer[:n]) == "+PONG"
}

// Addr is "127.0.0.1:port".
func (s *Redis) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr()
}

func (s *Redis) addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// PID is the id of the process, 0 when it is not running.
func (s *Redis) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.p == nil {
		return 0
	}
	return s.p.pid
}

// Stop ends the server and removes the directory unless KeepDir. It may be
// called more than once.
func (s *Redis) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.halt()
	s.clear()
	return err
}

func (s *Redis) halt() error {
	if s.p == nil {
		return nil
	}
	err := s.p.stop(syscall.SIGTERM, 10*time.Second)
	s.p = nil
	return err
}

// Kill ends the server with SIGKILL; without Durable its data is lost.
func (s *Redis) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.p == nil {
		return ErrStopped
	}
	err := s.p.kill()
	s.p = nil
	return err
}

// Restart stops the server if it runs, and starts it again in the same
// directory on the same port.
func (s *Redis) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.halt(); err != nil {
		return err
	}
	return s.run(ctx)
}

func (s *Redis) clear() {
	if !s.keep {
		_ = os.RemoveAll(s.dir)
	}
}
