package mysql

import (
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"sluice/schemas"
)

// Config is a capture's mysql block, and the constructor of its Source. It is
// the same for MySQL and MariaDB; which of them it is the server says.
type Config struct {
	// DSN is "user:password@tcp(host:3306)/" as go-sql-driver reads it. Its user
	// needs REPLICATION SLAVE, REPLICATION CLIENT (MariaDB: BINLOG MONITOR) and
	// SELECT on the tables.
	DSN string `yaml:"dsn"`
	// Tables are "database.table"; each half may be a glob ("crm.*").
	Tables []string `yaml:"tables"`
	// ServerID is by which the server knows this replica; no other may have it.
	// Default: one that is free, made of the capture's name.
	ServerID uint32 `yaml:"server_id"`
	// Decimals says how decimals arrive: "precise" (exact, the default),
	// "string" (exact) or "double" (may round).
	Decimals string `yaml:"decimals"`
	// BigintUnsigned says how BIGINT UNSIGNED arrives: "long" (the default; a
	// value above 2^63-1 stops the capture), "decimal" or "string".
	BigintUnsigned string `yaml:"bigint_unsigned"`
	// ZeroDates says what becomes of dates that are none, such as 0000-00-00:
	// "null" (the epoch where the column is NOT NULL; the default), "epoch" or
	// "error".
	ZeroDates string `yaml:"zero_dates"`
	// Transactions adds the topic "<capture>.transaction" and each change's place
	// in its transaction; default false.
	Transactions bool `yaml:"transactions"`
	// Query says what each change carries of the statement that made it, in
	// source.query, where the server logs statements beside rows (MariaDB does,
	// MySQL with binlog_rows_query_log_events=ON): "comments" (those that the
	// statement begins with, up to 1 KB; the default), "full", or "none". A statement
	// that wrote many rows is sent with each of them, so that "full" may cost more
	// than all the rows.
	Query string `yaml:"query"`
	// Snapshot says what is copied of the rows that the tables hold; a word
	// stands for its mode.
	Snapshot SnapshotConfig `yaml:"snapshot"`
	// Buffer bounds the memory of decoded changes that wait for the consumer;
	// default 4MiB. One row may exceed it.
	Buffer schemas.Size `yaml:"buffer"`
	// Heartbeat is how often an idle source reports a newer position; default
	// 10s.
	Heartbeat time.Duration `yaml:"heartbeat"`
	// HeartbeatTopic says whether each heartbeat is a record of the topic
	// "__debezium-heartbeat.<capture>" too; default true.
	HeartbeatTopic *bool `yaml:"heartbeat_topic"`
	// Silence is after how long a server that says nothing is lost; default
	// 60s. It is asked for a sign of life four times as often.
	Silence time.Duration `yaml:"silence"`
}

// Values of Config.Query.
const (
	QueryComments = "comments"
	QueryFull     = "full"
	QueryNone     = "none"
)

// Values of Config.Decimals.
const (
	Precise = "precise"
	String  = "string"
	Double  = "double"
)

// Defaults fills what was left out.
func (c *Config) Defaults() {
	if c.Decimals == "" {
		c.Decimals = Precise
	}
	if c.BigintUnsigned == "" {
		c.BigintUnsigned = Long
	}
	if c.ZeroDates == "" {
		c.ZeroDates = Null
	}
	if c.Query == "" {
		c.Query = QueryComments
	}
	c.Snapshot.defaults()
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
	if c.Silence == 0 {
		c.Silence = time.Minute
	}
}

// Validate says what is wrong without asking the database; each error is a
// *schemas.Fault.
func (c Config) Validate() error {
	var errs []error
	fault := func(where, what, cure string) {
		errs = append(errs, &schemas.Fault{Where: where, What: what, Cure: cure})
	}
	if c.DSN == "" {
		fault("dsn", "missing", "write dsn: user:password@tcp(host:3306)/")
	} else if _, err := driver.ParseDSN(c.DSN); err != nil {
		errs = append(errs, dsnFault(err))
	}
	if len(c.Tables) == 0 {
		fault("tables", "none named", `name them as database.table, such as tables: [crm.contacts, "sales.*"]`)
	}
	for i, t := range c.Tables {
		schema, table, ok := strings.Cut(t, ".")
		_, err1 := path.Match(schema, "")
		_, err2 := path.Match(table, "")
		if !ok || schema == "" || table == "" || err1 != nil || err2 != nil {
			fault(fmt.Sprintf("tables[%d]", i), fmt.Sprintf("%q is no database.table", t), "write the database too, such as crm."+strings.TrimPrefix(t, "."))
		}
	}
	oneOf := func(where, value string, words ...string) {
		for _, w := range append(words, "") {
			if value == w {
				return
			}
		}
		fault(where, fmt.Sprintf("%q is unknown", value), "write one of "+strings.Join(words, ", "))
	}
	oneOf("decimals", c.Decimals, Precise, String, Double)
	oneOf("bigint_unsigned", c.BigintUnsigned, Long, Decimal, String)
	oneOf("zero_dates", c.ZeroDates, Null, Epoch, Error)
	oneOf("query", c.Query, QueryComments, QueryFull, QueryNone)
	c.Snapshot.validate(fault)
	if c.Buffer < 0 || c.Buffer > 0 && c.Buffer < 64<<10 {
		fault("buffer", c.Buffer.String()+" is too small", "give at least 64KiB")
	}
	if c.Heartbeat < 0 {
		fault("heartbeat", "is negative", "give a duration such as 10s")
	}
	if c.Silence < 0 || c.Silence > 0 && c.Silence < time.Second {
		fault("silence", c.Silence.String()+" is too short", "give a duration such as 60s")
	}
	return errors.Join(errs...)
}

// New returns the Source of the capture of that name. Nothing is connected
// before Open.
func (c Config) New(capture string, log *slog.Logger) (*Source, error) {
	c.Defaults()
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

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return pattern == name || ok && err == nil
}
