package world

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/alicebob/miniredis/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/demo/accounts"
	"sluice/stream/kafka"
)

// accountsYAML is the entity that both systems hold, and its sinks.
//
//go:embed accounts.yaml
var accountsYAML string

// Accounts is what the ERP and the CRM keep alike, by APIs of their own.
type Accounts struct {
	ERP, CRM     *accounts.Book
	ToERP, ToCRM *accounts.Server

	redis *miniredis.Miniredis
	// lastEnds are the ends of the topics as they were last seen, and sameEnds how
	// often in a row.
	lastEnds string
	sameEnds int
}

// withAccounts adds the accounts to a configuration.
func withAccounts(config string) string {
	for _, r := range [][2]string{
		{"public.invoices]", "public.invoices, public.accounts]"},
		{"crm.calls]", "crm.calls, crm.accounts]"},
		{"\nsinks:\n", "\n" + accountsYAML},
		{"\ncaptures:\n", "\nredis:\n  url: ${REDIS_URL}\n\ncaptures:\n"},
	} {
		config = strings.Replace(config, r[0], r[1], 1)
	}
	return config
}

// startAccounts makes the tables, and serves an API before each.
func (w *World) startAccounts(ctx context.Context) error {
	a := &Accounts{}
	w.Accounts = a
	cfg, err := pgx.ParseConfig(w.ERP())
	if err != nil {
		return fmt.Errorf("connecting to the ERP: %w", err)
	}
	a.ERP = accounts.ERP(stdlib.OpenDB(*cfg))
	crm, err := w.OpenSales()
	if err != nil {
		return err
	}
	a.CRM = accounts.CRM(crm)
	for _, b := range []*accounts.Book{a.ERP, a.CRM} {
		if err := b.Create(ctx); err != nil {
			return err
		}
	}
	if err := a.grant(ctx, crm); err != nil {
		return err
	}
	if a.ToERP, err = accounts.Serve(a.ERP); err != nil {
		return err
	}
	if a.ToCRM, err = accounts.Serve(a.CRM); err != nil {
		return err
	}
	a.redis = miniredis.NewMiniRedis()
	if err := a.redis.Start(); err != nil {
		return fmt.Errorf("starting the embedded Redis: %w", err)
	}
	w.env = append(w.env, "REDIS_URL=redis://"+a.redis.Addr(), "ERP_ACCOUNTS_URL="+a.ToERP.URL(), "CRM_ACCOUNTS_URL="+a.ToCRM.URL())
	return nil
}

func (a *Accounts) grant(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, fmt.Sprintf("GRANT SELECT ON crm.accounts TO '%s'@'%%'", salesUser)); err != nil {
		return fmt.Errorf("granting the CRM's accounts to the capture: %w", err)
	}
	return nil
}

// ERPCaptured reports whether the capture of the ERP has copied its tables: each
// change that is committed from now on has an event of its own.
func (w *World) ERPCaptured(ctx context.Context) (bool, error) {
	at, err := w.saved(ctx, "erp")
	return at.System != "" && !at.Snapshot, err
}

// PendingAccounts says what is still under way between the two systems; empty:
// nothing, and nothing has moved between several calls.
func (w *World) PendingAccounts(ctx context.Context) (string, error) {
	opts, err := w.Kafka.Options("sluice-world", nil)
	if err != nil {
		return "", err
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return "", err
	}
	defer cl.Close()
	topics := []string{"erp.public.accounts", "crm.crm.accounts", "contributions.account", "entity.account"}
	for group, of := range map[string][]string{
		"sluice.stream.account": topics[:2], "sluice.stream.account.govern": topics[2:3],
		"sluice.sink.erp-accounts": topics[3:], "sluice.sink.crm-accounts": topics[3:],
	} {
		lags, err := kafka.Lag(ctx, cl, group, of...)
		if err != nil {
			return "", err
		}
		for _, l := range lags {
			if l.Lag > 0 {
				return fmt.Sprintf("%s in %s, partition %d", group, l.Topic, l.Partition), nil
			}
		}
	}
	// What a sink has written last may be on its way back.
	offsets, err := kadm.NewClient(cl).ListEndOffsets(ctx, topics...)
	if err != nil {
		return "", fmt.Errorf("listing the ends of the accounts' topics: %w", err)
	}
	ends := ""
	for _, o := range offsets.Offsets().Sorted() {
		ends += fmt.Sprintf(" %s/%d:%d", o.Topic, o.Partition, o.At)
	}
	if a := w.Accounts; a.lastEnds == ends {
		a.sameEnds++
	} else {
		a.lastEnds, a.sameEnds = ends, 0
	}
	if w.Accounts.sameEnds < 4 {
		return "the accounts to be quiet", nil
	}
	return "", nil
}

func (a *Accounts) close(ctx context.Context) error {
	var errs []error
	for _, s := range []*accounts.Server{a.ToERP, a.ToCRM} {
		if s != nil {
			errs = append(errs, s.Close(ctx))
		}
	}
	for _, b := range []*accounts.Book{a.ERP, a.CRM} {
		if b != nil {
			errs = append(errs, accounts.Close(b))
		}
	}
	if a.redis != nil {
		a.redis.Close()
	}
	return errors.Join(errs...)
}
