package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// drain reads the same changes several times a round: with the limits of the
// database's kind, and with `sluice capture`, exactly once.
type drain struct {
	of             drained
	rows, rounds   int
	oneTransaction bool
	cpuprofile     string

	stage *stage
}

// drained is a database whose changes are drained.
type drained interface {
	open(ctx context.Context, binary string) (*stage, error)
	what() string
	// fill prepares the capture of each round, then makes the rows.
	fill(ctx context.Context, of *drain) error
	// limits are the names of what the capture is measured beside. The first is what
	// the ratio is of.
	limits() []string
	limit(ctx context.Context, round int, name string) (time.Duration, error)
	// aims are the least ratio and the most resident memory.
	aims() (ratio, peakMB float64)
}

func (d *drain) flags(f *flag.FlagSet) {
	f.IntVar(&d.rows, "rows", 1_000_000, "rows to insert and drain")
	f.IntVar(&d.rounds, "rounds", 3, "rounds of the drain; the median is what counts")
	f.BoolVar(&d.oneTransaction, "one-transaction", false, "insert the rows of the drain in one transaction, not 1,000 at a time")
	f.StringVar(&d.cpuprofile, "cpuprofile", "", "write a CPU profile of the last round's capture to this file, and print where the time goes")
}

// each is how many rows a transaction inserts.
func (d *drain) each() int {
	if d.oneTransaction {
		return d.rows
	}
	return 1000
}

// capture is the name of a round's.
func (d *drain) capture(round int) string { return fmt.Sprintf("bench%d", round) }

func (d *drain) run(ctx context.Context, binary string) (_ *report, err error) {
	if d.stage, err = d.of.open(ctx, binary); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.stage.close()) }()
	if err := d.of.fill(ctx, d); err != nil {
		return nil, err
	}
	what := "1,000 a transaction"
	if d.oneTransaction {
		what = "one transaction"
	}
	r := &report{Part: "drain", What: fmt.Sprintf("%s rows of 7 columns, %s, %s to Kafka exactly once; median of %d rounds",
		number(float64(d.rows)), what, d.of.what(), d.rounds)}
	names := d.of.limits()
	n := float64(d.rows)
	limits := map[string][]float64{}
	var ours, ratios, peaks []float64
	for i := range d.rounds {
		var first time.Duration
		for at, name := range names {
			limit, err := d.of.limit(ctx, i, name)
			if err != nil {
				return nil, err
			}
			if limits[name] = append(limits[name], n/limit.Seconds()); at == 0 {
				first = limit
			}
		}
		took, peak, err := d.measure(ctx, i, r, first)
		if err != nil {
			return nil, err
		}
		ours, ratios, peaks = append(ours, n/took.Seconds()), append(ratios, first.Seconds()/took.Seconds()), append(peaks, peak)
	}
	for _, name := range names {
		r.add(name, median(limits[name]), "rows/s")
	}
	ratio, peak := d.of.aims()
	r.add("sluice capture", median(ours), "rows/s")
	r.atLeast("ratio", median(ratios), ratio, "")
	r.atMost("peak RSS of sluice capture", percentile(peaks, 100), peak, "MB")
	return r, nil
}

// measure is the time that `sluice capture` takes from its start until all rows are
// committed in Kafka, and its peak memory in MB. In the last round it is profiled,
// if that is wanted.
func (d *drain) measure(ctx context.Context, round int, r *report, limit time.Duration) (time.Duration, float64, error) {
	p, err := d.stage.capture(d.capture(round))
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
	took, err := p.drained(ctx, "c", d.rows)
	if err = errors.Join(err, <-profiled); err != nil {
		return 0, 0, err
	}
	return took, p.peakMB(), d.once(ctx, d.capture(round)+"."+d.stage.captured.table)
}

// once reads the topic as a consumer of committed records does, and makes sure that
// each row is there, and none twice.
func (d *drain) once(ctx context.Context, topic string) error {
	seen, n := make([]bool, d.rows+1), 0
	err := d.stage.kafka().ReadToEnd(ctx, nil, func(r *kgo.Record) error {
		id, err := rowOf(r, d.rows)
		if err == nil && seen[id] {
			err = fmt.Errorf("row %d came twice", id)
		}
		if err == nil {
			seen[id] = true
			n++
		}
		return err
	}, topic)
	if err == nil && n != d.rows {
		err = fmt.Errorf("topic %s has %d rows of %d", topic, n, d.rows)
	}
	return err
}

// rowOf is the id that a record's key has: a Confluent header and one long.
func rowOf(r *kgo.Record, most int) (int64, error) {
	if len(r.Key) > 5 {
		if id, size := binary.Varint(r.Key[5:]); size > 0 && id >= 0 && id <= int64(most) {
			return id, nil
		}
	}
	return 0, fmt.Errorf("a record with the key %x", r.Key)
}
