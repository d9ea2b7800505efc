package mysql

import (
	"fmt"

	"sluice/schemas"
)

// SnapshotConfig says how the rows that tables hold are copied.
type SnapshotConfig struct {
	// Mode is "initial" (the default: copy each table once, when it is first
	// captured), "never", "only" (copy, and end) or "when_needed" (as initial,
	// and again whenever the saved position no longer fits the source).
	Mode string `yaml:"mode"`
	// Workers is how many sessions read; default 2.
	Workers int `yaml:"workers"`
	// Chunk is about how much one read brings, at most what buffer has room
	// for; default 1MiB.
	Chunk schemas.Size `yaml:"chunk"`
	// Memory bounds what is remembered of the transactions that change tables
	// while they are copied; default 32MiB.
	Memory schemas.Size `yaml:"memory"`
}

// Modes of a snapshot.
const (
	Initial    = "initial"
	Never      = "never"
	Only       = "only"
	WhenNeeded = "when_needed"
)

// UnmarshalText reads a mode alone: "snapshot: never".
func (c *SnapshotConfig) UnmarshalText(mode []byte) error {
	c.Mode = string(mode)
	return nil
}

func (c *SnapshotConfig) defaults() {
	if c.Mode == "" {
		c.Mode = Initial
	}
	if c.Workers == 0 {
		c.Workers = 2
	}
	if c.Chunk == 0 {
		c.Chunk = 1 << 20
	}
	if c.Memory == 0 {
		c.Memory = 32 << 20
	}
}

func (c *SnapshotConfig) validate(fault func(where, what, cure string)) {
	switch c.Mode {
	case "", Initial, Never, Only, WhenNeeded:
	default:
		fault("snapshot.mode", fmt.Sprintf("%q is unknown", c.Mode), "write initial, never, only or when_needed")
	}
	if c.Workers < 0 || c.Workers > 64 {
		fault("snapshot.workers", fmt.Sprintf("%d is out of bounds", c.Workers), "give 1 to 64")
	}
	if c.Chunk < 0 || c.Chunk > 0 && c.Chunk < 16<<10 {
		fault("snapshot.chunk", c.Chunk.String()+" is too small", "give at least 16KiB")
	}
	if c.Memory < 0 || c.Memory > 0 && c.Memory < 1<<20 {
		fault("snapshot.memory", c.Memory.String()+" is too small", "give at least 1MiB")
	}
}
