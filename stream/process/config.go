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
	// Stop ends the process rather than park more and more records.
	Stop Stop `yaml:"stop"`
}

// Stop says how many records may be parked within a time: what has broken is then
// no record, but a rule or a source. The records that would be too many are not
// parked; the next start reads them again.
type Stop struct {
	// Parked is the most; 0, the default: any number.
	Parked int `yaml:"parked"`
	// Within is the time; default 1m.
	Within time.Duration `yaml:"within"`
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
	if c.Stop.Within == 0 {
		c.Stop.Within = time.Minute
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
	if c.Stop.Parked < 0 {
		faults = append(faults, &schemas.Fault{
			Where: "stop.parked", What: fmt.Sprintf("%d is out of bounds", c.Stop.Parked), Cure: "write how many records may be parked, or leave it out for any number",
		})
	}
	if c.Stop.Within < time.Second || c.Stop.Within > 24*time.Hour {
		faults = append(faults, &schemas.Fault{
			Where: "stop.within", What: fmt.Sprintf("%s is out of bounds", c.Stop.Within), Cure: "write 1s to 24h, or leave it out for 1m",
		})
	}
	return errors.Join(faults...)
}
