package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/schemas/registry"
	"sluice/stream"
	"sluice/stream/kafka"
)

// Process is one member of the consumer group of one stream.
type Process struct {
	name     string
	cfg      Config
	topics   Topics
	stages   []stream.Processor
	instance string
	kafka    kafka.Config
	registry schemaRegistry
	log      *slog.Logger
	metrics  *metrics

	group, dlq, retry string
	sessionTimeout    time.Duration

	decoder *decoder
	encoder *encoder
	// tooLarge holds records whose outputs the broker refused for their size;
	// they are parked when they come again.
	tooLarge map[place]error
	// parkings are those of the last while.
	parkings parkings
	// fenced is when this Run was last fenced.
	fenced time.Time

	trouble  atomic.Pointer[string] // what keeps Ready from nil; nil: nothing
	lagKnown atomic.Bool
}

// schemaRegistry is what the engine needs of the registry.
type schemaRegistry interface {
	Schema(ctx context.Context, id int) (string, error)
	Register(ctx context.Context, subject, schema string) (int, error)
}

// place is where a record was read.
type place struct {
	topic     string
	partition int32
	offset    int64
}

// GroupID is the consumer group of the stream of that name.
func GroupID(name string) string { return "sluice.stream." + name }

// TransactionalID is the id under which an instance of a stream writes.
func TransactionalID(name, instance string) string { return GroupID(name) + "." + instance }

// DeadLetterTopic holds the parked records of the stream of that name,
// RetryTopic those that are replayed.
func DeadLetterTopic(name string) string { return "dlq.stream." + name }

// RetryTopic is consumed beside the inputs.
func RetryTopic(name string) string { return "retry.stream." + name }

// Topics are those of a stream. What is missing is created when it runs.
type Topics struct {
	// Inputs are consumed: raw topics, or topics of flat records.
	Inputs []string
	// Flat says that the inputs hold flat records, not envelopes: a record is the
	// After of its change.
	Flat bool
	// Passing are outputs that are not compacted: each record counts.
	Passing []string
	// Beside are compacted outputs with as many partitions as the one input has.
	// An output of such a topic says its partition, and is in that of its item.
	Beside []string
}

// New builds the stream of that name. instance must differ between processes that
// run at the same time. Nothing is connected before Run.
func New(name string, cfg Config, topics Topics, stages []stream.Processor, instance string,
	kc kafka.Config, reg *registry.Client, log *slog.Logger, prom prometheus.Registerer,
) (*Process, error) {
	return build(name, cfg, topics, stages, instance, kc, reg, log, prom)
}

func build(name string, cfg Config, topics Topics, stages []stream.Processor, instance string,
	kc kafka.Config, reg schemaRegistry, log *slog.Logger, prom prometheus.Registerer,
) (*Process, error) {
	cfg.Defaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	switch {
	case name == "" || instance == "":
		return nil, &schemas.Fault{Where: "stream " + name, What: "has no name or no instance", Cure: "give the process a name: --instance NAME"}
	case len(topics.Inputs) == 0:
		return nil, &schemas.Fault{Where: "stream " + name, What: "has no topics to read", Cure: "name them in from"}
	}
	metrics, err := newMetrics(name, prom)
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &Process{
		name: name, cfg: cfg, topics: topics, stages: stages, instance: instance,
		kafka: kc, registry: reg, metrics: metrics, log: log.With("stream", name),
		group: GroupID(name), dlq: DeadLetterTopic(name), retry: RetryTopic(name), sessionTimeout: defaultSession,
		decoder: newDecoder(reg, topics.Flat), encoder: newEncoder(reg), tooLarge: map[place]error{},
	}
	p.notReady("starting")
	return p, nil
}

const (
	firstPause = 100 * time.Millisecond
	maxPause   = 10 * time.Second
	// drainTime bounds how long a stopping process works on its last batch.
	drainTime = 10 * time.Second
	// leaveTime bounds how long it takes leave of the group.
	leaveTime = 5 * time.Second
)

// Run processes until ctx is done; then it ends the transaction in hand, leaves
// the group and returns nil. A *schemas.Fault is returned at once; after other
// errors it begins again from the committed offsets, and Ready says why.
func (p *Process) Run(ctx context.Context) error {
	opts, err := p.kafka.Options("sluice.stream."+p.name, p.log)
	if err != nil {
		return err
	}
	admin, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("opening a client of kafka: %w", err)
	}
	defer admin.Close()

	// The last batch outlives ctx by drainTime.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		t := time.AfterFunc(drainTime, stop)
		context.AfterFunc(work, func() { t.Stop() })
	})()

	pause := firstPause
	for {
		begun := time.Now()
		err := p.session(ctx, work, admin, opts)
		p.lagKnown.Store(false)
		if fault, ok := errors.AsType[*schemas.Fault](err); ok {
			p.notReady(fault.Error())
			return err
		}
		if ctx.Err() != nil {
			p.notReady("stopped")
			return nil
		}
		p.notReady(err.Error())
		if time.Since(begun) > maxPause {
			pause = firstPause // it went well for a while
		}
		p.log.Warn("starting anew from the committed offsets", "error", err, "after", pause)
		if !sleep(ctx, pause) {
			p.notReady("stopped")
			return nil
		}
		pause = min(2*pause, maxPause)
	}
}

// Ready is nil if the process is a member of its group, works, and knows its
// lag; else it says what is in the way.
func (p *Process) Ready() error {
	if why := p.trouble.Load(); why != nil {
		return fmt.Errorf("stream %s: %s", p.name, *why)
	}
	if !p.lagKnown.Load() {
		return fmt.Errorf("stream %s: the lag is not known yet", p.name)
	}
	return nil
}

func (p *Process) notReady(why string) { p.trouble.Store(&why) }

func (p *Process) ready() { p.trouble.Store(nil) }

// sleep waits about d, or until ctx is done, and reports whether it is not.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d/2 + rand.N(d/2))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
