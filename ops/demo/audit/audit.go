package audit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/demo/world"
)

// Run audits a world whose pipeline has delivered everything. Captured counts
// the events of the raw topics, a primary-key change as two (delete and
// create); Delivered the events that the sink has a receipt for. An event that
// left no trace at the end of the way is lost, even if a later one covers it.
func Run(ctx context.Context, w *world.World) (*Report, error) {
	db, err := pgx.Connect(ctx, w.ERP())
	if err != nil {
		return nil, fmt.Errorf("connecting to the ERP: %w", err)
	}
	defer func() { _ = db.Close(ctx) }()
	all, err := tallies(ctx, func(ctx context.Context, topic string, fn func(*kgo.Record) error) error {
		return w.Kafka.ReadToEnd(ctx, nil, fn, topic)
	}, "erp", "crm")
	if err != nil {
		return nil, err
	}
	report := &Report{}
	for _, e := range Entities {
		lost, doubled, rows, err := e.Compare(ctx, db, w.CRM)
		if err != nil {
			return nil, err
		}
		t := all[e.Name]
		line := Line{
			Entity: e.Name, Rows: rows, Captured: len(t.raw), Parked: len(t.parked), Delivered: len(t.receipts),
			Lost: len(lost), Doubled: len(doubled) + twice(t.raw) + twice(t.entity),
		}
		line.Filtered = line.Captured - len(t.entity) - count(t.parked, t.raw)
		if missing := len(t.entity) - len(t.receipts) - count(t.parked, t.entity); missing > 0 {
			line.Lost += missing
		}
		report.add(line)
		report.Differences = append(append(report.Differences, lost...), doubled...)
	}
	report.Total.Doubled += w.CRM.Repeats()
	if w.Sales != nil {
		if err := tables(ctx, w, report); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// count is how many of a's events are in b.
func count(a, b map[string]int) (n int) {
	for k := range a {
		if _, ok := b[k]; ok {
			n++
		}
	}
	return n
}
