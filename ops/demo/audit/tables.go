package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/demo/sales"
	"sluice/ops/demo/world"
	"sluice/ops/tap"
	"sluice/schemas/registry"
)

// TableLine is the result for one table whose changes end in a raw topic.
// Captured = Copied + Changes where nothing is lost and nothing doubled.
type TableLine struct {
	Table string `json:"table"`
	Rows  int    `json:"rows"`
	// Changes are those that the database's own journal knows of.
	Changes int `json:"changes"`
	// Copied are the records of the snapshot, Captured all of the topic's.
	Copied   int `json:"copied"`
	Captured int `json:"captured"`
	Lost     int `json:"lost"`
	Doubled  int `json:"doubled"`
}

// change names one change of one row.
type change struct {
	key, op  string
	revision int64
}

func (c change) String() string {
	words := map[string]string{"c": "insert", "u": "update", "d": "delete"}
	return fmt.Sprintf("the %s that made revision %d", words[c.op], c.revision)
}

// tables compares each table of the CRM's database with its topic: the rows that
// the topic's records add up to with those that the table holds, and the records
// one by one with the journal.
func tables(ctx context.Context, w *world.World, report *Report) error {
	db, err := w.OpenSales()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	client, err := (registry.Config{URL: w.Registry.URL()}).Open()
	if err != nil {
		return err
	}
	defer client.Close()
	report.Server = w.Sales.Flavour().Product() + " " + w.Sales.Release()
	for _, t := range sales.Tables {
		topic := "crm.crm." + t.Name
		replayed := newReplay("crm." + t.Name)
		decoder := tap.NewDecoder(client)
		err := w.Kafka.ReadToEnd(ctx, nil, func(r *kgo.Record) error {
			if r.Value == nil {
				return nil // the tombstone that follows each delete
			}
			if err := replayed.take(decoder.Value(ctx, r.Value)); err != nil {
				return fmt.Errorf("%s, partition %d, offset %d: %w", r.Topic, r.Partition, r.Offset, err)
			}
			return nil
		}, topic)
		if err != nil {
			return err
		}
		rows, err := held(ctx, db, t)
		if err != nil {
			return err
		}
		journal, err := journalOf(ctx, db, t)
		if err != nil {
			return err
		}
		line, err := replayed.judge(rows, journal)
		if err != nil {
			return err
		}
		report.Tables = append(report.Tables, line)
		report.Differences = append(report.Differences, replayed.wrong...)
	}
	return nil
}

// replay is what a topic's records add up to.
type replay struct {
	table    string
	rows     map[string]map[string]any // by key
	copies   map[string]int            // records of the snapshot, by key
	changes  map[change]int            // records of the log
	captured int
	stale    int // records that came after a newer one
	wrong    []Difference
}

func newReplay(table string) *replay {
	return &replay{table: table, rows: map[string]map[string]any{}, copies: map[string]int{}, changes: map[change]int{}}
}

func (p *replay) differf(key, format string, args ...any) {
	p.wrong = append(p.wrong, Difference{p.table, key, fmt.Sprintf(format, args...)})
}

// take takes one record in the order of its partition.
func (p *replay) take(value json.RawMessage) error {
	envelope, err := decode(string(value))
	if err != nil {
		return err
	}
	op, _ := envelope["op"].(string)
	row, _ := envelope["after"].(map[string]any)
	if op == "d" {
		row, _ = envelope["before"].(map[string]any)
	}
	key, revision := keyOf(row), revisionOf(row)
	if key == "" || revision == 0 {
		return fmt.Errorf("the record %s has no key or no revision", value)
	}
	p.captured++
	if last, ok := p.rows[key]; ok {
		// A delete tells the row as it was last, all others a newer one.
		if was := revisionOf(last); revision < was || revision == was && op != "d" {
			p.stale++
			p.differf(key, "revision %d came after revision %d", revision, was)
		}
	}
	switch op {
	case "r":
		p.copies[key]++
	case "c", "u", "d":
		p.changes[change{key, op, revision}]++
	default:
		return fmt.Errorf("op %q is none that the CRM's tables can have", op)
	}
	if op == "d" {
		delete(p.rows, key)
	} else {
		p.rows[key] = row
	}
	return nil
}

func keyOf(row map[string]any) string {
	if id, ok := row["id"]; ok {
		return fmt.Sprint(id)
	}
	if reference, ok := row["reference"]; ok {
		return fmt.Sprint(row["contact_id"], " ", reference)
	}
	return ""
}

func revisionOf(row map[string]any) int64 {
	n, _ := row["revision"].(json.Number)
	revision, err := n.Int64()
	if err != nil {
		return 0
	}
	return revision
}

// judge compares with the rows of the table, as JSON objects by key, and with the
// changes that the journal knows of. It uses the replay up.
func (p *replay) judge(rows map[string]string, journal map[change]int) (TableLine, error) {
	line := TableLine{Table: p.table, Rows: len(rows), Captured: p.captured, Doubled: p.stale}
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		want, err := decode(rows[key])
		if err != nil {
			return line, err
		}
		have, ok := p.rows[key]
		delete(p.rows, key)
		if !ok {
			line.Lost++
			p.differf(key, "missing in the topic")
		} else if diff := fields(want, have); diff != "" {
			line.Lost++
			p.differf(key, "%s", diff)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.rows)) {
		line.Lost++
		p.differf(key, "deleted in the CRM, still in the topic")
	}
	for _, key := range slices.Sorted(maps.Keys(p.copies)) {
		line.Copied += p.copies[key]
		if more := p.copies[key] - 1; more > 0 {
			line.Doubled += more
			p.differf(key, "copied %d times", more+1)
		}
	}
	for c, want := range journal {
		line.Changes += want
		switch have := p.changes[c]; {
		case have < want:
			line.Lost += want - have
			p.differf(c.key, "%s has %d of %d records", c, have, want)
		case have > want:
			line.Doubled += have - want
			p.differf(c.key, "%s has %d records instead of %d", c, have, want)
		}
	}
	for c, have := range p.changes {
		if journal[c] == 0 {
			line.Doubled += have
			p.differf(c.key, "%s has %d records, and never was", c, have)
		}
	}
	return line, nil
}

// held returns the rows of a table as JSON objects, by key.
func held(ctx context.Context, db *sql.DB, t sales.Table) (map[string]string, error) {
	rows := map[string]string{}
	err := each(ctx, db, fmt.Sprintf("SELECT %s, %s FROM crm.%s", t.Key(), t.Object, t.Name), func(key, object string) error {
		rows[key] = object
		return nil
	})
	return rows, err
}

// journalOf returns the changes of a table that the journal knows of. A row that
// comes again under the same key may make the same change again.
func journalOf(ctx context.Context, db *sql.DB, t sales.Table) (map[change]int, error) {
	journal := map[change]int{}
	err := each(ctx, db, fmt.Sprintf("SELECT row_key, CONCAT(op, revision) FROM crm.journal WHERE tab = '%s'", t.Name), func(key, what string) error {
		c := change{key: key, op: what[:1]}
		_, err := fmt.Sscan(what[1:], &c.revision)
		journal[c]++
		return err
	})
	return journal, err
}

// each calls fn with the two columns of each row.
func each(ctx context.Context, db *sql.DB, q string, fn func(a, b string) error) error {
	rows, err := db.QueryContext(ctx, q)
	if err != nil {
		return fmt.Errorf("asking the CRM's database: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			return fmt.Errorf("asking the CRM's database: %w", err)
		}
		if err := fn(a, b); err != nil {
			return err
		}
	}
	return rows.Err()
}
