package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// poll is the time between two looks at a server that starts or stops.
const poll = 15 * time.Millisecond

// account is the user that a server runs as, when the caller is root and the
// server refuses to be.
type account struct{ uid, gid uint32 }

// command says how to start a server.
type command struct {
	path string
	args []string
	env  []string // added to the environment of this process
	dir  string   // removed by the janitor when this process dies, unless keep
	keep bool
	as   *account       // nil: the user of this process
	quit syscall.Signal // what ends the server at once, with its children
}

// process is one running program in a process group of its own. It starts no
// goroutine, so that a server which a test binary keeps to its end is no leak.
type process struct {
	pid  int
	log  string   // path of the file that holds its output
	word *os.File // the janitor's end of the pipe: closed without a word means that we died
	jan  *exec.Cmd

	mu     sync.Mutex
	reaped bool
	status syscall.WaitStatus
}

// start runs the command with its output in logPath.
func start(c command, logPath string) (*process, error) {
	out, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", filepath.Base(c.path), err)
	}
	defer out.Close()
	cmd := exec.Command(c.path, c.args...)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Dir = c.dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = attributes(c.quit, c.as)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.path, err)
	}
	p := &process{pid: cmd.Process.Pid, log: logPath}
	// From here the process is waited for by its id alone.
	_ = cmd.Process.Release()
	if err := p.watch(c); err != nil {
		return nil, errors.Join(err, p.kill())
	}
	return p, nil
}

// janitor reads one line. A word means that the server was stopped in order;
// the end of the file, that the process which started it is gone.
const janitor = `if read -r word; then exit 0; fi
kill -s "$1" -- "-$2" 2>/dev/null
n=0
while kill -0 -- "-$2" 2>/dev/null && [ $n -lt 50 ]; do n=$((n+1)); sleep 0.1; done
kill -s KILL -- "-$2" 2>/dev/null
[ -z "$3" ] && exit 0
n=0
until rm -rf -- "$3" 2>/dev/null || [ $n -ge 20 ]; do n=$((n+1)); sleep 0.1; done`

func (p *process) watch(c command) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("starting the janitor: %w", err)
	}
	defer r.Close()
	dir := c.dir
	if c.keep {
		dir = ""
	}
	p.jan = exec.Command("/bin/sh", "-c", janitor, "sluice-janitor",
		strconv.Itoa(int(c.quit)), strconv.Itoa(p.pid), dir)
	p.jan.Stdin = r
	p.jan.Dir = "/"
	p.jan.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.jan.Start(); err != nil {
		w.Close()
		return fmt.Errorf("starting the janitor: %w", err)
	}
	p.word = w
	return nil
}

// dismiss tells the janitor that there is nothing left to do.
func (p *process) dismiss() {
	if p.word == nil {
		return
	}
	_, _ = io.WriteString(p.word, "done\n")
	p.word.Close()
	p.word = nil
	_ = p.jan.Wait()
}

// exited reports whether the process has ended, and collects its status.
func (p *process) exited() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return true
	}
	var ws syscall.WaitStatus
	pid, err := syscall.Wait4(p.pid, &ws, syscall.WNOHANG, nil)
	if err == nil && pid == 0 || errors.Is(err, syscall.EINTR) {
		return false
	}
	p.reaped, p.status = true, ws
	p.dismiss()
	return true
}

// signal sends sig to the whole process group, if the process still runs.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = syscall.Kill(-p.pid, sig)
	}
}

// stop sends sig, and after the grace SIGKILL.
func (p *process) stop(sig syscall.Signal, grace time.Duration) error {
	p.signal(sig)
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if until(ctx, p.exited) == nil {
		return nil
	}
	return p.kill()
}

// kill sends SIGKILL and waits for the end.
func (p *process) kill() error {
	p.signal(syscall.SIGKILL)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := until(ctx, p.exited); err != nil {
		return fmt.Errorf("process %d survived SIGKILL: %w", p.pid, err)
	}
	return nil
}

// until looks every few milliseconds until done says so or ctx ends.
func until(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

// tail returns the last lines of the process's output, on one line.
func (p *process) tail() string { return tail(p.log, 5) }

func tail(path string, n int) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}
