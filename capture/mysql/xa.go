package mysql

import (
	"context"
	"errors"
	"fmt"

	"sluice/schemas"
)

// xaStatement reads XA START, which begins a transaction whose rows are in the log
// before it is known whether it commits, and what becomes of it.
func (d *decoder) xaStatement(s *statement) error {
	if len(s.words) < 2 {
		return nil
	}
	switch s.words[1] {
	case "START", "BEGIN":
		d.hand.begun, d.hand.xa = true, true
	case "COMMIT", "ROLLBACK":
		return d.finish()
	}
	return nil
}

// prepared ends the rows of an XA transaction.
func (d *decoder) prepared([]byte) error { return d.finish() }

// heldXA refuses rows of a captured table in an XA transaction: the log has them
// when it is prepared, and not when it commits.
func (d *decoder) heldXA(rel *relation) error {
	return &schemas.Fault{
		Where: fmt.Sprintf("%s at %s", rel.table.FullName(), d.at), What: "an XA transaction wrote the table; its rows are in the log before it is known whether it commits",
		Cure: "write captured tables without XA; " + d.source.resnapshot(),
	}
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
