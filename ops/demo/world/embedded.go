package world

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// EmbeddedBroker is the embedded broker as a process of its own (`sluice broker`), so
// that it can be killed and its memory counts for itself.
type EmbeddedBroker struct {
	bin, dir, addr string
	cmd            *exec.Cmd
}

// StartBroker starts `sluice broker` on the directory, on a free port, without a
// registry.
func StartBroker(ctx context.Context, bin, dir string) (*EmbeddedBroker, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	e := &EmbeddedBroker{bin: bin, dir: dir, addr: addr}
	return e, e.Restart(ctx)
}

// Addr is where the broker listens.
func (e *EmbeddedBroker) Addr() string { return e.addr }

// PID is the broker's process.
func (e *EmbeddedBroker) PID() int { return e.cmd.Process.Pid }

// Restart starts the broker on its directory and waits until it listens.
func (e *EmbeddedBroker) Restart(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(filepath.Dir(e.dir), "broker.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child has its own
	e.cmd = exec.Command(e.bin, "broker", "--dir", e.dir, "--listen", e.addr, "--registry", "off")
	e.cmd.Stdout, e.cmd.Stderr = log, log
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := e.cmd.Start(); err != nil {
		e.cmd = nil
		return fmt.Errorf("starting the embedded broker: %w", err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", e.addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the embedded broker does not listen on %s: %w; see %s", e.addr, err, log.Name())
		}
	}
}

// Kill ends the broker with SIGKILL.
func (e *EmbeddedBroker) Kill() error {
	err := e.cmd.Process.Kill()
	_ = e.cmd.Wait() // says that it was killed
	return err
}

// Stop ends the broker.
func (e *EmbeddedBroker) Stop() error {
	if e.cmd == nil || e.cmd.ProcessState != nil {
		return nil // not started, or killed and not restarted
	}
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return e.cmd.Wait()
}
