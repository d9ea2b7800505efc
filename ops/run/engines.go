package run

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"sluice/capture"
	"sluice/capture/pump"
	"sluice/ops/config"
	"sluice/schemas"
	"sluice/schemas/registry"
	"sluice/sinks"
	"sluice/sinks/deliver"
	"sluice/stream"
	"sluice/stream/govern"
	"sluice/stream/process"
	"sluice/stream/rules"
	"sluice/stream/state"
)

// source is the table from a capture's kind to its reader.
func source(name string, c *config.Capture, log *slog.Logger) (capture.Source, error) {
	switch {
	case c.Postgres != nil:
		return c.Postgres.New(name, log)
	case c.MySQL != nil:
		return c.MySQL.New(name, log)
	}
	return nil, unknownKind("captures." + name)
}

// target is the table from a sink's kind to its writer.
func target(name string, s *config.Sink, log *slog.Logger) (sinks.Sink, error) {
	switch {
	case s.API != nil:
		return s.API.Open(name, log)
	}
	return nil, unknownKind("sinks." + name)
}

func unknownKind(path string) error {
	return &schemas.Fault{Where: path, What: "has a kind that this version cannot run", Cure: "see the kinds with: sluice check --schema"}
}

// stages are the steps that make an entity, or contributions to it, after the loop
// guard.
func stages(name string, e *config.Entity) ([]stream.Processor, error) {
	mapping, err := rules.Compile(name, e.Rules)
	if err != nil {
		return nil, err
	}
	if e.Authority != nil {
		mapping.Contribute()
	}
	return []stream.Processor{mapping}, nil
}

// Check does what can be done of an assembly without connecting: it compiles
// the rules and opens nothing. All faults are returned, with their places.
func Check(f *config.File) []error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(f.Entities)) {
		if _, err := stages(name, f.Entities[name]); err != nil {
			faults = append(faults, config.Flatten(f.Locate("entities."+name, err))...)
		}
	}
	return faults
}

// builder builds the engines of one process.
type builder struct {
	file     *config.File
	registry *registry.Client
	options  Options
	health   *health
	// opened are the sinks to close at the end.
	opened []sinks.Sink
	// redis is opened when a part needs it.
	redis redis.UniversalClient
}

func (b *builder) build(s selection) ([]engine, error) {
	var all []engine
	for _, name := range s.captures {
		e, err := b.capture(name)
		if err != nil {
			return nil, fmt.Errorf("capture %s: %w", name, err)
		}
		all = append(all, engine{"capture " + name, e})
	}
	for i, name := range s.streams {
		e, err := b.stream(name)
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", name, err)
		}
		all = append(all, engine{"stream " + name, e})
		if b.file.Entities[name].Authority == nil {
			continue
		}
		name = config.Governed(name)
		if e, err = b.govern(s.streams[i]); err != nil {
			return nil, fmt.Errorf("stream %s: %w", name, err)
		}
		all = append(all, engine{"stream " + name, e})
	}
	for _, name := range s.sinks {
		e, err := b.sink(name)
		if err != nil {
			return nil, fmt.Errorf("sink %s: %w", name, err)
		}
		all = append(all, engine{"sink " + name, b.gated(name, e)})
	}
	return all, nil
}

func (b *builder) capture(name string) (Engine, error) {
	c := b.file.Captures[name]
	src, err := source(name, c, b.options.Log)
	if err != nil {
		return nil, err
	}
	prom := b.health.registerer()
	if own, ok := src.(prometheus.Collector); ok {
		if err := prom.Register(own); err != nil {
			return nil, fmt.Errorf("registering the metrics of what it reads: %w", err)
		}
	}
	commit := c.Commit
	commit.Records = c.Records
	commit.Resnapshot = b.options.Resnapshot
	commit.TakeOver = commit.TakeOver || b.options.TakeOver
	return pump.New(name, src, commit, c.Avro, b.file.Kafka, b.registry, b.options.Log, prom)
}

func (b *builder) stream(name string) (Engine, error) {
	e := b.file.Entities[name]
	steps, err := stages(name, e)
	if err != nil {
		return nil, b.file.Locate("entities."+name, err)
	}
	guard, err := b.guard(name)
	if err != nil {
		return nil, err
	}
	if guard != nil {
		steps = append([]stream.Processor{guard}, steps...)
	}
	topics := process.Topics{Inputs: e.Topics()}
	if e.Authority != nil {
		topics.Passing = []string{config.ContributionsTopic(name)}
	}
	return process.New(name, e.Process, topics, steps, b.options.Instance,
		b.file.Kafka, b.registry, b.options.Log, b.health.registerer())
}

// govern is the second half of a governed entity: it makes golden records of the
// contributions.
func (b *builder) govern(entity string) (Engine, error) {
	e := b.file.Entities[entity]
	client, err := b.remote()
	if err != nil {
		return nil, err
	}
	memory := state.New(entity, client, b.file.Kafka, b.options.Log)
	if err := memory.Export(b.health.registerer()); err != nil {
		return nil, err
	}
	golden, err := govern.NewStage(entity, e.Authority, e.Rules.Table(entity), memory, b.health.registerer())
	if err != nil {
		return nil, b.file.Locate("entities."+entity+".authority", err)
	}
	topics := process.Topics{
		Inputs: []string{config.ContributionsTopic(entity)}, Flat: true, Beside: []string{state.ChangelogTopic(entity)},
	}
	return process.New(config.Governed(entity), e.Process, topics, []stream.Processor{golden}, b.options.Instance,
		b.file.Kafka, b.registry, b.options.Log, b.health.registerer())
}

func (b *builder) sink(name string) (Engine, error) {
	s := b.file.Sinks[name]
	to, err := target(name, s, b.options.Log)
	if err != nil {
		return nil, err
	}
	b.opened = append(b.opened, to)
	remembered, err := b.echoes(name)
	if err != nil {
		return nil, err
	}
	return deliver.New(name, s.Deliver, s.Topics(), to, remembered, b.file.Kafka, b.registry, b.options.Log, b.health.registerer())
}

// close frees the connections of the sinks and of Redis.
func (b *builder) close(ctx context.Context) {
	for _, s := range b.opened {
		if err := s.Close(ctx); err != nil {
			b.options.Log.Warn("closing a sink", "error", err)
		}
	}
	if b.redis != nil {
		if err := b.redis.Close(); err != nil {
			b.options.Log.Warn("closing the connections to redis", "error", err)
		}
	}
}

// selection is which parts of the file a process runs.
type selection struct{ captures, streams, sinks []string }

func selectNames[T any](all map[string]T, chosen []string, block string) ([]string, error) {
	known := slices.Sorted(maps.Keys(all))
	if len(chosen) == 0 {
		if len(known) == 0 {
			return nil, Misuse{&schemas.Fault{Where: block, What: "the configuration has none, so there is nothing to run", Cure: "add one to " + block}}
		}
		return known, nil
	}
	for _, name := range chosen {
		if _, ok := all[name]; !ok {
			return nil, Misuse{&schemas.Fault{
				Where: block + "." + name, What: "is not in the configuration", Cure: "there are: " + strings.Join(known, ", "),
			}}
		}
	}
	return chosen, nil
}

// CheckCapture connects to what the capture reads and looks whether it could be
// read, where its kind can tell without changing anything; asked says whether
// it can.
func CheckCapture(ctx context.Context, f *config.File, name string, log *slog.Logger) (asked bool, err error) {
	src, err := source(name, f.Captures[name], log)
	if err != nil {
		return false, err
	}
	c, ok := src.(interface{ Check(context.Context) error })
	if !ok {
		return false, nil
	}
	return true, c.Check(ctx)
}
