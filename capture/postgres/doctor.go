package postgres

import (
	"context"
	"errors"
	"fmt"

	"sluice/capture"
	"sluice/schemas"
)

// doctor looks at one capture's database.
type doctor struct {
	*Source
	q     plain
	srv   server
	role  string // of the dsn, who captures; the one who asks may be another
	saved *position

	found []capture.Finding
}

// Diagnose looks at the server, the role, the tables and the slot.
func (s *Source) Diagnose(ctx context.Context, saved schemas.Position, admin string) ([]capture.Finding, error) {
	d := &doctor{Source: s}
	if !saved.IsZero() {
		at, err := parsePosition(saved)
		if err != nil {
			d.problemf("saved position", "", s.resnapshot(), "cannot be read: %v", err)
		} else {
			d.saved = &at
		}
	}
	if !d.connect(ctx, admin) {
		return d.found, ctx.Err()
	}
	defer func() { _ = hangUp(context.WithoutCancel(ctx), d.q.conn) }() // the answers are there
	for _, look := range []func(context.Context) error{
		d.lookAtServer, d.lookAtRoom, d.lookAtRole, d.lookAtTables, d.lookAtSlot, d.lookAtHolders, d.lookAtStandby,
	} {
		if err := look(ctx); err != nil {
			if ctx.Err() != nil {
				return d.found, ctx.Err()
			}
			d.problemf("catalogue", "", "look again as an administrator: sluice doctor "+s.capture+" --as postgres://ADMIN@HOST/DATABASE", "cannot be read: %v", message(err))
		}
	}
	return d.found, nil
}

// connect connects as the capture does, and again as the administrator where
// one is named.
func (d *doctor) connect(ctx context.Context, admin string) bool {
	conn, err := d.cfg.connect(ctx, d.capture, nil)
	if err != nil {
		d.fault("connection", err)
		if admin == "" {
			return false
		}
	} else {
		d.finef("connection", "", "%s", d.secrecy(conn))
	}
	d.role = d.user()
	if admin != "" {
		if conn != nil {
			_ = hangUp(ctx, conn) // it has shown what it should
		}
		asAdmin := d.cfg
		asAdmin.DSN = admin
		if conn, err = asAdmin.connect(ctx, d.capture, nil); err != nil {
			d.fault("connection of the administrator", err)
			return false
		}
	}
	d.q = plain{conn}
	if d.srv, err = readServer(ctx, d.q); err != nil {
		d.fault("server", err)
		_ = hangUp(ctx, conn) // of no use
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

func (d *doctor) problemf(check, object, cure, format string, args ...any) {
	d.addf(capture.Problem, check, object, cure, format, args...)
}

// fault turns an error that names its cure into a finding.
func (d *doctor) fault(check string, err error) {
	var f *schemas.Fault
	if !errors.As(err, &f) {
		d.problemf(check, "", "see the server's log", "%v", message(err))
		return
	}
	says := f.What
	if f.Err != nil {
		says += ": " + f.Err.Error()
	}
	d.problemf(check, "", f.Cure, "%s", says)
}

// setting asks for a setting in the unit in which the server keeps it; known is
// false where this version has none of that name.
func (d *doctor) setting(ctx context.Context, name string) (value int64, text string, known bool, err error) {
	rows, err := d.q.query(ctx, "SELECT coalesce(setting, ''), current_setting(name) FROM pg_catalog.pg_settings WHERE name = $1", name)
	if err != nil || len(rows) == 0 {
		return 0, "", false, err
	}
	return rows[0].int(0), rows[0].text(1), true, nil
}
