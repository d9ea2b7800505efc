package accounts

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"sluice/ops/demo/erp"
)

// Load changes accounts in both systems.
type Load struct {
	Seed uint64
	// Accounts is how many both have at the start; Rate how many changes a second
	// are made in each.
	Accounts, Rate int

	changes atomic.Int64
	// want is what both must come to.
	want map[string]Account
}

// Changes is how many were made so far.
func (l *Load) Changes() int64 { return l.changes.Load() }

// Want is what both systems must come to, when all has arrived.
func (l *Load) Want() map[string]Account { return l.want }

// Start makes the same accounts in both books, of which each has its own idea. What
// they agree on in the end is what each field's owner says. Both must be captured
// already: else what one of them has is written over what the other has, before
// that was read.
func (l *Load) Start(ctx context.Context, books ...*Book) error {
	l.want = map[string]Account{}
	r := rand.New(rand.NewPCG(l.Seed, 11))
	for n := range l.Accounts {
		number := fmt.Sprintf("A-%05d", n)
		var want Account
		for _, b := range books {
			a := invent(r, n, b.System)
			for i, f := range Fields {
				if f.Owner == b.System {
					want[i] = a[i]
				}
			}
			// The other system's may have come already.
			if err := b.put(ctx, number, a); err != nil {
				return fmt.Errorf("filling %s: %w", b.table, err)
			}
		}
		l.want[number] = want
	}
	return nil
}

var (
	terms       = []string{"14 days", "30 days net", "2 % within 10 days", "prepaid"}
	preferences = []string{"e-mail", "phone", "post", "none"}
)

// invent makes up an account as one of the systems has it.
func invent(r *rand.Rand, n int, system string) Account {
	p := erp.NewCustomer(r, n)
	name := p.Company
	if name == "" {
		name = p.First + " " + p.Last
	}
	return Account{name + " (" + system + ")", terms[r.IntN(len(terms))], p.Phone, preferences[r.IntN(len(preferences))]}
}

// Run changes both until ctx ends: fields of the one that writes and of the other,
// which then is set right; now and then a new account is made.
func (l *Load) Run(ctx context.Context, books ...*Book) error {
	r := rand.New(rand.NewPCG(l.Seed, 12))
	tick := time.NewTicker(time.Second / time.Duration(max(1, l.Rate*len(books))))
	defer tick.Stop()
	calm := context.WithoutCancel(ctx)
	var made []string
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		b := books[n%len(books)]
		if r.IntN(50) == 0 {
			number, a := fmt.Sprintf("%s-%05d", b.System, len(made)), invent(r, n, b.System)
			if err := b.Insert(calm, number, a); err != nil {
				return fmt.Errorf("making an account in %s: %w", b.table, err)
			}
			made, l.want[number] = append(made, number), a
			l.changes.Add(1)
			continue
		}
		number, own := fmt.Sprintf("A-%05d", r.IntN(max(1, l.Accounts))), false
		if len(made) > 0 && r.IntN(3) == 0 {
			// Who made one is right about its fields until the owner says more.
			number, own = made[r.IntN(len(made))], true
		}
		field := r.IntN(len(Fields))
		for own && Fields[field].Owner != b.System {
			field = r.IntN(len(Fields))
		}
		value := fmt.Sprintf("%s %d", Fields[field].Name, n)
		there, err := b.Set(calm, number, field, value)
		if err != nil {
			return fmt.Errorf("changing %s: %w", b.table, err)
		}
		if !there {
			continue // it has not come here yet
		}
		l.changes.Add(1)
		if Fields[field].Owner == b.System {
			want := l.want[number]
			want[field] = value
			l.want[number] = want
		}
	}
}

// Compare says in which accounts a book is not what it must be.
func Compare(ctx context.Context, b *Book, want map[string]Account) (differences map[string]string, err error) {
	have, err := b.All(ctx)
	if err != nil {
		return nil, err
	}
	differences = map[string]string{}
	for number, w := range want {
		a, there := have[number]
		if !there {
			differences[number] = "is missing in the " + b.System
			continue
		}
		for i, f := range Fields {
			if a[i] != w[i] {
				differences[number] = fmt.Sprintf("in the %s %s is %q, should be %q", b.System, f.Name, a[i], w[i])
			}
		}
	}
	for number := range have {
		if _, known := want[number]; !known {
			differences[number] = "is in the " + b.System + ", and nobody made it"
		}
	}
	return differences, nil
}

// Close closes the books' databases.
func Close(books ...*Book) error {
	var errs []error
	for _, b := range books {
		errs = append(errs, b.db.Close())
	}
	return errors.Join(errs...)
}
