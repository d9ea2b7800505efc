package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/stream/kafka"
)

const (
	// defaultSession is how long a killed process keeps its partitions; a client
	// in trouble keeps them as long. Brokers allow no less than 6s by default.
	defaultSession = 10 * time.Second
	// duel is the time between two fencings that only another process with the
	// same id explains. One alone may come from a broker that was away.
	duel = time.Minute
)

// session is the life of one transactional client. It ends with the first error
// that leaves in doubt what became of a transaction; the next session's client
// settles that, and goes on from the committed offsets.
func (p *Process) session(ctx, work context.Context, admin *kgo.Client, shared []kgo.Opt) error {
	p.notReady("connecting to kafka")
	if err := p.ensure(ctx, admin); err != nil {
		return fmt.Errorf("creating the missing topics: %w", err)
	}
	p.encoder.ensure = func(ctx context.Context, topic string) error {
		return p.kafka.Ensure(ctx, admin, !slices.Contains(p.topics.Passing, topic), topic)
	}

	t, err := kgo.NewGroupTransactSession(append(slices.Clone(shared),
		kgo.ConsumerGroup(p.group),
		kgo.ConsumeTopics(append(slices.Clone(p.topics.Inputs), p.retry)...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(p.sessionTimeout),
		// More than ending a transaction takes, and how long a rebalance waits
		// for a member that died in it.
		kgo.RebalanceTimeout(15*time.Second),
		kgo.HeartbeatInterval(p.sessionTimeout/10),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Seeing the markers of transactions lets the offset behind them be
		// committed, so that every tool sees a lag of zero at the end.
		kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(int32(p.cfg.Batch.Bytes)),
		kgo.FetchMaxPartitionBytes(int32(max(p.cfg.Batch.Bytes/16, 64<<10))),
		kgo.FetchMaxWait(time.Second),
		kgo.TransactionalID(TransactionalID(p.name, p.instance)),
		kgo.TransactionTimeout(p.cfg.TransactionTimeout),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.StopProducerOnDataLossDetected(),
		kgo.MetadataMinAge(250*time.Millisecond), // a topic just created is known soon
		kgo.ProducerLinger(0),                    // a batch is produced at once
		kgo.RecordPartitioner(p.topics.partitioner()),
	)...)
	if err != nil {
		return fmt.Errorf("opening a client of kafka: %w", err)
	}
	defer func() {
		leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
		defer cancel()
		if err := t.Client().LeaveGroupContext(leaving); err != nil {
			p.log.Warn("leaving the consumer group", "error", err)
		}
		t.Close()
	}()

	p.notReady("joining the consumer group")
	// The id is taken now: it settles the last transaction of a predecessor, on
	// which others may be waiting.
	if _, _, err := t.Client().ProducerID(ctx); err != nil {
		return p.explain(fmt.Errorf("taking the transactional id %q: %w", TransactionalID(p.name, p.instance), err))
	}
	watch, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { p.watch(watch, admin, t.Client()) })
	defer watching.Wait()
	defer stop()

	b := new(batch)
	for {
		fetches := t.PollRecords(ctx, p.cfg.Batch.Records)
		if ctx.Err() != nil {
			return nil
		}
		if err := p.fetchErrors(fetches); err != nil {
			return err
		}
		if fetches.NumRecords() == 0 {
			continue
		}
		b.load(p, fetches)
		if err := p.transaction(ctx, work, t, b); err != nil {
			return p.explain(err)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// fetchErrors tells of what the client goes on trying, and returns what ends
// the session.
func (p *Process) fetchErrors(fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		switch {
		case errors.Is(e.Err, kgo.ErrClientClosed):
			return e.Err
		case errors.Is(e.Err, kerr.TopicAuthorizationFailed), errors.Is(e.Err, kerr.GroupAuthorizationFailed),
			errors.Is(e.Err, kerr.TransactionalIDAuthorizationFailed):
			return &schemas.Fault{
				Where: "stream " + p.name, What: "the broker does not let it read " + e.Topic + " in the group " + p.group, Err: e.Err,
				Cure: "allow sluice's Kafka user to read the topic and the group",
			}
		}
		p.log.Warn("fetching; it is tried again", "topic", e.Topic, "partition", e.Partition, "error", e.Err)
	}
	return nil
}

// transaction brings a batch to its end: committed, or aborted and to be read
// again. ctx ends the waiting between tries, work also a try.
func (p *Process) transaction(ctx, work context.Context, t *kgo.GroupTransactSession, b *batch) error {
	pause := firstPause
	for {
		err := p.prepare(work, b)
		if err == nil {
			break
		}
		if _, ok := errors.AsType[*schemas.Fault](err); ok {
			return err
		}
		p.notReady(err.Error())
		p.log.Warn("trying the same records again", "error", err, "after", pause)
		if !sleep(ctx, pause) {
			return nil // nothing was written; the records stay for the next run
		}
		pause = min(2*pause, maxPause)
	}

	if err := p.tooMany(b, time.Now()); err != nil {
		return err
	}
	if err := t.Begin(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	failed := p.produce(work, t, b)
	if err := t.Client().Flush(work); err != nil {
		return fmt.Errorf("producing: %w", err)
	}
	first, err := failed.judge(p, b)
	committed, endErr := t.End(work, kgo.TransactionEndTry(first == nil))
	switch {
	case err != nil:
		return err
	case first != nil && endErr == nil && errors.Is(first, kerr.MessageTooLarge):
		return nil // it comes again, and is parked then
	case first != nil:
		return fmt.Errorf("producing: %w", first)
	case endErr != nil:
		return fmt.Errorf("committing the transaction: %w", endErr)
	case !committed:
		p.log.Info("transaction aborted by a rebalance; its records are read again", "records", len(b.items))
		return nil
	}
	p.metrics.count(b.tally)
	p.parkings.add(b.tally.parked(), time.Now())
	for _, from := range b.from {
		delete(p.tooLarge, from)
	}
	b.parked(p)
	return nil
}

// prepare shows in Ready what a call that takes long is waiting for.
func (p *Process) prepare(ctx context.Context, b *batch) error {
	const every = 2 * time.Second
	var mu sync.Mutex
	var slow *time.Timer
	done := false
	mu.Lock()
	slow = time.AfterFunc(every, func() {
		mu.Lock()
		defer mu.Unlock()
		if !done {
			p.notReady("waiting for " + p.waiting())
			slow.Reset(every)
		}
	})
	mu.Unlock()
	err := b.prepare(ctx, p)
	mu.Lock()
	defer mu.Unlock()
	done = true
	slow.Stop()
	if err == nil {
		p.ready()
	}
	return err
}

// waiting is what the stages wait for, if one of them says so.
func (p *Process) waiting() string {
	for _, stage := range p.stages {
		if w, ok := stage.(interface{ Waiting() string }); ok {
			if what := w.Waiting(); what != "" {
				return what
			}
		}
	}
	return "the schema registry or a stage"
}

// failures are the records that were not produced.
type failures struct {
	mu    sync.Mutex
	first error
	large []*kgo.Record
}

func (p *Process) produce(ctx context.Context, t *kgo.GroupTransactSession, b *batch) *failures {
	f := new(failures)
	promise := func(r *kgo.Record, err error) {
		if err == nil {
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if errors.Is(err, kerr.MessageTooLarge) {
			f.large = append(f.large, r)
		}
		// What only followed from the abort of another record explains nothing.
		if f.first == nil || errors.Is(f.first, kerr.MessageTooLarge) && !errors.Is(err, kerr.MessageTooLarge) {
			f.first = err
		}
	}
	for i := range b.records {
		t.Produce(ctx, &b.records[i], promise)
	}
	return f
}

// judge returns why the transaction cannot commit, if so, and the fault if that
// cannot be mended by parking. Items that are too large are remembered.
func (f *failures) judge(p *Process, b *batch) (first, fault error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.large {
		i := 0
		for &b.records[i] != r {
			i++
		}
		from := b.from[b.owners[i]]
		if r.Topic == p.dlq {
			fault = &schemas.Fault{
				Where: fmt.Sprintf("topic %s, partition %d, offset %d", from.topic, from.partition, from.offset),
				What:  fmt.Sprintf("its record of %d bytes does not fit even into %s", len(r.Key)+len(r.Value), p.dlq),
				Cure:  "raise max.message.bytes of " + p.dlq + " above that of the raw topic",
				Err:   kerr.MessageTooLarge,
			}
			continue
		}
		p.tooLarge[from] = fmt.Errorf("its output of %d bytes, key %.60q, is larger than %s takes; raise max.message.bytes there",
			len(r.Key)+len(r.Value), r.Key, r.Topic)
	}
	return f.first, fault
}

// explain turns a fencing into a fault, if it is the second in a short time: the
// first is answered by taking the id back, in case a broker that was away has
// ended the transaction.
func (p *Process) explain(err error) error {
	if !kafka.IsFenced(err) {
		return err
	}
	if last := p.fenced; !last.IsZero() && time.Since(last) < duel {
		return &schemas.Fault{
			Where: "stream " + p.name, What: fmt.Sprintf("another process runs with the same --instance %s", p.instance),
			Cure: "give each process its own --instance (or SLUICE_INSTANCE)", Err: err,
		}
	}
	p.fenced = time.Now()
	return err
}
