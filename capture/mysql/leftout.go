package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"sluice/schemas"
)

// leftOut are the faults of a server that leaves changes of the databases out of
// its log, and would do so without a word.
func (s *server) leftOut(ctx context.Context, db *sql.DB, databases []string) ([]*schemas.Fault, error) {
	var out []*schemas.Fault
	rows, err := query(ctx, db, s.statusQuery())
	if err != nil {
		return nil, s.privilegeFault(err)
	}
	if len(rows) > 0 && len(rows[0]) > 3 {
		only, never := splitNames(rows[0].text(2)), splitNames(rows[0].text(3))
		for _, database := range databases {
			if len(only) > 0 && !slices.Contains(only, database) || slices.Contains(never, database) {
				out = append(out, &schemas.Fault{
					Where: "dsn", What: fmt.Sprintf("the server leaves database %s out of its log (binlog_do_db, binlog_ignore_db)", database),
					Cure: "take these settings out of the server's configuration and restart it",
				})
			}
		}
	}
	if s.on("log_slave_updates") || s.on("log_replica_updates") {
		return out, nil
	}
	q := "SHOW REPLICA STATUS"
	if s.maria {
		q = "SHOW ALL SLAVES STATUS"
	} else if s.number < 80022 {
		q = "SHOW SLAVE STATUS"
	}
	if rows, err = query(ctx, db, q); err != nil {
		if code := errorCode(err); code == codeSpecificDenied { // a right that is not needed otherwise
			return out, nil
		}
		return nil, fmt.Errorf("asking whether the server is a replica: %w", err)
	}
	if len(rows) > 0 {
		out = append(out, &schemas.Fault{
			Where: "dsn", What: "the server is a replica, and leaves out of its log what comes from its primary (log_replica_updates is OFF)",
			Cure: "set log_replica_updates=ON (MariaDB: log_slave_updates) in its configuration and restart it, or name the primary",
		})
	}
	return out, nil
}

func splitNames(list string) []string {
	var out []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// databases are those of the tables.
func databases(relations []*relation) []string {
	var out []string
	for _, rel := range relations {
		if !slices.Contains(out, rel.info.schema) {
			out = append(out, rel.info.schema)
		}
	}
	return out
}

// logsAll refuses a server that leaves changes of the tables out of its log.
func (s *Source) logsAll(ctx context.Context, relations []*relation) error {
	faults, err := s.server.leftOut(ctx, s.sql, databases(relations))
	if err == nil && len(faults) > 0 {
		return faults[0]
	}
	return s.lost(err)
}
