package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"sluice/schemas"
	"sluice/schemas/registry"
	"sluice/sinks"
	"sluice/stream/kafka"
)

// Bounds of what is waited for when work ends.
const (
	revokeTimeout = 5 * time.Second
	drainTimeout  = 10 * time.Second
	// cutTimeout is for a write to notice that it was cut, and for a last
	// commit.
	cutTimeout     = 3 * time.Second
	commitInterval = 500 * time.Millisecond
	// rebalanceTimeout is more than letting go takes (revokeTimeout and a
	// commit), and how long a rebalance waits for a member that died in it.
	rebalanceTimeout = 15 * time.Second
)

// Deliver brings the records of some topics to one sink. Run it once.
type Deliver struct {
	name, group          string
	retry, dlq, receipts string
	topics               []string // to consume: the entities' and the retry topic
	// home is the entity topic, if there is but one.
	home string
	cfg  Config
	sink sinks.Sink
	// echoes is nil where nothing that is written comes back.
	echoes sinks.Echoes
	kc     kafka.Config
	log    *slog.Logger

	metrics *metrics
	decoder *decoder
	breaker *breaker
	lanes   *lanes
	out     *kgo.Client // produces and asks; the group's client is in Run

	mu    sync.Mutex
	parts map[spot]*part
	// flow pauses fetching; see there.
	flow flow
	// committing keeps commits apart, so that one under way is over before
	// its partition is let go.
	committing sync.Mutex

	drainFor time.Duration

	stop    context.CancelCauseFunc // ends Run with an error
	stopped atomic.Pointer[error]
	joined  atomic.Bool
	bare    atomic.Bool // commit without metadata
	lagSeen atomic.Bool
	opened  atomic.Pointer[string] // why the breaker is not closed
	// forgetful says why echoes cannot remember.
	forgetful atomic.Pointer[string]
}

type spot struct {
	topic     string
	partition int32
}

// New prepares the engine of the sink with that name, which consumes the
// topics. The caller closes the sink after Run has returned. The configuration
// must be valid; its defaults are applied here. echoes is nil where nothing that
// is written comes back.
func New(name string, cfg Config, topics []string, sink sinks.Sink, echoes sinks.Echoes, kc kafka.Config, reg *registry.Client, log *slog.Logger, prom prometheus.Registerer) (*Deliver, error) {
	return newDeliver(name, cfg, topics, sink, echoes, kc, reg, log, prom)
}

func newDeliver(name string, cfg Config, topics []string, sink sinks.Sink, echoes sinks.Echoes, kc kafka.Config, reg schemaSource, log *slog.Logger, prom prometheus.Registerer) (*Deliver, error) {
	cfg.Defaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if len(topics) == 0 {
		return nil, &schemas.Fault{Where: "sinks." + name + ".entities", What: "names no entity", Cure: "name at least one"}
	}
	m, err := newMetrics(name, prom)
	if err != nil {
		return nil, err
	}
	d := &Deliver{
		name: name, group: "sluice.sink." + name,
		retry: retryPrefix + name, dlq: "dlq.sink." + name, receipts: "receipts." + name,
		cfg: cfg, sink: sink, echoes: echoes, kc: kc, log: log.With("sink", name),
		metrics: m, decoder: newDecoder(reg), breaker: newBreaker(name, cfg.Breaker),
		parts: map[spot]*part{}, drainFor: drainTimeout,
	}
	d.topics = append(slices.Clone(topics), d.retry)
	if len(topics) == 1 {
		d.home = topics[0]
	}
	d.lanes = newLanes(cfg.MaxInFlight, cfg.MaxBatch)
	d.lanes.open = d.breaker.open
	d.lanes.drop = d.release
	d.flow.init(d)
	return d, nil
}

// reads reports whether the sink consumes the topic.
func (d *Deliver) reads(topic string) bool {
	return topic != d.retry && slices.Contains(d.topics, topic)
}

// Run delivers until ctx is cancelled; then it finishes the writes under way,
// for some seconds, commits and returns nil. It returns an error when a person
// must act.
func (d *Deliver) Run(ctx context.Context) error {
	opts, err := d.kc.Options(d.group, d.log)
	if err != nil {
		return err
	}
	d.out, err = kgo.NewClient(append(opts, kgo.ProducerLinger(time.Millisecond))...)
	if err != nil {
		return fmt.Errorf("opening a client of kafka: %w", err)
	}
	defer d.out.Close()
	if err := d.ensure(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}

	// life outlasts ctx by the drain: what Kafka is told of writes that are
	// done must not be cut by the signal to stop.
	life, die := context.WithCancel(context.WithoutCancel(ctx))
	defer die()
	d.lanes.write = func(ctx context.Context, tasks []*task) []verdict { return d.attempt(ctx, life, tasks) }
	ctx, d.stop = context.WithCancelCause(ctx)
	defer d.stop(nil)

	in, err := kgo.NewClient(append(opts, d.groupOptions()...)...)
	if err != nil {
		return fmt.Errorf("opening a client of kafka: %w", err)
	}
	g, gctx := errgroup.WithContext(ctx)
	d.flow.start(in)
	g.Go(func() error { d.poll(gctx, in); return nil })
	g.Go(func() error { d.commitAlong(gctx, in); return nil })
	g.Go(func() error { d.watchBreaker(gctx); return nil })
	g.Go(func() error { d.watchLag(gctx, in); return nil })
	_ = g.Wait() // they end with ctx, and have no errors of their own

	d.drain(life, die, in)
	in.CloseAllowingRebalance()
	return d.failure()
}

func (d *Deliver) groupOptions() []kgo.Opt {
	// The client buffers on its own what one fetch brings.
	fetch := int32(min(max(int64(d.cfg.MaxBuffered)/4, 1<<20), 16<<20))
	return []kgo.Opt{
		kgo.ConsumerGroup(d.group),
		kgo.ConsumeTopics(d.topics...),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		// A process that was killed keeps its partitions for so long. It hears of a
		// rebalance with its heartbeat.
		kgo.SessionTimeout(10 * time.Second),
		kgo.HeartbeatInterval(time.Second),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.BlockRebalanceOnPoll(),
		// The marks of transactions are seen, so that the offset behind the
		// last record can be committed and the lag can become zero.
		kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(fetch),
		kgo.FetchMaxPartitionBytes(min(fetch, 1<<20)),
		kgo.OnPartitionsAssigned(d.assigned),
		kgo.OnPartitionsRevoked(d.revoked),
		kgo.OnPartitionsLost(d.lost),
	}
}

// ensure makes the topics. Dead letters and replayed ones are kept until a
// person removes them, whatever the retention of other topics is.
func (d *Deliver) ensure(ctx context.Context) error {
	compacted := append([]string{d.receipts}, d.topics[:len(d.topics)-1]...)
	if err := d.kc.Ensure(ctx, d.out, true, compacted...); err != nil {
		return err
	}
	kept := d.kc
	kept.Topics.Config = maps.Clone(d.kc.Topics.Config)
	if kept.Topics.Config == nil {
		kept.Topics.Config = map[string]string{}
	}
	kept.Topics.Config["retention.ms"] = "-1"
	return kept.Ensure(ctx, d.out, false, d.dlq, d.retry)
}

// drain finishes what is under way: the writes for drainFor, then those
// that are left are cut; then the acknowledgements; then the last commit.
func (d *Deliver) drain(life context.Context, die context.CancelFunc, in *kgo.Client) {
	d.lanes.forsake(true)
	ctx, cancel := context.WithTimeout(life, d.drainFor)
	defer cancel()
	if err := d.lanes.join(ctx); err != nil {
		d.log.Warn("writes were still under way at the end; they are repeated at the next start", "in_flight", d.lanes.inFlight())
		d.lanes.cancel(true)
		_ = d.lanes.join(context.Background()) // a sink must return when its context ends
	}
	ctx, cancel = context.WithTimeout(life, cutTimeout)
	defer cancel()
	parts := d.all()
	for _, p := range parts {
		p.wait(ctx)
	}
	die()
	ctx, cancel = context.WithTimeout(context.WithoutCancel(life), cutTimeout)
	defer cancel()
	d.commit(ctx, in, func() []*part { return parts })
	d.let(parts)
}

// fail ends Run with the first error that comes.
func (d *Deliver) fail(err error) {
	d.stopped.CompareAndSwap(nil, &err)
	d.stop(err)
}

func (d *Deliver) failure() error {
	if err := d.stopped.Load(); err != nil {
		return *err
	}
	return nil
}

// Ready returns nil if the sink consumes and its target is taken to be well;
// else the reason.
func (d *Deliver) Ready() error {
	switch err := d.failure(); {
	case err != nil:
		return fmt.Errorf("sink %s has stopped: %w", d.name, err)
	case !d.joined.Load():
		return fmt.Errorf("sink %s has not joined its consumer group %s yet", d.name, d.group)
	case !d.lagSeen.Load():
		return fmt.Errorf("sink %s does not know its lag yet", d.name)
	}
	for _, why := range []*string{d.opened.Load(), d.forgetful.Load()} {
		if why != nil {
			return errors.New(*why)
		}
	}
	return nil
}

func (d *Deliver) logger(t *task) *slog.Logger {
	r := t.record
	return d.log.With("topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "key", string(r.Key))
}

// watchBreaker tells all who care when the breaker changes its state, and
// wakes it when its pause is over.
func (d *Deliver) watchBreaker(ctx context.Context) {
	pause := time.NewTimer(time.Hour)
	defer pause.Stop()
	for {
		state := d.breaker.cb.State()
		d.metrics.breaker.Set(float64(state))
		if pause.Stop(); d.breaker.closed() {
			if d.opened.Swap(nil) != nil {
				d.log.Info("the breaker closed: the target is well again")
			}
		} else {
			why := fmt.Sprintf("the breaker of sink %s is %s: its target fails", d.name, state)
			if d.opened.Swap(&why) == nil {
				d.log.Warn("the breaker opened: the target fails; deliveries wait", "open_for", d.cfg.Breaker.OpenFor)
			}
			// A little late, since the breaker wants its pause to be over.
			pause.Reset(d.cfg.Breaker.OpenFor + time.Millisecond)
		}
		d.flow.update()
		d.lanes.kick()
		select {
		case <-ctx.Done():
			return
		case <-d.breaker.changes:
		case <-pause.C:
		}
	}
}
