package erp

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"
)

//go:embed schema.sql
var schemaSQL string

// Create creates the tables.
func Create(ctx context.Context, db *pgx.Conn) error {
	if _, err := db.Exec(ctx, schemaSQL); err != nil {
		return fmt.Errorf("creating the ERP's tables: %w", err)
	}
	return nil
}

// Tables are the ERP's tables, as a capture names them.
var Tables = []string{"public.customers", "public.orders", "public.invoices"}
