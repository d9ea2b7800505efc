package pump

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/capture"
	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/stream/kafka"
)

// Pump writes one source to Kafka.
type Pump struct {
	name     string
	instance string
	source   capture.Source
	cfg      Config
	avro     avro.Options
	kafka    kafka.Config
	registry *registry.Client
	log      *slog.Logger
	metrics  *metrics

	// topics holds whose each topic is, so that two tables never share one.
	topics     map[string][2]string
	resnapshot bool
	holds      bool // this Run, or its turn, has claimed the capture

	mu      sync.Mutex
	reason  string    // why it is not ready
	standby bool      // another instance is at work
	begun   time.Time // when the first change of the transaction in hand came
	pending time.Time // when that was committed in the source
	lastLag time.Duration
	queue   *queue // of the source that is open
}

// New returns a pump of the source for the capture of that name. cfg needs no
// Defaults before. reg may be nil.
func New(name string, src capture.Source, cfg Config, avroOpts avro.Options, kc kafka.Config,
	reg *registry.Client, log *slog.Logger, prom prometheus.Registerer,
) (*Pump, error) {
	cfg.Defaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if name == "" {
		return nil, &schemas.Fault{Where: "captures", What: "a capture has no name", Cure: "give it one; it is the first part of its topics' names"}
	}
	p := &Pump{
		name: name, instance: newInstance(), source: src, cfg: cfg, avro: avroOpts, kafka: kc, registry: reg,
		log: log.With("capture", name), topics: make(map[string][2]string), resnapshot: cfg.Resnapshot,
		reason: "not started",
	}
	var err error
	if p.metrics, err = newMetrics(p, prom); err != nil {
		return nil, fmt.Errorf("registering the metrics of capture %q: %w", name, err)
	}
	return p, nil
}

// newInstance names this Pump among all that ever write the capture, so that a
// fenced one can say who came: "<host>/<process id>/<random>".
func newInstance() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown-host"
	}
	var r [3]byte
	_, _ = rand.Read(r[:]) // never fails
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), hex.EncodeToString(r[:]))
}

// Run pumps until ctx is done, the source ends, or a person is needed. When ctx
// is done it commits what it has read, for at most 10 s, and returns nil; what it
// could not commit is read again by the next Run. An error is a *schemas.Fault:
// everything else is tried again. It may be run again after it returned.
//
// While another instance of the capture is at work it stands by, unless
// Config.TakeOver is set.
func (p *Pump) Run(ctx context.Context) error {
	defer p.notReady("stopped")
	if p.cfg.TakeOver {
		return p.lead(ctx)
	}
	return p.inTurn(ctx)
}

// lead pumps, and takes the capture from whoever has it.
func (p *Pump) lead(ctx context.Context) error {
	p.holds = false
	var wait backoff
	for {
		p.notReady("waiting for Kafka")
		err := p.session(ctx, &wait)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil && (!isFault(err) || errors.Is(err, context.Canceled)):
			return nil
		case isFault(err):
			p.log.Error("stopped", "error", err)
			return err
		}
		p.notReady(oneLine(err))
		p.log.Warn("starting again from the saved position", "error", err)
		if !wait.sleep(ctx) {
			return nil
		}
	}
}

// stuckAfter is how long a change waits for its commit before Ready says so.
const stuckAfter = 10 * time.Second

// Ready returns nil while the source is open and its changes are being
// committed, else the reason why not.
func (p *Pump) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reason != "" {
		return fmt.Errorf("capture %q: %s", p.name, p.reason)
	}
	since := p.begun
	if since.IsZero() && p.queue != nil {
		_, t := p.queue.state()
		since = t.since
	}
	if wait := time.Since(since); !since.IsZero() && wait > stuckAfter+p.cfg.Interval {
		return fmt.Errorf("capture %q: changes have waited %s for Kafka to commit them", p.name, wait.Round(time.Second))
	}
	return nil
}

// notReady says why it is not ready; "" says that it is.
func (p *Pump) notReady(reason string) {
	p.mu.Lock()
	p.reason = reason
	p.mu.Unlock()
}
