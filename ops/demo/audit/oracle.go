package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ops/demo/crm"
)

// Entity is one kind of record, from the ERP's table to the CRM's resource.
type Entity struct {
	// Name is the entity's, Table the ERP's, Kind the CRM's resource.
	Name, Table, Kind string
	// oracle selects (external id, JSON object) of all that the CRM should hold.
	oracle string
}

// RawTopic is where the capture puts the table's changes.
func (e Entity) RawTopic(capture string) string { return capture + ".public." + e.Table }

// Entities are those of the demo.
var Entities = []Entity{
	{"customer", "customers", "customers", `SELECT id::text, json_build_object(
		'external_id', id::text,
		'number', customer_number,
		'name', coalesce(company_name, first_name || ' ' || last_name),
		'full_name', first_name || ' ' || last_name,
		'email', lower(email),
		'phone', phone,
		'street', street, 'postcode', postcode, 'city', city, 'country', country,
		'annual_spend', annual_spend,
		'segment', CASE WHEN annual_spend > 50000 THEN 'high' ELSE 'standard' END,
		'status', status,
		'since', since,
		'updated_at', to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
		FROM customers WHERE status <> 'prospect'`},
	{"order", "orders", "orders", `SELECT id::text, json_build_object(
		'external_id', id::text, 'customer', customer_id::text,
		'ordered_at', to_char(ordered_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'currency', currency, 'total', total, 'state', state, 'lines', lines::text)
		FROM orders`},
	{"invoice", "invoices", "invoices", `SELECT id::text, json_build_object(
		'external_id', id::text, 'order', order_id::text, 'amount', amount,
		'due_on', due_on, 'paid', paid, 'discount', discount)
		FROM invoices`},
}

// Difference is one record that is not as it should be.
type Difference struct {
	Entity, Key, What string
}

// Compare returns how the CRM differs from what the ERP says, records that are
// missing, stale or should be gone first, then those that the CRM has twice.
func (e Entity) Compare(ctx context.Context, db *pgx.Conn, c *crm.Server) (lost, doubled []Difference, rows int, err error) {
	have := c.Records(e.Kind)
	found, err := db.Query(ctx, e.oracle)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("asking the ERP for %s: %w", e.Table, err)
	}
	var key, object string
	_, err = pgx.ForEachRow(found, []any{&key, &object}, func() error {
		rows++
		records := have[key]
		delete(have, key)
		if len(records) == 0 {
			lost = append(lost, Difference{e.Name, key, "missing in the CRM"})
			return nil
		}
		if len(records) > 1 {
			doubled = append(doubled, Difference{e.Name, key, fmt.Sprintf("%d records in the CRM", len(records))})
		}
		want, err := decode(object)
		if err != nil {
			return err
		}
		if diff := fields(want, records[0].Fields); diff != "" {
			lost = append(lost, Difference{e.Name, key, diff})
		}
		return nil
	})
	for _, key := range slices.Sorted(maps.Keys(have)) {
		lost = append(lost, Difference{e.Name, key, "deleted in the ERP, still in the CRM"})
	}
	return lost, doubled, rows, err
}

func decode(object string) (map[string]any, error) {
	d := json.NewDecoder(strings.NewReader(object))
	d.UseNumber()
	var m map[string]any
	return m, d.Decode(&m)
}

// fields names the first field that differs.
func fields(want, have map[string]any) string {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !same(want[name], have[name]) {
			return fmt.Sprintf("%s is %v, should be %v", name, have[name], want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, known := want[name]; !known {
			return fmt.Sprintf("%s is %v, should not be there", name, have[name])
		}
	}
	return ""
}

// same compares JSON values by meaning: 12.5 is 12.50, and an instant may be
// written with more or fewer digits.
func same(a, b any) bool {
	x, isNumber := a.(json.Number)
	y, isToo := b.(json.Number)
	if isNumber && isToo {
		p, ok := new(big.Rat).SetString(x.String())
		q, ok2 := new(big.Rat).SetString(y.String())
		return ok && ok2 && p.Cmp(q) == 0
	}
	s, isText := a.(string)
	t, isTextToo := b.(string)
	if isText && isTextToo && s != t {
		p, err := time.Parse(time.RFC3339Nano, s)
		q, err2 := time.Parse(time.RFC3339Nano, t)
		return err == nil && err2 == nil && p.Equal(q)
	}
	return a == b
}
