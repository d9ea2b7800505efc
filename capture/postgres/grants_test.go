package postgres

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"sluice/capture/capturetest"
	"sluice/ops/local/localtest"
)

// asRole is the dsn of the bed's database with another role.
func (b *bed) asRole(t *testing.T, role string) string {
	t.Helper()
	u, err := url.Parse(b.dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "hunter22")
	return u.String()
}

// TestGrantsAreEnoughAndNeeded runs exactly the SQL that is printed, captures
// with the role that it makes, and then takes away one right at a time.
func TestGrantsAreEnoughAndNeeded(t *testing.T) {
	b := newBed(t)
	b.exec(t, `REVOKE ALL ON SCHEMA public FROM PUBLIC;
		CREATE SCHEMA sales; CREATE TABLE sales.items (id int PRIMARY KEY); CREATE TABLE sales."Log" (line text); CREATE TABLE sales.secret (id int);
		INSERT INTO sales.items VALUES (1); INSERT INTO sales."Log" VALUES ('a')`)
	database := b.ask(t, "SELECT current_database()")
	b.exec(t, "REVOKE CONNECT ON DATABASE "+database+" FROM PUBLIC")
	role := localtest.Prefix(t)
	c := b.config("sales.items", "sales.[L]*")
	c.DSN = b.asRole(t, role)
	s := b.source(t, c)

	dry, err := s.Grants(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"CREATE ROLE", `"sales"."items"`, "sales.[L]* is a pattern", "--as", `CREATE PUBLICATION`} {
		if !strings.Contains(dry, want) {
			t.Errorf("without the database %q is missing in:\n%s", want, dry)
		}
	}
	sql, err := s.Grants(t.Context(), b.dsn)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(sql, "secret") || strings.Contains(sql+dry, "hunter22") {
		t.Errorf("it grants more than is configured, or shows the password:\n%s", sql)
	}
	b.exec(t, sql)
	t.Cleanup(func() { b.exec(t, fmt.Sprintf("DROP OWNED BY %s; DROP ROLE %s", role, role)) })

	r := capturetest.Open(t, s, "")
	got := map[string]bool{}
	for len(got) < 2 {
		for _, c := range r.Next() {
			got[c.Text] = true
		}
	}
	b.exec(t, `INSERT INTO sales.items VALUES (2); UPDATE sales."Log" SET line = 'b'`)
	r.Read(2)
	r.Close()
	b.idle(t)

	if err := (plain{b.conn}).exec(t.Context(), "SET ROLE "+role); err != nil {
		t.Fatal(err)
	}
	if err := (plain{b.conn}).exec(t.Context(), "SELECT * FROM sales.secret"); err == nil {
		t.Error("the role may read a table that is not configured")
	}
	b.exec(t, "RESET ROLE")
	for _, test := range []struct{ without, again, says string }{
		{"ALTER ROLE %s NOLOGIN", "ALTER ROLE %s LOGIN", " LOGIN;"},
		{"ALTER ROLE %s NOREPLICATION", "ALTER ROLE %s REPLICATION", " REPLICATION;"},
		{"REVOKE CONNECT ON DATABASE " + database + " FROM %s", "GRANT CONNECT ON DATABASE " + database + " TO %s", "GRANT CONNECT ON DATABASE"},
		{"REVOKE USAGE ON SCHEMA sales FROM %s", "GRANT USAGE ON SCHEMA sales TO %s", `GRANT USAGE ON SCHEMA "sales"`},
		{"REVOKE SELECT ON sales.items FROM %s", "GRANT SELECT ON sales.items TO %s", `GRANT SELECT ON "sales"."items"`},
		{"ALTER PUBLICATION " + b.slot + " DROP TABLE sales.items -- %s", "ALTER PUBLICATION " + b.slot + " ADD TABLE sales.items -- %s", `ADD TABLE "sales"."items"`},
		{"DROP PUBLICATION " + b.slot + " -- %s", "CREATE PUBLICATION " + b.slot + ` FOR TABLE sales.items, sales."Log" -- %s`, "CREATE PUBLICATION"},
	} {
		t.Run(test.without[:12]+test.says, func(t *testing.T) {
			b.exec(t, fmt.Sprintf(test.without, role))
			wantFault(t, b.source(t, c), "", test.says)
			b.exec(t, fmt.Sprintf(test.again, role))
		})
	}
	if err := b.source(t, c).Check(t.Context()); err != nil {
		t.Errorf("with all of them again: %v", err)
	}
}

func TestGrantsWithoutSuchTables(t *testing.T) {
	b := newBed(t)
	if _, err := b.source(t, b.config("public.nosuch")).Grants(t.Context(), b.dsn); err == nil || !strings.Contains(err.Error(), "public.nosuch") {
		t.Errorf("error = %v", err)
	}
}
