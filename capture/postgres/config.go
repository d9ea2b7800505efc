package postgres

import (
	"errors"
	"fmt"
	"log/slog"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/schemas"
)

// Config is a capture's postgres block, and the constructor of its Source.
type Config struct {
	// DSN is a libpq URL or key=value string. Its user needs REPLICATION and
	// SELECT on the tables.
	DSN string `yaml:"dsn"`
	// Tables are "schema.table"; each half may be a glob ("public.*").
	Tables []string `yaml:"tables"`
	// Slot is the replication slot; default "sluice_<capture>".
	Slot string `yaml:"slot"`
	// Publication is created if it is missing; default: as the slot.
	Publication string `yaml:"publication"`
	// Decimals says how numeric and money arrive: "precise" (exact, the
	// default), "string" (exact, and can say NaN and Infinity) or "double" (may
	// round).
	Decimals string `yaml:"decimals"`
	// TimePrecision says how date, time and timestamp arrive: "adaptive" (time
	// and timestamp of up to three places in milliseconds, others in
	// microseconds, the default), "adaptive_time_microseconds" (every time in
	// microseconds) or "connect" (Kafka Connect's own types, always in
	// milliseconds: what is finer is dropped).
	TimePrecision string `yaml:"time_precision"`
	// UnknownTypes says what becomes of columns whose type has no form of its
	// own, such as composite types: "text" (what the database writes, the
	// default; the log names each type once) or "refuse".
	UnknownTypes string `yaml:"unknown_types"`
	// Columns leaves columns out or changes their values; default: none.
	Columns Columns `yaml:"columns"`
	// Snapshot says what is copied of the rows that the tables hold; a word
	// stands for its mode.
	Snapshot SnapshotConfig `yaml:"snapshot"`
	// Toast says how a large value arrives that an update did not change and the
	// log therefore leaves out: "placeholder" (Debezium's, the default; a type
	// that has no placeholder is read) or "reselect" (the value that the row has
	// when the event is read, by its key).
	Toast string `yaml:"toast"`
	// Partitions says what the rows of a partitioned table are: "root" (of the
	// table that is partitioned, the default) or "leaf" (of their partition).
	Partitions string `yaml:"partitions"`
	// Buffer bounds the memory of decoded changes that wait for the consumer;
	// default 4MiB. One row may exceed it.
	Buffer schemas.Size `yaml:"buffer"`
	// Heartbeat is how often an idle source reports a newer position; default
	// 10s.
	Heartbeat time.Duration `yaml:"heartbeat"`
	// HeartbeatTopic says whether each heartbeat is a record of the topic
	// "__debezium-heartbeat.<capture>" too; default true.
	HeartbeatTopic *bool `yaml:"heartbeat_topic"`
	// Transactions adds the topic "<capture>.transaction" and each change's place
	// in its transaction; default false.
	Transactions bool `yaml:"transactions"`
	// Messages chooses which logical decoding messages go to the topic
	// "<capture>.message"; default none.
	Messages Messages `yaml:"messages"`
	// Spill bounds what large transactions take while they are in progress.
	Spill Spill `yaml:"spill"`
	// MaxWAL is how much log the server may keep for the slot; 0: no limit.
	MaxWAL schemas.Size `yaml:"max_wal"`
	// OnMaxWAL is what happens when the limit is reached: "stop" ends the
	// capture with the slot in place (the default), "drop" drops the slot too,
	// so that the database survives, "resnapshot" drops it and starts over with
	// a snapshot. A warning comes at half of it, and at three quarters a
	// snapshot pauses.
	OnMaxWAL string `yaml:"on_max_wal"`
	// Failover makes the slot one that standbys keep a copy of (PostgreSQL 17);
	// default true.
	Failover *bool `yaml:"failover"`
	// SlotCreated says that the slot was made for this capture beforehand: it is
	// used as it is at the first start, and never dropped or made.
	SlotCreated bool `yaml:"slot_created"`
}

// failover reports whether standbys should keep a copy of the slot.
func (c *Config) failover() bool { return c.Failover == nil || *c.Failover }

// Values of Config.Decimals, TimePrecision, UnknownTypes, Toast and
// Partitions.
const (
	Precise = "precise"
	String  = "string"
	Double  = "double"

	Adaptive                 = "adaptive"
	AdaptiveTimeMicroseconds = "adaptive_time_microseconds"
	Connect                  = "connect"

	Text   = "text"
	Refuse = "refuse"

	Placeholder = "placeholder"
	Reselect    = "reselect"

	Root = "root"
	Leaf = "leaf"
)

// Values of Config.OnMaxWAL.
const (
	Stop       = "stop"
	Drop       = "drop"
	Resnapshot = "resnapshot"
)

// Defaults fills what was left out and does not depend on the capture's name.
func (c *Config) Defaults() {
	if c.Publication == "" {
		c.Publication = c.Slot
	}
	if c.Decimals == "" {
		c.Decimals = Precise
	}
	if c.TimePrecision == "" {
		c.TimePrecision = Adaptive
	}
	if c.UnknownTypes == "" {
		c.UnknownTypes = Text
	}
	c.Snapshot.defaults()
	if c.Toast == "" {
		c.Toast = Placeholder
	}
	if c.Partitions == "" {
		c.Partitions = Root
	}
	if c.Buffer == 0 {
		c.Buffer = 4 << 20
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 10 * time.Second
	}
	if c.HeartbeatTopic == nil {
		yes := true
		c.HeartbeatTopic = &yes
	}
	c.Spill.defaults()
	if c.OnMaxWAL == "" {
		c.OnMaxWAL = Stop
	}
}

var notSlot = regexp.MustCompile(`[^a-z0-9_]`)

// DefaultsFor is Defaults for the capture of that name; it names the slot.
func (c *Config) DefaultsFor(capture string) {
	if c.Slot == "" {
		c.Slot = defaultSlot(capture)
	}
	c.Defaults()
}

// defaultSlot is the slot of the capture of that name.
func defaultSlot(capture string) string {
	return "sluice_" + notSlot.ReplaceAllString(strings.ToLower(capture), "_")
}

var slotName = regexp.MustCompile(`^[a-z0-9_]{1,63}$`)

// Validate says what is wrong without asking the database; each error is a
// *schemas.Fault.
func (c Config) Validate() error {
	var errs []error
	fault := func(where, what, cure string) {
		errs = append(errs, &schemas.Fault{Where: where, What: what, Cure: cure})
	}
	if c.DSN == "" {
		fault("dsn", "missing", "write dsn: postgres://user:password@host:5432/database")
	} else if _, err := pgconn.ParseConfig(c.DSN); err != nil {
		errs = append(errs, dsnFault(err))
	}
	if len(c.Tables) == 0 {
		fault("tables", "none named", `name them as schema.table, such as tables: [public.customers, "sales.*"]`)
	}
	for i, t := range c.Tables {
		schema, table, ok := strings.Cut(t, ".")
		_, err1 := path.Match(schema, "")
		_, err2 := path.Match(table, "")
		if !ok || schema == "" || table == "" || err1 != nil || err2 != nil {
			fault(fmt.Sprintf("tables[%d]", i), fmt.Sprintf("%q is no schema.table", t), "write the schema too, such as public."+strings.TrimPrefix(t, "."))
		}
	}
	if c.Slot != "" && !slotName.MatchString(c.Slot) {
		fault("slot", fmt.Sprintf("%q is no slot name", c.Slot), "use up to 63 of a-z, 0-9 and _")
	}
	if len(c.Publication) > 63 {
		fault("publication", "longer than 63 bytes", "choose a shorter name")
	}
	switch c.Decimals {
	case "", Precise, String, Double:
	default:
		fault("decimals", fmt.Sprintf("%q is unknown", c.Decimals), "write precise, string or double")
	}
	switch c.TimePrecision {
	case "", Adaptive, AdaptiveTimeMicroseconds, Connect:
	default:
		fault("time_precision", fmt.Sprintf("%q is unknown", c.TimePrecision), "write adaptive, adaptive_time_microseconds or connect")
	}
	switch c.UnknownTypes {
	case "", Text, Refuse:
	default:
		fault("unknown_types", fmt.Sprintf("%q is unknown", c.UnknownTypes), "write text or refuse")
	}
	errs = append(errs, c.Columns.validate())
	c.Snapshot.validate(fault)
	switch c.Toast {
	case "", Placeholder, Reselect:
	default:
		fault("toast", fmt.Sprintf("%q is unknown", c.Toast), "write placeholder or reselect")
	}
	switch c.Partitions {
	case "", Root, Leaf:
	default:
		fault("partitions", fmt.Sprintf("%q is unknown", c.Partitions), "write root or leaf")
	}
	if c.Buffer < 0 || c.Buffer > 0 && c.Buffer < 64<<10 {
		fault("buffer", c.Buffer.String()+" is too small", "give at least 64KiB")
	}
	switch c.OnMaxWAL {
	case "", Stop, Drop, Resnapshot:
	default:
		fault("on_max_wal", fmt.Sprintf("%q is unknown", c.OnMaxWAL), "write stop, drop or resnapshot")
	}
	if c.MaxWAL < 0 || c.MaxWAL > 0 && c.MaxWAL < 64<<20 {
		fault("max_wal", c.MaxWAL.String()+" is too small", "give some gigabytes: the log of an outage that you want to survive, 64MiB at least")
	}
	if c.Heartbeat < 0 {
		fault("heartbeat", "is negative", "give a duration such as 10s")
	}
	errs = append(errs, c.Messages.validate()...)
	if c.Spill.Memory < 0 || c.Spill.Memory > 0 && c.Spill.Memory < minSpillMemory {
		fault("spill.memory", c.Spill.Memory.String()+" is too small", "give at least 64KiB")
	}
	if c.Spill.Max < 0 {
		fault("spill.max", "is negative", "give a size such as 20GiB, or 0 for no limit")
	}
	return errors.Join(errs...)
}

// New returns the Source of the capture of that name. Nothing is connected
// before Open.
func (c Config) New(capture string, log *slog.Logger) (*Source, error) {
	c.DefaultsFor(capture)
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return newSource(c, capture, log), nil
}

// captures reports whether the configuration names the table.
func (c *Config) captures(schema, table string) bool {
	for _, t := range c.Tables {
		s, n, _ := strings.Cut(t, ".")
		if matches(s, schema) && matches(n, table) {
			return true
		}
	}
	return false
}

// wants reports whether the table's rows are to be read under its own name, and
// notes where it is for the sake of a table that it is part of.
func (c *Config) wants(t *tableInfo) bool {
	switch {
	case t.unfit != "":
		return false
	case c.Partitions != Leaf:
		return c.captures(t.schema, t.name) && (!t.partition || slices.Contains(c.Tables, t.fullName()))
	case t.kind == "p":
		return false
	}
	for _, a := range t.ancestors {
		if schema, name, _ := strings.Cut(a, "."); c.captures(schema, name) {
			t.root = quote(schema) + "." + quote(name)
		}
	}
	return t.root != "" || c.captures(t.schema, t.name)
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return pattern == name || ok && err == nil
}
