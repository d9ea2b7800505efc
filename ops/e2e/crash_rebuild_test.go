package e2e

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/capture/capturetest"
	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
)

// rows are a table's: by the text of the primary key, each a text by column.
type rows map[string]map[string]string

// rebuilt is what a consumer makes of the topics.
type rebuilt struct {
	tables  map[string]rows
	records int
	count   map[byte]int // by operation
	twice   []string
}

// rebuild reads the topics and applies every change in order. The topics have
// one partition each, so that a truncate has its place among the rows.
func (c *crash) rebuild() *rebuilt {
	c.t.Helper()
	b := &rebuilt{tables: map[string]rows{}, count: map[byte]int{}}
	decoders := map[int]*avro.EnvelopeDecoder{}
	seed, seen := maphash.MakeSeed(), map[uint64]struct{}{}
	var arena schemas.Arena
	for table, key := range c.keys() {
		state := consumer{rows: rows{}, moved: rows{}}
		topic := "crash.public." + table
		err := c.kafka.ReadToEnd(c.t.Context(), nil, func(r *kgo.Record) error {
			b.records++
			// Both halves of a key's change and its tombstone carry the name of
			// their one event.
			event := topic
			for _, h := range r.Headers {
				event += " " + h.Key
				if h.Key == schemas.HeaderPosition {
					event += " " + string(h.Value)
				}
			}
			if r.Value == nil {
				event += " tombstone"
			}
			sum := maphash.String(seed, event)
			if _, ok := seen[sum]; ok && len(b.twice) < 10 {
				b.twice = append(b.twice, event)
			}
			seen[sum] = struct{}{}
			if r.Value == nil {
				return nil
			}
			id, body, err := registry.SplitHeader(r.Value)
			if err != nil {
				return err
			}
			d := decoders[id]
			if d == nil {
				text, err := c.registry.Schema(c.t.Context(), id)
				if err != nil {
					return err
				}
				if d, err = avro.ParseEnvelope(text); err != nil {
					return err
				}
				decoders[id] = d
			}
			arena.Reset()
			var ch schemas.Change
			if err := d.Decode(body, &arena, &ch); err != nil {
				return err
			}
			b.count[byte(ch.Op)]++
			state.apply(r, &ch)
			return nil
		}, topic)
		if err != nil {
			c.t.Fatalf("reading %s: %v", topic, err)
		}
		byKey := rows{}
		for _, row := range state.rows {
			byKey[row[key]] = row
		}
		if len(byKey) != len(state.rows) {
			c.t.Errorf("%s: %d rows under %d keys", topic, len(byKey), len(state.rows))
		}
		b.tables[table] = byKey
	}
	return b
}

// consumer applies the changes of a topic. By Kafka key: the rows, and those
// whose delete said that they live on under another.
type consumer struct{ rows, moved rows }

func (s *consumer) apply(r *kgo.Record, ch *schemas.Change) {
	key := string(r.Key)
	switch ch.Op {
	case schemas.Truncate:
		clear(s.rows)
	case schemas.Delete:
		for _, h := range r.Headers {
			if h.Key == schemas.HeaderNewKey {
				s.moved[string(h.Value)] = s.rows[key]
			}
		}
		delete(s.rows, key)
	default:
		before, row := s.rows[key], make(map[string]string, len(ch.After))
		if before == nil {
			before = s.moved[key]
		}
		for i, v := range ch.After {
			col := ch.Table.Columns[i]
			text := capturetest.RenderValue(v)
			switch {
			case v.Kind == schemas.Unchanged, text == strconv.Quote(schemas.UnavailableValue):
				text = before[col.Name]
			case col.Type.Name == schemas.ZonedTimestampType && v.Kind == schemas.Text:
				if at, err := time.Parse(time.RFC3339Nano, string(v.Bytes)); err == nil {
					text = strconv.FormatInt(at.UnixMicro(), 10)
				}
			}
			row[col.Name] = text
		}
		s.rows[key] = row
		delete(s.moved, key)
	}
}

func (b *rebuilt) ops() string {
	var parts []string
	for op, n := range b.count {
		parts = append(parts, fmt.Sprintf("%d %c", n, op))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// difference tells the first few rows that differ, "" if none does.
func (b *rebuilt) difference(want map[string]rows) string {
	var out []string
	n := 0
	say := func(format string, args ...any) {
		if n++; n <= 10 {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	for table, rows := range want {
		got := b.tables[table]
		for key, row := range rows {
			if got[key] == nil {
				say("%s %s is missing in Kafka: %v", table, key, row)
				continue
			}
			for col, text := range row {
				if has, ok := got[key][col]; !ok || has != text {
					say("%s %s, column %s: %.60s in the database, %.60s in Kafka", table, key, col, text, has)
				}
			}
			if len(got[key]) != len(row) {
				say("%s %s: %d columns in the database, %d in Kafka", table, key, len(row), len(got[key]))
			}
		}
		for key, row := range got {
			if rows[key] == nil {
				say("%s %s is in Kafka alone: %v", table, key, row)
			}
		}
	}
	if n > len(out) {
		out = append(out, fmt.Sprintf("and %d more", n-len(out)))
	}
	return strings.Join(out, "\n")
}

// keys are the tables and their primary keys, one column each.
func (c *crash) keys() map[string]string {
	return map[string]string{
		"pgbench_accounts": "aid", "pgbench_branches": "bid", "pgbench_tellers": "tid", "pgbench_history": "id",
		"crash_items": "id", "crash_bulk": "id", "crash_side": "id", "crash_shape": "id", "crash_mark": "id",
	}
}

// expected is what the database holds.
func (c *crash) expected() map[string]rows {
	c.t.Helper()
	ctx := c.t.Context()
	db, err := pgx.Connect(ctx, c.pg.DSN("postgres"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close(context.Background())
	out := map[string]rows{}
	for table, key := range c.keys() {
		r := db.PgConn().ExecParams(ctx, "SELECT * FROM "+table, nil, nil, nil, nil) // as text
		t := rows{}
		for r.NextRow() {
			row := map[string]string{}
			for i, v := range r.Values() {
				f := r.FieldDescriptions()[i]
				if row[f.Name], err = neutral(f.DataTypeOID, v); err != nil {
					c.t.Fatalf("%s.%s: %v", table, f.Name, err)
				}
			}
			t[row[key]] = row
		}
		if _, err := r.Close(); err != nil {
			c.t.Fatal(err)
		}
		out[table] = t
	}
	return out
}

// neutral writes PostgreSQL's text of a value as capturetest.RenderValue writes
// the value, and timestamps as microseconds.
func neutral(oid uint32, text []byte) (string, error) {
	if text == nil {
		return "null", nil
	}
	s := string(text)
	switch oid {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.NumericOID:
		return s, nil
	case pgtype.BoolOID:
		return strconv.FormatBool(s == "t"), nil
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID:
		return strconv.Quote(s), nil
	case pgtype.TimestampOID, pgtype.TimestamptzOID:
		layout := "2006-01-02 15:04:05.999999"
		if oid == pgtype.TimestamptzOID {
			layout += "-07"
		}
		at, err := time.Parse(layout, s)
		return strconv.FormatInt(at.UnixMicro(), 10), err
	}
	return "", fmt.Errorf("type %d is not compared yet", oid)
}
