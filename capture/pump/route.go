package pump

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
)

// route is where the changes of one Table go, and how they are written there.
type route struct {
	topic    string
	table    *schemas.Table
	envelope *avro.Envelope
	// key and value are the wire headers; key is empty for a table without one.
	key, value []byte
	// The writer's: the counters by Op, nil until first used, and the
	// transaction that was last told of the topic.
	counters [256]prometheus.Counter
	told     *transaction
}

// maxTopic is the longest topic name that Kafka takes.
const maxTopic = 249

// topicOf returns the topic of a table: "<capture>.<schema>.<table>" or as
// Table.Topic says, with "_" for every byte that Kafka does not allow in a name.
func topicOf(capture string, t *schemas.Table) string {
	full := capture + "." + t.FullName()
	switch {
	case strings.Contains(t.Topic, "*"):
		full = strings.ReplaceAll(t.Topic, "*", capture)
	case t.Topic != "":
		full = capture + "." + t.Topic
	}
	name := []byte(full)
	for i, b := range name {
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '.', b == '_', b == '-':
		default:
			name[i] = '_'
		}
	}
	return string(name)
}

// claimTopic remembers that the topic is the table's, and refuses a second table.
func (p *Pump) claimTopic(topic string, t *schemas.Table) error {
	if len(topic) > maxTopic {
		return &schemas.Fault{
			Where: "table " + t.FullName(),
			What:  fmt.Sprintf("its topic name has %d bytes, Kafka takes %d", len(topic), maxTopic),
			Cure:  "rename the table or the capture, or leave the table out of the capture's tables",
		}
	}
	owner := [2]string{t.Schema, t.Name}
	if other, ok := p.topics[topic]; ok && other != owner {
		return &schemas.Fault{
			Where: "table " + t.FullName(),
			What:  fmt.Sprintf("its topic %q is already that of table %q.%q", topic, other[0], other[1]),
			Cure:  "capture the two tables under different capture names, or leave one out",
		}
	}
	p.topics[topic] = owner
	return nil
}

// open makes the route of a table: it creates the topic if missing and
// registers the schemas.
func (p *Pump) open(ctx context.Context, cl *kgo.Client, t *schemas.Table) (*route, error) {
	r := &route{topic: topicOf(p.name, t), table: t}
	if err := p.claimTopic(r.topic, t); err != nil {
		return nil, err
	}
	var err error
	if r.envelope, err = avro.CompileEnvelope(p.name, t, p.avro); err != nil {
		return nil, fault(err, "table "+t.FullName(), "compiling its Avro schema", "leave the table out of the capture's tables")
	}
	if err := p.kafka.Ensure(ctx, cl, false, r.topic); err != nil {
		return nil, fmt.Errorf("creating topic %q: %w", r.topic, err)
	}
	if len(t.Key) > 0 {
		if r.key, err = p.register(ctx, r.topic+"-key", r.envelope.KeySchema); err != nil {
			return nil, err
		}
	}
	if r.value, err = p.register(ctx, r.topic+"-value", r.envelope.ValueSchema); err != nil {
		return nil, err
	}
	p.log.Info("table is captured", "table", t.FullName(), "topic", r.topic, "columns", len(t.Columns), "keyed", len(t.Key) > 0)
	return r, nil
}

func (p *Pump) register(ctx context.Context, subject, schema string) ([]byte, error) {
	register := p.registry.Register
	if p.cfg.Records.Incompatible == Force {
		register = p.registry.Force
	}
	id, err := register(ctx, subject, schema)
	if f, ok := errors.AsType[*schemas.Fault](err); ok && errors.Is(err, registry.ErrIncompatible) {
		f.Cure += fmt.Sprintf(", or let the capture register such schemas: captures.%s.incompatible: %s", p.name, Force)
	}
	if err != nil {
		return nil, fmt.Errorf("registering the schema of subject %q: %w", subject, err)
	}
	return registry.AppendHeader(nil, id), nil
}

// counter returns the counter of the table's changes with that operation.
func (r *route) counter(op schemas.Op, m *metrics) prometheus.Counter {
	c := r.counters[op]
	if c == nil {
		c = m.records.WithLabelValues(r.table.FullName(), op.String())
		r.counters[op] = c
	}
	return c
}

// fault returns err if it already is a *schemas.Fault, else one around it.
func fault(err error, where, what, cure string) error {
	if isFault(err) {
		return err
	}
	return &schemas.Fault{Where: where, What: what, Err: err, Cure: cure}
}

func isFault(err error) bool {
	var f *schemas.Fault
	return errors.As(err, &f)
}

// oneLine keeps an error readable in one line of a log.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", " ") }
