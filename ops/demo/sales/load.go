package sales

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"sluice/ops/demo/erp"
)

const (
	insertContact = `INSERT INTO crm.contacts (first_name, last_name, company, email, phone, city, stage, labels, opted_in, remark, profile)
 VALUES (?, ?, NULLIF(?, ''), NULLIF(?, ''), ?, ?, ?, ?, ?, ?, ?)`
	insertDeal = `INSERT INTO crm.deals (contact_id, reference, title, amount, currency, chance, closes_on)
 SELECT id, ?, ?, ? / 100, ?, NULLIF(?, 0), DATE '2024-02-29' + INTERVAL ? DAY FROM crm.contacts WHERE id = ?`
	insertCall = `INSERT INTO crm.calls (contact_id, begun_at, minutes, summary)
 SELECT id, TIMESTAMP '2024-02-29 23:59:59.123456' + INTERVAL ? MINUTE, ?, ? FROM crm.contacts WHERE id = ?`
)

var (
	stages   = []string{"lead", "qualified", "customer", "lost"}
	labels   = []string{"", "vip", "newsletter", "vip,partner", "newsletter,partner"}
	remarks  = []any{nil, "rief zurück, möchte ein Angebot", "préfère le courriel; budget 12 000 €", "ask for \"Siân\" - 2nd floor", `C:\leads\old`}
	products = []string{"Wartungsvertrag", "Extension d'entrepôt", "Forklift, used", "Système d'étiquetage", "保守契約", "Umowa serwisowa – 3 lata"}
)

// desk makes up what the people of the sales desk write.
type desk struct {
	*rand.Rand
	contacts, deals int
}

func (d *desk) contact() (string, []any) {
	d.contacts++
	p := erp.NewCustomer(d.Rand, d.contacts)
	profile := fmt.Sprintf(`{"employees": %d, "score": %d.5, "city": %q, "visited": [true, null, 9007199254740993]}`, d.IntN(5000), d.IntN(100), p.City)
	return insertContact, []any{
		p.First, p.Last, p.Company, p.Email, p.Phone, p.City, pick(d, stages), pick(d, labels), d.IntN(2), pick(d, remarks), profile,
	}
}

func (d *desk) deal(contact int) (string, []any) {
	d.deals++
	return insertDeal, []any{
		fmt.Sprintf("D-%06d", d.deals), pick(d, products), d.IntN(90_000_000), pick(d, []string{"EUR", "GBP", "PLN"}),
		float64(d.IntN(11)) / 10, d.IntN(2000), contact,
	}
}

func (d *desk) call(contact int) (string, []any) {
	return insertCall, []any{d.IntN(500_000), 1 + d.IntN(90), "about " + pick(d, products) + "\n" + fmt.Sprint(pick(d, remarks)), contact}
}

func pick[T any](d *desk, from []T) T { return from[d.IntN(len(from))] }

// Seed fills the CRM with that many contacts, about as many deals, and calls.
func Seed(ctx context.Context, db *sql.DB, seed uint64, contacts int) error {
	d := desk{Rand: rand.New(rand.NewPCG(seed, 4))}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("seeding the CRM: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	add := func(statement string, args []any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, statement, args...)
		}
	}
	for n := 1; n <= contacts; n++ {
		add(d.contact())
		for range d.IntN(3) {
			add(d.deal(n))
		}
		for range d.IntN(3) {
			add(d.call(n))
		}
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return fmt.Errorf("seeding the CRM: %w", err)
	}
	return nil
}

// Load changes the CRM as its users would.
type Load struct {
	// Seed fixes what is changed, Contacts how many were seeded.
	Seed     uint64
	Contacts int
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
func (l *Load) Run(ctx context.Context, db *sql.DB) error {
	d := &desk{Rand: rand.New(rand.NewPCG(l.Seed, 5)), contacts: l.Contacts, deals: 3 * l.Contacts}
	var tick <-chan time.Time
	if l.Rate > 0 {
		t := time.NewTicker(time.Second / time.Duration(l.Rate))
		defer t.Stop()
		tick = t.C
	}
	for ctx.Err() == nil {
		if err := l.transaction(context.WithoutCancel(ctx), db, d); err != nil {
			return fmt.Errorf("changing the CRM: %w", err)
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
func (l *Load) transaction(ctx context.Context, db *sql.DB, d *desk) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	var rows int64
	for range 1 + d.IntN(4) {
		statement, args := d.statement()
		result, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		rows += n
	}
	if d.IntN(20) == 0 {
		return tx.Rollback()
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	l.changes.Add(rows)
	return nil
}

// statement picks what a user would do next.
func (d *desk) statement() (string, []any) {
	contact := 1 + d.IntN(d.contacts)
	switch n := d.IntN(100); {
	case n < 16:
		return d.contact()
	case n < 30:
		return d.deal(contact)
	case n < 48:
		return d.call(contact)
	case n < 60:
		return "UPDATE crm.contacts SET stage = ?, remark = ? WHERE id = ?", []any{pick(d, stages), pick(d, remarks), contact}
	case n < 68:
		return "UPDATE crm.contacts SET labels = ?, opted_in = NOT opted_in WHERE id BETWEEN ? AND ?", []any{pick(d, labels), contact, contact + 3}
	case n < 74:
		return "UPDATE crm.contacts SET profile = JSON_SET(profile, '$.score', ?) WHERE id = ?", []any{d.IntN(100), contact}
	case n < 84:
		return "UPDATE crm.deals SET amount = amount + 1, chance = ? WHERE contact_id = ?", []any{float64(d.IntN(11)) / 10, contact}
	case n < 90: // two contacts are one person: the key of the deals changes
		return "UPDATE crm.deals SET contact_id = ? WHERE contact_id = ?", []any{1 + d.IntN(d.contacts), contact}
	case n < 94:
		return "DELETE FROM crm.calls WHERE contact_id = ?", []any{contact}
	case n < 97:
		return "DELETE FROM crm.deals WHERE contact_id = ?", []any{contact}
	default:
		return "DELETE FROM crm.contacts WHERE id = ?", []any{contact}
	}
}
