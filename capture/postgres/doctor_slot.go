package postgres

import (
	"context"
	"fmt"
	"time"
)

// lookAtSlot looks at the slot, and at what it costs the server.
func (d *doctor) lookAtSlot(ctx context.Context) error {
	name := d.cfg.Slot
	s, err := readSlotState(ctx, d.q, name)
	if err != nil {
		return err
	}
	if s.Name == "" {
		if d.saved != nil {
			d.problemf("slot", name, d.resnapshot(), "is gone, and with it the changes since %s", lsn(d.saved.LSN))
		} else {
			d.finef("slot", name, "does not exist yet; the capture makes it at its first start")
		}
		return d.lookAtLimits(ctx, nil)
	}
	drop := fmt.Sprintf("SELECT pg_drop_replication_slot(%s);", literal(name))
	bad := len(d.found)
	switch {
	case s.Plugin != plugin:
		d.problemf("slot", name, "set slot to a name that is free", "is of plug-in %s, not %s", s.Plugin, plugin)
	case s.Database != d.srv.database:
		d.problemf("slot", name, "set slot to a name that is free", "is of database %s, not %s", s.Database, d.srv.database)
	case s.lost():
		why := s.Why
		if why == "" {
			why = "the server removed log that was not yet read (max_slot_wal_keep_size)"
		}
		d.problemf("slot", name, drop+" then "+d.resnapshot(), "is lost: %s", why)
	case s.WALStatus == "unreserved":
		d.problemf("slot", name, "start the capture at once, or raise max_slot_wal_keep_size", "the next checkpoint removes log that was not yet read")
	case s.PID == 0:
		d.warnf("slot", name, fmt.Sprintf("start the capture: sluice capture %s; or, to give it up: %s", d.capture, drop), "nobody reads it, and the server keeps %s of log for it", size(s.retained()))
	case s.TwoPhase:
		d.warnf("slot", name, drop+" then "+d.resnapshot(), "decodes prepared transactions at their PREPARE; the capture wants them at COMMIT PREPARED")
	}
	if len(d.found) == bad {
		d.finef("slot", name, "is read by process %d, wal_status %s; %s of log not confirmed, %s kept", s.PID, s.WALStatus, size(s.lag()), size(s.retained()))
	}
	d.lookAtSaved(&s)
	if d.srv.version >= 170000 && d.cfg.failover() && !s.Failover && !s.Synced {
		d.warnf("slot", name, "stop the capture, and in a replication session: ALTER_REPLICATION_SLOT "+quote(name)+" ( FAILOVER true ); and start it",
			"is not copied to standbys: after a failover all rows must be read anew")
	}
	return d.lookAtLimits(ctx, &s)
}

// lookAtSaved compares the slot with the position in Kafka.
func (d *doctor) lookAtSaved(s *slotState) {
	switch {
	case d.saved == nil:
	case d.saved.Slot != d.cfg.Slot:
		d.problemf("saved position", "", d.resnapshot(), "is of slot %q, the configuration names %q", d.saved.Slot, d.cfg.Slot)
	case s.Confirmed != nil && lsn(*s.Confirmed) > lsn(d.saved.LSN):
		// A live capture saves first and confirms then; but what is compared
		// here was read first, and the slot may have moved since.
		if s.PID == 0 {
			d.problemf("saved position", "", d.resnapshot(), "the slot was moved by somebody to %s, past the saved position %s", lsn(*s.Confirmed), lsn(d.saved.LSN))
		}
	default:
		d.finef("saved position", "", "%s fits the slot", lsn(d.saved.LSN))
	}
}

// lookAtLimits looks at what may invalidate the slot, and at what the slot may
// do to the server's disk.
func (d *doctor) lookAtLimits(ctx context.Context, s *slotState) error {
	keep, text, _, err := d.setting(ctx, "max_slot_wal_keep_size") // in MB, -1: without end
	if err != nil {
		return err
	}
	switch {
	case keep < 0 && d.cfg.MaxWAL == 0:
		d.warnf("max_slot_wal_keep_size", "", "give the capture a budget: max_wal: 20GiB; or as a superuser: ALTER SYSTEM SET max_slot_wal_keep_size = '20GB'; SELECT pg_reload_conf();",
			"is off, and the capture has no max_wal: while the capture is stopped the log can fill the server's disk")
	case keep >= 0 && s != nil && s.SafeWAL != nil && *s.SafeWAL < keep<<20/4:
		d.warnf("max_slot_wal_keep_size", "", "let the capture catch up, or raise max_slot_wal_keep_size", "is %s, of which %s are left until the slot is lost", text, size(max(0, *s.SafeWAL)))
	case keep >= 0 && d.cfg.MaxWAL > 0 && int64(d.cfg.MaxWAL) > keep<<20:
		d.warnf("max_slot_wal_keep_size", "", "choose a max_wal below it", "is %s, less than the capture's max_wal of %s: the server drops the log first", text, d.cfg.MaxWAL)
	case keep >= 0:
		d.finef("max_slot_wal_keep_size", "", "is %s", text)
	default:
		d.finef("max_wal", "", "the capture keeps at most %s of log (%s)", d.cfg.MaxWAL, d.cfg.OnMaxWAL)
	}
	idle, text, known, err := d.setting(ctx, "idle_replication_slot_timeout")
	if err != nil || !known {
		return err
	}
	if idle > 0 {
		d.warnf("idle_replication_slot_timeout", "", "as a superuser: ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf();",
			"is %s: a capture that is stopped for longer loses its slot", text)
	} else {
		d.finef("idle_replication_slot_timeout", "", "is off")
	}
	return nil
}

// longTransaction is how long a transaction may hold the slot back unmentioned,
// in time, and in transactions since where the time may not be seen.
const (
	longTransaction  = 5 * time.Minute
	manyTransactions = 100_000
)

// lookAtHolders looks for transactions that keep the log from being given up.
// Who holds a transaction's id may be seen by all, how long it has run only by
// who may read all statistics.
func (d *doctor) lookAtHolders(ctx context.Context) error {
	rows, err := d.q.query(ctx, `
		SELECT l.pid, coalesce(extract(epoch FROM now() - a.xact_start)::bigint, -1), age(l.transactionid), coalesce(a.usename, ''), coalesce(a.application_name, '')
		FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid IS NOT NULL AND l.pid <> pg_backend_pid()
		ORDER BY age(l.transactionid) DESC LIMIT 10`)
	if err != nil {
		return err
	}
	bad := len(d.found)
	for _, r := range rows {
		ran, since := time.Duration(r.int(1))*time.Second, r.int(2)
		if ran > longTransaction || ran < 0 && since > manyTransactions {
			text := fmt.Sprintf("%d transactions ago", since)
			if ran > 0 {
				text = ran.String() + " ago"
			}
			d.warnf("transaction", "process "+r.text(0), fmt.Sprintf("commit it, or: SELECT pg_terminate_backend(%s);", r.text(0)),
				"began %s (role %s, application %s) and is still open: the server keeps all log since", text, orUnknown(r.text(3)), orUnknown(r.text(4)))
		}
	}
	rows, err = d.q.query(ctx, "SELECT gid, database, extract(epoch FROM now() - prepared)::bigint FROM pg_catalog.pg_prepared_xacts ORDER BY prepared LIMIT 10")
	if err != nil {
		return err
	}
	for _, r := range rows {
		d.warnf("prepared transaction", r.text(0), fmt.Sprintf("in database %s: COMMIT PREPARED %s; or ROLLBACK PREPARED %s;", r.text(1), literal(r.text(0)), literal(r.text(0))),
			"waits since %s: the server keeps all log since", time.Duration(r.int(2))*time.Second)
	}
	if len(d.found) == bad {
		d.finef("transactions", "", "none holds the slot back")
	}
	return nil
}

func orUnknown(name string) string {
	if name == "" {
		return "unknown"
	}
	return name
}
