package e2e

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/capture/capturetest"
	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
)

// rows are a table's: by the text of the primary key, each a text by column.
type rows map[string]map[string]string

// add puts a row where its key says. Without a key all of it is the key, and of
// rows that are alike each has a number.
func (t rows) add(key []string, row map[string]string) {
	if len(key) > 0 {
		t[keyText(key, row)] = row
		return
	}
	t[t.free(row)] = row
}

// free is the place of the next row that is like this one.
func (t rows) free(row map[string]string) string {
	text := keyText(slices.Sorted(maps.Keys(row)), row)
	for n := 1; ; n++ {
		if at := fmt.Sprintf("%s #%d", text, n); t[at] == nil {
			return at
		}
	}
}

// drop removes one of the rows that are like this one, and reports whether there
// was any.
func (t rows) drop(row map[string]string) bool {
	text, place, ok := keyText(slices.Sorted(maps.Keys(row)), row), "", false
	for n := 1; ; n++ {
		at := fmt.Sprintf("%s #%d", text, n)
		if t[at] == nil {
			break
		}
		place, ok = at, true
	}
	delete(t, place)
	return ok
}

func keyText(key []string, row map[string]string) string {
	parts := make([]string, 0, len(key))
	for _, column := range key {
		parts = append(parts, row[column])
	}
	return strings.Join(parts, ", ")
}

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
		topic := c.topics() + table
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
			if len(key) == 0 {
				return state.applyKeyless(&ch)
			}
			state.apply(r, &ch)
			return nil
		}, topic)
		if err != nil {
			c.t.Fatalf("reading %s: %v", topic, err)
		}
		byKey := rows{}
		for _, row := range state.rows {
			byKey.add(key, row)
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
		texts(ch.Table, ch.After, before, row)
		s.rows[key] = row
		delete(s.moved, key)
	}
}

// applyKeyless applies a change of a table that has no key: its records name a
// row by all that it was.
func (s *consumer) applyKeyless(ch *schemas.Change) error {
	if ch.Op == schemas.Truncate {
		clear(s.rows)
		return nil
	}
	if ch.Before != nil {
		before := map[string]string{}
		texts(ch.Table, ch.Before, nil, before)
		if !s.rows.drop(before) {
			return fmt.Errorf("%s of a row of %s that is not there: %v", ch.Op, ch.Table.Name, before)
		}
	}
	if ch.After != nil {
		after := map[string]string{}
		texts(ch.Table, ch.After, nil, after)
		s.rows.add(nil, after)
	}
	return nil
}

// texts writes the values of a row as neutral texts; those that did not change, and
// were not sent, are those of before.
func texts(table *schemas.Table, values schemas.Row, before, row map[string]string) {
	for i, v := range values {
		col := table.Columns[i]
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

// expected is what the database holds.
func (c *crash) expected() map[string]rows {
	c.t.Helper()
	out := map[string]rows{}
	for table, key := range c.keys() {
		t := rows{}
		if err := c.table(c.t.Context(), table, func(row map[string]string) { t.add(key, row) }); err != nil {
			c.t.Fatalf("reading %s: %v", table, err)
		}
		out[table] = t
	}
	return out
}
