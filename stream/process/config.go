package process

import (
	"errors"
	"fmt"
	"time"

	"sluice/schemas"
)

// Config is the process block of an entity.
type Config struct {
	Batch Batch `yaml:"batch"`
	// TransactionTimeout is how long a killed process keeps readers of committed
	// records waiting, unless it is started again under the same name; default
	// 30s. It must be longer than a batch takes.
	TransactionTimeout time.Duration `yaml:"transaction_timeout"`
}

// Batch bounds what is processed in one transaction. A batch is what the broker
// has ready, up to these bounds; nothing waits for it to fill.
type Batch struct {
	// Records is the most records; default 5000.
	Records int `yaml:"records"`
	// Bytes is about the most bytes, as fetched; default 8MiB. One record that
	// is larger still passes.
	Bytes schemas.Size `yaml:"bytes"`
}

// Defaults fills what is not set.
func (c *Config) Defaults() {
	if c.Batch.Records == 0 {
		c.Batch.Records = 5000
	}
	if c.Batch.Bytes == 0 {
		c.Batch.Bytes = 8 << 20
	}
	if c.TransactionTimeout == 0 {
		c.TransactionTimeout = 30 * time.Second
	}
}

// Validate returns *schemas.Faults with paths such as "batch.records".
func (c *Config) Validate() error {
	var faults []error
	if c.Batch.Records < 1 || c.Batch.Records > 100_000 {
		faults = append(faults, &schemas.Fault{
			Where: "batch.records", What: fmt.Sprintf("%d is out of bounds", c.Batch.Records), Cure: "write 1 to 100000, or leave it out for 5000",
		})
	}
	if c.Batch.Bytes < 16<<10 || c.Batch.Bytes > 1<<30 {
		faults = append(faults, &schemas.Fault{
			Where: "batch.bytes", What: fmt.Sprintf("%s is out of bounds", c.Batch.Bytes), Cure: "write 16KiB to 1GiB, or leave it out for 8MiB",
		})
	}
	if c.TransactionTimeout < time.Second || c.TransactionTimeout > 15*time.Minute {
		faults = append(faults, &schemas.Fault{
			Where: "transaction_timeout", What: fmt.Sprintf("%s is out of bounds", c.TransactionTimeout),
			Cure: "write 1s to 15m (a broker's default transaction.max.timeout.ms), or leave it out for 30s",
		})
	}
	return errors.Join(faults...)
}
