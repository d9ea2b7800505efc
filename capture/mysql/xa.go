package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/schemas"
)

// xaStatement reads XA START, which begins a transaction whose rows are in the log
// before it is known whether it commits, and what becomes of it.
func (d *decoder) xaStatement(s *statement, text []byte) error {
	if len(s.words) < 2 {
		return nil
	}
	switch s.words[1] {
	case "START", "BEGIN":
		d.hand.begun, d.hand.xa = true, true
	case "COMMIT", "ROLLBACK":
		xid := xidOf(text)
		if s.words[1] == "COMMIT" && !d.prepared[xid] {
			return d.unseenXA(xid)
		}
		delete(d.prepared, xid)
		return d.finish()
	}
	return nil
}

// xidOf is "X'61',X'62',1" of "XA COMMIT X'61',X'62',1".
func xidOf(text []byte) string {
	words := strings.Fields(string(text))
	return strings.Join(words[min(2, len(words)):], " ")
}

// prepare ends the rows of an XA transaction that may commit later (MySQL and
// MariaDB source, XA_prepare_log_event). One that wrote captured tables was refused
// before.
func (d *decoder) prepare(b []byte) error {
	r := &reader{b: b}
	onePhase := r.u8() != 0
	format, global, branch := r.u32(), int(r.u32()), int(r.u32())
	id := r.bytes(global)
	part := r.bytes(branch)
	if r.short {
		return errShort
	}
	if !onePhase {
		d.prepared[fmt.Sprintf("X'%x',X'%x',%d", id, part, format)] = true
	}
	return d.finish()
}

// unseenXA refuses the end of an XA transaction whose rows were in the log before
// the capture began.
func (d *decoder) unseenXA(xid string) error {
	return &schemas.Fault{
		Where: fmt.Sprintf("the log at %s", d.at), What: fmt.Sprintf("XA transaction %s commits, which was prepared before the capture began; whether it wrote captured tables is not known", xid),
		Cure: d.source.resnapshot(),
	}
}

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
