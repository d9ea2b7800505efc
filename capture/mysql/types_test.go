package mysql

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/schemas"
	"sluice/schemas/avro"
)

// documented is a row of TYPES.md.
type documented struct{ typ, text, avro, connect, value string }

// readTypes reads the rows that hold for the server.
func readTypes(t *testing.T, maria bool) []documented {
	t.Helper()
	text, err := os.ReadFile("TYPES.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []documented
	section := ""
	for line := range strings.SplitSeq(string(text), "\n") {
		if strings.HasPrefix(line, "## ") {
			section = line
		}
		cells := strings.Split(line, "|")
		if len(cells) != 7 || !strings.HasPrefix(line, "| `") || section == "## On MySQL" && maria || section == "## On MariaDB" && !maria {
			continue
		}
		cell := func(i int) string { return strings.Trim(strings.TrimSpace(cells[i]), "`") }
		out = append(out, documented{cell(1), cell(2), cell(3), cell(4), cell(5)})
	}
	if len(out) < 90 {
		t.Fatalf("TYPES.md has %d rows", len(out))
	}
	return out
}

// columns are a table's, one for each example, and values what to insert.
func columns(rows []documented) (columns, values string) {
	var c, v []string
	for i, r := range rows {
		c, v = append(c, fmt.Sprintf("c%d %s", i, r.typ)), append(v, r.text)
	}
	return strings.Join(c, ", "), strings.Join(v, ", ")
}

// lenient lets dates be none.
const lenient = "SET sql_mode = 'ALLOW_INVALID_DATES'; "

// TestTypesAreAsDocumented reads every example of TYPES.md by snapshot and from
// the stream.
func TestTypesAreAsDocumented(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := newBed(t, of(t))
		rows := readTypes(t, b.maria)
		cols, values := columns(rows)
		b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, "+cols+")")
		b.exec(t, lenient+"INSERT INTO items VALUES (1, "+values+")")
		r := capturetest.Open(t, b.source(t, b.config("items")), "")
		fromSnapshot := r.Read(1)[0]
		b.exec(t, lenient+"INSERT INTO items VALUES (2, "+values+"); INSERT INTO items (id) VALUES (3)")
		streamed := r.Read(2)
		fromStream, nulls := streamed[0], streamed[1]
		if fromSnapshot.Table != fromStream.Table {
			t.Error("snapshot and stream made two versions of the table")
		}
		envelope, err := avro.CompileEnvelope("crm", fromStream.Table, avro.Options{})
		if err != nil {
			t.Fatal(err)
		}
		fields := valueFields(t, envelope.ValueSchema)
		for i, row := range rows {
			if got := capturetest.RenderValue(fromSnapshot.After[i+1]); got != row.value {
				t.Errorf("%s %s by snapshot is %s, documented %s", row.typ, row.text, got, row.value)
			}
			if !fromStream.After[i+1].Equal(fromSnapshot.After[i+1]) {
				t.Errorf("%s %s by stream is %s, by snapshot %s", row.typ, row.text,
					capturetest.RenderValue(fromStream.After[i+1]), capturetest.RenderValue(fromSnapshot.After[i+1]))
			}
			if !nulls.After[i+1].IsNull() {
				t.Errorf("%s NULL is %s", row.typ, capturetest.RenderValue(nulls.After[i+1]))
			}
			f := fields[fmt.Sprintf("c%d", i)]
			if f.typ != row.avro || f.connect != row.connect && row.avro != "record" {
				t.Errorf("%s is Avro %q named %q, documented %q named %q", row.typ, f.typ, f.connect, row.avro, row.connect)
			}
		}
	})
}

// TestValuesAreOneInAllModes reads all examples by snapshot and from the stream,
// as insert and as both images of an update, in each mode of the configuration,
// and compares the bytes of their records.
func TestValuesAreOneInAllModes(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		for _, mode := range []Config{
			{Decimals: String, BigintUnsigned: Decimal, ZeroDates: Epoch},
			{Decimals: Double, BigintUnsigned: String, ZeroDates: Null},
		} {
			b := newBed(t, of(t))
			cols, values := columns(readTypes(t, b.maria))
			b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, big bigint unsigned NOT NULL, none date NOT NULL, moment timestamp(3) NOT NULL DEFAULT '1980-01-01', "+cols+")")
			insert := lenient + "INSERT INTO items VALUES (%d, 18446744073709551615, '0000-00-00', '0000-00-00 00:00:00', " + values + ")"
			b.exec(t, fmt.Sprintf(insert, 1))
			c := b.config("items")
			c.Decimals, c.BigintUnsigned, c.ZeroDates = mode.Decimals, mode.BigintUnsigned, mode.ZeroDates
			r := capturetest.Open(t, b.source(t, c), "")
			snapshot := r.Read(1)[0]
			b.exec(t, fmt.Sprintf(insert, 2))
			b.exec(t, lenient+"UPDATE items SET none = '1999-01-01' WHERE id = 2; DELETE FROM items WHERE id = 2")
			stream := r.Read(3)
			if stream[0].Table != snapshot.Table {
				t.Error("snapshot and stream made two versions of the table")
			}
			if big := capturetest.RenderValue(snapshot.After[1]); strings.Trim(big, `"`) != "18446744073709551615" {
				t.Errorf("the greatest BIGINT UNSIGNED is %s", big)
			}
			if snapshot.After[2].IsNull() || snapshot.After[2].Int() != 0 || string(snapshot.After[3].Bytes) != "1970-01-01T00:00:00.000Z" {
				t.Errorf("zero dates that may not be NULL are %s and %s", capturetest.RenderValue(snapshot.After[2]), capturetest.RenderValue(snapshot.After[3]))
			}
			snapshot.After[0] = schemas.IntOf(2)
			sameRecords(t, snapshot.Table, snapshot.After, stream[0].After, stream[1].Before)
			snapshot.After[2] = schemas.IntOf(10592)
			sameRecords(t, snapshot.Table, snapshot.After, stream[1].After, stream[2].Before)
			r.Close()
		}
	})
}

// sameRecords compares rows as Avro writes them.
func sameRecords(t *testing.T, table *schemas.Table, rows ...schemas.Row) {
	t.Helper()
	plain := *table
	plain.Source = nil // it tells which row it is
	envelope, err := avro.CompileEnvelope("crm", &plain, avro.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var want string
	for i, row := range rows {
		c := schemas.Change{Op: schemas.Create, Table: &plain, After: row}
		got, err := envelope.AppendValue(nil, &c, epoch)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = string(got)
		}
		if string(got) == want {
			continue
		}
		for j := range row {
			if !row[j].Equal(rows[0][j]) {
				t.Errorf("image %d: column %s is %s, by snapshot %s", i, table.Columns[j].Name, capturetest.RenderValue(row[j]), capturetest.RenderValue(rows[0][j]))
			}
		}
	}
}

// TestRefusedValues stops at values that have no form, with the cure.
func TestRefusedValues(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		for _, c := range []struct{ column, value, says string }{
			{"bigint unsigned", "9223372036854775808", "set bigint_unsigned: decimal (or string)"},
			{"date", "'2024-00-01'", "set zero_dates: null or epoch"},
			{"datetime(3)", "'0000-00-00'", "set zero_dates: null or epoch"},
		} {
			b := newBed(t, of(t))
			b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, c "+c.column+")")
			cfg := b.config("items")
			cfg.ZeroDates = Error
			s := b.source(t, cfg)
			r := capturetest.Open(t, s, "")
			r.Settle(b.harness())
			b.exec(t, lenient+"INSERT INTO items VALUES (1, "+c.value+")")
			fault := failure(t, s)
			if !strings.Contains(fault, c.says) || !strings.Contains(fault, ".items.c") {
				t.Errorf("%s %s: %s", c.column, c.value, fault)
			}
			r.Close()
		}
		b := newBed(t, of(t))
		b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, c varchar(10) CHARACTER SET armscii8)")
		if err := b.source(t, b.config("items")).Open(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "CONVERT TO CHARACTER SET utf8mb4") {
			t.Errorf("an unknown character set: %v", err)
		}
	})
}
