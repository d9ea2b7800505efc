package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// latency commits small transactions at a fixed rate, whatever becomes of them,
// and looks when a consumer that reads committed records alone has each. The
// clock of a change starts before its INSERT is sent, so that it holds the
// commit itself, too.
type latency struct {
	rate int
	last time.Duration

	stage *postgresStage
	sent  []atomic.Int64 // by id: nanoseconds since begin
	begin time.Time
}

func (l *latency) flags(f *flag.FlagSet) {
	f.IntVar(&l.rate, "rate", 1000, "transactions a second of the latency, each of one row")
	f.DurationVar(&l.last, "for", 20*time.Second, "how long the latency is measured")
}

// warmUp is how many transactions are not counted: the first ones pay for
// schemas, topics and cold caches.
const warmUp = 1000

// sessions commit beside each other.
const sessions = 4

func (l *latency) run(ctx context.Context, binary string) (_ *report, err error) {
	if l.rate < 1 || l.last <= 0 {
		return nil, errors.New("the latency needs --rate and --for above 0")
	}
	if l.stage, err = openPostgres(ctx, binary); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.stage.close()) }()
	db, err := pgx.Connect(ctx, l.stage.pg.DSN("postgres"))
	if err != nil {
		return nil, err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if _, err := db.Exec(ctx, benchTable); err != nil {
		return nil, err
	}
	p, err := l.stage.capture("quick")
	if err != nil {
		return nil, err
	}
	defer p.stop()
	// The first row makes the topic, which the consumer then finds.
	if err := insert(ctx, db, 0, 0, 1); err != nil {
		return nil, err
	}
	if _, err := p.until(ctx, func() (bool, error) { return first(p) }); err != nil {
		return nil, err
	}
	n := warmUp + int(l.last.Seconds()*float64(l.rate))
	l.sent = make([]atomic.Int64, n+1)
	var waits []float64
	work, ctx := errgroup.WithContext(ctx)
	ready := make(chan struct{})
	work.Go(func() (err error) { waits, err = l.consume(ctx, ready, n); return err })
	var took time.Duration
	work.Go(func() (err error) {
		select {
		case <-ready:
		case <-ctx.Done():
			return ctx.Err()
		}
		took, err = l.load(ctx, n)
		return err
	})
	if err := work.Wait(); err != nil {
		return nil, err
	}
	counted := waits[warmUp:]
	r := &report{Part: "latency", What: fmt.Sprintf("from before the INSERT of one row to a read_committed consumer, at %s transactions a second for %s", number(float64(l.rate)), l.last)}
	r.add("transactions committed", float64(n)/took.Seconds(), "1/s")
	r.atMost("p50", percentile(counted, 50), 10, "ms")
	r.add("p90", percentile(counted, 90), "ms")
	r.atMost("p99", percentile(counted, 99), 50, "ms")
	r.add("longest", percentile(counted, 100), "ms")
	return r, nil
}

// first reports whether the first row has come, by snapshot or by stream.
func first(p *process) (bool, error) {
	for _, op := range []string{"r", "c"} {
		if n, err := p.records(op); err == nil && n == 1 {
			return true, nil
		}
	}
	return false, nil
}

// load commits the rows 1 to n, each in its time, and returns how long it took.
func (l *latency) load(ctx context.Context, n int) (time.Duration, error) {
	l.begin = time.Now()
	var next atomic.Int64
	work, ctx := errgroup.WithContext(ctx)
	for range sessions {
		work.Go(func() error {
			db, err := pgx.Connect(ctx, l.stage.pg.DSN("postgres"))
			if err != nil {
				return err
			}
			defer db.Close(context.WithoutCancel(ctx))
			due := time.NewTimer(0)
			defer due.Stop()
			for {
				id := next.Add(1)
				if id > int64(n) {
					return nil
				}
				due.Reset(time.Until(l.begin.Add(time.Duration(id) * time.Second / time.Duration(l.rate))))
				select {
				case <-due.C:
				case <-ctx.Done():
					return ctx.Err()
				}
				l.sent[id].Store(int64(time.Since(l.begin)))
				if _, err := db.Exec(ctx, `INSERT INTO bench VALUES ($1, 1, 'a small transaction', 'somewhere', 12.50, true, now())`, id); err != nil {
					return err
				}
			}
		})
	}
	err := work.Wait()
	return time.Since(l.begin), err
}

// consume returns, in milliseconds and in the order of ids, how long each row
// was on its way. It closes ready when it has found the topic.
func (l *latency) consume(ctx context.Context, ready chan<- struct{}, n int) ([]float64, error) {
	opts, err := l.stage.kafka().Options("bench.latency", nil)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(opts, kgo.ConsumeTopics("quick.public.bench"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	waits := make([]float64, n)
	var once sync.Once
	for got := 0; got < n; {
		fetched := cl.PollFetches(ctx)
		now := time.Now()
		if err := fetched.Err0(); err != nil {
			return nil, err
		}
		for r := range fetched.RecordsAll() {
			id, err := rowOf(r, n)
			if err != nil {
				return nil, err
			}
			once.Do(func() { close(ready) })
			if id == 0 {
				continue
			}
			if waits[id-1] != 0 {
				return nil, fmt.Errorf("row %d came twice", id)
			}
			waits[id-1] = float64(now.Sub(l.begin)-time.Duration(l.sent[id].Load())) / float64(time.Millisecond)
			got++
		}
	}
	return waits, nil
}
