package world

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Proc is one role of the pipeline, as a process of its own.
type Proc struct {
	Role string
	// Log is the file that the process writes its log to, over restarts.
	Log string
	// Listen is where it serves /metrics, /readyz and so on.
	Listen string

	cmd  *exec.Cmd
	args []string
	env  []string
	bin  string
	done chan struct{}
	err  error
}

// Start starts `sluice <role>` with the world's configuration. It writes to
// <dir>/<role>.log.
func (w *World) Start(role string, args ...string) (*Proc, error) {
	return StartRole(w.binary, w.Dir, w.Config, w.env, role, args...)
}

// StartRole starts `<binary> <role>` with the configuration and env added to the
// environment. It writes to <dir>/<role>.log.
func StartRole(binary, dir, config string, env []string, role string, args ...string) (*Proc, error) {
	listen, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p := &Proc{
		Role: role, Log: filepath.Join(dir, role+".log"), Listen: listen, bin: binary,
		args: append([]string{role, "--config", config, "--listen", listen}, args...),
		env:  append(os.Environ(), env...),
	}
	return p, p.Restart()
}

// Restart starts the process again, after it has ended.
func (p *Proc) Restart() error {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child has its own
	p.cmd = exec.Command(p.bin, p.args...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.env, log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("starting sluice %s: %w", p.Role, err)
	}
	p.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		p.err = cmd.Wait()
		close(done)
	}(p.cmd, p.done)
	return nil
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (p *Proc) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// Stop drains the process with SIGTERM and returns how it ended; it is killed
// when ctx ends before that.
func (p *Proc) Stop(ctx context.Context) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
	case <-ctx.Done():
		p.Kill()
	}
	return p.err
}

// Done is closed when the process has ended.
func (p *Proc) Done() <-chan struct{} { return p.done }

// PID is the process's id.
func (p *Proc) PID() int { return p.cmd.Process.Pid }

// Tail returns the last n lines of the process's log.
func (p *Proc) Tail(n int) string {
	b, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimRight(b, "\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}

// Get fetches a page of the process, such as /metrics or /readyz.
func (p *Proc) Get(ctx context.Context, path string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Listen+path, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
