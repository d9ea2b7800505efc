package erp

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"
)

const insertCustomer = `INSERT INTO customers (customer_number, company_name, first_name, last_name, email, phone,
 street, postcode, city, country, annual_spend, status, since, tags)
 VALUES ($1, nullif($2,''), $3, $4, nullif($5,''), $6, $7, $8, $9, $10, $11::bigint / 100.0, $12::text::account_status, $13::text::date, $14)`

func (c *Customer) args() []any {
	return []any{
		c.Number, c.Company, c.First, c.Last, c.Email, c.Phone, c.Street, c.Postcode, c.City,
		c.Country, c.SpendCents, c.Status, c.Since, c.Tags,
	}
}

const insertOrder = `INSERT INTO orders (customer_id, ordered_at, currency, total, state, lines)
 SELECT id, timestamp '2024-02-29 23:59:59.123456' + $2::int * interval '37 minutes', $3, $4::bigint / 100.0, $5, $6::text::jsonb
 FROM customers WHERE customer_number = $1`

func orderArgs(r *rand.Rand, customer string) []any {
	qty, cents := 1+r.IntN(20), 99+r.IntN(90_000)
	lines := fmt.Sprintf(`[{"sku": "SKU-%04d", "qty": %d, "price": %d.%02d}]`, r.IntN(5000), qty, cents/100, cents%100)
	return []any{customer, r.IntN(20_000), []string{"EUR", "GBP", "PLN"}[r.IntN(3)], qty * cents, "open", lines}
}

const insertInvoice = `INSERT INTO invoices (id, order_id, amount, due_on, discount)
 SELECT $1::text::uuid, id, total, ordered_at::date + 30, nullif($3::float8, 0) FROM orders WHERE id = $2`

func invoiceArgs(r *rand.Rand, order int64) []any {
	id := fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xfff, r.Uint32()&0xfff, r.Uint64()&0xffffffffffff)
	return []any{id, order, float64(r.IntN(4)) / 10}
}

// Seed fills the ERP with that many customers, about twice as many orders, and
// an invoice for most of them.
func Seed(ctx context.Context, db *pgx.Conn, seed uint64, customers int) error {
	r := rand.New(rand.NewPCG(seed, 1))
	for at := 0; at < customers; at += 500 {
		var b pgx.Batch
		for n := at; n < min(at+500, customers); n++ {
			c := NewCustomer(r, n)
			b.Queue(insertCustomer, c.args()...)
			for range 1 + r.IntN(3) {
				b.Queue(insertOrder, orderArgs(r, c.Number)...)
			}
		}
		if err := db.SendBatch(ctx, &b).Close(); err != nil {
			return fmt.Errorf("seeding customers and orders: %w", err)
		}
	}
	rows, err := db.Query(ctx, "SELECT id FROM orders WHERE id % 5 > 0 ORDER BY id")
	if err != nil {
		return fmt.Errorf("seeding invoices: %w", err)
	}
	orders, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("seeding invoices: %w", err)
	}
	var b pgx.Batch
	for _, id := range orders {
		b.Queue(insertInvoice, invoiceArgs(r, id)...)
	}
	if err := db.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("seeding invoices: %w", err)
	}
	return nil
}
