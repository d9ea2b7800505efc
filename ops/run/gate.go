package run

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/capture/pump"
	"sluice/ops/config"
	"sluice/stream/kafka"
	"sluice/stream/process"
)

// gate holds a sink back at its first start, until golden records are made of all
// that their sources hold. Else what one system has would be written over what the
// other has, before that was read: nobody could tell any more what it said.
type gate struct {
	Engine
	name    string
	kafka   kafka.Config
	log     *slog.Logger
	sources []string // captures
	steps   []step
	// group and topics are the sink's: one that has committed was open before.
	group  string
	topics []string

	why atomic.Pointer[string] // nil: open
	// ends are how far the steps must come, as of when the sources were copied.
	ends map[string]int64
}

// step is a stream whose inputs must be worked off.
type step struct {
	group  string
	topics []string
}

// gated is the sink's engine, held back where it writes to a source of golden
// records.
func (b *builder) gated(name string, sink Engine) Engine {
	s := b.file.Sinks[name]
	if s.System == "" || s.Start == config.StartNow {
		return sink
	}
	g := &gate{Engine: sink, name: name, kafka: b.file.Kafka, log: b.options.Log, group: "sluice.sink." + name, topics: s.Topics()}
	for _, entity := range s.Entities {
		e := b.file.Entities[entity]
		if e.Authority == nil || !slices.Contains(e.Systems(), s.System) {
			continue
		}
		g.sources = append(g.sources, e.Systems()...)
		g.steps = append(g.steps, step{process.GroupID(entity), e.Topics()},
			step{process.GroupID(config.Governed(entity)), []string{config.ContributionsTopic(entity)}})
	}
	if len(g.steps) == 0 {
		return sink
	}
	slices.Sort(g.sources)
	g.sources = slices.Compact(g.sources)
	g.says("it has not looked yet")
	return g
}

func (g *gate) says(why string) { g.why.Store(&why) }

// Ready says what the sink waits for, then what the sink says.
func (g *gate) Ready() error {
	if why := g.why.Load(); why != nil {
		return fmt.Errorf("sink %s: waits for the first copy of all sources (start: now does not): %s", g.name, *why)
	}
	return g.Engine.Ready()
}

// Run waits, then runs the sink.
func (g *gate) Run(ctx context.Context) error {
	opts, err := g.kafka.Options("sluice.sink."+g.name, g.log)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("opening a client of kafka: %w", err)
	}
	told := ""
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		why, err := g.closed(ctx, cl)
		if err != nil {
			why = err.Error()
		}
		if why == "" {
			break
		}
		g.says(why)
		if what, _, _ := strings.Cut(why, ","); what != told {
			told = what
			g.log.Info("sink "+g.name+" waits for the first copy of all sources", "for", why)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			cl.Close()
			return nil
		}
	}
	cl.Close()
	g.why.Store(nil)
	return g.Engine.Run(ctx)
}

// closed says what is waited for; empty: nothing.
func (g *gate) closed(ctx context.Context, cl *kgo.Client) (string, error) {
	commits, err := kafka.Lag(ctx, cl, g.group, g.topics...)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(commits, func(l kafka.PartitionLag) bool { return l.Committed >= 0 }) {
		return "", nil
	}
	copied, err := g.copied(ctx)
	if err != nil {
		return "", err
	}
	for _, name := range g.sources {
		if !copied[name] {
			return "capture " + name + " has not copied its tables yet", nil
		}
	}
	for _, s := range g.steps {
		lags, err := kafka.Lag(ctx, cl, s.group, s.topics...)
		if err != nil {
			return "", err
		}
		for _, l := range lags {
			at := fmt.Sprintf("%s %s/%d", s.group, l.Topic, l.Partition)
			if g.ends == nil {
				g.ends = map[string]int64{}
			}
			if _, known := g.ends[at]; !known {
				g.ends[at] = l.End
			}
			if l.Lag > 0 && l.Committed < g.ends[at] {
				return fmt.Sprintf("%s has to work off %s, partition %d, %d records", s.group, l.Topic, l.Partition, l.Lag), nil
			}
		}
	}
	return "", nil
}

// copied are the captures that have a position, and no snapshot under way.
func (g *gate) copied(ctx context.Context) (map[string]bool, error) {
	done := map[string]bool{}
	err := g.kafka.ReadToEnd(ctx, g.log, func(r *kgo.Record) error {
		var saved struct {
			Position *struct {
				Snapshot bool `json:"snapshot"`
			} `json:"position"`
		}
		if r.Value != nil {
			if err := json.Unmarshal(r.Value, &saved); err != nil {
				return fmt.Errorf("reading the position of capture %s: %w", r.Key, err)
			}
		}
		done[string(r.Key)] = saved.Position != nil && !saved.Position.Snapshot
		return nil
	}, pump.PositionsTopic)
	return done, err
}
