package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"
)

// drain empties slots that hold the same WAL, twice a round: once with
// pg_recvlogical into /dev/null, which is what the server can send, and once
// with `sluice capture`, exactly once.
type drain struct {
	rows, rounds   int
	oneTransaction bool
	cpuprofile     string

	stage *stage
	end   string // WAL position behind the last row
}

func (d *drain) flags(f *flag.FlagSet) {
	f.IntVar(&d.rows, "rows", 1_000_000, "rows to insert and drain")
	f.IntVar(&d.rounds, "rounds", 3, "rounds of the drain; the median is what counts")
	f.BoolVar(&d.oneTransaction, "one-transaction", false, "insert the rows of the drain in one transaction, not 1,000 at a time")
	f.StringVar(&d.cpuprofile, "cpuprofile", "", "write a CPU profile of the last round's capture to this file, and print where the time goes")
}

func (d *drain) run(ctx context.Context, binary string) (_ *report, err error) {
	if d.stage, err = openStage(ctx, binary); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.stage.close()) }()
	if err := d.fill(ctx); err != nil {
		return nil, err
	}
	what := "1,000 a transaction"
	if d.oneTransaction {
		what = "one transaction"
	}
	r := &report{Part: "drain", What: fmt.Sprintf("%s rows of 7 columns, %s, from the slot to Kafka exactly once; median of %d rounds",
		number(float64(d.rows)), what, d.rounds)}
	var limits, ours, ratios, peaks []float64
	for i := range d.rounds {
		limit, err := d.recvlogical(ctx, i)
		if err != nil {
			return nil, err
		}
		took, peak, err := d.capture(ctx, i, r, limit)
		if err != nil {
			return nil, err
		}
		n := float64(d.rows)
		limits, ours = append(limits, n/limit.Seconds()), append(ours, n/took.Seconds())
		ratios, peaks = append(ratios, limit.Seconds()/took.Seconds()), append(peaks, peak)
	}
	r.add("pg_recvlogical", median(limits), "rows/s")
	r.add("sluice capture", median(ours), "rows/s")
	r.atLeast("ratio", median(ratios), 0.95, "")
	r.atMost("peak RSS of sluice capture", percentile(peaks, 100), 128, "MB")
	return r, nil
}

// fill makes the slots of every round, then the rows.
func (d *drain) fill(ctx context.Context) error {
	db, err := pgx.Connect(ctx, d.stage.pg.DSN("postgres"))
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if _, err := db.Exec(ctx, benchTable); err != nil {
		return err
	}
	for i := range d.rounds {
		if _, err := db.Exec(ctx, "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", fmt.Sprintf("limit%d", i)); err != nil {
			return err
		}
		// A first start of the capture makes its slot and saves its position.
		if err := d.prepare(ctx, i); err != nil {
			return err
		}
	}
	each := 1000
	if d.oneTransaction {
		each = d.rows
	}
	if err := insert(ctx, db, 1, d.rows, each); err != nil {
		return err
	}
	if err := db.QueryRow(ctx, "SELECT pg_current_wal_lsn()::text").Scan(&d.end); err != nil {
		return err
	}
	// pg_recvlogical ends when it meets something behind the end. Without one
	// more row it would wait for its next status update, up to ten seconds, and
	// the reference would be far too slow.
	d.rows++
	return insert(ctx, db, d.rows, d.rows, 1)
}

func (d *drain) prepare(ctx context.Context, round int) error {
	p, err := d.stage.capture(fmt.Sprintf("bench%d", round))
	if err != nil {
		return err
	}
	defer p.stop()
	_, err = p.until(ctx, func() (bool, error) { return d.streaming(ctx, round) })
	return err
}

// streaming reports whether the capture of a round has saved a position of the
// stream, from which the next start goes on without a snapshot.
func (d *drain) streaming(ctx context.Context, round int) (ok bool, err error) {
	err = d.stage.kafka().ReadToEnd(ctx, nil, func(r *kgo.Record) error {
		if string(r.Key) == fmt.Sprintf("bench%d", round) {
			ok = bytes.Contains(r.Value, []byte("system")) && !bytes.Contains(r.Value, []byte("snapshot"))
		}
		return nil
	}, "sluice.positions")
	return ok, err
}

// recvlogical is the time that pg_recvlogical takes to drain a slot.
func (d *drain) recvlogical(ctx context.Context, round int) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(d.stage.pg.Bin(), "pg_recvlogical"), "--dbname", d.stage.pg.DSN("postgres"), "--slot", fmt.Sprintf("limit%d", round),
		"--start", "--no-loop", "--endpos", d.end, "--file", "/dev/null", "--option", "proto_version=1", "--option", "publication_names=bench")
	var say strings.Builder
	cmd.Stderr = &say
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("pg_recvlogical: %w: %s", err, say.String())
	}
	return time.Since(start), nil
}

// capture is the time that `sluice capture` takes from its start until all rows
// are committed in Kafka, and its peak memory in MB. In the last round it is
// profiled, if that is wanted.
func (d *drain) capture(ctx context.Context, round int, r *report, limit time.Duration) (time.Duration, float64, error) {
	p, err := d.stage.capture(fmt.Sprintf("bench%d", round))
	if err != nil {
		return 0, 0, err
	}
	defer p.stop()
	profiled := make(chan error, 1)
	if d.cpuprofile != "" && round == d.rounds-1 {
		go func() { profiled <- profile(ctx, p, d.cpuprofile, limit/2, r) }()
	} else {
		profiled <- nil
	}
	took, err := p.captured(ctx, "c", d.rows)
	return took, p.peakMB(), errors.Join(err, <-profiled)
}
