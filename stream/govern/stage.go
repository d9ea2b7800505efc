package govern

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/schemas"
	"sluice/stream"
	"sluice/stream/state"
)

// EntityTopic holds the golden records of an entity, by golden id.
func EntityTopic(entity string) string { return "entity." + entity }

// ReviewTopic holds what a person has to settle, by golden id and field.
func ReviewTopic(entity string) string { return "review." + entity }

// Reasons that the stage gives for filtering and parking.
const (
	// ReasonBatched: a later change of the batch tells of the same golden record.
	ReasonBatched = "batched"
	// ReasonUnchanged: the change was known, or makes no difference to anybody.
	ReasonUnchanged = "unchanged"
	// ReasonContribution parks what no rules wrote.
	ReasonContribution = "contribution"
	// ReasonFields parks a contribution whose fields are not those of the entity.
	ReasonFields = "fields"
)

// Memory is where the stage keeps the states of golden records: state.Table.
type Memory interface {
	Read(ctx context.Context, parts []*state.Part) error
	Write(ctx context.Context, parts []*state.Part) error
}

// Stage is a stream.Processor that makes golden records of contributions. It is
// for one goroutine. What its outputs hold is good until the next Process.
type Stage struct {
	entity string
	stamp  string // of the authority
	policy *Policy
	codec  *Codec
	golden *schemas.Table
	memory Memory
	// reviewable are the fields that may be in review; behind them, the deletion.
	reviewable Bits
	conflicts  *prometheus.CounterVec

	fields  map[*schemas.Table]*mapping
	records []*record // their memory is used again
	used    int
	slices  []*state.Part
	parts   map[int32]*part
	of      []int // of each item, its record; -1: none
	texts   map[string]string
	counted map[conflictKey]prometheus.Counter
	head    schemas.Contribution
	said    Event
	arena   schemas.Arena
	scratch []byte
	headers []stream.Header
}

// part is one partition's share of a batch.
type part struct {
	state.Part
	index   map[string]int // golden id -> record
	records []int          // in the order of Keys
}

// NewStage makes the stage of an entity, whose changelog is the topic of that
// name.
func NewStage(entity string, a *Authority, t *schemas.Table, memory Memory, prom prometheus.Registerer) (*Stage, error) {
	policy, err := Compile(a, t)
	if err != nil {
		return nil, err
	}
	s := &Stage{
		entity: entity, stamp: a.stamp(), policy: policy, codec: NewCodec(t), golden: GoldenTable(t), memory: memory,
		fields: map[*schemas.Table]*mapping{}, parts: map[int32]*part{}, texts: map[string]string{}, counted: map[conflictKey]prometheus.Counter{},
	}
	for i := range t.Columns {
		for _, e := range policy.epochs {
			sum := e.rules[i].Survivorship == Sum
			if sum {
				s.golden.Columns[i].Optional = true // it may be too large
			}
			if sum || e.rules[i].Review {
				s.reviewable = s.reviewable.With(i)
			}
		}
	}
	if policy.deletes == DeleteReview {
		s.reviewable = s.reviewable.With(len(t.Columns))
	}
	s.conflicts, err = conflictsMetric(entity, prom)
	return s, err
}

// Process makes the golden records that the contributions of the batch belong to,
// each once. An error that is no *schemas.Fault means that Redis or Kafka is away.
func (s *Stage) Process(ctx context.Context, items []*stream.Item) error {
	s.begin(len(items))
	for i, it := range items {
		if it.Fate == stream.Pending {
			s.of[i] = s.place(it)
		}
	}
	if len(s.slices) == 0 {
		return nil
	}
	if err := s.memory.Read(ctx, s.slices); err != nil {
		return err
	}
	for _, p := range s.parts {
		for k, n := range p.records {
			if err := s.remember(s.records[n], p.Values[k]); err != nil {
				return err
			}
		}
	}
	for i, it := range items {
		if s.of[i] >= 0 {
			s.apply(s.records[s.of[i]], it)
		}
	}
	for _, p := range s.parts {
		for _, n := range p.records {
			s.settle(s.records[n], p.Next)
		}
	}
	return s.write(ctx)
}

// write writes the states that have changed.
func (s *Stage) write(ctx context.Context) error {
	for _, p := range s.parts {
		keep := 0
		for k, n := range p.records {
			if s.records[n].dirty {
				p.Keys[keep], p.Values[keep] = p.Keys[k], s.records[n].bytes
				keep++
			}
		}
		p.Keys, p.Values = p.Keys[:keep], p.Values[:keep]
	}
	return s.memory.Write(ctx, s.slices)
}

func (s *Stage) begin(n int) {
	s.of = slices.Grow(s.of[:0], n)[:n]
	for i := range s.of {
		s.of[i] = -1
	}
	for _, p := range s.parts {
		clear(p.index)
		p.Keys, p.Values, p.records, p.Next = p.Keys[:0], p.Values[:0], p.records[:0], 0
	}
	clear(s.parts)
	s.slices, s.used, s.headers = s.slices[:0], 0, s.headers[:0]
	s.arena.Reset()
}

// place finds the golden record of a contribution, and reads what its header
// says. -1: the item's fate is decided.
func (s *Stage) place(it *stream.Item) int {
	if it.Header(schemas.HeaderDLQID) != nil {
		s.reroute(it)
		return -1
	}
	if len(it.Key) == 0 {
		it.Park(ReasonContribution, fmt.Errorf("entity %s: the record has no key, which is the golden id", s.entity))
		return -1
	}
	p := s.parts[it.Partition]
	if p == nil {
		p = &part{index: map[string]int{}}
		p.Partition = it.Partition
		s.parts[it.Partition] = p
		s.slices = append(s.slices, &p.Part)
	}
	p.Next = max(p.Next, it.Offset+1)
	n, ok := p.index[string(it.Key)]
	if !ok {
		n = s.take()
		r := s.records[n]
		r.id, r.partition, r.first = string(it.Key), it.Partition, it.Offset
		p.index[r.id] = n
		p.Keys, p.records = append(p.Keys, r.id), append(p.records, n)
	}
	return n
}

// take hands out a record whose memory is used again.
func (s *Stage) take() int {
	if s.used == len(s.records) {
		s.records = append(s.records, new(record))
	}
	s.records[s.used].reset()
	s.used++
	return s.used - 1
}

// reroute sends a contribution that was parked, and is replayed, the way of the
// others: its state is that of another partition.
func (s *Stage) reroute(it *stream.Item) {
	out := stream.Output{Topic: it.Topic, Key: it.Key, Value: it.Value}
	for _, h := range it.Headers {
		if !strings.HasPrefix(h.Key, "sluice.dlq.") {
			out.Headers = append(out.Headers, h)
		}
	}
	it.Out = append(it.Out, out)
}

// apply takes an item in.
func (s *Stage) apply(r *record, it *stream.Item) {
	e, reason, err := s.event(r, it)
	if err != nil {
		it.Park(reason, err)
		return
	}
	r.apply(e)
	if r.item != nil {
		r.item.Filter(ReasonBatched)
	}
	r.item = it
}

// remember makes the state of what was kept.
func (s *Stage) remember(r *record, kept []byte) error {
	if len(kept) == 0 {
		return nil
	}
	err := r.decode(kept, s.codec)
	if errors.Is(err, ErrCorrupt) {
		return &schemas.Fault{
			Where: "entity " + s.entity + ", golden record " + r.id, What: "its state in redis cannot be read", Err: err,
			Cure: "restore it from its changelog: sluice state rebuild " + s.entity,
		}
	}
	return err
}
