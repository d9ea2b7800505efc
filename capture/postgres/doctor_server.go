package postgres

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/schemas"
)

// user is the role of the dsn.
func (d *doctor) user() string {
	cfg, err := pgconn.ParseConfig(d.cfg.DSN)
	if err != nil {
		return ""
	}
	return cfg.User
}

// secrecy says how a connection is protected.
func (d *doctor) secrecy(conn *pgconn.PgConn) string {
	if c, ok := conn.Conn().(*tls.Conn); ok {
		return "encrypted, " + tls.VersionName(c.ConnectionState().Version)
	}
	return "not encrypted"
}

// maxSkew is how far two clocks may differ before the lag in seconds says little.
const maxSkew = time.Second

// lookAtServer looks at the settings that logical decoding depends on.
func (d *doctor) lookAtServer(ctx context.Context) error {
	version := fmt.Sprintf("PostgreSQL %d.%d", d.srv.version/10000, d.srv.version%10000)
	if d.srv.version < 130000 {
		d.problemf("server version", "", "upgrade it to 13 or later", "%s", version)
	} else {
		d.finef("server version", "", "%s", version)
	}
	if d.srv.walLevel != "logical" {
		d.problemf("wal_level", "", "as a superuser: ALTER SYSTEM SET wal_level = logical; and restart the server", "is %s, not logical", d.srv.walLevel)
	} else {
		d.finef("wal_level", "", "is logical")
	}
	if work, text, known, err := d.setting(ctx, "logical_decoding_work_mem"); err != nil {
		return err
	} else if known {
		if work < 16<<10 {
			d.warnf("logical_decoding_work_mem", "", "as a superuser: ALTER SYSTEM SET logical_decoding_work_mem = '64MB'; SELECT pg_reload_conf();",
				"is %s: the server writes each transaction that is larger to its disk while it decodes", text)
		} else {
			d.finef("logical_decoding_work_mem", "", "is %s", text)
		}
	}
	switch t := d.srv.senderTimeout; {
	case t == 0:
		d.warnf("wal_sender_timeout", "", "as a superuser: ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();",
			"is off: the server never notices that a capture is gone whose host died, and its slot stays busy")
	case t < 10*time.Second:
		d.warnf("wal_sender_timeout", "", "as a superuser: ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();",
			"is %s: a short pause of the network ends the stream", t)
	default:
		d.finef("wal_sender_timeout", "", "is %s", t)
	}
	state, err := readSlotState(ctx, d.q, d.cfg.Slot)
	if err != nil {
		return err
	}
	if skew := state.skew(); skew.Abs() > maxSkew {
		d.warnf("clock", "", "keep both hosts on network time (chrony, systemd-timesyncd)",
			"the server's clock is %s %s this host's, so the lag in seconds is as wrong", skew.Abs().Round(time.Millisecond), map[bool]string{true: "ahead of", false: "behind"}[skew > 0])
	} else {
		d.finef("clock", "", "differs by %s from this host's", state.skew().Abs().Round(time.Millisecond))
	}
	return nil
}

// lookAtRoom looks whether there is room for the slot and its reader.
func (d *doctor) lookAtRoom(ctx context.Context) error {
	rows, err := d.q.query(ctx, `
		SELECT current_setting('max_replication_slots')::int, (SELECT count(*) FROM pg_catalog.pg_replication_slots),
		       current_setting('max_wal_senders')::int, (SELECT count(*) FROM pg_catalog.pg_stat_replication),
		       (SELECT count(*) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1),
		       (SELECT count(*) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND active)`, d.cfg.Slot)
	if err != nil {
		return err
	}
	r := rows[0]
	room := func(setting string, limit, used, own int64, what string) {
		left := limit - used
		cure := fmt.Sprintf("as a superuser: ALTER SYSTEM SET %s = %d; and restart the server", setting, max(limit*2, 10))
		switch {
		case left <= 0 && own == 0:
			d.problemf(setting, "", cure, "all %d are in use, and this capture needs one%s", limit, what)
		case left <= 0:
			d.warnf(setting, "", cure, "all %d are in use", limit)
		default:
			d.finef(setting, "", "%d of %d are free", left, limit)
		}
	}
	room("max_replication_slots", r.int(0), r.int(1), r.int(4), ", or drop a slot that nobody reads")
	room("max_wal_senders", r.int(2), r.int(3), r.int(5), "")
	return nil
}

// lookAtRole looks at the attributes of the role that captures.
func (d *doctor) lookAtRole(ctx context.Context) error {
	rows, err := d.q.query(ctx, `
		SELECT r.rolcanlogin, r.rolsuper, r.rolreplication OR EXISTS (SELECT FROM pg_catalog.pg_roles g
		           WHERE g.rolname = 'rds_replication' AND pg_has_role(r.oid, g.oid, 'MEMBER')),
		       has_database_privilege(r.oid, current_database(), 'CONNECT'), coalesce(r.rolvaliduntil < now(), false), r.rolconnlimit
		FROM pg_catalog.pg_roles r WHERE r.rolname = $1`, d.role)
	if err != nil {
		return err
	}
	role := quote(d.role)
	if len(rows) == 0 {
		d.problemf("role", d.role, "make it: sluice grants "+d.capture+" prints the SQL", "does not exist")
		return nil
	}
	r := rows[0]
	bad := len(d.found)
	if !r.bool(0) {
		d.problemf("role", d.role, fmt.Sprintf("as a superuser: ALTER ROLE %s LOGIN;", role), "may not log in")
	}
	if !r.bool(1) && !r.bool(2) {
		d.problemf("role", d.role, fmt.Sprintf("as a superuser: ALTER ROLE %s REPLICATION;", role), "has no REPLICATION")
	}
	if !r.bool(3) {
		d.problemf("role", d.role, fmt.Sprintf("as a superuser: GRANT CONNECT ON DATABASE %s TO %s;", quote(d.srv.database), role), "may not connect to database %s", d.srv.database)
	}
	if r.bool(4) {
		d.problemf("role", d.role, fmt.Sprintf("as a superuser: ALTER ROLE %s VALID UNTIL 'infinity';", role), "its password has expired")
	}
	if n := r.int(5); n >= 0 && n < 4 {
		d.warnf("role", d.role, fmt.Sprintf("as a superuser: ALTER ROLE %s CONNECTION LIMIT -1;", role), "may have %d connections; the capture needs up to 4 and some for its snapshot", n)
	}
	if r.bool(1) {
		d.warnf("role", d.role, "use a role of its own: sluice grants "+d.capture+" prints the SQL", "is a superuser; the capture needs REPLICATION and SELECT alone")
	}
	if len(d.found) == bad {
		d.finef("role", d.role, "may log in, connect and replicate")
	}
	return nil
}

// lookAtStandby looks at what only a standby has to have.
func (d *doctor) lookAtStandby(ctx context.Context) error {
	rows, err := d.q.query(ctx, "SELECT pg_is_in_recovery(), current_setting('hot_standby_feedback')")
	if err != nil || !rows[0].bool(0) {
		return err
	}
	if d.srv.version < 160000 {
		d.problemf("standby", "", "capture from the primary, or upgrade both to 16", "the server is a standby, and decodes its log from version 16 on")
		return nil
	}
	if rows[0].text(1) != "on" {
		d.problemf("hot_standby_feedback", "", "on the standby, as a superuser: ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf();",
			"is off: a vacuum on the primary invalidates the slot")
	} else {
		d.finef("hot_standby_feedback", "", "is on")
	}
	return nil
}

// size writes a number of bytes.
func size(n int64) string { return schemas.Size(n).String() }
