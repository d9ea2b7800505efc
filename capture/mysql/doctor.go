package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/capture"
	"sluice/schemas"
)

// doctor looks at one capture's server.
type doctor struct {
	*Source
	db    *sql.DB // who asks: the capture's user, or an administrator
	saved *position
	found []capture.Finding
}

// Diagnose looks at the server's settings, its log, the user's rights and the
// tables. admin is a dsn.
func (s *Source) Diagnose(ctx context.Context, saved schemas.Position, admin string) ([]capture.Finding, error) {
	d := &doctor{Source: s}
	if !saved.IsZero() {
		at, err := parsePosition(saved)
		if err != nil {
			d.problemf("saved position", s.resnapshot(), "cannot be read: %v", err)
		} else {
			d.saved = &at
		}
	}
	defer func() { _ = s.Close(context.WithoutCancel(ctx)) }() // the answers are there
	if !d.connect(ctx, admin) {
		return d.found, ctx.Err()
	}
	defer d.db.Close()
	for _, look := range []struct {
		check string
		at    func(context.Context) error
	}{
		{"settings", d.lookAtSettings},
		{"user", d.lookAtRights},
		{"retention", d.lookAtRetention},
		{"saved position", d.lookAtPosition},
		{"tables", d.lookAtTables},
		{"time zones", d.lookAtZones},
		{"server_id", d.lookAtReplicas},
	} {
		if err := look.at(ctx); err != nil {
			if ctx.Err() != nil {
				return d.found, ctx.Err()
			}
			d.fault(look.check, err)
		}
	}
	return d.found, nil
}

// connect connects as the capture does, and again as the administrator where one
// is named.
func (d *doctor) connect(ctx context.Context, admin string) bool {
	if err := d.Source.connect(ctx); err != nil {
		d.fault("connection", err)
		return false
	}
	if d.server.secure {
		d.finef("connection", "", "encrypted")
	} else {
		d.finef("connection", "", "not encrypted")
	}
	who := d.cfg
	if admin != "" {
		who.DSN = admin
	}
	cfg, err := who.settings()
	if err == nil {
		d.db, err = connect(ctx, cfg)
	}
	if err != nil {
		d.fault("connection of the administrator", err)
		return false
	}
	return true
}

func (d *doctor) addf(level capture.Level, check, object, cure, format string, args ...any) {
	d.found = append(d.found, capture.Finding{Check: check, Object: object, Level: level, Says: fmt.Sprintf(format, args...), Cure: cure})
}

func (d *doctor) finef(check, object, format string, args ...any) {
	d.addf(capture.Fine, check, object, "", format, args...)
}

func (d *doctor) warnf(check, object, cure, format string, args ...any) {
	d.addf(capture.Warning, check, object, cure, format, args...)
}

func (d *doctor) problemf(check, cure, format string, args ...any) {
	d.addf(capture.Problem, check, "", cure, format, args...)
}

// count is "1 file" or "2 files".
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// fault turns an error that names its cure into a finding.
func (d *doctor) fault(check string, err error) {
	var f *schemas.Fault
	if !errors.As(err, &f) {
		d.problemf(check, "see the server's log", "%s", errorText(err))
		return
	}
	says := f.What
	if f.Err != nil {
		says += ": " + errorText(f.Err)
	}
	for _, said := range d.found { // what several looks need is missing once
		if said.Says == says && said.Cure == f.Cure {
			return
		}
	}
	d.problemf(check, f.Cure, "%s", says)
}

// lookAtSettings looks at what the log has to hold.
func (d *doctor) lookAtSettings(context.Context) error {
	name := "MySQL"
	if d.server.maria {
		name = "MariaDB"
	}
	refusals := d.server.refusals()
	for _, check := range []string{"version", "log_bin", "binlog_format", "binlog_row_metadata", "binlog_row_image", "binlog_row_value_options"} {
		value := d.server.variables[check]
		if value == "" {
			value = "not set"
		}
		switch f := refusals[check]; {
		case f != nil:
			d.problemf(check, f.Cure, "%s", f.What)
		case check == "version":
			d.finef(check, "", "%s %s", name, value)
		default:
			d.finef(check, "", "is %s", value)
		}
	}
	if strings.EqualFold(d.server.variables["binlog_row_image"], "NOBLOB") {
		d.warnf("binlog_row_image", "", "as an administrator: SET GLOBAL binlog_row_image = 'FULL';", "is NOBLOB: texts and blobs that did not change are not in the records of updates")
	}
	switch {
	case d.server.maria:
		d.finef("gtid_mode", "", "MariaDB always names transactions")
	case d.server.named:
		d.finef("gtid_mode", "", "is ON")
	default:
		d.warnf("gtid_mode", "", "as an administrator, step by step: SET GLOBAL gtid_mode = OFF_PERMISSIVE, ON_PERMISSIVE, ON; then "+d.resnapshot(),
			"is %s: the capture cannot follow a failover to a replica", d.server.variables["gtid_mode"])
	}
	return nil
}

// leastRetention is what a weekend asks for.
const leastRetention = 3 * 24 * time.Hour

// lookAtRetention looks how long a capture may be away.
func (d *doctor) lookAtRetention(ctx context.Context) error {
	files, err := d.server.files(ctx, d.db)
	if err != nil {
		return err
	}
	var kept uint64
	for _, f := range files {
		kept += f.size
	}
	expires := d.server.expires()
	says := fmt.Sprintf("%s, %s; each is kept for %s", count(len(files), "file"), schemas.Size(kept), expires)
	switch {
	case expires == 0:
		d.warnf("retention", "", "as an administrator: SET GLOBAL binlog_expire_logs_seconds = 604800;", "%s, %s; none is ever purged, and the disk may fill", count(len(files), "file"), schemas.Size(kept))
	case expires < leastRetention:
		d.warnf("retention", "", "as an administrator: SET GLOBAL binlog_expire_logs_seconds = 604800;", "%s: a capture that is away for longer must copy the tables anew", says)
	default:
		d.finef("retention", "", "%s", says)
	}
	if d.saved == nil || !d.sameServer(d.saved) {
		return nil
	}
	var lag uint64
	for _, f := range files {
		switch at := (place{File: f.name}); {
		case at.number() > d.saved.Place.number():
			lag += f.size
		case f.name == d.saved.Place.File && f.size > d.saved.Place.Pos:
			lag += f.size - d.saved.Place.Pos
		}
	}
	if d.saved.Made == 0 || expires == 0 || files[len(files)-1].name == d.saved.Place.File {
		d.finef("lag", "", "%s of log are not durable in Kafka yet", schemas.Size(lag))
		return nil
	}
	left := time.Until(time.Unix(int64(d.saved.Made), 0).Add(expires)).Round(time.Second)
	if left < expires/4 {
		d.warnf("lag", "", "run the capture, or as an administrator: SET GLOBAL binlog_expire_logs_seconds to more", "%s of log are not durable in Kafka yet, and file %s may be purged in %s", schemas.Size(lag), d.saved.Place.File, left)
		return nil
	}
	d.finef("lag", "", "%s of log are not durable in Kafka yet; file %s may be purged in %s", schemas.Size(lag), d.saved.Place.File, left)
	return nil
}

// lookAtPosition looks whether the server could go on from the saved position.
func (d *doctor) lookAtPosition(ctx context.Context) error {
	if d.saved == nil {
		return nil
	}
	if err := d.resume(ctx, d.saved.encode()); err != nil {
		d.fault("saved position", err)
		return nil
	}
	d.finef("saved position", "", "the server has all that follows it")
	return nil
}

// lookAtRights tries what the capture's user must be able to do.
func (d *doctor) lookAtRights(ctx context.Context) error {
	_, hidden := d.server.end(ctx, d.sql)
	if hidden != nil {
		d.fault("user", hidden)
	}
	rows, err := query(ctx, d.sql, "SHOW GRANTS")
	if err != nil {
		return err
	}
	may := map[string]bool{} // of the whole server
	for _, r := range rows {
		if list, _, ok := strings.Cut(strings.TrimPrefix(r.text(0), "GRANT "), " ON *.* TO "); ok {
			for right := range strings.SplitSeq(list, ",") {
				may[strings.ToUpper(strings.TrimSpace(right))] = true
			}
		}
	}
	const all = "ALL PRIVILEGES"
	switch {
	case !may["REPLICATION SLAVE"] && !may[all]:
		d.problemf("user", d.grantCure("REPLICATION SLAVE"), "may not replicate")
	case may["SUPER"] || may[all]:
		d.warnf("user", "", "use one of its own: sluice grants "+d.Source.capture+" prints the SQL", "is an administrator; the capture needs to replicate and to read its tables alone")
	case hidden == nil:
		d.finef("user", "", "may replicate and see where the log ends")
	}
	return nil
}

// lookAtTables looks at the tables as the capture's user sees them.
func (d *doctor) lookAtTables(ctx context.Context) error {
	relations, err := d.relations(ctx)
	if err != nil {
		d.fault("tables", err)
	}
	for _, rel := range relations {
		name := rel.table.FullName()
		switch engine := strings.ToUpper(rel.info.engine); {
		case engine != "INNODB":
			d.warnf("table", name, "ALTER TABLE "+rel.info.sql()+" ENGINE=InnoDB;", "its engine is %s: copies are not of one moment, and what a failed statement wrote stays", rel.info.engine)
		case len(rel.table.Key) == 0:
			d.warnf("table", name, "ALTER TABLE "+rel.info.sql()+" ADD COLUMN id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY;", "has no key: its records have none, and it is copied in one read")
		default:
			d.finef("table", name, "has a key of %s, and about %s", count(len(rel.table.Key), "column"), count(int(rel.info.rows), "row"))
		}
	}
	if len(relations) == 0 && err == nil {
		d.problemf("tables", "correct the names, or grant SELECT on them: sluice grants "+d.Source.capture, "none of %s is there", strings.Join(d.cfg.Tables, ", "))
	}
	faults, err := d.server.leftOut(ctx, d.db, databases(relations))
	if err != nil {
		return err
	}
	for _, f := range faults {
		d.fault("left out of the log", f)
	}
	return d.lookAtHidden(ctx)
}

// lookAtHidden looks for tables that the administrator sees and the capture's user
// does not: a pattern passes over them without a word.
func (d *doctor) lookAtHidden(ctx context.Context) error {
	all, err := d.cfg.tables(ctx, d.db, d.server.account)
	var seen []*tableInfo
	if err == nil {
		seen, err = d.cfg.tables(ctx, d.sql, d.server.account)
	}
	if f := new(schemas.Fault); errors.As(err, &f) {
		return nil // a name without a table; that was said
	}
	if err != nil {
		return err
	}
	for _, t := range all {
		if !containsTable(seen, t.schema, t.name) {
			d.addf(capture.Problem, "table", t.fullName(), "as an administrator: GRANT SELECT ON "+t.sql()+" TO "+d.server.account+";", "is named, and the user may not see it")
		}
	}
	return nil
}

// lookAtZones looks whether the server knows zones by name. The capture reads in
// UTC and does not need them; a condition of a snapshot may.
func (d *doctor) lookAtZones(ctx context.Context) error {
	rows, err := query(ctx, d.db, "SELECT CONVERT_TZ('2024-07-01 12:00:00', 'UTC', 'Europe/Paris') IS NOT NULL, @@GLOBAL.time_zone")
	if err != nil {
		return err
	}
	if rows[0].int(0) == 1 {
		d.finef("time zones", "", "the server knows them by name, its own is %s", rows[0].text(1))
		return nil
	}
	d.finef("time zones", "", "the server knows none by name, and the capture needs none; its own is %s", rows[0].text(1))
	return nil
}

// lookAtReplicas looks whether the number of the replica is free.
func (d *doctor) lookAtReplicas(ctx context.Context) error {
	id, err := d.chooseID(ctx)
	if err != nil {
		d.fault("server_id", err)
		return nil
	}
	d.finef("server_id", "", "the capture is replica %d", id)
	return nil
}
