package debezium

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/config"
	"sluice/ops/local/localtest"
	"sluice/ops/run"
	"sluice/schemas"
	"sluice/schemas/registry"
	"sluice/stream/kafka"
)

// settings are our capture's, as a user writes them: one partition a topic, so
// that a topic's records have one order.
const settings = `
kafka: {brokers: [%q], topics: {partitions: 1, replication_factor: 1}}
registry: {url: %q}
captures:
  %s:
    postgres:
      dsn: %q
      tables: [%s]
      slot: ours
      transactions: true
      messages: {include: ["*"]}
`

// capture is our side: what runs, and where it writes.
type capture struct {
	// said are its records as they come: in order within a topic only.
	said     *records
	kafka    kafka.Config
	client   *kgo.Client
	registry *registry.Client
}

// startOurs runs our capture of the tables.
func startOurs(ctx context.Context, t *testing.T, dsn string) *capture {
	t.Helper()
	k, reg := localtest.Kafka(t), localtest.Registry(t)
	quoted := make([]string, len(tables))
	for i, name := range tables {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	f, err := config.Loader{}.Parse("sluice.yaml", fmt.Appendf(nil, settings, k.Brokers[0], reg.URL, prefix, dsn, strings.Join(quoted, ", ")))
	if err != nil {
		t.Fatal(err)
	}
	c := &capture{said: newRecords(), kafka: k}
	if c.registry, err = reg.Open(); err != nil {
		t.Fatal(err)
	}
	c.client, err = kgo.NewClient(kgo.SeedBrokers(k.Brokers...), kgo.ConsumeRegex(), kgo.ConsumeTopics(`^`+prefix+`\.`),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.MetadataMinAge(50*time.Millisecond), kgo.MetadataMaxAge(200*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(ctx)
	var joined sync.WaitGroup
	t.Cleanup(func() {
		stop()
		joined.Wait()
		c.client.Close()
		c.registry.Close()
	})
	joined.Go(func() {
		log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
		err := run.Capture(ctx, f, run.Options{Listen: "off", Wait: time.Minute, Log: log})
		c.said.add(nil, fmt.Errorf("our capture has ended: %w", err))
	})
	joined.Go(func() {
		for ctx.Err() == nil {
			c.client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { c.said.add(c.record(ctx, r)) })
		}
	})
	return c
}

// all reads the capture's topics from start to end.
func (c *capture) all(ctx context.Context, t *testing.T) []*Record {
	t.Helper()
	listed, err := kadm.NewClient(c.client).ListTopics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range listed.Names() {
		if strings.HasPrefix(name, prefix+".") {
			names = append(names, name)
		}
	}
	var out []*Record
	err = c.kafka.ReadToEnd(ctx, slog.New(slog.DiscardHandler), func(k *kgo.Record) error {
		r, err := c.record(ctx, k)
		out = append(out, r)
		return err
	}, names...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// record looks up the schemas of a record. Our own header, which tells events
// apart, is no part of the comparison.
func (c *capture) record(ctx context.Context, k *kgo.Record) (*Record, error) {
	r := &Record{Topic: k.Topic}
	var err error
	part := func(b []byte) *Part {
		if b == nil || err != nil {
			return nil
		}
		p := &Part{}
		var id int
		if id, p.Avro, err = registry.SplitHeader(b); err == nil {
			p.Schema, err = c.registry.Schema(ctx, id)
		}
		return p
	}
	r.Key, r.Value = part(k.Key), part(k.Value)
	for _, h := range k.Headers {
		if h.Key != schemas.HeaderPosition {
			r.Headers = append(r.Headers, Header{Name: h.Key, Value: part(h.Value)})
		}
	}
	return r, err
}
