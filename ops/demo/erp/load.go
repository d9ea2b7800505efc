package erp

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// Load changes the ERP as its users would.
type Load struct {
	// Seed fixes what is changed, Customers how many were seeded.
	Seed      uint64
	Customers int
	// Rate is how many transactions a second are begun; zero: as many as the
	// database takes.
	Rate int

	changes atomic.Int64
}

// Changes is how many rows were changed so far, by what the server said of
// committed transactions.
func (l *Load) Changes() int64 { return l.changes.Load() }

// Run changes rows until ctx ends, and returns nil then. A transaction that was
// begun is finished.
func (l *Load) Run(ctx context.Context, db *pgx.Conn) error {
	r := rand.New(rand.NewPCG(l.Seed, 2))
	next := l.Customers
	var tick <-chan time.Time
	if l.Rate > 0 {
		t := time.NewTicker(time.Second / time.Duration(l.Rate))
		defer t.Stop()
		tick = t.C
	}
	for ctx.Err() == nil {
		if err := l.transaction(context.WithoutCancel(ctx), db, r, &next); err != nil {
			return fmt.Errorf("changing the ERP: %w", err)
		}
		if tick == nil {
			continue
		}
		select {
		case <-tick:
		case <-ctx.Done():
		}
	}
	return nil
}

// transaction runs one to four statements; one in twenty is rolled back.
func (l *Load) transaction(ctx context.Context, db *pgx.Conn, r *rand.Rand, next *int) error {
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // does nothing after a commit
	var rows int64
	for range 1 + r.IntN(4) {
		sql, args := l.statement(r, next)
		tag, err := tx.Exec(ctx, sql, args...)
		if err != nil {
			return err
		}
		rows += tag.RowsAffected()
	}
	if r.IntN(20) == 0 {
		return tx.Rollback(ctx)
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	l.changes.Add(rows)
	return nil
}

// statement picks what a user would do next.
func (l *Load) statement(r *rand.Rand, next *int) (string, []any) {
	customer := fmt.Sprintf("C-%06d", r.IntN(*next))
	order := 1 + r.Int64N(int64(2*l.Customers)+1)
	switch n := r.IntN(100); {
	case n < 14:
		c := NewCustomer(r, *next)
		*next++
		return insertCustomer, c.args()
	case n < 32:
		return insertOrder, orderArgs(r, customer)
	case n < 44:
		return insertInvoice, invoiceArgs(r, order)
	case n < 58:
		return "UPDATE customers SET annual_spend = annual_spend + $2::bigint / 100.0, updated_at = clock_timestamp() WHERE customer_number = $1",
			[]any{customer, r.Int64N(500_000)}
	case n < 66: // a marriage, a move: the record is renamed
		c := NewCustomer(r, *next)
		return "UPDATE customers SET last_name = $2, street = $3, postcode = $4, city = $5, country = $6, updated_at = clock_timestamp() WHERE customer_number = $1",
			[]any{customer, c.Last, c.Street, c.Postcode, c.City, c.Country}
	case n < 74:
		return "UPDATE customers SET status = $2::text::account_status, updated_at = clock_timestamp() WHERE customer_number = $1",
			[]any{customer, pick(r, []string{"active", "prospect", "closed"})}
	case n < 82:
		return "UPDATE orders SET state = $2, total = total + 1 WHERE id BETWEEN $1 AND $1 + 2",
			[]any{order, pick(r, []string{"open", "shipped", "returned"})}
	case n < 88:
		return "UPDATE invoices SET paid = NOT paid WHERE order_id = $1", []any{order}
	case n < 92:
		return "DELETE FROM invoices WHERE order_id = $1", []any{order}
	case n < 96:
		return "DELETE FROM orders WHERE id = $1", []any{order}
	case n < 98: // the key itself changes
		return "UPDATE invoices SET id = gen_random_uuid() WHERE order_id = $1", []any{order}
	default:
		return "DELETE FROM customers WHERE customer_number = $1", []any{customer}
	}
}
