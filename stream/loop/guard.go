package loop

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/schemas"
	"sluice/stream"
)

// Reasons that the guard gives for filtering and parking.
const (
	// ReasonOrigin: the change carries the tag of one of our sinks.
	ReasonOrigin = "loop_origin"
	// ReasonEcho: a sink has left a mark that fits the change.
	ReasonEcho = "loop_echo"
	// ReasonBounce parks a record that crosses the same systems too often.
	ReasonBounce = "loop_bounce"
)

const (
	// grace is how much later than a mark a change must be committed to prove
	// that the mark's echo will not come: more than a write takes, and than the
	// clocks of the sink and the database differ.
	grace = 5 * time.Second
	// longWindow is how many windows the count of all crossings goes back.
	longWindow = 10
	// unlinkedFactor is how many times more often the same content may come in a
	// watched topic, where it is not known which writes are of the record: some
	// rows change to and fro on their own.
	unlinkedFactor = 4
)

// Guard is a stream.Processor that stands before the rules of one entity. It is
// for one goroutine.
type Guard struct {
	entity  string
	cfg     Config
	store   Store
	log     *slog.Logger
	bounces *prometheus.CounterVec // path

	sinks []string
	// deletions pass.
	deletions bool
	echoes    map[string][]*echo // by topic
	watch     map[string]*watch

	hasher hasher
	calls  []Call
	asked  []question
}

// question is what a call asks, and of which item.
type question struct {
	item int
	name string // of the record, for people
	path string
	// note says that only the memory is to change, not the item's fate.
	note bool
}

// NewGuard makes the guard of an entity. The configuration must have its
// defaults; store may be nil where the plan needs none.
func NewGuard(entity string, plan Plan, cfg Config, store Store, log *slog.Logger, prom prometheus.Registerer) (*Guard, error) {
	g := &Guard{entity: entity, cfg: cfg, store: store, log: log.With("stream", entity), sinks: plan.Sinks, deletions: plan.Deletions, echoes: map[string][]*echo{}, watch: map[string]*watch{}}
	for i := range plan.Echoes {
		e := newEcho(plan.Echoes[i])
		g.echoes[e.Topic] = append(g.echoes[e.Topic], e)
	}
	for _, w := range plan.Watched {
		g.watch[w.Topic] = &watch{Watch: w, bound: map[*schemas.Table][]int{}}
	}
	var err error
	g.bounces, err = bouncesMetric(entity, prom)
	return g, err
}

// Process drops the changes that our own sinks made, and parks those that go
// round. What it decided once it decides again, for as long as Config.Keep. An
// error that is no *schemas.Fault means that Redis is away.
func (g *Guard) Process(ctx context.Context, items []*stream.Item) error {
	g.calls, g.asked = g.calls[:0], g.asked[:0]
	var tagged []int
	for i, it := range items {
		c := &it.Change
		// A dead letter that is replayed passes: a person has decided.
		if it.Fate != stream.Pending || c.Table == nil || c.Op == schemas.Message || it.Header(schemas.HeaderDLQID) != nil {
			continue
		}
		if c.Op == schemas.Truncate {
			for _, e := range g.echoes[it.Topic] {
				g.lose(e, i, it)
			}
			continue
		}
		ours := false
		if len(g.sinks) > 0 {
			origin := c.Origin()
			ours = origin != "" && slices.Contains(g.sinks, origin)
		}
		if ours {
			tagged = append(tagged, i)
		}
		for _, e := range g.echoes[it.Topic] {
			if err := g.ask(e, i, it, ours); err != nil {
				return err
			}
		}
		if w := g.watch[it.Topic]; w != nil && !ours {
			g.askWatch(w, i, it)
		}
	}
	if len(g.calls) > 0 {
		answers, err := g.store.Eval(ctx, g.calls)
		if err != nil {
			return fmt.Errorf("asking redis for echo marks: %w", err)
		}
		for n, a := range answers {
			if err := g.decide(items[g.asked[n].item], g.asked[n], a); err != nil {
				return err
			}
		}
	}
	for _, i := range tagged {
		g.drop(items[i], ReasonOrigin, items[i].Change.Origin())
	}
	return nil
}

// decide applies an answer. Of several about one item an echo is the last word.
func (g *Guard) decide(it *stream.Item, q question, answer any) error {
	parts, ok := answer.([]any)
	if !ok || len(parts) != 3 {
		return fmt.Errorf("asking redis for echo marks: it answered %v", answer)
	}
	if q.note {
		return nil
	}
	verdict, _ := parts[0].(string)
	fresh, _ := parts[1].(int64)
	count, _ := parts[2].(int64)
	switch verdict {
	case "echo":
		g.drop(it, ReasonEcho, q.path)
	case "same", "lost", "many":
		if fresh == 1 {
			g.bounces.WithLabelValues(q.path).Inc()
		}
		if it.Fate != stream.Pending {
			return nil
		}
		it.Park(ReasonBounce, fmt.Errorf("%s, record %s: %s: %s", it.Topic, q.name, g.why(verdict, count), q.path))
	}
	return nil
}

// why says which bound was crossed.
func (g *Guard) why(verdict string, count int64) string {
	switch verdict {
	case "same":
		return fmt.Sprintf("the same content came round %d times within %s", count, g.cfg.Window)
	case "lost":
		return fmt.Sprintf("%d writes came back as something else within %s", count, g.cfg.Window)
	default:
		return fmt.Sprintf("it changed %d times, each time after a write, within %s", count, longWindow*g.cfg.Window)
	}
}

func (g *Guard) drop(it *stream.Item, reason, path string) {
	if g.deletions && it.Change.Op == schemas.Delete {
		return
	}
	it.Filter(reason)
	it.Err = nil
	g.log.Debug("dropped", "reason", reason, "topic", it.Topic, "partition", it.Partition, "offset", it.Offset,
		"position", string(it.Change.ID), "path", path)
}

var _ stream.Processor = (*Guard)(nil)
