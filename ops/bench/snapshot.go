package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// snapshot copies a table that nobody changes: with COPY to nowhere, which is
// what the server can read, with `sluice capture`, and with a bare client of the
// same library that is given ready records of the same size, keys and headers.
type snapshot struct {
	rows, rounds int
	stage        *postgresStage
}

func (s *snapshot) flags(f *flag.FlagSet) {
	f.IntVar(&s.rows, "snapshot-rows", 2_000_000, "rows of the table to copy")
	f.IntVar(&s.rounds, "snapshot-rounds", 5, "rounds of the snapshot; the median is what counts")
}

func (s *snapshot) run(ctx context.Context, binary string) (_ *report, err error) {
	if s.stage, err = openPostgres(ctx, binary); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stage.close()) }()
	db, err := pgx.Connect(ctx, s.stage.pg.DSN("postgres"))
	if err != nil {
		return nil, err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if _, err := db.Exec(ctx, benchTable); err != nil {
		return nil, err
	}
	if err := insert(ctx, db, 1, s.rows, s.rows); err != nil {
		return nil, err
	}
	if _, err := db.Exec(ctx, "VACUUM (ANALYZE) bench"); err != nil { // no round sets the hint bits for the next
		return nil, err
	}
	// A first copy warms up and gives the bare client its records.
	if _, _, err := s.capture(ctx, "first"); err != nil {
		return nil, err
	}
	ready, err := s.sample(ctx, "first.public.bench")
	if err != nil {
		return nil, err
	}
	if err := s.stage.forget(ctx, "first.public.bench"); err != nil {
		return nil, err
	}
	// A topic is deleted when its round is over, so that each finds the disk and
	// the machine's memory as the one before did.
	var copies, bares, boths, ours, toBare, toBoth, toCopy, peaks []float64
	n := float64(s.rows)
	for i := range s.rounds {
		copied, err := s.copy(ctx, db)
		if err != nil {
			return nil, err
		}
		bare, err := s.bare(ctx, fmt.Sprintf("bare%d", i), ready)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("copy%d", i)
		took, peak, err := s.capture(ctx, name)
		if err != nil {
			return nil, err
		}
		if err := s.stage.forget(ctx, name+".public.bench"); err != nil {
			return nil, err
		}
		both, err := s.both(ctx, db, fmt.Sprintf("both%d", i), ready)
		if err != nil {
			return nil, err
		}
		copies, bares, boths, ours = append(copies, n/copied.Seconds()), append(bares, n/bare.Seconds()), append(boths, n/both.Seconds()), append(ours, n/took.Seconds())
		toBare, toBoth, toCopy = append(toBare, bare.Seconds()/took.Seconds()), append(toBoth, both.Seconds()/took.Seconds()), append(toCopy, copied.Seconds()/took.Seconds())
		peaks = append(peaks, peak)
	}
	r := &report{Part: "snapshot", What: fmt.Sprintf("%s rows of 7 columns, from the table to Kafka exactly once, start-up included; median of %d rounds", number(n), s.rounds)}
	r.add("COPY TO STDOUT", median(copies), "rows/s")
	r.add("bare client, ready records", median(bares), "rows/s")
	r.add("both of these at once", median(boths), "rows/s")
	r.add("sluice capture", median(ours), "rows/s")
	r.add("ratio to COPY", median(toCopy), "")
	r.atLeast("ratio to the bare client", median(toBare), 0.7, "")
	r.atLeast("ratio to both at once", median(toBoth), 0.7, "")
	r.atMost("peak RSS of sluice capture", percentile(peaks, 100), 128, "MB")
	return r, nil
}

// copy is the time in which Postgres sends the table to a client that does
// nothing with it.
func (s *snapshot) copy(ctx context.Context, db *pgx.Conn) (time.Duration, error) {
	start := time.Now()
	_, err := db.PgConn().CopyTo(ctx, io.Discard, "COPY bench TO STDOUT")
	return time.Since(start), err
}

// both is the time of copy and bare side by side: what this machine, whose cores
// they share, can do at most.
func (s *snapshot) both(ctx context.Context, db *pgx.Conn, topic string, ready []*kgo.Record) (time.Duration, error) {
	group, ctx := errgroup.WithContext(ctx)
	var copied, bare time.Duration
	group.Go(func() (err error) {
		copied, err = s.copy(ctx, db)
		return err
	})
	group.Go(func() (err error) {
		bare, err = s.bare(ctx, topic, ready)
		return err
	})
	err := group.Wait()
	return max(copied, bare), err
}

// capture is the time from the start of `sluice capture` until all rows are
// committed in Kafka, and its peak memory in MB.
func (s *snapshot) capture(ctx context.Context, name string) (time.Duration, float64, error) {
	p, err := s.stage.capture(name)
	if err != nil {
		return 0, 0, err
	}
	took, err := p.drained(ctx, "r", s.rows)
	peak := p.peakMB()
	p.stop()
	return took, peak, err
}

// samples is how many of the capture's records the bare client has to offer: more than
// the caches of a processor hold, as the capture's are not in them either.
const samples = 200_000

// bareBytes is the size of its transactions. As in the capture nothing is produced
// while one is being committed.
const bareBytes = 4 << 20

// bare is the time that a bare client takes to produce as many records as a
// capture does, of the same size, into a topic of the same kind.
func (s *snapshot) bare(ctx context.Context, topic string, ready []*kgo.Record) (time.Duration, error) {
	kc := s.stage.kafka()
	opts, err := kc.Options("bench.bare", nil)
	if err != nil {
		return 0, err
	}
	cl, err := kgo.NewClient(append(opts, kgo.TransactionalID("bench.bare"), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MaxBufferedBytes(2*bareBytes), kgo.MaxBufferedRecords(1<<17), kgo.ProducerLinger(0))...)
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	if err := kc.Ensure(ctx, cl, false, topic); err != nil {
		return 0, err
	}
	failed := make(chan error, 1)
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			select {
			case failed <- err:
			default:
			}
		}
	}
	var records []kgo.Record // reused like the capture's
	start := time.Now()
	for left := s.rows; left > 0; {
		records = records[:0]
		for size := 0; left > 0 && size < bareBytes; left-- {
			from := ready[left%len(ready)]
			records = append(records, kgo.Record{Topic: topic, Key: from.Key, Value: from.Value, Headers: from.Headers, Timestamp: start})
			size += len(from.Key) + len(from.Value) + recordOverhead
		}
		if err := cl.BeginTransaction(); err != nil {
			return 0, err
		}
		for i := range records {
			cl.Produce(ctx, &records[i], done)
		}
		if err := errors.Join(cl.Flush(ctx), cl.EndTransaction(ctx, kgo.TryCommit)); err != nil {
			return 0, err
		}
	}
	took := time.Since(start)
	select {
	case err := <-failed:
		return 0, err
	default:
		return took, s.stage.forget(ctx, topic)
	}
}

// recordOverhead is about what a record takes in the capture's memory beside its
// bytes.
const recordOverhead = 250

// sample returns some records of the topic.
func (s *snapshot) sample(ctx context.Context, topic string) ([]*kgo.Record, error) {
	opts, err := s.stage.kafka().Options("bench.sample", nil)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	var out []*kgo.Record
	for len(out) < samples {
		fetched := cl.PollRecords(ctx, samples-len(out))
		if err := fetched.Err0(); err != nil {
			return nil, err
		}
		out = append(out, fetched.Records()...)
	}
	return out, nil
}
