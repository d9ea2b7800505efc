package mysql

import (
	"fmt"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
)

// logged is a column as the log describes it.
type logged struct {
	kind byte   // MySQL's type, for MYSQL_TYPE_STRING the one it stands for
	meta uint16 // what the kind says of length and places
	// nullable is always in the log; what follows only where the server logs
	// metadata.
	nullable  bool
	unsigned  bool
	collation uint64 // 0: not told
	name      string
	labels    []string // of an enum or set, in bytes of its character set
	plain     bool     // the labels are UTF-8
	hidden    bool
	point     bool // a geometry that is always a point
}

// tableMap is a TABLE_MAP event: how the rows of one table are laid out in the
// events that follow (MySQL source, Table_map_event).
type tableMap struct {
	id           uint64
	schema, name string
	columns      []logged
	// key are the columns of the primary key. named: the log names the columns.
	key   []int
	named bool
	maria bool // whose metadata it is
}

// maxColumns is more than any table of MySQL has.
const maxColumns = 4096 + 1

// parseTableMap reads the event's body, as MySQL or MariaDB writes it.
func parseTableMap(body []byte, maria bool) (*tableMap, error) {
	r := &reader{b: body}
	t := &tableMap{id: r.u48(), maria: maria}
	r.u16()
	t.schema = string(r.bytes(int(r.u8())))
	r.u8()
	t.name = string(r.bytes(int(r.u8())))
	r.u8()
	n := r.packed()
	if n > maxColumns {
		return nil, fmt.Errorf("table %s.%s has %d columns", t.schema, t.name, n)
	}
	kinds := r.bytes(int(n))
	metas := &reader{b: r.run()}
	nulls := r.bytes((int(n) + 7) / 8)
	if r.short {
		return nil, errShort
	}
	t.columns = make([]logged, n)
	for i := range t.columns {
		c := &t.columns[i]
		c.kind, c.nullable = kinds[i], isSet(nulls, i)
		if err := c.readMeta(metas); err != nil {
			return nil, fmt.Errorf("column %d of table %s.%s: %w", i+1, t.schema, t.name, err)
		}
	}
	if metas.short {
		return nil, errShort
	}
	for len(r.b) > 0 && !r.short {
		if err := t.optional(r.u8(), r.run()); err != nil {
			return nil, err
		}
	}
	return t, r.err()
}

// readMeta reads what a column's kind needs. A string may stand for an enum or a
// set, and has its length's high bits in the type (MySQL source,
// Field_string::do_save_field_metadata).
func (c *logged) readMeta(r *reader) error {
	switch c.kind {
	case gomysql.MYSQL_TYPE_STRING:
		kind, low := r.u8(), r.u8()
		c.meta = uint16(low)
		if kind&0x30 != 0x30 {
			c.meta |= uint16(kind&0x30^0x30) << 4
			kind |= 0x30
		}
		c.kind = kind
		switch kind {
		case gomysql.MYSQL_TYPE_STRING, gomysql.MYSQL_TYPE_ENUM, gomysql.MYSQL_TYPE_SET:
		default:
			return fmt.Errorf("unknown type %d", kind)
		}
	case gomysql.MYSQL_TYPE_NEWDECIMAL:
		c.meta = uint16(r.u8())<<8 | uint16(r.u8())
	case gomysql.MYSQL_TYPE_VARCHAR, gomysql.MYSQL_TYPE_VAR_STRING, gomysql.MYSQL_TYPE_BIT:
		c.meta = r.u16()
	case gomysql.MYSQL_TYPE_BLOB, gomysql.MYSQL_TYPE_GEOMETRY, gomysql.MYSQL_TYPE_VECTOR, gomysql.MYSQL_TYPE_JSON,
		gomysql.MYSQL_TYPE_FLOAT, gomysql.MYSQL_TYPE_DOUBLE,
		gomysql.MYSQL_TYPE_TIME2, gomysql.MYSQL_TYPE_DATETIME2, gomysql.MYSQL_TYPE_TIMESTAMP2,
		mariaBlobCompressed:
		c.meta = uint16(r.u8())
	case mariaVarcharCompressed:
		c.meta = r.u16()
	case gomysql.MYSQL_TYPE_TINY, gomysql.MYSQL_TYPE_SHORT, gomysql.MYSQL_TYPE_LONG, gomysql.MYSQL_TYPE_LONGLONG, gomysql.MYSQL_TYPE_INT24,
		gomysql.MYSQL_TYPE_YEAR, gomysql.MYSQL_TYPE_DATE, gomysql.MYSQL_TYPE_NEWDATE, gomysql.MYSQL_TYPE_TIME, gomysql.MYSQL_TYPE_DATETIME, gomysql.MYSQL_TYPE_TIMESTAMP:
	default:
		return fmt.Errorf("unknown type %d", c.kind)
	}
	return nil
}

// Types of MariaDB's compressed columns (MariaDB source, mysql_com.h).
const (
	mariaBlobCompressed    = 140
	mariaVarcharCompressed = 141
)

// Fields of a table map's metadata (MySQL source,
// Table_map_event::Optional_metadata_field_type).
const (
	metaSignedness         = 1
	metaDefaultCharset     = 2
	metaColumnCharset      = 3
	metaColumnName         = 4
	metaSetValues          = 5
	metaEnumValues         = 6
	metaGeometryType       = 7
	metaSimplePrimaryKey   = 8
	metaPrefixedPrimaryKey = 9
	metaLabelsDefault      = 10
	metaLabelsCharset      = 11
	metaVisibility         = 12
)

func (c *logged) isNumber() bool {
	switch c.kind {
	case gomysql.MYSQL_TYPE_TINY, gomysql.MYSQL_TYPE_SHORT, gomysql.MYSQL_TYPE_INT24, gomysql.MYSQL_TYPE_LONG, gomysql.MYSQL_TYPE_LONGLONG,
		gomysql.MYSQL_TYPE_NEWDECIMAL, gomysql.MYSQL_TYPE_FLOAT, gomysql.MYSQL_TYPE_DOUBLE, gomysql.MYSQL_TYPE_YEAR:
		return true
	}
	return false
}

func (c *logged) isText() bool {
	switch c.kind {
	case gomysql.MYSQL_TYPE_STRING, gomysql.MYSQL_TYPE_VAR_STRING, gomysql.MYSQL_TYPE_VARCHAR, gomysql.MYSQL_TYPE_BLOB,
		mariaBlobCompressed, mariaVarcharCompressed:
		return true
	}
	return false
}

func (c *logged) isEnum() bool { return c.kind == gomysql.MYSQL_TYPE_ENUM }

func (c *logged) isGeometry() bool { return c.kind == gomysql.MYSQL_TYPE_GEOMETRY }

func (c *logged) isSetType() bool { return c.kind == gomysql.MYSQL_TYPE_SET }

func (c *logged) isLabels() bool { return c.isEnum() || c.isSetType() }

// lettered are the columns of which the metadata has a collation. MariaDB tells
// one of geometries, too.
func (t *tableMap) lettered() func(*logged) bool {
	if t.maria {
		return func(c *logged) bool { return c.isText() || c.isGeometry() }
	}
	return (*logged).isText
}

// optional reads one field of the metadata; unknown ones are of no use to us.
func (t *tableMap) optional(field byte, v []byte) error {
	r := &reader{b: v}
	switch field {
	case metaSignedness:
		n := 0
		t.each((*logged).isNumber, func(c *logged) {
			if n>>3 < len(v) {
				c.unsigned = v[n>>3]&(0x80>>(n&7)) != 0
			}
			n++
		})
	case metaDefaultCharset, metaLabelsDefault:
		kind := t.lettered()
		if field == metaLabelsDefault {
			kind = (*logged).isLabels
		}
		usual := r.packed()
		others := map[uint64]uint64{}
		for len(r.b) > 0 {
			at := r.packed()
			others[at] = r.packed()
		}
		n := uint64(0)
		t.each(kind, func(c *logged) {
			if c.collation = usual; others[n] != 0 {
				c.collation = others[n]
			}
			n++
		})
	case metaColumnCharset:
		t.each(t.lettered(), func(c *logged) { c.collation = r.packed() })
	case metaLabelsCharset:
		t.each((*logged).isLabels, func(c *logged) { c.collation = r.packed() })
	case metaColumnName:
		t.named = true
		t.each(nil, func(c *logged) { c.name = string(r.run()) })
	case metaEnumValues, metaSetValues:
		kind := (*logged).isEnum
		if field == metaSetValues {
			kind = (*logged).isSetType
		}
		t.each(kind, func(c *logged) {
			n := r.packed()
			for i := uint64(0); i < n && !r.short; i++ {
				c.labels = append(c.labels, string(r.run()))
			}
		})
	case metaGeometryType:
		t.each((*logged).isGeometry, func(c *logged) { c.point = r.packed() == 1 })
	case metaSimplePrimaryKey, metaPrefixedPrimaryKey:
		for len(r.b) > 0 && !r.short {
			n := r.packed()
			if field == metaPrefixedPrimaryKey {
				r.packed() // how many characters of the column count
			}
			if n >= uint64(len(t.columns)) {
				return fmt.Errorf("table %s.%s has no column %d for its key", t.schema, t.name, n)
			}
			t.key = append(t.key, int(n))
		}
	case metaVisibility:
		n := 0
		t.each(nil, func(c *logged) {
			c.hidden = n>>3 < len(v) && v[n>>3]&(0x80>>(n&7)) == 0
			n++
		})
	}
	return r.err()
}

// each calls f with the columns of a kind, in order; nil: with all.
func (t *tableMap) each(kind func(*logged) bool, f func(*logged)) {
	for i := range t.columns {
		if c := &t.columns[i]; kind == nil || kind(c) {
			f(c)
		}
	}
}
