package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/demo/world"
	"sluice/ops/local"
	"sluice/stream/kafka"
)

// stage is the servers of one measurement beside the database: the embedded broker
// in a process of its own and a registry in this one.
type stage struct {
	binary   string
	dir      string
	captured captured
	broker   *world.EmbeddedBroker
	registry *local.Registry
}

// captured is the database of a stage.
type captured struct {
	// settings is the capture's block in the configuration, without its name.
	settings string
	table    string // as the metrics name it
	saved    string // a text that each position of the stream has
	stop     func() error
}

// openStage takes the database over: close stops it.
func openStage(ctx context.Context, binary string, db captured) (s *stage, err error) {
	s = &stage{binary: binary, captured: db}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "sluice-bench-"); err != nil {
		return s, err
	}
	if s.broker, err = world.StartBroker(ctx, binary, filepath.Join(s.dir, "kafka")); err != nil {
		return s, err
	}
	s.registry, err = local.StartRegistry(ctx, s.kafka(), "127.0.0.1:0")
	return s, err
}

func (s *stage) kafka() kafka.Config {
	kc := kafka.Config{Brokers: []string{s.broker.Addr()}}
	kc.Defaults()
	return kc
}

func (s *stage) close() error {
	var errs []error
	if s.registry != nil {
		errs = append(errs, s.registry.Close())
	}
	if s.broker != nil {
		errs = append(errs, s.broker.Stop())
	}
	return errors.Join(append(errs, s.captured.stop(), os.RemoveAll(s.dir))...)
}

// forget deletes a topic.
func (s *stage) forget(ctx context.Context, topic string) error {
	kc := s.kafka()
	opts, err := kc.Options("bench.forget", nil)
	if err != nil {
		return err
	}
	cl, err := kadm.NewOptClient(opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	_, err = cl.DeleteTopic(ctx, topic)
	return err
}

// process is a running `sluice capture`.
type process struct {
	cmd    *exec.Cmd
	log    string
	listen string
	table  string
	start  time.Time
	ended  chan struct{}
	err    error
}

// capture starts `sluice capture` for the table under that name. An earlier
// capture of the name is gone on with.
func (s *stage) capture(name string) (*process, error) {
	config := filepath.Join(s.dir, name+".yaml")
	text := fmt.Sprintf("kafka: {brokers: [%q]}\nregistry: {url: %q}\ncaptures:\n  %s:\n    %s\n",
		s.broker.Addr(), s.registry.URL(), name, s.captured.settings)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &process{listen: l.Addr().String(), table: s.captured.table, log: filepath.Join(s.dir, name+".log"), ended: make(chan struct{})}
	if err := l.Close(); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	p.cmd = exec.Command(s.binary, "capture", "--config", config, "--listen", p.listen, "--pprof")
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.start = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// prepare starts the capture of that name for a first time, until it has saved a
// position from which the next start goes on without a snapshot.
func (s *stage) prepare(ctx context.Context, name string) error {
	p, err := s.capture(name)
	if err != nil {
		return err
	}
	defer p.stop()
	_, err = p.until(ctx, func() (ok bool, err error) {
		err = s.kafka().ReadToEnd(ctx, nil, func(r *kgo.Record) error {
			if string(r.Key) == name {
				ok = bytes.Contains(r.Value, []byte(s.captured.saved)) && !bytes.Contains(r.Value, []byte("snapshot"))
			}
			return nil
		}, "sluice.positions")
		return ok, err
	})
	return err
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	<-p.ended
}

// look is the time between two looks at a process: each costs it some of the time
// that is measured.
const look = 40 * time.Millisecond

// until looks at the process until done, and returns how long that was from its
// start.
func (p *process) until(ctx context.Context, done func() (bool, error)) (time.Duration, error) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return time.Since(p.start), err
		}
		select {
		case <-tick.C:
		case <-p.ended:
			said, _ := os.ReadFile(p.log)
			return 0, fmt.Errorf("sluice capture ended: %w\n%s", p.err, said)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// records is how many changes of the table the process has committed, all with the op; any
// other is an error, since then something else was measured.
func (p *process) records(op string) (n float64, err error) {
	page, err := get("http://" + p.listen + "/metrics")
	if err != nil {
		return 0, nil // not yet listening
	}
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "sluice_capture_records_total{") || !strings.Contains(line, `table="`+p.table+`"`) {
			continue // heartbeats are counted, too
		}
		if !strings.Contains(line, `op="`+op+`"`) {
			return 0, fmt.Errorf("not only op %q was captured: %s", op, strings.TrimSpace(line))
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
		if err != nil {
			return 0, err
		}
		n += v
	}
	return n, nil
}

// drained waits for so many committed changes with the op.
func (p *process) drained(ctx context.Context, op string, want int) (time.Duration, error) {
	return p.until(ctx, func() (bool, error) {
		got, err := p.records(op)
		if err == nil && got > float64(want) {
			err = fmt.Errorf("%.0f records captured of %d rows", got, want)
		}
		return got == float64(want), err
	})
}

// peakMB reads the high-water mark of the process's resident memory.
func (p *process) peakMB() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1000
		}
	}
	return 0
}

// client asks for pages as they are: to compress them is work for the process
// that is measured.
var client = &http.Client{Transport: &http.Transport{DisableCompression: true}}

func get(url string) ([]byte, error) {
	resp, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}
