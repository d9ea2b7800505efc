package audit

import (
	"context"
	"maps"
	"slices"

	"sluice/ops/demo/accounts"
	"sluice/ops/demo/world"
)

// Both is the result for what the ERP and the CRM keep alike.
type Both struct {
	Rows    int   `json:"rows"`
	Changes int64 `json:"changes"`
	// ToERP and ToCRM are the writes that each took.
	ToERP int64 `json:"to_erp"`
	ToCRM int64 `json:"to_crm"`
	// Dropped are the changes that came back, by the layer of the loop guard that
	// stopped them.
	Dropped map[string]int `json:"dropped"`
	// Differ is how many rows are not, in one system or both, what the owners of
	// their fields said.
	Differ int `json:"differ"`
}

// BothWays compares the accounts of both systems with what the owners of their
// fields said, and adds the result.
func BothWays(ctx context.Context, w *world.World, l *accounts.Load, dropped map[string]int, report *Report) error {
	b := &Both{Rows: len(l.Want()), Changes: l.Changes(), ToERP: w.Accounts.ToERP.Writes(), ToCRM: w.Accounts.ToCRM.Writes(), Dropped: dropped}
	differ := map[string]string{}
	for _, book := range []*accounts.Book{w.Accounts.ERP, w.Accounts.CRM} {
		found, err := accounts.Compare(ctx, book, l.Want())
		if err != nil {
			return err
		}
		maps.Copy(differ, found)
	}
	b.Differ = len(differ)
	for _, number := range slices.Sorted(maps.Keys(differ)) {
		report.Differences = append(report.Differences, Difference{"account", number, differ[number]})
	}
	report.Both = b
	return nil
}
