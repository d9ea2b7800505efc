package config

import (
	"sluice/capture/mysql"
	"sluice/capture/postgres"
	"sluice/capture/pump"
	"sluice/ops/cases"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/sinks/api"
	"sluice/sinks/deliver"
	"sluice/stream/govern"
	"sluice/stream/kafka"
	"sluice/stream/loop"
	"sluice/stream/process"
	"sluice/stream/rules"
	"sluice/stream/state"
)

// File is the whole configuration.
type File struct {
	Kafka    kafka.Config        `yaml:"kafka"`
	Registry registry.Config     `yaml:"registry"`
	Redis    state.Config        `yaml:"redis"`
	Captures map[string]*Capture `yaml:"captures"`
	Entities map[string]*Entity  `yaml:"entities"`
	Sinks    map[string]*Sink    `yaml:"sinks"`
	Loop     loop.Config         `yaml:"loop"`

	// Path is the file that it was read from.
	Path   string `yaml:"-"`
	places places
}

// Capture is one database to read. Exactly one kind is set.
type Capture struct {
	Postgres *postgres.Config `yaml:"postgres"`
	// MySQL is for MariaDB, too.
	MySQL *mysql.Config `yaml:"mysql"`

	Avro    avro.Options `yaml:"avro"`
	Commit  pump.Config  `yaml:"commit"`
	Records pump.Records `yaml:",inline"`
}

// Entity is one entity and the rules that make it.
type Entity struct {
	Rules rules.Entity `yaml:",inline"`

	// Authority says which source is right about which field: the entity is
	// governed, and its records are golden records. Nil: each source record makes
	// a record of its own, and the last one counts.
	Authority *govern.Authority `yaml:"authority"`

	Process process.Config `yaml:"process"`
	// Tests are cases that sluice test runs: a block, or the name of a file.
	Tests cases.Suite `yaml:"tests"`
}

// Sink is one target to write to. Exactly one kind is set.
type Sink struct {
	Entities []string `yaml:"entities"`
	// System is the capture that reads the system which the sink writes to, if
	// one does: what is written comes back by it.
	System string `yaml:"system"`
	// Start says what the first start waits for; it counts where System is a source
	// of golden records that the sink writes.
	Start Start `yaml:"start"`
	// Echo says by entity where it does.
	Echo map[string]*Echo `yaml:"echo"`

	API *api.Config `yaml:"api"`

	Deliver deliver.Config `yaml:"deliver"`
}

// Start is when a sink starts for the first time.
type Start string

// The ways to start.
const (
	// StartCopied, the default: when golden records are made of all that their
	// sources hold. Before, what one system has would be written over what
	// another has, before that was read.
	StartCopied Start = "copied"
	// StartNow waits for nothing: another program makes the raw topics, or the
	// systems are alike already.
	StartNow Start = "now"
)

// Kinds says which kinds of database a capture can have, and which it has.
func (c *Capture) Kinds() (known, set []string) {
	return kinds(kind{"postgres", c.Postgres != nil}, kind{"mysql", c.MySQL != nil})
}

// Kinds says which kinds of target a sink can have, and which it has.
func (s *Sink) Kinds() (known, set []string) {
	return kinds(kind{"api", s.API != nil})
}

type kind struct {
	name string
	set  bool
}

func kinds(all ...kind) (known, set []string) {
	for _, k := range all {
		known = append(known, k.name)
		if k.set {
			set = append(set, k.name)
		}
	}
	return known, set
}

// EntityTopic is the topic of an entity.
func EntityTopic(entity string) string { return "entity." + entity }

// Topics are the raw topics that the entity is made from, each once, in the
// order of the rules.
func (e *Entity) Topics() []string {
	var topics []string
	seen := map[string]bool{}
	for _, from := range e.Rules.From {
		if !seen[from.Topic] {
			seen[from.Topic] = true
			topics = append(topics, from.Topic)
		}
	}
	return topics
}

// Topics are the entity topics that the sink consumes.
func (s *Sink) Topics() []string {
	topics := make([]string, len(s.Entities))
	for i, e := range s.Entities {
		topics[i] = EntityTopic(e)
	}
	return topics
}

// Locate puts the place in the file before each fault in err; the Where of the
// faults is relative to prefix, a path such as "entities.customer".
func (f *File) Locate(prefix string, err error) error { return joined(f.places.locate(prefix, err)) }

// Place puts the place in the file before each fault of err whose Where is a
// path of the file, such as "kafka.brokers"; others are left as they are.
func (f *File) Place(err error) error { return f.places.place(err) }
