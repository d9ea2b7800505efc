package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/schemas"
)

// tableInfo is a table as the catalogue has it.
type tableInfo struct {
	schema, name string
	columns      []columnInfo
	// key are the columns of the primary key, else of the first unique key that
	// has no NULL.
	key    []string
	engine string
	rows   int64 // an estimate
	bytes  int64
}

func (t *tableInfo) fullName() string { return t.schema + "." + t.name }

func (t *tableInfo) sql() string { return quote(t.schema) + "." + quote(t.name) }

// columnInfo is a column as the catalogue has it.
type columnInfo struct {
	logged
	special
	charset   string
	def       sql.NullString
	generated bool // its default is computed, or all of it
}

// tables finds the tables that the configuration names. A name without a table,
// is a *schemas.Fault. account is who asks.
func (c *Config) tables(ctx context.Context, db *sql.DB, account string) ([]*tableInfo, error) {
	rows, err := query(ctx, db, `SELECT table_schema, table_name, engine, table_rows, data_length FROM information_schema.tables
		WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND table_schema NOT IN ('information_schema', 'performance_schema', 'sys')
		ORDER BY table_schema, table_name`)
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	var out []*tableInfo
	for i, pattern := range c.Tables {
		schema, name, _ := strings.Cut(pattern, ".")
		found := false
		for _, r := range rows {
			if !matches(schema, r.text(0)) || !matches(name, r.text(1)) {
				continue
			}
			found = true
			if !containsTable(out, r.text(0), r.text(1)) {
				out = append(out, &tableInfo{schema: r.text(0), name: r.text(1), engine: r.text(2), rows: r.int(3), bytes: r.int(4)})
			}
		}
		if !found && !strings.ContainsAny(pattern, "*?[") {
			return nil, &schemas.Fault{
				Where: fmt.Sprintf("tables[%d]", i), What: fmt.Sprintf("there is no table %s, or the user may not see it", pattern),
				Cure: fmt.Sprintf("correct the name, or as an administrator: GRANT SELECT ON %s.%s TO %s;", quote(schema), quote(name), account),
			}
		}
	}
	return out, nil
}

func containsTable(list []*tableInfo, schema, name string) bool {
	for _, t := range list {
		if t.schema == schema && t.name == name {
			return true
		}
	}
	return false
}

// kinds are the types of the log by the catalogue's names.
var kinds = map[string]byte{
	"tinyint": gomysql.MYSQL_TYPE_TINY, "smallint": gomysql.MYSQL_TYPE_SHORT, "mediumint": gomysql.MYSQL_TYPE_INT24,
	"int": gomysql.MYSQL_TYPE_LONG, "bigint": gomysql.MYSQL_TYPE_LONGLONG, "float": gomysql.MYSQL_TYPE_FLOAT, "double": gomysql.MYSQL_TYPE_DOUBLE,
	"decimal": gomysql.MYSQL_TYPE_NEWDECIMAL, "bit": gomysql.MYSQL_TYPE_BIT, "year": gomysql.MYSQL_TYPE_YEAR, "date": gomysql.MYSQL_TYPE_DATE,
	"time": gomysql.MYSQL_TYPE_TIME2, "datetime": gomysql.MYSQL_TYPE_DATETIME2, "timestamp": gomysql.MYSQL_TYPE_TIMESTAMP2,
	"char": gomysql.MYSQL_TYPE_STRING, "binary": gomysql.MYSQL_TYPE_STRING, "varchar": gomysql.MYSQL_TYPE_VARCHAR, "varbinary": gomysql.MYSQL_TYPE_VARCHAR,
	"tinytext": gomysql.MYSQL_TYPE_BLOB, "text": gomysql.MYSQL_TYPE_BLOB, "mediumtext": gomysql.MYSQL_TYPE_BLOB, "longtext": gomysql.MYSQL_TYPE_BLOB,
	"tinyblob": gomysql.MYSQL_TYPE_BLOB, "blob": gomysql.MYSQL_TYPE_BLOB, "mediumblob": gomysql.MYSQL_TYPE_BLOB, "longblob": gomysql.MYSQL_TYPE_BLOB,
	"enum": gomysql.MYSQL_TYPE_ENUM, "set": gomysql.MYSQL_TYPE_SET, "json": gomysql.MYSQL_TYPE_JSON, "vector": gomysql.MYSQL_TYPE_VECTOR,
	"geometry": gomysql.MYSQL_TYPE_GEOMETRY, "point": gomysql.MYSQL_TYPE_GEOMETRY, "linestring": gomysql.MYSQL_TYPE_GEOMETRY,
	"polygon": gomysql.MYSQL_TYPE_GEOMETRY, "multipoint": gomysql.MYSQL_TYPE_GEOMETRY, "multilinestring": gomysql.MYSQL_TYPE_GEOMETRY,
	"multipolygon": gomysql.MYSQL_TYPE_GEOMETRY, "geometrycollection": gomysql.MYSQL_TYPE_GEOMETRY, "geomcollection": gomysql.MYSQL_TYPE_GEOMETRY,
	"uuid": gomysql.MYSQL_TYPE_STRING, "inet6": gomysql.MYSQL_TYPE_STRING, "inet4": gomysql.MYSQL_TYPE_STRING,
}

// read fills in a table's columns and key; it reports false where the table is
// gone.
func (t *tableInfo) read(ctx context.Context, db *sql.DB, d *dialect) (bool, error) {
	rows, err := query(ctx, db, `SELECT column_name, data_type, column_type, is_nullable, character_set_name, collation_name, column_default, extra,
			numeric_precision, numeric_scale, datetime_precision, character_octet_length
		FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`, t.schema, t.name)
	if err != nil {
		return false, fmt.Errorf("reading the columns of %s: %w", t.fullName(), err)
	}
	t.columns = t.columns[:0]
	for _, r := range rows {
		c := columnInfo{def: r[6], charset: r.text(4)}
		c.logged.name, c.special.name = r.text(0), strings.ToLower(r.text(1))
		declared := r.text(2)
		c.nullable, c.unsigned = r.text(3) == "YES", strings.Contains(declared, "unsigned") || strings.Contains(declared, "zerofill")
		extra := strings.ToUpper(r.text(7))
		c.generated = strings.Contains(extra, "GENERATED")
		c.point = c.special.name == "point"
		kind, ok := kinds[c.special.name]
		if !ok {
			return false, &schemas.Fault{
				Where: t.fullName() + "." + c.logged.name, What: fmt.Sprintf("type %s has no form", declared), Cure: "take the table out of tables",
			}
		}
		c.kind = kind
		if c.collation, ok = d.collation(r.text(5)); !ok && c.isText() {
			c.collation = binaryCollation
		}
		c.setMeta(r, declared)
		t.columns = append(t.columns, c)
	}
	if len(t.columns) == 0 {
		return false, nil
	}
	if d.maria {
		if err := t.readChecks(ctx, db); err != nil {
			return false, err
		}
	}
	return true, t.readKey(ctx, db)
}

// binaryCollation is the number of what is compared byte by byte.
const binaryCollation = 63

// collation finds the number of a collation by its name.
func (d *dialect) collation(name string) (uint64, bool) {
	n, ok := d.numbers[name]
	return n, ok
}

// setMeta fills in what the log says beside the type.
func (c *columnInfo) setMeta(r record, declared string) {
	switch c.kind {
	case gomysql.MYSQL_TYPE_NEWDECIMAL:
		c.meta = uint16(r.int(8))<<8 | uint16(r.int(9))
	case gomysql.MYSQL_TYPE_BIT:
		n := r.int(8)
		c.meta = uint16(n/8)<<8 | uint16(n%8)
	case gomysql.MYSQL_TYPE_TIME2, gomysql.MYSQL_TYPE_DATETIME2, gomysql.MYSQL_TYPE_TIMESTAMP2:
		c.meta = uint16(r.int(10))
	case gomysql.MYSQL_TYPE_STRING, gomysql.MYSQL_TYPE_VARCHAR:
		c.meta = uint16(r.int(11))
	case gomysql.MYSQL_TYPE_BLOB, gomysql.MYSQL_TYPE_JSON, gomysql.MYSQL_TYPE_GEOMETRY, gomysql.MYSQL_TYPE_VECTOR:
		c.meta = 4
	case gomysql.MYSQL_TYPE_ENUM, gomysql.MYSQL_TYPE_SET:
		c.labels, c.plain = parseLabels(declared), true
		c.meta = 1
	}
}

// parseLabels reads the labels of "enum('a','it”s')"; they are UTF-8 here.
func parseLabels(declared string) []string {
	_, list, _ := strings.Cut(declared, "(")
	var out []string
	for len(list) > 0 && list[0] == '\'' {
		var b strings.Builder
		i := 1
		for ; i < len(list); i++ {
			if list[i] == '\'' {
				if i+1 < len(list) && list[i+1] == '\'' {
					i++
				} else {
					break
				}
			}
			b.WriteByte(list[i])
		}
		out = append(out, b.String())
		list = strings.TrimPrefix(list[min(i+1, len(list)):], ",")
	}
	return out
}

// readChecks finds the columns that MariaDB was told to be JSON: texts with the
// check json_valid.
func (t *tableInfo) readChecks(ctx context.Context, db *sql.DB) error {
	rows, err := query(ctx, db, `SELECT check_clause FROM information_schema.check_constraints WHERE constraint_schema = ? AND table_name = ?`, t.schema, t.name)
	if err != nil {
		return fmt.Errorf("reading the checks of %s: %w", t.fullName(), err)
	}
	for _, r := range rows {
		for i := range t.columns {
			c := &t.columns[i]
			if c.special.name == "longtext" && r.text(0) == "json_valid("+quote(c.logged.name)+")" {
				c.json = true
			}
		}
	}
	return nil
}

func (t *tableInfo) readKey(ctx context.Context, db *sql.DB) error {
	rows, err := query(ctx, db, `SELECT index_name, column_name, nullable FROM information_schema.statistics
		WHERE table_schema = ? AND table_name = ? AND non_unique = 0 ORDER BY index_name <> 'PRIMARY', index_name, seq_in_index`, t.schema, t.name)
	if err != nil {
		return fmt.Errorf("reading the keys of %s: %w", t.fullName(), err)
	}
	t.key = nil
	keys := map[string][]string{}
	var order []string
	for _, r := range rows {
		name := r.text(0)
		if _, ok := keys[name]; !ok {
			order = append(order, name)
		}
		if !r[1].Valid || r.text(2) == "YES" { // an expression, or may be NULL
			keys[name] = append(keys[name], "")
			continue
		}
		keys[name] = append(keys[name], r.text(1))
	}
	for _, name := range order {
		whole := true
		for _, c := range keys[name] {
			whole = whole && c != ""
		}
		if whole {
			t.key = keys[name]
			return nil
		}
	}
	return nil
}

// readCollations learns the server's collations.
func (d *dialect) readCollations(ctx context.Context, db *sql.DB) error {
	q := "SELECT id, character_set_name, collation_name FROM information_schema.collations WHERE id IS NOT NULL"
	if d.maria {
		q = "SELECT id, character_set_name, collation_name FROM information_schema.collations WHERE id IS NOT NULL"
		has, err := query(ctx, db, `SELECT count(*) FROM information_schema.columns WHERE table_schema = 'information_schema'
			AND table_name = 'COLLATION_CHARACTER_SET_APPLICABILITY' AND column_name = 'FULL_COLLATION_NAME'`)
		if err != nil {
			return fmt.Errorf("reading the collations: %w", err)
		}
		if has[0].int(0) > 0 {
			q = "SELECT id, character_set_name, full_collation_name FROM information_schema.collation_character_set_applicability"
		}
	}
	rows, err := query(ctx, db, q)
	if err != nil {
		return fmt.Errorf("reading the collations: %w", err)
	}
	d.names, d.numbers, d.charsets = map[uint64]string{}, map[string]uint64{}, map[string]*charset{}
	for _, r := range rows {
		id, err := strconv.ParseUint(r.text(0), 10, 64)
		if err != nil {
			return fmt.Errorf("collation %s has number %q: %w", r.text(2), r.text(0), err)
		}
		d.names[id], d.numbers[r.text(2)] = r.text(1), id
	}
	return nil
}
