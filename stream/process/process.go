package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/schemas/registry"
	"sluice/stream"
	"sluice/stream/kafka"
)

// drainTime bounds how long a stopping engine tries to end its transaction.
const drainTime = 10 * time.Second

// Process is the engine of one stream.
type Process struct {
	name, id string
	inputs   []string // the raw topics, and last the retry topic
	cfg      Config
	stages   []stream.Processor
	kafka    kafka.Config
	log      *slog.Logger
	metrics  *metrics
	decoder  *decoder
	encoder  *encoder

	fenced []time.Time // when it was, lately

	mu     sync.Mutex
	reason string // why it is not ready
	lag    bool   // the lag is known
}

// New prepares the engine of the stream with that name. instance tells the
// processes that share the work apart: two with the same one fence each other.
func New(name string, cfg Config, inputs []string, stages []stream.Processor, instance string,
	kc kafka.Config, reg *registry.Client, log *slog.Logger, prom prometheus.Registerer,
) (*Process, error) {
	cfg.Defaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if len(inputs) == 0 {
		return nil, &schemas.Fault{Where: "entities." + name + ".from", What: "names no topic", Cure: "name at least one"}
	}
	m, err := newMetrics(name, prom)
	if err != nil {
		return nil, err
	}
	return &Process{
		name: name, id: Group(name) + "." + instance, inputs: append(append([]string(nil), inputs...), retryTopic(name)),
		cfg: cfg, stages: stages, kafka: kc, log: log.With("stream", name), metrics: m,
		decoder: newDecoder(reg, retryTopic(name)), encoder: newEncoder(reg), reason: "not started",
	}, nil
}

// Group is the consumer group of the stream of that name.
func Group(name string) string { return "sluice.stream." + name }

func retryTopic(name string) string { return "retry.stream." + name }
func dlqTopic(name string) string   { return "dlq.stream." + name }

// Run processes until ctx is cancelled; then it ends the transaction in hand and
// returns nil. An error is one that a person must mend; all others are tried
// again.
func (p *Process) Run(ctx context.Context) error {
	defer p.notReady("stopped")
	for try := 0; ; try++ {
		err := p.session(ctx, func() { try = 0 })
		if ctx.Err() != nil && !isFault(err) {
			return nil
		}
		if isFault(err) {
			p.log.Error("stopped", "error", err)
			return err
		}
		wait := backoff(try)
		p.notReady(err.Error())
		p.log.Warn("starting again from the committed offsets", "error", err, "wait", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// backoff doubles from 200 ms to 10 s, with half of it random.
func backoff(try int) time.Duration {
	d := min(10*time.Second, 200*time.Millisecond<<min(try, 6))
	return d/2 + rand.N(d/2)
}

// Ready returns nil while the engine is in its group and knows its lag.
func (p *Process) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.reason != "":
		return fmt.Errorf("stream %s: %s", p.name, p.reason)
	case !p.lag:
		return fmt.Errorf("stream %s: its lag is not known yet", p.name)
	}
	return nil
}

func (p *Process) notReady(reason string) {
	p.mu.Lock()
	p.reason = reason
	p.mu.Unlock()
}

// session is the life of one client. progress is called after each commit.
func (p *Process) session(ctx context.Context, progress func()) error {
	opts, err := p.kafka.Options(p.id, p.log)
	if err != nil {
		return err
	}
	if err := p.ensure(ctx, opts); err != nil {
		return err
	}
	fetch := int32(min(p.cfg.Batch.Bytes, 64<<20))
	s, err := kgo.NewGroupTransactSession(append(opts,
		kgo.ConsumerGroup(Group(p.name)),
		kgo.TransactionalID(p.id),
		kgo.TransactionTimeout(p.cfg.TransactionTimeout),
		kgo.ConsumeTopics(p.inputs...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RequireStableFetchOffsets(),
		// Markers of transactions are seen, so that the offset behind the last
		// record is committed and the lag becomes zero.
		kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(fetch),
		kgo.FetchMaxPartitionBytes(min(fetch, 4<<20)),
		kgo.FetchMaxWait(250*time.Millisecond),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.ProducerLinger(0),
		kgo.MetadataMinAge(250*time.Millisecond),
	)...)
	if err != nil {
		return fmt.Errorf("opening a client of kafka: %w", err)
	}
	defer s.CloseAllowingRebalance()
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		p.watchLag(watching, s.Client())
	}()
	defer func() { stop(); <-watched }()
	p.notReady("")
	for {
		fetches := s.PollRecords(ctx, p.cfg.Batch.Records)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := fetchError(fetches); err != nil {
			return p.explain(err)
		}
		if fetches.NumRecords() == 0 {
			continue
		}
		committed, err := p.transaction(ctx, s, fetches.Records())
		if err != nil {
			return p.explain(err)
		}
		if committed {
			progress()
		} else {
			p.log.Info("a rebalance took the transaction back; its records are processed again")
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (p *Process) ensure(ctx context.Context, opts []kgo.Opt) error {
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("opening a client of kafka: %w", err)
	}
	defer cl.Close()
	if err := p.kafka.Ensure(ctx, cl, false, p.inputs[:len(p.inputs)-1]...); err != nil {
		return err
	}
	kept := p.kafka
	kept.Topics.Config = map[string]string{"retention.ms": "-1"} // until a person removes them
	for k, v := range p.kafka.Topics.Config {
		kept.Topics.Config[k] = v
	}
	return kept.Ensure(ctx, cl, false, retryTopic(p.name), dlqTopic(p.name))
}

// transaction processes the records in one transaction. It outlives ctx by
// drainTime. After an error the session must end; the transaction is aborted, or
// settled by the next session's InitProducerID.
func (p *Process) transaction(ctx context.Context, s *kgo.GroupTransactSession, records []*kgo.Record) (committed bool, err error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		t := time.AfterFunc(drainTime, cancel)
		context.AfterFunc(life, func() { t.Stop() })
	})()
	if err := s.Begin(); err != nil {
		return false, fmt.Errorf("beginning a transaction: %w", err)
	}
	b, err := p.batch(life, s.Client(), records)
	if err == nil {
		err = b.produce(life, s)
	}
	if err != nil {
		aborting, stop := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer stop()
		if _, abortErr := s.End(aborting, kgo.TryAbort); abortErr != nil {
			p.log.Warn("aborting a transaction", "error", abortErr)
		}
		return false, err
	}
	committed, err = s.End(life, kgo.TryCommit)
	if err != nil {
		return false, fmt.Errorf("committing a transaction: %w", err)
	}
	if committed {
		b.count(p.metrics)
	}
	return committed, nil
}

func fetchError(f kgo.Fetches) error {
	for _, e := range f.Errors() {
		if errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded) {
			continue
		}
		return fmt.Errorf("reading %s/%d: %w", e.Topic, e.Partition, e.Err)
	}
	return nil
}

// explain makes a *schemas.Fault of what only a person can mend.
func (p *Process) explain(err error) error {
	switch {
	case isFault(err):
		return err
	case kafka.IsFenced(err):
		// Once may be a transaction of ours that outlived its timeout while a
		// broker was away; again and again is another process.
		now := time.Now()
		p.fenced = append(slices.DeleteFunc(p.fenced, func(t time.Time) bool { return now.Sub(t) > 2*time.Minute }), now)
		if len(p.fenced) < 3 {
			return err
		}
		return &schemas.Fault{
			Where: "stream " + p.name, What: fmt.Sprintf("another process took over the transactional id %q", p.id), Err: err,
			Cure: "give each process its own --instance, or stop the other one",
		}
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed), errors.Is(err, kerr.TopicAuthorizationFailed),
		errors.Is(err, kerr.GroupAuthorizationFailed), errors.Is(err, kerr.SaslAuthenticationFailed):
		return &schemas.Fault{
			Where: "stream " + p.name, What: "Kafka refuses it", Err: err,
			Cure: fmt.Sprintf("let its user use transactional id %q, group %q and the topics", p.id, Group(p.name)),
		}
	}
	return err
}

func isFault(err error) bool {
	var f *schemas.Fault
	return errors.As(err, &f)
}
