package process

import (
	"errors"
	"time"

	"sluice/schemas"
)

// Config tunes the engine.
type Config struct {
	Batch Batch `yaml:"batch"`
	// TransactionTimeout is after how long Kafka aborts the transaction of a
	// process that died; until then its partitions' output is held back.
	// Default 30s.
	TransactionTimeout time.Duration `yaml:"transaction_timeout"`
}

// Batch bounds one transaction.
type Batch struct {
	// Records is how many records are consumed in one transaction at most;
	// default 2000.
	Records int `yaml:"records"`
	// Bytes bounds what is fetched ahead; default 16MiB.
	Bytes schemas.Size `yaml:"bytes"`
}

// Defaults fills in what was left out.
func (c *Config) Defaults() {
	if c.Batch.Records == 0 {
		c.Batch.Records = 2000
	}
	if c.Batch.Bytes == 0 {
		c.Batch.Bytes = 16 << 20
	}
	if c.TransactionTimeout == 0 {
		c.TransactionTimeout = 30 * time.Second
	}
}

// Validate returns what is wrong, as *schemas.Faults.
func (c *Config) Validate() error {
	var errs []error
	if c.Batch.Records < 0 {
		errs = append(errs, &schemas.Fault{Where: "batch.records", What: "is negative", Cure: "give a number such as 2000"})
	}
	if c.Batch.Bytes < 0 || c.Batch.Bytes > 0 && c.Batch.Bytes < 64<<10 {
		errs = append(errs, &schemas.Fault{Where: "batch.bytes", What: c.Batch.Bytes.String() + " is too small", Cure: "give at least 64KiB"})
	}
	if c.TransactionTimeout < 0 || c.TransactionTimeout > 0 && c.TransactionTimeout < time.Second {
		errs = append(errs, &schemas.Fault{Where: "transaction_timeout", What: "is shorter than a second", Cure: "give a duration such as 30s"})
	}
	return errors.Join(errs...)
}
