package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/schemas"
)

// Grants returns the least SQL that makes the role of the dsn able to capture.
// The password is not in it.
func (s *Source) Grants(ctx context.Context, admin string) (string, error) {
	cfg, err := pgconn.ParseConfig(s.cfg.DSN)
	if err != nil {
		return "", s.place(badDSN())
	}
	g := grants{cfg: &s.cfg, capture: s.capture, role: cfg.User, database: cfg.Database}
	if admin == "" {
		return g.fromConfig(), nil
	}
	asAdmin := s.cfg
	asAdmin.DSN = admin
	conn, err := asAdmin.connect(ctx, s.capture, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = hangUp(context.WithoutCancel(ctx), conn) }() // the answers are there
	q := plain{conn}
	rows, err := q.query(ctx, "SELECT current_database()")
	if err != nil {
		return "", fmt.Errorf("asking for the tables: %w", err)
	}
	if g.database = rows[0].text(0); cfg.Database != "" && cfg.Database != g.database {
		return "", s.place(&schemas.Fault{
			Where: "dsn", What: fmt.Sprintf("names database %s, the administrator's connection %s", cfg.Database, g.database),
			Cure: "connect the administrator to " + cfg.Database,
		})
	}
	all, err := readTables(ctx, q)
	if err != nil {
		return "", err
	}
	for _, t := range all {
		if !s.cfg.wants(t) {
			continue
		}
		if err := t.readColumns(ctx, q); err != nil {
			return "", err
		}
		g.tables = append(g.tables, t)
	}
	if len(g.tables) == 0 {
		return "", s.place(&schemas.Fault{
			Where: "tables", What: fmt.Sprintf("none of %s is in database %s", strings.Join(s.cfg.Tables, ", "), g.database),
			Cure: "correct the names (schema.table, case counts), or create the tables first",
		})
	}
	return g.fromDatabase(), nil
}

// grants writes the SQL of one capture.
type grants struct {
	cfg            *Config
	capture        string
	role, database string
	tables         []*tableInfo
	b              strings.Builder
}

func (g *grants) linef(format string, args ...any) { fmt.Fprintf(&g.b, format+"\n", args...) }

// begin makes the role.
func (g *grants) begin() {
	role := quote(g.role)
	g.linef("-- The least that capture %s needs. Run it in database %s, as a superuser.", g.capture, g.database)
	g.linef("CREATE ROLE %s LOGIN REPLICATION;", role)
	g.linef("-- Its password, asked for without an echo in psql:  \\password %s", g.role)
	g.linef("-- Amazon RDS, Aurora:       without REPLICATION, then  GRANT rds_replication TO %s;", role)
	g.linef("-- Google Cloud SQL, Azure:  as it stands, by an administrator who has REPLICATION.")
	g.linef("GRANT CONNECT ON DATABASE %s TO %s;", quote(g.database), role)
}

func (g *grants) fromDatabase() string {
	g.begin()
	var schemaNames, tables []string
	for _, t := range g.tables {
		if n := quote(t.schema); !slices.Contains(schemaNames, n) {
			schemaNames = append(schemaNames, n)
		}
		tables = append(tables, t.sql())
	}
	g.linef("GRANT USAGE ON SCHEMA %s TO %s;", strings.Join(schemaNames, ", "), quote(g.role))
	g.linef("GRANT SELECT ON %s TO %s;", strings.Join(tables, ", "), quote(g.role))
	g.linef("")
	g.linef("-- As the owner of the tables.")
	g.linef("%s;", createPublication(g.cfg.Publication, g.tables))
	for _, t := range g.tables {
		if why := t.lacksIdentity(); why != "" {
			g.linef("-- %s: %s, and PostgreSQL refuses its updates and deletes once it is published.", t.fullName(), why)
			g.linef("ALTER TABLE %s REPLICA IDENTITY FULL;", t.sql())
		}
	}
	return g.b.String()
}

// fromConfig does what can be done without the database: a name that is a
// pattern becomes a comment that says what to list.
func (g *grants) fromConfig() string {
	g.begin()
	var schemaNames, tables, patterns []string
	for _, t := range g.cfg.Tables {
		schema, name, _ := strings.Cut(t, ".")
		if !isPattern(schema) && !slices.Contains(schemaNames, quote(schema)) {
			schemaNames = append(schemaNames, quote(schema))
		}
		if isPattern(schema) || isPattern(name) {
			patterns = append(patterns, t)
			continue
		}
		tables = append(tables, quote(schema)+"."+quote(name))
	}
	if len(schemaNames) > 0 {
		g.linef("GRANT USAGE ON SCHEMA %s TO %s;", strings.Join(schemaNames, ", "), quote(g.role))
	}
	if len(tables) > 0 {
		g.linef("GRANT SELECT ON %s TO %s;", strings.Join(tables, ", "), quote(g.role))
	}
	for _, p := range patterns {
		g.linef("-- %s is a pattern: grant USAGE on the schemas and SELECT on the tables that match, and publish them.", p)
	}
	if len(patterns) > 0 {
		g.linef("-- With the database at hand they are listed: sluice grants %s --as postgres://ADMIN@HOST/%s", g.capture, g.database)
	}
	if len(tables) > 0 {
		g.linef("")
		g.linef("-- As the owner of the tables. Those without a primary key need REPLICA IDENTITY FULL.")
		g.linef("CREATE PUBLICATION %s FOR TABLE %s;", quote(g.cfg.Publication), strings.Join(tables, ", "))
	}
	return g.b.String()
}

func isPattern(name string) bool { return strings.ContainsAny(name, `*?[\`) }

// lacksIdentity says why the log cannot carry which row was changed; "" if it
// can.
func (t *tableInfo) lacksIdentity() string {
	switch {
	case t.identity == "n":
		return "its replica identity is NOTHING"
	case t.identity == "d" && len(t.primary) == 0:
		return "it has no primary key"
	case t.identity == "i" && len(t.identityIndex) == 0:
		return "the index of its replica identity is gone"
	}
	return ""
}

func badDSN() *schemas.Fault {
	return &schemas.Fault{Where: "dsn", What: "is no PostgreSQL connection string", Cure: "write postgres://user:password@host:5432/database"}
}
