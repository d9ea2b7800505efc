package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/demo/world"
	"sluice/ops/local"
	"sluice/stream/kafka"
)

// postgresBench drains the same WAL twice a round: once by pg_recvlogical into
// /dev/null, which is what the server can send, and once by `sluice capture`
// into the embedded broker in a process of its own, exactly once.
type postgresBench struct {
	rows, rounds    int
	binary, profile string

	dir      string
	pg       *local.Postgres
	broker   *world.EmbeddedBroker
	registry *local.Registry
	end      string // WAL position behind the last row
}

const benchTable = `CREATE TABLE bench (
	id bigint PRIMARY KEY, customer_id int NOT NULL, name text NOT NULL, city text NOT NULL,
	amount numeric(12,2) NOT NULL, paid boolean NOT NULL, at timestamptz NOT NULL);
CREATE PUBLICATION bench FOR TABLE bench`

// About 90 bytes of text a row, committed 1,000 rows at a time.
const benchInsert = `INSERT INTO bench SELECT i, i % 50000,
	'customer number ' || i || ' of the company ' || md5(i::text), 'city of ' || (i % 1000) || ' rivers',
	(i % 1000000) / 100.0, i % 3 = 0, timestamptz '2026-01-01' + i * interval '1 second'
	FROM generate_series($1::bigint, $2::bigint) i`

func (b *postgresBench) run(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "sluice-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.pg, err = local.StartPostgres(ctx, local.PostgresOptions{}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.pg.Stop()) }()
	if b.broker, err = world.StartBroker(ctx, b.binary, filepath.Join(b.dir, "kafka")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.broker.Stop()) }()
	kc := kafka.Config{Brokers: []string{b.broker.Addr()}}
	kc.Defaults()
	if b.registry, err = local.StartRegistry(ctx, kc, "127.0.0.1:0"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.registry.Close()) }()
	if err := b.fill(ctx); err != nil {
		return err
	}
	var ratios, rss []float64
	fmt.Printf("%-6s %22s %22s %8s %10s\n", "round", "pg_recvlogical rows/s", "sluice rows/s", "ratio", "peak RSS")
	for i := range b.rounds {
		limit, err := b.recvlogical(ctx, i)
		if err != nil {
			return err
		}
		ours, peak, err := b.capture(ctx, i)
		if err != nil {
			return err
		}
		n := float64(b.rows)
		fmt.Printf("%-6d %22.0f %22.0f %8.2f %7.0f MB\n", i+1, n/limit.Seconds(), n/ours.Seconds(), limit.Seconds()/ours.Seconds(), peak)
		ratios, rss = append(ratios, limit.Seconds()/ours.Seconds()), append(rss, peak)
	}
	fmt.Printf("median ratio %.2f, median peak RSS %.0f MB, %d rows of 7 columns, exactly once\n", median(ratios), median(rss), b.rows)
	return nil
}

// fill makes the slots of every round, then the rows.
func (b *postgresBench) fill(ctx context.Context) error {
	db, err := pgx.Connect(ctx, b.pg.DSN("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close(ctx) }()
	if _, err := db.Exec(ctx, benchTable); err != nil {
		return err
	}
	for i := range b.rounds {
		if _, err := db.Exec(ctx, "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", fmt.Sprintf("limit%d", i)); err != nil {
			return err
		}
		// A first start of the capture makes its slot and saves its position.
		if _, _, err := b.session(ctx, i, "prepare", func(string) (bool, error) { return b.streaming(ctx, i) }); err != nil {
			return err
		}
	}
	for at := 1; at <= b.rows; at += 1000 {
		if _, err := db.Exec(ctx, benchInsert, at, min(at+999, b.rows)); err != nil {
			return err
		}
	}
	if err := db.QueryRow(ctx, "SELECT pg_current_wal_lsn()::text").Scan(&b.end); err != nil {
		return err
	}
	// pg_recvlogical ends when it meets something behind the end. Without one
	// more row it would wait for its next status update, up to ten seconds, and
	// the reference would be far too slow.
	b.rows++
	_, err = db.Exec(ctx, benchInsert, b.rows, b.rows)
	return err
}

// streaming reports whether the capture of a round has saved a position of the
// stream, from which the next start goes on without a snapshot.
func (b *postgresBench) streaming(ctx context.Context, round int) (ok bool, err error) {
	kc := kafka.Config{Brokers: []string{b.broker.Addr()}}
	kc.Defaults()
	err = kc.ReadToEnd(ctx, nil, func(r *kgo.Record) error {
		if string(r.Key) == fmt.Sprintf("bench%d", round) {
			ok = bytes.Contains(r.Value, []byte("system")) && !bytes.Contains(r.Value, []byte("snapshot"))
		}
		return nil
	}, "sluice.positions")
	return ok, err
}

// recvlogical is the time that pg_recvlogical takes to drain a slot.
func (b *postgresBench) recvlogical(ctx context.Context, round int) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(b.pg.Bin(), "pg_recvlogical"), "--dbname", b.pg.DSN("postgres"), "--slot", fmt.Sprintf("limit%d", round),
		"--start", "--no-loop", "--endpos", b.end, "--file", "/dev/null", "--option", "proto_version=1", "--option", "publication_names=bench")
	var say strings.Builder
	cmd.Stderr = &say
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("pg_recvlogical: %w: %s", err, say.String())
	}
	return time.Since(start), nil
}

// capture is the time that `sluice capture` takes from its start until all rows
// are committed in Kafka, and its peak memory in MB.
func (b *postgresBench) capture(ctx context.Context, round int) (time.Duration, float64, error) {
	want := float64(b.rows)
	return b.session(ctx, round, "drain", func(page string) (bool, error) {
		got := 0.0
		for line := range strings.Lines(page) {
			if strings.HasPrefix(line, "sluice_capture_records_total{") {
				if !strings.Contains(line, `op="c"`) {
					return false, fmt.Errorf("not a drain of the slot: %s", strings.TrimSpace(line))
				}
				n, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
				if err != nil {
					return false, err
				}
				got += n
			}
		}
		if got > want {
			return false, fmt.Errorf("%.0f records captured of %.0f rows", got, want)
		}
		return got == want, nil
	})
}

// session runs the capture of a round until its /metrics page satisfies done.
func (b *postgresBench) session(ctx context.Context, round int, phase string, done func(page string) (bool, error)) (took time.Duration, peakMB float64, err error) {
	name := fmt.Sprintf("bench%d", round)
	config := filepath.Join(b.dir, name+".yaml")
	text := fmt.Sprintf("kafka: {brokers: [%q]}\nregistry: {url: %q}\ncaptures:\n  %s:\n    postgres: {dsn: %q, tables: [public.bench], publication: bench, heartbeat: 1s}\n",
		b.broker.Addr(), b.registry.URL(), name, b.pg.DSN("postgres"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return 0, 0, err
	}
	log, err := os.Create(filepath.Join(b.dir, name+"-"+phase+".log"))
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = log.Close() }()
	const listen = "127.0.0.1:19464"
	cmd := exec.Command(b.binary, "capture", "--config", config, "--listen", listen, "--pprof")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		<-ended
	}()
	if phase == "drain" && round == b.rounds-1 && b.profile != "" {
		go b.saveProfile(listen)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if page, err := get("http://" + listen + "/metrics"); err == nil { // not yet listening at first
			ok, err := done(string(page))
			if ok || err != nil {
				return time.Since(start), peakRSS(cmd.Process.Pid), err
			}
		}
		select {
		case <-tick.C:
		case err := <-ended:
			said, _ := os.ReadFile(log.Name())
			ended <- err
			return 0, 0, fmt.Errorf("sluice capture ended: %w\n%s", err, said)
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
	}
}

func (b *postgresBench) saveProfile(listen string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 50 {
		page, err := get("http://" + listen + "/debug/pprof/profile?seconds=1")
		if err == nil {
			_ = os.WriteFile(b.profile, page, 0o644) // the measurement goes on without it
			return
		}
		<-tick.C
	}
}

func get(url string) ([]byte, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return io.ReadAll(resp.Body)
}

// peakRSS reads the high-water mark of a process's resident memory.
func peakRSS(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
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
