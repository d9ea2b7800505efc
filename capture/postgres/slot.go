package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/schemas"
)

const plugin = "pgoutput"

// slotTimeout is how long a slot may stay busy after its last reader died: the
// server believes in a silent reader for wal_sender_timeout.
func (s *Source) slotTimeout() time.Duration {
	if s.busyFor > 0 {
		return s.busyFor
	}
	return min(max(30*time.Second, s.server.senderTimeout+5*time.Second), 2*time.Minute)
}

// slot is what pg_replication_slots says.
type slot struct {
	plugin, database, walStatus string
	pid                         int64 // of who reads it; 0: nobody
	confirmed                   lsn
}

func (s *Source) readSlot(ctx context.Context) (*slot, error) {
	rows, err := plain{s.sql}.query(ctx, `
		SELECT coalesce(plugin, ''), coalesce(database, ''), coalesce(wal_status, ''), coalesce(active_pid, 0), coalesce(confirmed_flush_lsn, '0/0')
		FROM pg_catalog.pg_replication_slots WHERE slot_name = $1`, s.cfg.Slot)
	if err != nil {
		return nil, fmt.Errorf("reading slot %q: %w", s.cfg.Slot, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	r := rows[0]
	at, err := pglogrepl.ParseLSN(r.text(4))
	if err != nil {
		return nil, fmt.Errorf("reading slot %q: %w", s.cfg.Slot, err)
	}
	return &slot{r.text(0), r.text(1), r.text(2), r.int(3), at}, nil
}

// freeSlot waits until nobody reads the slot; nil if there is none.
func (s *Source) freeSlot(ctx context.Context) (*slot, error) {
	limit := time.NewTimer(s.slotTimeout())
	defer limit.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		at, err := s.readSlot(ctx)
		if err != nil || at == nil || at.pid == 0 {
			return at, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-limit.C:
			return nil, &schemas.Fault{
				Where: "slot", What: fmt.Sprintf("%q is being read by the server's process %d", s.cfg.Slot, at.pid),
				Cure: fmt.Sprintf("end the other reader, or: SELECT pg_terminate_backend(%d);", at.pid),
			}
		}
	}
}

// adopt checks that the slot still holds what follows the saved position.
func (s *Source) adopt(ctx context.Context) error {
	lost := func(what string, args ...any) error {
		return &schemas.Fault{Where: "slot", What: fmt.Sprintf(what, args...), Cure: s.resnapshot()}
	}
	now := s.at
	id, err := pglogrepl.IdentifySystem(ctx, s.stream.conn)
	if err != nil {
		return fmt.Errorf("identifying the server: %w", err)
	}
	switch {
	case now.System != id.SystemID:
		return lost("the saved position is of another server (system %s, this one is %s)", now.System, id.SystemID)
	case now.Slot != s.cfg.Slot:
		return lost("the saved position is of slot %q, the configuration names %q", now.Slot, s.cfg.Slot)
	}
	if now.Timeline != id.Timeline {
		if err := s.follow(ctx, now, id.Timeline); err != nil {
			return err
		}
		s.at.Timeline = id.Timeline
	}
	at, err := s.freeSlot(ctx)
	switch {
	case err != nil:
		return err
	case at == nil && s.cfg.OnMaxWAL == Resnapshot:
		return errDropped
	case at == nil:
		return lost("%q is gone, and with it the changes since %s", s.cfg.Slot, lsn(now.LSN))
	case at.plugin != plugin:
		return lost("%q is of plug-in %s, not %s", s.cfg.Slot, at.plugin, plugin)
	case at.database != s.server.database:
		return lost("%q is of database %s, not %s", s.cfg.Slot, at.database, s.server.database)
	case at.walStatus == "lost":
		return lost("%q lost its log: the server removed what was not yet read (max_slot_wal_keep_size)", s.cfg.Slot)
	case at.confirmed > lsn(now.LSN):
		return lost("%q was moved by somebody to %s, past the saved position %s", s.cfg.Slot, at.confirmed, lsn(now.LSN))
	}
	return nil
}

// errDropped says that the slot is gone and that the configuration wants to
// start over then.
var errDropped = errors.New("the slot is gone")

// begin creates the slot.
func (s *Source) begin(ctx context.Context, conn *pgconn.PgConn) error {
	old, err := s.freeSlot(ctx)
	if err != nil {
		return err
	}
	var start lsn
	use := false
	if old != nil {
		if use, err = s.found(ctx, conn, old); err != nil {
			return err
		}
	}
	switch {
	case use:
		start = old.confirmed
	case s.cfg.SlotCreated:
		return &schemas.Fault{
			Where: "slot", What: fmt.Sprintf("%q does not exist, and slot_created says that it does", s.cfg.Slot),
			Cure: fmt.Sprintf("SELECT pg_create_logical_replication_slot(%s, 'pgoutput');", literal(s.cfg.Slot)),
		}
	default:
		if start, _, err = s.createSlot(ctx, conn, false); err != nil {
			return err
		}
		s.log.Info("slot created", "slot", s.cfg.Slot, "lsn", start.String())
	}
	s.at.LSN, s.at.Commit, s.at.Row = logPlace(start), 0, 0
	s.at.Copies, s.at.Snapshot = nil, false
	return nil
}

func (s *Source) slotFault(err error) error {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return fmt.Errorf("creating slot %q: %w", s.cfg.Slot, err)
	}
	f := &schemas.Fault{Where: "slot", What: fmt.Sprintf("%q cannot be created", s.cfg.Slot), Err: message(err)}
	switch pe.Code {
	case "53400":
		f.Cure = "raise max_replication_slots and restart the server, or drop a slot that nobody reads"
	case "42501":
		f.Cure = fmt.Sprintf("as a superuser: ALTER ROLE %s REPLICATION;", quote(s.server.user))
	default:
		f.Cure = "see the server's log"
	}
	return f
}
