package pump

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/capture"
	"sluice/schemas"
	"sluice/stream/kafka"
)

// session is the life of one transactional client. It ends with the first error
// of Kafka: what became of a transaction whose end is not sure is then decided by
// the next session's InitProducerID, and read from the saved position.
type session struct {
	*Pump
	client *kgo.Client
	saved  *saved // the last position known to be committed; nil before it was read
}

// drainTime bounds how long a stopping pump tries to commit what it has read.
const drainTime = 10 * time.Second

// abortTime bounds how long a session that ends tries to abort what is open.
const abortTime = 3 * time.Second

// sourceError is an error of the source that Kafka has no part in.
type sourceError struct{ error }

func (e sourceError) Unwrap() error { return e.error }

// TransactionalID is the id under which the capture of that name writes.
func TransactionalID(capture string) string { return "sluice.capture." + capture }

func (p *Pump) session(ctx context.Context, wait *backoff) error {
	cl, err := p.connect()
	if err != nil {
		return err
	}
	s := &session{Pump: p, client: cl}
	defer s.close()
	if err := s.start(ctx); err != nil {
		return p.explain(ctx, s.saved, err)
	}
	for {
		err := s.follow(ctx, wait)
		lost, isSource := errors.AsType[sourceError](err)
		if !isSource {
			return p.explain(ctx, s.saved, err)
		}
		if isFault(lost) || ctx.Err() != nil {
			return lost
		}
		p.notReady(oneLine(lost))
		p.log.Warn("opening the source again from the saved position", "position", string(s.saved.position()), "error", lost.error)
		if !wait.sleep(ctx) {
			return ctx.Err()
		}
	}
}

// close aborts the transaction that is still open, if any: until Kafka gave it up
// by itself, after the transaction timeout, nobody who reads committed records
// would get past it. One whose commit was asked for is not touched by that.
func (s *session) close() {
	ctx, cancel := context.WithTimeout(context.Background(), abortTime)
	defer cancel()
	if err := s.client.AbortBufferedRecords(ctx); err == nil {
		_ = s.client.EndTransaction(ctx, kgo.TryAbort) // mostly there is none
	}
	s.client.Close()
}

func (p *Pump) connect() (*kgo.Client, error) {
	opts, err := p.kafka.Options("sluice.capture."+p.name, p.log)
	if err != nil {
		return nil, fault(err, "kafka", "its settings", "")
	}
	cl, err := kgo.NewClient(append(opts,
		kgo.TransactionalID(TransactionalID(p.name)),
		kgo.TransactionTimeout(p.cfg.TransactionTimeout),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // Java's murmur2, as Debezium's consumers expect
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.StopProducerOnDataLossDetected(),
		kgo.MaxBufferedBytes(2*int(p.cfg.Bytes)),
		kgo.MaxBufferedRecords(2*int(p.cfg.Bytes)/recordSize),
		kgo.MetadataMinAge(100*time.Millisecond), // a topic just created is known at once
		kgo.ProducerLinger(0),                    // the queue hands on enough at once
	)...)
	if err != nil { // no connection is made: an option is wrong
		return nil, fault(err, "kafka", "opening a client", "mend the kafka block")
	}
	return cl, nil
}

// start makes this instance the only writer, finds where to go on, and claims
// the capture. Nothing may be read from the positions before InitProducerID has
// settled the predecessor's last transaction.
func (s *session) start(ctx context.Context) error {
	if _, _, err := s.client.ProducerID(ctx); err != nil {
		return fmt.Errorf("getting the producer id of %q: %w", TransactionalID(s.name), err)
	}
	if err := s.ensurePositions(ctx, s.client); err != nil {
		return err
	}
	before, err := s.readPosition(ctx)
	if err != nil && (!s.resnapshot || !isFault(err)) {
		return err
	}
	s.saved = &before
	// A session that follows another of this Run must not take the capture
	// back from an instance that came in between. That one has just been
	// fenced, finds no new claim, and goes on.
	if s.holds && before.Instance != s.instance {
		return s.takenOver(before, nil)
	}
	from := before.position()
	if s.resnapshot {
		s.log.Info("ignoring the saved position", "position", string(from))
		from = ""
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.TransactionTimeout)
	defer cancel()
	claim, err := s.transaction(ctx, nil, from)
	if err != nil {
		return fmt.Errorf("claiming the capture: %w", err)
	}
	s.saved, s.holds, s.resnapshot = &claim, true, false
	s.log.Info("capture claimed", "instance", s.instance, "position", string(from))
	return nil
}

// follow opens the source behind the saved position and pumps it until it ends,
// is lost, or Kafka fails. Errors of the source are a sourceError; by then all
// that was read whole is committed. nil: the source has ended, or ctx is done and
// everything is committed.
func (s *session) follow(ctx context.Context, wait *backoff) error {
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		if err := s.source.Close(closing); err != nil {
			s.log.Warn("closing the source", "error", err)
		}
	}()
	s.notReady("opening the source")
	from := s.saved.position()
	if err := s.source.Open(ctx, from); err != nil {
		return sourceError{fmt.Errorf("opening the source: %w", err)}
	}
	s.log.Info("source open", "position", string(from))

	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	// Writing outlives ctx by drainTime, so that what was read is committed.
	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWriting()
	defer context.AfterFunc(ctx, func() {
		t := time.AfterFunc(drainTime, stopWriting)
		context.AfterFunc(writing, func() { t.Stop() })
	})()

	q := newQueue(s.cfg.held())
	s.mu.Lock()
	s.queue, s.reason = q, ""
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.queue, s.begun, s.pending = nil, time.Time{}, time.Time{}
		s.mu.Unlock()
	}()

	defer s.listen(reading)()

	w := &writer{session: s, queue: q, wait: wait, pace: newPace(s.cfg)}
	written := make(chan error, 1)
	go func() {
		err := w.run(writing)
		stopReading()
		written <- err
	}()
	readErr := s.read(reading, q, from)
	q.close()
	if err := <-written; err != nil {
		if ctx.Err() != nil {
			s.log.Warn("stopped before all that was read could be committed; it will be read again", "error", err)
		}
		return err
	}
	if errors.Is(readErr, io.EOF) || (ctx.Err() != nil && !isFault(readErr)) {
		return nil
	}
	return sourceError{readErr}
}

// read encodes the batches behind last into the queue until the source ends or
// ctx is done.
func (s *session) read(ctx context.Context, q *queue, last schemas.Position) error {
	e := &encoder{pump: s.Pump, client: s.client, routes: make(map[*schemas.Table]*route), tombstones: s.cfg.Records.tombstones()}
	for {
		if err := q.awaitRoom(ctx); err != nil {
			return err
		}
		b, err := s.source.Next(ctx)
		if err != nil {
			if isFault(err) || errors.Is(err, capture.ErrLost) || errors.Is(err, io.EOF) || ctx.Err() != nil {
				return err
			}
			return fmt.Errorf("reading the source: %w", err)
		}
		if len(b.Changes) == 0 && b.Position == last {
			continue
		}
		if err := e.prepare(ctx, &b); err != nil {
			return err
		}
		e.now = time.Now()
		if err := q.add(&b, e.encode, e.now); err != nil {
			return err
		}
		last = b.Position
	}
}

// explain turns an error of a session into a *schemas.Fault where trying again
// cannot help: permissions, and another instance that has taken the capture.
func (p *Pump) explain(ctx context.Context, was *saved, err error) error {
	switch {
	case err == nil || isFault(err) || ctx.Err() != nil:
		return err
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed), errors.Is(err, kerr.TopicAuthorizationFailed),
		errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.SaslAuthenticationFailed):
		return &schemas.Fault{
			Where: fmt.Sprintf("capture %q", p.name), What: "Kafka refuses it", Err: err,
			Cure: fmt.Sprintf("let its user write transactional id %q, topics %q, %q and %q", TransactionalID(p.name), PositionsTopic, p.name+".*", "__debezium-heartbeat."+p.name),
		}
	case errors.Is(err, kerr.InvalidTransactionTimeout):
		return &schemas.Fault{
			Where: fmt.Sprintf("capture %q", p.name), What: fmt.Sprintf("commit.transaction_timeout of %s is longer than the broker allows", p.cfg.TransactionTimeout),
			Err: err, Cure: "shorten it, or raise the broker's transaction.max.timeout.ms",
		}
	case kafka.IsFenced(err):
		if who, ok := p.usurper(ctx, was); ok {
			return p.takenOver(who, err)
		}
	}
	return err
}

// takenOver is why an instance stops for good.
func (p *Pump) takenOver(by saved, err error) error {
	return overtaken{&schemas.Fault{
		Where: fmt.Sprintf("capture %q", p.name),
		What:  fmt.Sprintf("instance %s has it since %s and fenced this one, %s", by.Instance, by.SavedAt.Format(time.RFC3339), p.instance),
		Cure:  "instances that wait for each other are started without take_over; if the other is the wrong one, stop it and start this one again",
		Err:   err,
	}}
}
