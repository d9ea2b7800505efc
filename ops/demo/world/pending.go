package world

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/stream/kafka"
)

// WAL is the end of the ERP's log, as text.
func (w *World) WAL(ctx context.Context) (lsn string, err error) {
	err = w.query(ctx, "SELECT pg_current_wal_lsn()::text", nil, &lsn)
	return lsn, err
}

// Pending says what has not yet arrived of all that the ERP's log held up to the
// WAL position; empty: everything is at the CRM, or parked.
func (w *World) Pending(ctx context.Context, wal string) (string, error) {
	var behind int64
	// The slot's position moves only after the records are committed in Kafka.
	err := w.query(ctx, `SELECT coalesce(max(greatest(0, pg_wal_lsn_diff($1::text::pg_lsn, confirmed_flush_lsn))), -1)::bigint
		FROM pg_replication_slots WHERE slot_name = 'sluice_erp'`, []any{wal}, &behind)
	switch {
	case err != nil:
		return "", err
	case behind < 0:
		return "the replication slot", nil
	case behind > 0:
		return fmt.Sprintf("the capture, %d bytes of WAL", behind), nil
	}
	// The slot's position says nothing before a position of the stream is saved.
	if at, err := w.saved(ctx, "erp"); err != nil || at.System == "" || at.Snapshot {
		return "the snapshot", err
	}
	opts, err := w.Kafka.Options("sluice-world", nil)
	if err != nil {
		return "", err
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return "", err
	}
	defer cl.Close()
	for _, g := range []struct {
		group  string
		topics []string
	}{
		{"sluice.stream.customer", []string{"erp.public.customers", "retry.stream.customer"}},
		{"sluice.stream.order", []string{"erp.public.orders", "retry.stream.order"}},
		{"sluice.stream.invoice", []string{"erp.public.invoices", "retry.stream.invoice"}},
		{"sluice.sink.crm", []string{"entity.customer", "entity.order", "entity.invoice", "retry.sink.crm"}},
	} {
		lags, err := kafka.Lag(ctx, cl, g.group, g.topics...)
		if err != nil {
			return "", err
		}
		for _, l := range lags {
			if l.Lag > 0 {
				return fmt.Sprintf("%s in %s, partition %d", g.group, l.Topic, l.Partition), nil
			}
		}
	}
	return "", nil
}

func (w *World) query(ctx context.Context, sql string, args []any, into any) error {
	db, err := pgx.Connect(ctx, w.ERP())
	if err != nil {
		return fmt.Errorf("connecting to the ERP: %w", err)
	}
	defer func() { _ = db.Close(ctx) }()
	return db.QueryRow(ctx, sql, args...).Scan(into)
}
