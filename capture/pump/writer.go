package pump

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
)

// writer commits what the queue holds, one transaction after another.
type writer struct {
	*session
	queue *queue
	wait  *backoff
	pace  pace

	txn   *transaction
	cargo cargo
	taken []*chunk // memory used again
}

// cargo is what a transaction was given.
type cargo struct {
	size    int // in memory
	bytes   int
	tallies []tally
}

func (c *cargo) add(k *chunk) {
	c.size += k.held()
	c.bytes += len(k.bytes)
	for _, t := range k.tallies {
		if n := len(c.tallies); n > 0 && c.tallies[n-1].route == t.route && c.tallies[n-1].op == t.op {
			c.tallies[n-1].n += t.n
			continue
		}
		c.tallies = append(c.tallies, t)
	}
}

func (c *cargo) reset() { *c = cargo{tallies: c.tallies[:0]} }

// run returns nil when the queue is closed and everything in it is committed.
// After an error the session is over.
func (w *writer) run(ctx context.Context) error {
	deadline := time.NewTimer(time.Hour)
	deadline.Stop()
	defer deadline.Stop()
	armed, due := false, false
	for {
		var tip tip
		var closed bool
		w.taken, tip, closed = w.queue.takeFull(w.taken[:0])
		if err := w.produce(ctx, w.taken); err != nil {
			return err
		}
		if due || closed || w.cargo.size >= int(w.cfg.Bytes) {
			if err := w.commit(ctx); err != nil {
				return err
			}
			armed, due = false, false
			deadline.Stop()
			if closed {
				return nil
			}
			continue
		}
		if tip.batches > 0 && !armed {
			left := time.Until(tip.since.Add(w.pace.wait()))
			if left <= 0 {
				due = true
				continue
			}
			deadline.Reset(left)
			armed = true
		}
		select {
		case <-w.queue.wake:
		case <-deadline.C:
			due = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// produce hands chunks to the client, beginning a transaction if none is open.
func (w *writer) produce(ctx context.Context, chunks []*chunk) error {
	if len(chunks) == 0 {
		return nil
	}
	if w.txn == nil {
		var err error
		if w.txn, err = w.begin(); err != nil {
			return err
		}
	}
	for _, c := range chunks {
		for _, t := range c.tallies {
			if t.route.told != w.txn {
				t.route.told = w.txn
				w.txn.topics = append(w.txn.topics, t.route.topic)
			}
		}
		w.cargo.add(c)
		if len(c.records) == 0 {
			w.queue.release(c)
			continue
		}
		c.produce(ctx, w.client, w.txn)
	}
	return w.txn.err()
}

// commit commits all that the queue holds and tells the source.
func (w *writer) commit(ctx context.Context) error {
	var tip tip
	w.taken, tip = w.queue.takeAll(w.taken[:0])
	if tip.batches == 0 {
		return nil
	}
	w.mu.Lock()
	w.begun, w.pending = tip.since, tip.first
	w.mu.Unlock()
	bounded, cancel := context.WithTimeout(ctx, w.cfg.TransactionTimeout)
	defer cancel()
	if err := w.produce(bounded, w.taken); err != nil {
		return err
	}
	w.pace.closed(w.cargo.size, time.Now())
	txn := w.txn
	w.txn = nil
	saved, err := w.transaction(bounded, txn, tip.position)
	if err != nil {
		return err
	}
	w.saved = &saved
	w.wait.reset()
	w.count(tip)
	if err := w.source.Ack(ctx, tip.position); err != nil {
		return sourceError{fmt.Errorf("telling the source that %s is durable: %w", tip.position, err)}
	}
	return nil
}

// count counts a committed transaction.
func (w *writer) count(t tip) {
	for _, t := range w.cargo.tallies {
		t.route.counter(t.op, w.metrics).Add(float64(t.n))
	}
	w.metrics.bytes.Add(float64(w.cargo.bytes))
	w.cargo.reset()
	w.metrics.transactions.Inc()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun, w.pending, w.lastLag = time.Time{}, time.Time{}, 0
	if !t.last.IsZero() {
		w.lastLag = max(0, time.Since(t.last))
	}
}

// transaction is one Kafka transaction while it is open.
type transaction struct {
	topics []string // that it writes to
	failed atomic.Pointer[failure]
	done   func(*kgo.Record, error) // the promise of each record
}

// failure is the first record that Kafka did not take.
type failure struct {
	topic string
	id    string
	bytes int
	err   error
}

func (s *session) begin() (*transaction, error) {
	if err := s.client.BeginTransaction(); err != nil {
		return nil, fmt.Errorf("beginning a transaction: %w", err)
	}
	t := &transaction{topics: []string{PositionsTopic}}
	t.done = func(r *kgo.Record, err error) {
		if err == nil || t.failed.Load() != nil {
			return
		}
		f := &failure{topic: r.Topic, bytes: len(r.Key) + len(r.Value), err: err}
		if len(r.Headers) > 0 {
			f.id = string(r.Headers[0].Value)
		}
		t.failed.CompareAndSwap(nil, f)
	}
	return t, nil
}

// err returns why the transaction cannot be committed any more.
func (t *transaction) err() error {
	f := t.failed.Load()
	if f == nil {
		return nil
	}
	err := fmt.Errorf("writing to topic %q: %w", f.topic, f.err)
	if errors.Is(f.err, kerr.MessageTooLarge) || errors.Is(f.err, kerr.RecordListTooLarge) {
		return &schemas.Fault{
			Where: fmt.Sprintf("topic %q, event %s", f.topic, f.id), What: fmt.Sprintf("a record of %d bytes is larger than Kafka takes", f.bytes), Err: f.err,
			Cure: "raise max.message.bytes of the topic and message.max.bytes of the brokers, or leave the table out of the capture's tables",
		}
	}
	return err
}

// transaction commits t, or a new transaction if t is nil, together with the
// position. ctx bounds it. After an error nobody knows here whether Kafka
// committed it: the session must end and the next one reads the truth.
func (s *session) transaction(ctx context.Context, t *transaction, at schemas.Position) (saved, error) {
	if t == nil {
		var err error
		if t, err = s.begin(); err != nil {
			return saved{}, err
		}
	}
	v := s.newSaved(at, time.Now())
	r, err := s.record(v)
	if err != nil {
		return saved{}, err
	}
	s.client.Produce(ctx, r, t.done)
	if err := s.client.Flush(ctx); err != nil {
		return saved{}, fmt.Errorf("writing a transaction: %w", err)
	}
	if err := t.err(); err != nil {
		return saved{}, err
	}
	if err := s.known(ctx, t.topics); err != nil {
		return saved{}, err
	}
	if err := s.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return saved{}, fmt.Errorf("committing a transaction: %w", err)
	}
	return v, nil
}

// known waits until the client knows the partitions of the topics.
//
// The client sends the first records of a topic a moment before it stores what
// it has just learnt of the topic's partitions. They can be written, and Flush
// return, in between, and then EndTransaction does not see that the transaction
// has them: it aborts and returns nil (franz-go 1.22, storePartitionsUpdate and
// EndTransaction). A topic that somebody deletes meanwhile has the same effect.
func (s *session) known(ctx context.Context, topics []string) error {
	var tick *time.Ticker
	for _, topic := range topics {
		for {
			if leader, _, _ := s.client.PartitionLeader(topic, 0); leader >= 0 {
				break
			}
			if tick == nil {
				tick = time.NewTicker(time.Millisecond)
				defer tick.Stop()
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("waiting for the partitions of topic %q: %w", topic, ctx.Err())
			}
		}
	}
	return nil
}
