package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/schemas"
)

// server is what the source has to know of the server and its user.
type server struct {
	version           int64
	walLevel          string
	database, user    string
	replicates, super bool
	// senderTimeout is wal_sender_timeout; 0: none.
	senderTimeout time.Duration
	// standby: it follows a primary, and cannot be written to.
	standby bool
}

func readServer(ctx context.Context, q querier) (server, error) {
	rows, err := q.query(ctx, `
		SELECT current_setting('server_version_num'), current_setting('wal_level'), current_database(), current_user,
		       r.rolreplication OR EXISTS (SELECT FROM pg_catalog.pg_roles g
		           WHERE g.rolname = 'rds_replication' AND pg_has_role(r.oid, g.oid, 'MEMBER')), r.rolsuper,
		       (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'), pg_is_in_recovery()
		FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`)
	if err != nil || len(rows) == 0 {
		return server{}, fmt.Errorf("asking the server for its settings: %w", err)
	}
	r := rows[0]
	return server{r.int(0), r.text(1), r.text(2), r.text(3), r.bool(4), r.bool(5), time.Duration(r.int(6)) * time.Millisecond, r.bool(7)}, nil
}

func (s *server) check() error {
	if s.version < 130000 {
		return &schemas.Fault{Where: "dsn", What: fmt.Sprintf("the server is PostgreSQL %d, older than 13", s.version/10000), Cure: "upgrade it"}
	}
	if s.standby && s.version < 160000 {
		return &schemas.Fault{
			Where: "dsn", What: fmt.Sprintf("the server is a standby of PostgreSQL %d, and standbys decode their log from 16 on", s.version/10000),
			Cure: "name the primary in the dsn (target_session_attrs=read-write finds it among several hosts), or upgrade",
		}
	}
	if s.walLevel != "logical" {
		return &schemas.Fault{
			Where: "dsn", What: fmt.Sprintf("the server's wal_level is %s, not logical", s.walLevel),
			Cure: "as a superuser: ALTER SYSTEM SET wal_level = logical; and restart the server",
		}
	}
	return nil
}

// checkRole says what a connection for replication would say.
func (s *server) checkRole() error {
	if s.replicates || s.super {
		return nil
	}
	return &schemas.Fault{
		Where: "dsn", What: fmt.Sprintf("role %s has no REPLICATION", s.user),
		Cure: fmt.Sprintf("as a superuser: ALTER ROLE %s REPLICATION;", quote(s.user)),
	}
}

// identify remembers which log the positions are of.
func (s *Source) identify(ctx context.Context, conn *pgconn.PgConn) error {
	id, err := pglogrepl.IdentifySystem(ctx, conn)
	if err != nil {
		return fmt.Errorf("identifying the server: %w", err)
	}
	s.at.System, s.at.Timeline, s.at.Slot = id.SystemID, id.Timeline, s.cfg.Slot
	return nil
}

// tables are those of the database that the configuration names.
func (c *Config) tables(ctx context.Context, q querier) ([]*tableInfo, error) {
	all, err := readTables(ctx, q)
	if err != nil {
		return nil, err
	}
	var out []*tableInfo
	var errs []error
	for _, t := range all {
		if t.unfit != "" && slices.Contains(c.Tables, t.fullName()) {
			errs = append(errs, &schemas.Fault{
				Where: fmt.Sprintf("tables[%d]", slices.Index(c.Tables, t.fullName())), What: t.fullName() + " " + t.unfit, Cure: t.mend(),
			})
		}
		if !c.wants(t) {
			continue
		}
		if !t.readable {
			errs = append(errs, &schemas.Fault{
				Where: t.fullName(), What: "may not be read by the role of the dsn",
				Cure: fmt.Sprintf("as its owner: GRANT USAGE ON SCHEMA %s TO role; GRANT SELECT ON %s TO role;", quote(t.schema), t.sql()),
			})
		}
		out = append(out, t)
	}
	for i, pattern := range c.Tables {
		schema, name, _ := strings.Cut(pattern, ".")
		if !slices.ContainsFunc(all, func(t *tableInfo) bool {
			return matches(schema, t.schema) && matches(name, t.name) && (t.unfit == "" || t.fullName() == pattern)
		}) {
			errs = append(errs, &schemas.Fault{
				Where: fmt.Sprintf("tables[%d]", i), What: fmt.Sprintf("the database has no table %s", pattern),
				Cure: "correct the name (schema.table, case counts), or create the table first",
			})
		}
	}
	return out, errors.Join(errs...)
}

// message is what the server said, without codes.
func message(err error) error {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return errors.New(pe.Message)
	}
	return err
}
