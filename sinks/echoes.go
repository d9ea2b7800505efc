package sinks

import "context"

// Echoes remembers what a sink writes to a system that is itself captured, so
// that the changes which come back are known for its own. It is safe for
// concurrent use.
type Echoes interface {
	// Before is called before each try of the deliveries; what it remembers must
	// outlive a crash between it and the write. converged says of each whether
	// the target has that content already, so that it need not be written. After
	// an error nothing may be written: what cannot be remembered would go round.
	// A *schemas.Fault is for a person to mend, any other error may pass.
	Before(ctx context.Context, batch []*Delivery) (converged []bool, err error)
	// After is told what became of the deliveries that were written; errs is nil
	// for each that the target took. Its error costs no more than needless
	// writes.
	After(ctx context.Context, batch []*Delivery, errs []*Error) error
}
