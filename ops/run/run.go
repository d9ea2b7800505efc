package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/capture"
	"sluice/ops/config"
	"sluice/schemas"
	"sluice/schemas/registry"
	"sluice/stream/kafka"
)

// Options of a process, beside the configuration.
type Options struct {
	// Listen is where /metrics, /healthz and /readyz are served; "off": nowhere.
	Listen string
	// PProf serves /debug/pprof too.
	PProf bool
	// Instance tells this process from others of the same role; it must stay
	// the same over restarts.
	Instance string
	// Wait is how long Kafka and the registry may take to answer at the start.
	Wait time.Duration
	// Resnapshot makes captures ignore their saved position.
	Resnapshot bool
	// TakeOver makes captures fence the instance at work instead of standing by.
	TakeOver bool
	Version  string
	Log      *slog.Logger
}

// Capture reads the named captures, or all, until ctx ends.
func Capture(ctx context.Context, f *config.File, o Options, names ...string) error {
	names, err := selectNames(f.Captures, names, "captures")
	if err != nil {
		return err
	}
	return start(ctx, f, o, selection{captures: names})
}

// Stream makes the named entities, or all, until ctx ends.
func Stream(ctx context.Context, f *config.File, o Options, names ...string) error {
	names, err := selectNames(f.Entities, names, "entities")
	if err != nil {
		return err
	}
	return start(ctx, f, o, selection{streams: names})
}

// Sink delivers to the named sinks, or all, until ctx ends.
func Sink(ctx context.Context, f *config.File, o Options, names ...string) error {
	names, err := selectNames(f.Sinks, names, "sinks")
	if err != nil {
		return err
	}
	return start(ctx, f, o, selection{sinks: names})
}

// All runs everything that the file has, until ctx ends.
func All(ctx context.Context, f *config.File, o Options) error {
	var s selection
	s.captures, _ = selectNames(f.Captures, nil, "captures") // a pipeline may lack
	s.streams, _ = selectNames(f.Entities, nil, "entities")  // any one of them
	s.sinks, _ = selectNames(f.Sinks, nil, "sinks")
	if len(s.captures)+len(s.streams)+len(s.sinks) == 0 {
		return Misuse{&schemas.Fault{
			Where: f.Path, What: "has no captures, entities or sinks, so there is nothing to run",
			Cure: "add one; the README shows a first pipeline",
		}}
	}
	return start(ctx, f, o, s)
}

// start serves the health, waits for what the engines need, and runs them.
func start(ctx context.Context, f *config.File, o Options, s selection) (err error) {
	h, err := serve(o.Listen, o.PProf, o.Version, o.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()

	h.say("waiting for Kafka and the schema registry to answer")
	reg, err := Reach(ctx, f, o.Wait, o.Log)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return f.Place(err)
	}
	defer reg.Close()
	for _, name := range s.captures {
		h.say("waiting for what capture " + name + " reads")
		if err := reachCapture(ctx, f, name, o); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return f.Place(err)
		}
	}
	if len(s.captures) > 0 {
		leanHeap()
	}
	h.say("building the engines")
	b := &builder{file: f, registry: reg, options: o, health: h}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		b.close(closing)
	}()
	engines, err := b.build(s)
	if err != nil {
		return f.Place(err)
	}
	h.watch(engines)
	defer context.AfterFunc(ctx, func() {
		o.Log.Info("draining: finishing what is in hand; a second signal abandons it")
	})()
	for _, e := range engines {
		o.Log.Info("starting " + e.name)
	}
	return f.Place(runAll(ctx, engines, o.Log))
}

// leanHeap lets the heap grow by half, not by the whole, of what lives before it
// is collected: a capture's buffers are used again and again, so there is little to
// collect and much to save. GOGC, where set, decides.
func leanHeap() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// Reach waits until Kafka and the registry answer, for at most wait, and
// returns the registry's client, to be closed. The error says who did not, and
// the cure.
func Reach(ctx context.Context, f *config.File, wait time.Duration, log *slog.Logger) (*registry.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if err := retry(ctx, brokersAway, func(ctx context.Context) error { return AskKafka(ctx, f.Kafka) }); err != nil {
		return nil, err
	}
	reg, err := f.Registry.Open(registry.WithLog(log))
	if err != nil {
		return nil, err
	}
	if err := retry(ctx, anything, reg.Check); err != nil {
		reg.Close()
		return nil, err
	}
	return reg, nil
}

// AskKafka reports whether a broker answers, without waiting for one that is
// away. The error says why not, and the cure.
func AskKafka(ctx context.Context, c kafka.Config) error {
	opts, err := c.Options("sluice", nil)
	if err != nil {
		return err
	}
	// Its patience would hide why a broker does not answer.
	cl, err := kgo.NewClient(append(opts, kgo.RequestRetries(0))...)
	if err != nil {
		return fmt.Errorf("opening a client of kafka: %w", err)
	}
	defer cl.Close()
	return c.Check(ctx, cl)
}

// reachCapture waits until the capture's database answers, for at most o.Wait.
// A database that answers and cannot be captured is an error at once. One that
// answers that it is starting, which may take it as long as its log is, is left to
// the capture to wait for.
func reachCapture(ctx context.Context, f *config.File, name string, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, o.Wait)
	defer cancel()
	err := retry(ctx, databaseAway, func(ctx context.Context) error {
		_, err := CheckCapture(ctx, f, name, o.Log)
		return err
	})
	if _, mend := errors.AsType[*schemas.Fault](err); databaseAway(err) && !mend {
		o.Log.Warn("the database answers, but is not ready: the capture will wait for it", "capture", name, "error", err)
		return nil
	}
	return err
}

func anything(error) bool { return true }

// brokersAway reports whether waiting for Kafka may help: it does not where the
// login or the certificate was refused.
func brokersAway(err error) bool {
	var f *schemas.Fault
	return !errors.As(err, &f) || f.Where == "kafka.brokers"
}

func databaseAway(err error) bool { return errors.Is(err, capture.ErrLost) }

// cutShort is before how long of the deadline an error tells of the deadline
// alone.
const cutShort = 50 * time.Millisecond

// retry calls try until it succeeds, fails with what is not passing, or ctx
// ends; it returns the last error of try that is not merely that ctx ended.
func retry(ctx context.Context, passing func(error) bool, try func(context.Context) error) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if deadline, ok := ctx.Deadline(); last == nil || !ok || time.Until(deadline) > cutShort {
			last = err
		}
		if !passing(err) {
			return last
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return last
		}
	}
}
