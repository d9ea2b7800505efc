package sales

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"strings"
)

//go:embed schema.sql
var schemaSQL string

// Table is a table of the CRM.
type Table struct {
	// Name is without the database.
	Name string
	// key is SQL for the row's key as one text, of the row that %[1]s names.
	key string
	// Object is SQL for the row as a JSON object of what a raw topic says of it.
	Object string
}

// Key is SQL for the key of a row as one text.
func (t Table) Key() string { return fmt.Sprintf(t.key, t.Name) }

// Tables are those that are captured.
var Tables = []Table{
	{"contacts", "%[1]s.id", `JSON_OBJECT('id', id, 'first_name', first_name, 'last_name', last_name,
		'company', company, 'email', email, 'phone', phone, 'city', city, 'stage', CONCAT(stage, ''), 'labels', CONCAT(labels, ''),
		'opted_in', opted_in, 'remark', CONVERT(remark USING utf8mb4), 'profile', CONCAT(profile, ''),
		'updated_at', DATE_FORMAT(updated_at, '%Y-%m-%dT%H:%i:%s.%fZ'), 'revision', revision)`},
	{"deals", "CONCAT(%[1]s.contact_id, ' ', %[1]s.reference)", `JSON_OBJECT('contact_id', contact_id, 'reference', reference,
		'title', title, 'amount', CAST(amount AS CHAR), 'currency', currency, 'chance', chance,
		'closes_on', DATEDIFF(closes_on, '1970-01-01'), 'revision', revision)`},
	{"calls", "%[1]s.id", `JSON_OBJECT('id', id, 'contact_id', contact_id,
		'begun_at', TIMESTAMPDIFF(MICROSECOND, '1970-01-01', begun_at), 'minutes', minutes, 'summary', summary,
		'revision', revision)`},
}

// Create creates the database and its tables.
func Create(ctx context.Context, db *sql.DB) error {
	for statement := range strings.SplitSeq(schemaSQL, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("creating the CRM's tables: %w", err)
		}
	}
	return nil
}

const createJournal = `CREATE TABLE crm.journal (
	n        BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	tab      VARCHAR(20) NOT NULL,
	row_key  VARCHAR(60) NOT NULL,
	op       CHAR(1) NOT NULL,
	revision INT UNSIGNED NOT NULL
)`

// Watch begins the journal, which notes every change from now on. A change of the
// key is two: the row leaves under one key and comes under another.
func Watch(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, createJournal); err != nil {
		return fmt.Errorf("creating the CRM's journal: %w", err)
	}
	for _, t := range Tables {
		was, is := fmt.Sprintf(t.key, "OLD"), fmt.Sprintf(t.key, "NEW")
		note := func(key, op, of string) string {
			return fmt.Sprintf("INSERT INTO crm.journal (tab, row_key, op, revision) VALUES ('%s', %s, '%s', %s.revision);", t.Name, key, op, of)
		}
		for event, body := range map[string]string{
			"BEFORE UPDATE": "SET NEW.revision = OLD.revision + 1;",
			"AFTER INSERT":  note(is, "c", "NEW"),
			"AFTER DELETE":  note(was, "d", "OLD"),
			"AFTER UPDATE": fmt.Sprintf("IF %s = %s THEN %s ELSE %s %s END IF;",
				was, is, note(is, "u", "NEW"), note(was, "d", "OLD"), note(is, "c", "NEW")),
		} {
			name := t.Name + "_" + strings.ToLower(strings.ReplaceAll(event, " ", "_"))
			if _, err := db.ExecContext(ctx, fmt.Sprintf("CREATE TRIGGER crm.%s %s ON crm.%s FOR EACH ROW BEGIN %s END", name, event, t.Name, body)); err != nil {
				return fmt.Errorf("creating the CRM's journal of %s: %w", t.Name, err)
			}
		}
	}
	return nil
}

// Grant makes the user that captures the tables, and lets it do that and no
// more.
func Grant(ctx context.Context, db *sql.DB, user, password string) error {
	statements := []string{
		fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s'", user, password),
		fmt.Sprintf("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '%s'@'%%'", user),
	}
	for _, t := range Tables {
		statements = append(statements, fmt.Sprintf("GRANT SELECT ON crm.%s TO '%s'@'%%'", t.Name, user))
	}
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("granting what the capture of the CRM needs: %w", err)
		}
	}
	return nil
}
