package mysql

import (
	"context"
	"fmt"
	"strings"

	"sluice/schemas"
)

// Grants returns the least SQL that makes the user of the dsn able to capture.
// The password is not in it. admin is a dsn.
func (s *Source) Grants(ctx context.Context, admin string) (string, error) {
	cfg, err := s.cfg.settings()
	if err != nil {
		return "", s.place(err)
	}
	var b strings.Builder
	linef := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	user := literal(cfg.User) + "@'%'"
	linef("-- The least that capture %s needs. Run it as an administrator.", s.capture)
	linef("CREATE USER IF NOT EXISTS %s;", user)
	linef("-- Its password:  ALTER USER %s IDENTIFIED BY '...';", user)
	if admin == "" {
		linef("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO %s;", user)
		linef("-- MariaDB calls the second BINLOG MONITOR, and takes the old name, too.")
		for _, t := range s.cfg.Tables {
			grantSelect(linef, t, user)
		}
		linef("-- Where a MySQL has gtid_mode OFF, tables are locked for a moment when they are copied:")
		linef("-- GRANT LOCK TABLES ON *.* TO %s;", user)
		return b.String(), nil
	}
	who := s.cfg
	who.DSN = admin
	if cfg, err = who.settings(); err != nil {
		return "", s.place(err)
	}
	db, err := connect(ctx, cfg)
	if err != nil {
		return "", err
	}
	defer db.Close()
	server, err := readServer(ctx, db)
	if err != nil {
		return "", err
	}
	monitor := "REPLICATION CLIENT"
	if server.maria {
		monitor = "BINLOG MONITOR"
	}
	linef("GRANT REPLICATION SLAVE, %s ON *.* TO %s;", monitor, user)
	tables, err := s.cfg.tables(ctx, db, server.account)
	if err != nil {
		return "", s.place(err)
	}
	if len(tables) == 0 {
		return "", s.place(&schemas.Fault{
			Where: "tables", What: "none of " + strings.Join(s.cfg.Tables, ", ") + " is there", Cure: "correct the names (database.table), or create the tables first",
		})
	}
	for _, t := range tables {
		linef("GRANT SELECT ON %s TO %s;", t.sql(), user)
		if !server.named {
			linef("GRANT LOCK TABLES ON %s.* TO %s;", quote(t.schema), user)
		}
	}
	return b.String(), nil
}

// grantSelect grants one of the configured names, a pattern where the server has
// none of its own as a comment.
func grantSelect(linef func(string, ...any), table, user string) {
	schema, name, _ := strings.Cut(table, ".")
	const marks = `*?[\`
	switch {
	case !strings.ContainsAny(schema, marks) && name == "*":
		linef("GRANT SELECT ON %s.* TO %s;", quote(strings.NewReplacer("_", `\_`, "%", `\%`).Replace(schema)), user)
	case strings.ContainsAny(table, marks):
		linef("-- %s is a pattern: grant SELECT on the tables that match. With the server at hand they are listed: sluice grants --as DSN", table)
	default:
		linef("GRANT SELECT ON %s.%s TO %s;", quote(schema), quote(name), user)
	}
}
