package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/schemas"
)

// gap is a change whose new row has values that the log left out: large ones
// that an update did not touch. key is the text of its key columns.
type gap struct {
	change int
	rel    *relation
	key    [][]byte
}

// gapRows is how many gaps one query fills.
const gapRows = 200

// fills reports whether the column's value is read from the table where the log
// left it out: as toast demands, while a snapshot of the table needs it, and
// where nothing could stand for it.
func (s *Source) fills(rel *relation, column int) bool {
	return s.cfg.Toast == Reselect || rel.complete.Load() || !rel.table.Columns[column].Type.HasPlaceholder()
}

// noteGap remembers the last change of the block, if it has values to read. m is
// its message as the server sent it.
func (d *decoder) noteGap(b *block, rel *relation, m []byte) {
	c := len(b.changes) - 1
	for i, v := range b.changes[c].After {
		if v.Kind == schemas.Unchanged && d.stream.source.fills(rel, i) {
			b.gaps = append(b.gaps, gap{c, rel, keyText(rel, m, &b.arena)})
			return
		}
	}
}

// keyText copies the key columns of a row message: of its new row, or of the
// old one where the new one leaves them out.
func keyText(rel *relation, m []byte, a *schemas.Arena) [][]byte {
	key := make([][]byte, len(rel.table.Key))
	r := reader{b: m[5:]}
	for len(r.b) > 0 && !r.short {
		r.skip(1) // K, O or N
		for i := range int(r.u16()) {
			if r.u8() != 't' {
				continue
			}
			v := r.bytes(int(r.u32()))
			if i < len(rel.attrs) {
				column := rel.table.Column(rel.attrs[i].name)
				if k := slices.Index(rel.table.Key, column); k >= 0 {
					key[k] = a.Copy(v)
				}
			}
		}
	}
	return key
}

// settle fills the gaps of the block at hand when its transaction has ended or
// there are many: a block with gaps is not handed out.
func (st *stream) settle(ctx context.Context) error {
	if n := len(st.cur.gaps); n == 0 || n < gapRows && st.decoder.in && st.cur.size() < st.target {
		return nil
	}
	return st.source.reselect(ctx, st.cur)
}

// reselect reads the current values of the block's gaps by key, from the
// tables. A value so read may be newer than the event: it is what a later
// change made, or makes, of it. Where the row or the column is gone, or has
// another type by now, the value stays Unchanged and is counted.
func (s *Source) reselect(ctx context.Context, b *block) error {
	if len(b.gaps) == 0 {
		return nil
	}
	byTable := map[*relation][]gap{}
	for _, g := range b.gaps {
		byTable[g.rel] = append(byTable[g.rel], g)
	}
	b.gaps = b.gaps[:0]
	for rel, gaps := range byTable {
		for part := range slices.Chunk(gaps, gapRows) {
			if err := s.fill(ctx, b, rel, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill reads the gaps of one table in one query.
func (s *Source) fill(ctx context.Context, b *block, rel *relation, gaps []gap) error {
	var columns []int
	rows := map[string][]gap{}
	for _, g := range gaps {
		rows[joined(g.key)] = append(rows[joined(g.key)], g)
		for i, v := range b.changes[g.change].After {
			if v.Kind == schemas.Unchanged && s.fills(rel, i) && !slices.Contains(columns, i) {
				columns = append(columns, i)
			}
		}
	}
	if len(rel.table.Key) > 0 {
		if err := s.read(ctx, b, rel, columns, rows); err != nil {
			return err
		}
	}
	gone := 0
	for _, g := range gaps {
		for i, v := range b.changes[g.change].After {
			if v.Kind == schemas.Unchanged && s.fills(rel, i) {
				gone++
				break
			}
		}
	}
	s.reselected.Add(int64(len(gaps) - gone))
	if gone > 0 {
		s.unfilled.Add(int64(gone))
		s.log.Warn("values that updates left out could not be read: their rows were deleted, or their columns changed, meanwhile",
			"table", rel.table.FullName(), "rows", gone)
	}
	return nil
}

// read asks for the rows and fills their columns. Rows of one key share the
// values.
func (s *Source) read(ctx context.Context, b *block, rel *relation, columns []int, rows map[string][]gap) error {
	ctx, cancel := s.patient(ctx)
	defer cancel()
	sql, args := reselectQuery(rel, columns, rows)
	keys := len(rel.table.Key)
	res := s.sql.ExecParams(ctx, sql, args, nil, nil, nil)
	for res.NextRow() {
		values := res.Values()
		for j, column := range columns {
			if res.FieldDescriptions()[keys+j].DataTypeOID != rel.typeOf(column) {
				continue // another type by now
			}
			var v schemas.Value
			if text := values[keys+j]; text != nil {
				err := rel.decode[column](&v, b.arena.Copy(text), &b.arena)
				var label *labelError
				if errors.As(err, &label) {
					continue
				}
				if err != nil {
					_, _ = res.Close() // the value is the reason
					return valueFault(rel, column, "row "+strings.ReplaceAll(joined(values[:keys]), "\x00", ", "), err)
				}
			} else if !rel.table.Columns[column].Optional {
				continue
			}
			for _, g := range rows[joined(values[:keys])] {
				if after := b.changes[g.change].After; after[column].Kind == schemas.Unchanged {
					after[column] = v
				}
			}
		}
	}
	_, err := res.Close()
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		switch pe.Code {
		case "42P01", "42703", "3F000", "42883": // table, column, schema, or the key's type are no longer what they were
			return nil
		case "42501":
			return &schemas.Fault{
				Where: rel.table.FullName(), What: "may not be read by the role of the dsn, which toast: reselect needs",
				Cure: fmt.Sprintf("as its owner: GRANT SELECT ON %s TO %s;", rel.info.sql(), quote(s.server.user)),
			}
		}
	}
	if err != nil {
		return s.stream.fault(fmt.Errorf("reading values that the log left out: %w", err))
	}
	return nil
}

// typeOf is the PostgreSQL type of a column of the Table.
func (r *relation) typeOf(column int) uint32 {
	for _, a := range r.attrs {
		if a.name == r.table.Columns[column].Name {
			return a.oid
		}
	}
	return 0
}

// reselectQuery asks for the columns of the rows with those keys.
func reselectQuery(rel *relation, columns []int, rows map[string][]gap) (string, [][]byte) {
	name := func(i int) string { return quote(rel.table.Columns[i].Name) }
	var names, key []string
	for _, k := range rel.table.Key {
		key = append(key, name(k))
	}
	names = append(names, key...)
	for _, c := range columns {
		names = append(names, name(c))
	}
	_, from, _ := rel.published()
	var sql strings.Builder
	fmt.Fprintf(&sql, "SELECT %s FROM %s WHERE (%s) IN (", strings.Join(names, ", "), from, strings.Join(key, ", "))
	var args [][]byte
	for _, gaps := range rows {
		if len(args) > 0 {
			sql.WriteString(", ")
		}
		sql.WriteByte('(')
		for i, k := range gaps[0].key {
			if i > 0 {
				sql.WriteString(", ")
			}
			args = append(args, k)
			sql.WriteString("$" + strconv.Itoa(len(args)))
		}
		sql.WriteByte(')')
	}
	sql.WriteByte(')')
	return sql.String(), args
}

// joined is a key as one string; text in PostgreSQL holds no zero byte.
func joined(key [][]byte) string {
	var b strings.Builder
	for _, k := range key {
		b.Write(k)
		b.WriteByte(0)
	}
	return b.String()
}

// Reselected is for how many rows values that the log left out were read from
// their tables, and for how many that was no longer possible.
func (s *Source) Reselected() (filled, unfilled int64) {
	return s.reselected.Load(), s.unfilled.Load()
}
