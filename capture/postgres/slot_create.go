package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/schemas"
)

// createSlot makes the slot, with an exported snapshot where that is asked for
// and possible: a standby exports none, and its name is empty then.
func (s *Source) createSlot(ctx context.Context, conn *pgconn.PgConn, export bool) (start lsn, snapshot string, err error) {
	stop := s.sayWait(ctx)
	defer stop()
	res, err := conn.Exec(ctx, createSlotCommand(s.cfg.Slot, &s.server, s.cfg.failover(), export)).ReadAll()
	if err != nil {
		return 0, "", s.slotFault(err)
	}
	if len(res) != 1 || len(res[0].Rows) != 1 || len(res[0].Rows[0]) < 3 {
		return 0, "", fmt.Errorf("creating slot %q: the server's answer has another form", s.cfg.Slot)
	}
	row := res[0].Rows[0] // slot_name, consistent_point, snapshot_name, output_plugin
	if start, err = pglogrepl.ParseLSN(string(row[1])); err != nil {
		return 0, "", fmt.Errorf("creating slot %q: %w", s.cfg.Slot, err)
	}
	return start, string(row[2]), nil
}

// createSlotCommand is the replication command (PostgreSQL docs, 55.4). Options
// in parentheses exist from version 15 on, FAILOVER from 17.
func createSlotCommand(name string, srv *server, failover, export bool) string {
	export = export && !srv.standby
	command := fmt.Sprintf("CREATE_REPLICATION_SLOT %s LOGICAL %s ", quote(name), plugin)
	switch {
	case srv.version >= 150000 && export:
		command += "(SNAPSHOT 'export'"
	case srv.version >= 150000:
		command += "(SNAPSHOT 'nothing'"
	case export:
		return command + "EXPORT_SNAPSHOT"
	default:
		return command + "NOEXPORT_SNAPSHOT"
	}
	if failover && srv.version >= 170000 && !srv.standby {
		command += ", FAILOVER true"
	}
	return command + ")"
}

// sayAfter is how long a slot may take to be made unmentioned.
const sayAfter = 3 * time.Second

// sayWait says what the making of a slot waits for, until stop is called: on a
// primary the end of the transactions that run, on a standby a record of the
// primary, which an idle one does not write by itself.
func (s *Source) sayWait(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(sayAfter)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if s.server.standby {
				s.log.Info("making the slot waits for the primary to log its running transactions",
					"slot", s.cfg.Slot, "cure", "on the primary: SELECT pg_log_standby_snapshot();")
			} else {
				s.log.Info("making the slot waits for transactions to end that are running",
					"slot", s.cfg.Slot, "cure", "see which: sluice doctor "+s.capture)
			}
		}
	}()
	return func() { cancel(); <-done }
}

// found decides about a slot that is there though no position is saved. One that
// was made beforehand is used. One of the name that only this capture gives is
// left from a start that came to nothing, or a snapshot is wanted anew: it goes.
// Any other may be somebody's.
func (s *Source) found(ctx context.Context, conn *pgconn.PgConn, old *slot) (use bool, err error) {
	switch {
	case old.plugin != plugin || old.database != s.server.database:
		return false, &schemas.Fault{
			Where: "slot", What: fmt.Sprintf("%q exists, of plug-in %s in database %s", s.cfg.Slot, old.plugin, old.database),
			Cure: "set slot to a name that is free",
		}
	case s.cfg.SlotCreated && old.walStatus == "lost":
		return false, &schemas.Fault{
			Where: "slot", What: fmt.Sprintf("%q was made beforehand and has lost its log", s.cfg.Slot),
			Cure: fmt.Sprintf("make it anew: SELECT pg_drop_replication_slot(%s), pg_create_logical_replication_slot(%s, 'pgoutput');", literal(s.cfg.Slot), literal(s.cfg.Slot)),
		}
	case s.cfg.SlotCreated:
		s.log.Info("using the slot that was made beforehand", "slot", s.cfg.Slot, "lsn", old.confirmed.String())
		return true, nil
	case !s.ownsSlot:
		return false, &schemas.Fault{
			Where: "slot", What: fmt.Sprintf("%q exists, and no position of this capture is saved: it may be somebody else's", s.cfg.Slot),
			Cure: fmt.Sprintf("if it was made for this capture, set slot_created: true; if nobody needs it: SELECT pg_drop_replication_slot(%s);", literal(s.cfg.Slot)),
		}
	}
	s.log.Warn("dropping the slot that has no saved position, to begin anew", "slot", s.cfg.Slot)
	if err := pglogrepl.DropReplicationSlot(ctx, conn, s.cfg.Slot, pglogrepl.DropReplicationSlotOptions{}); err != nil {
		return false, fmt.Errorf("dropping slot %q: %w", s.cfg.Slot, err)
	}
	return false, nil
}
