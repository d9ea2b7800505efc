package pump

import (
	"fmt"

	"sluice/schemas"
)

// Records are a capture's settings of what it writes to Kafka.
type Records struct {
	// Tombstones says whether a delete is followed by a record of the same key
	// without a value, by which a compacted topic forgets the row. Default
	// true.
	Tombstones *bool `yaml:"tombstones"`
	// Incompatible says what happens to a schema that breaks its subject's
	// compatibility: "stop" (the default: the capture stops with the reason,
	// and nothing is written or lost) or "force" (it is registered anyway,
	// with the subject set to NONE for that moment).
	Incompatible string `yaml:"incompatible"`
}

// Values of Records.Incompatible.
const (
	Stop  = "stop"
	Force = "force"
)

// Defaults fills what is not set.
func (r *Records) Defaults() {
	if r.Tombstones == nil {
		yes := true
		r.Tombstones = &yes
	}
	if r.Incompatible == "" {
		r.Incompatible = Stop
	}
}

// Validate says what is wrong, as a *schemas.Fault.
func (r *Records) Validate() error {
	switch r.Incompatible {
	case "", Stop, Force:
		return nil
	}
	return &schemas.Fault{Where: "incompatible", What: fmt.Sprintf("%q is unknown", r.Incompatible), Cure: "write stop or force"}
}

func (r *Records) tombstones() bool { return r.Tombstones == nil || *r.Tombstones }
