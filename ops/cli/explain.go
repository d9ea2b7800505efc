package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/config"
	"sluice/schemas"
	"sluice/stream/govern"
	"sluice/stream/rules"
	"sluice/stream/state"
)

type explainCmd struct {
	Entity string `arg:"" predictor:"governed" help:"An entity that has an authority block."`
	ID     string `arg:"" help:"A golden id, or a source record as the crosswalk names it."`
	format
}

// Help teaches the verb.
func (explainCmd) Help() string {
	return `Examples:

	sluice explain customer 4711
	sluice explain customer erp.public.customers/4711 -o json

It is merged from what Redis remembers, or from the changelog where Redis is away or behind; stderr says which. Nothing is written.

Exit codes: 0 explained; 1 not readable, or there is no such record; 2 wrong usage or configuration.`
}

// Run runs the verb.
func (c *explainCmd) Run(s *session) error {
	f, err := s.load("kafka", "registry", "redis")
	if err != nil {
		return err
	}
	if err := askGoverned(f, "explain", c.Entity); err != nil {
		return err
	}
	e := f.Entities[c.Entity]
	fields := e.Rules.Table(c.Entity)
	policy, err := govern.Compile(e.Authority, fields)
	if err != nil {
		return usage(f.Locate("entities."+c.Entity+".authority", err))
	}
	m, err := s.memory(f)
	if err != nil {
		return err
	}
	defer m.close()
	found, id, err := c.find(s, m)
	if err != nil {
		return err
	}
	from := "from redis"
	if found.Changelog {
		from = "from the changelog " + state.ChangelogTopic(c.Entity) + ": " + found.Why
	}
	fmt.Fprintln(s.stderr, oneLine(from))
	var kept govern.State
	if err := govern.DecodeKept(found.Value, govern.NewCodec(fields), &kept); errors.Is(err, govern.ErrCorrupt) {
		cure := "restore it from its changelog: sluice state rebuild " + c.Entity
		if found.Changelog {
			cure = "its bytes in the changelog are broken: see whether another program writes to " + state.ChangelogTopic(c.Entity)
		}
		return &schemas.Fault{Where: "entity " + c.Entity + ", golden record " + id, What: "its state cannot be read", Err: err, Cure: cure}
	} else if err != nil {
		return err
	}
	why := govern.Explain(policy, id, &kept)
	if c.json() {
		return line(s.stdout, why)
	}
	return why.Text(s.stdout, isTerminal(s.stdout) && os.Getenv("NO_COLOR") == "")
}

// find finds the state of a golden record by its id, or by a source record.
func (c *explainCmd) find(s *session, m *memory) (state.Look, string, error) {
	n, err := m.partitions(s.ctx, c.Entity)
	if err != nil {
		return state.Look{}, "", err
	}
	table := m.table(s, c.Entity)
	found, err := table.Look(s.ctx, partitionOf(c.ID, n), c.ID)
	if err != nil || found.Value != nil {
		return found, c.ID, err
	}
	id, err := c.crossed(s, m)
	if err != nil {
		return found, "", err
	}
	if id != "" {
		if found, err = table.Look(s.ctx, partitionOf(id, n), id); err != nil || found.Value != nil {
			return found, id, err
		}
	}
	return found, "", &schemas.Fault{
		Where: "entity " + c.Entity, What: fmt.Sprintf("there is no golden record and no source record %q", c.ID),
		Cure: "see the ids with: sluice tap " + config.EntityTopic(c.Entity) + " --key, the source records with: sluice tap " + rules.CrosswalkTopic(c.Entity) + " --key",
	}
}

// crossed is the golden id of a source record; "": the crosswalk does not have it.
func (c *explainCmd) crossed(s *session, m *memory) (string, error) {
	topic := rules.CrosswalkTopic(c.Entity)
	n, err := m.count(s.ctx, topic)
	if err != nil || n == 0 || !strings.Contains(c.ID, "/") {
		return "", err
	}
	var last []byte
	take := func(r *kgo.Record) error {
		if string(r.Key) == c.ID {
			last = r.Value
		}
		return nil
	}
	if err := m.file.Kafka.ReadPartitions(s.ctx, s.quiet(), take, map[string][]int32{topic: {partitionOf(c.ID, n)}}); err != nil {
		return "", fmt.Errorf("reading %s: %w", topic, err)
	}
	if len(last) == 0 {
		return "", nil
	}
	d, closing, err := s.decoder(m.file)
	if err != nil {
		return "", err
	}
	defer closing()
	return goldenID(d.Value(s.ctx, last))
}

// askGoverned refuses an entity that the file does not have, or that has no
// authority block.
func askGoverned(f *config.File, verb, entity string) error {
	e := f.Entities[entity]
	switch {
	case e == nil:
		return usage(&schemas.Fault{
			Where: verb + " " + entity, What: "is no entity of the configuration",
			Cure: "there are: " + strings.Join(slices.Sorted(maps.Keys(f.Entities)), ", "),
		})
	case e.Authority == nil:
		return usage(&schemas.Fault{
			Where: verb + " " + entity, What: "the entity has no authority block, so nothing is remembered of it",
			Cure: "add entities." + entity + ".authority, or look at its records with: sluice tap " + config.EntityTopic(entity) + " --key",
		})
	}
	return nil
}

// governed are the entities that have an authority block.
func governed(f *config.File) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(f.Entities)) {
		if f.Entities[name].Authority != nil {
			all = append(all, name)
		}
	}
	return all
}

// partitionOf is where producers put a key: Java's murmur2.
func partitionOf(key string, partitions int) int32 {
	return int32(kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(&kgo.Record{Key: []byte(key)}, partitions))
}

// memory are the connections to what is remembered.
type memory struct {
	file  *config.File
	kafka *kgo.Client
	redis redis.UniversalClient
}

func (s *session) memory(f *config.File) (*memory, error) {
	cl, err := s.connect(f)
	if err != nil {
		return nil, err
	}
	client, err := f.Redis.Open()
	if err != nil {
		cl.Close()
		return nil, f.Place(err)
	}
	return &memory{f, cl, client}, nil
}

func (m *memory) close() {
	m.kafka.Close()
	_ = m.redis.Close() // whatever was written has been answered
}

func (m *memory) table(s *session, entity string) *state.Table {
	return state.New(entity, m.redis, m.file.Kafka, s.quiet())
}

// partitions is how many the state of an entity has.
func (m *memory) partitions(ctx context.Context, entity string) (int, error) {
	topic := config.ContributionsTopic(entity)
	n, err := m.count(ctx, topic)
	if err == nil && n == 0 {
		err = &schemas.Fault{Where: "topic " + topic, What: "is not there: the entity has never been run", Cure: "start it with: sluice stream " + entity}
	}
	return n, err
}

// count is how many partitions a topic has; 0: there is none.
func (m *memory) count(ctx context.Context, topic string) (int, error) {
	topics, err := kadm.NewClient(m.kafka).ListTopics(ctx, topic)
	if err != nil {
		return 0, fmt.Errorf("looking up %s: %w", topic, err)
	}
	return len(topics[topic].Partitions), nil
}
