package accounts

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Fields are the fields of the entity, and who owns each.
var Fields = [...]struct{ Name, Owner string }{
	{"legal_name", "erp"}, {"payment_terms", "erp"}, {"phone", "crm"}, {"preference", "crm"},
}

// Account is an account's fields in the order of Fields.
type Account [len(Fields)]string

// Book is the table of accounts in one of the two systems.
type Book struct {
	// System is "erp" or "crm".
	System string
	table  string
	// key and columns are the table's names for the number and the fields.
	key     string
	columns [len(Fields)]string
	// mark is the nth placeholder of a statement.
	mark  func(n int) string
	types string
	db    *sql.DB
}

// ERP is the ERP's book, in PostgreSQL. A row is logged as it was before, so that
// it is known what a change changed.
func ERP(db *sql.DB) *Book {
	return &Book{
		System: "erp", table: "public.accounts", key: "account_no", db: db, types: "text",
		columns: [...]string{"legal_name", "payment_terms", "contact_phone", "contact_preference"},
		mark:    func(n int) string { return fmt.Sprint("$", n) },
	}
}

// CRM is the CRM's book, in MySQL or MariaDB.
func CRM(db *sql.DB) *Book {
	return &Book{
		System: "crm", table: "crm.accounts", key: "number", db: db, types: "varchar(200)",
		columns: [...]string{"company", "terms", "telephone", "wants_news_by"},
		mark:    func(int) string { return "?" },
	}
}

// Create creates the table.
func (b *Book) Create(ctx context.Context) error {
	var columns strings.Builder
	for _, c := range b.columns {
		fmt.Fprintf(&columns, ", %s %s NOT NULL DEFAULT ''", c, b.types)
	}
	statements := []string{fmt.Sprintf("CREATE TABLE %s (%s varchar(20) PRIMARY KEY%s)", b.table, b.key, columns.String())}
	if b.System == "erp" {
		statements = append(statements, "ALTER TABLE "+b.table+" REPLICA IDENTITY FULL")
	}
	for _, s := range statements {
		if _, err := b.db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("creating %s: %w", b.table, err)
		}
	}
	return nil
}

// Insert adds an account.
func (b *Book) Insert(ctx context.Context, number string, a Account) error {
	_, err := b.db.ExecContext(ctx, b.insert(), b.args(number, a)...)
	return err
}

func (b *Book) args(number string, a Account) []any {
	args := []any{number}
	for _, v := range a {
		args = append(args, v)
	}
	return args
}

func (b *Book) insert() string {
	var marks []string
	for n := range len(b.columns) + 1 {
		marks = append(marks, b.mark(n+1))
	}
	return fmt.Sprintf("INSERT INTO %s (%s, %s) VALUES (%s)", b.table, b.key, strings.Join(b.columns[:], ", "), strings.Join(marks, ", "))
}

// Set changes one field of an account, and reports whether it is there.
func (b *Book) Set(ctx context.Context, number string, field int, value string) (bool, error) {
	done, err := b.db.ExecContext(ctx, fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s = %s", b.table, b.columns[field], b.mark(1), b.key, b.mark(2)), value, number)
	if err != nil {
		return false, err
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

// put is what the API does: it adds the account, or makes it so.
func (b *Book) put(ctx context.Context, number string, a Account) error {
	conflict, value := "ON CONFLICT ("+b.key+") DO UPDATE SET ", "excluded.%s"
	if b.System == "crm" {
		conflict, value = "ON DUPLICATE KEY UPDATE ", "VALUES(%s)"
	}
	var sets []string
	for _, c := range b.columns {
		sets = append(sets, c+" = "+fmt.Sprintf(value, c))
	}
	_, err := b.db.ExecContext(ctx, b.insert()+" "+conflict+strings.Join(sets, ", "), b.args(number, a)...)
	return err
}

func (b *Book) remove(ctx context.Context, number string) error {
	_, err := b.db.ExecContext(ctx, fmt.Sprintf("DELETE FROM %s WHERE %s = %s", b.table, b.key, b.mark(1)), number)
	return err
}

// All are the accounts of the book.
func (b *Book) All(ctx context.Context) (map[string]Account, error) {
	rows, err := b.db.QueryContext(ctx, fmt.Sprintf("SELECT %s, %s FROM %s", b.key, strings.Join(b.columns[:], ", "), b.table))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", b.table, err)
	}
	defer func() { _ = rows.Close() }()
	all := map[string]Account{}
	for rows.Next() {
		var number string
		var a Account
		into := []any{&number}
		for i := range a {
			into = append(into, &a[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("reading %s: %w", b.table, err)
		}
		all[number] = a
	}
	return all, rows.Err()
}
