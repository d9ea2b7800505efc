package run

import "sluice/schemas"

// Misuse is a call that names what the configuration does not have. Trying
// again does not help; the command line or the configuration must change.
type Misuse struct{ *schemas.Fault }

// Unwrap returns the fault.
func (m Misuse) Unwrap() error { return m.Fault }
