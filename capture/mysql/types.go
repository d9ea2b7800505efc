package mysql

import (
	"fmt"
	"strings"
	"sync"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/schemas"
)

// decodeFunc reads one value out of the log. src lies in the batch's arena: the
// decoder may point to it.
type decodeFunc func(dst *schemas.Value, src []byte, a *schemas.Arena) error

// fieldFunc reads the same value out of an answer to a query.
type fieldFunc func(dst *schemas.Value, f *gomysql.FieldValue, a *schemas.Arena) error

// column is how one column is read.
type column struct {
	logged
	typ schemas.Type
	// width is how many bytes a value has in the log, prefix of how many bytes
	// the length is that stands before it; one of them is 0.
	width, prefix int
	fromLog       decodeFunc
	fromField     fieldFunc
	// query is what a query selects, with %s for the column's name.
	query string
	// set is the character set of a text.
	set *charset
}

// special says of a column what the log does not.
type special struct {
	name string // the catalogue's data type, in lower case
	json bool   // MariaDB: a text that must be JSON
}

// dialect turns columns into types, by the configuration and the server.
type dialect struct {
	maria     bool
	decimals  string
	unsigned  string // bigint_unsigned
	zeroDates string
	// names are the character sets by the numbers of collations, numbers those
	// by name.
	names    map[uint64]string
	numbers  map[string]uint64
	mu       sync.Mutex
	charsets map[string]*charset
}

// unsupported is a column that has no form.
type unsupported struct{ what, cure string }

func (u *unsupported) Error() string { return u.what }

// charset finds the character set of a collation.
func (d *dialect) charset(collation uint64) (*charset, error) {
	name, ok := d.names[collation]
	if !ok {
		return nil, &unsupported{
			what: fmt.Sprintf("collation %d is unknown to the server", collation),
			cure: "convert the column: ALTER TABLE ... CONVERT TO CHARACTER SET utf8mb4",
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.charsets[name]; c != nil {
		return c, nil
	}
	c, err := newCharset(name)
	if err != nil {
		return nil, &unsupported{what: err.Error(), cure: "convert the column: ALTER TABLE ... CONVERT TO CHARACTER SET utf8mb4"}
	}
	d.charsets[name] = c
	return c, nil
}

// resolve says what a column means and how it is read.
func (d *dialect) resolve(l logged, s special) (column, error) {
	c := column{logged: l, query: "%s"}
	switch l.kind {
	case gomysql.MYSQL_TYPE_TINY:
		c.integer(1, schemas.Int16Type, schemas.Int16Type)
	case gomysql.MYSQL_TYPE_SHORT:
		c.integer(2, schemas.Int16Type, schemas.Int32Type)
	case gomysql.MYSQL_TYPE_INT24:
		c.integer(3, schemas.Int32Type, schemas.Int32Type)
	case gomysql.MYSQL_TYPE_LONG:
		c.integer(4, schemas.Int32Type, schemas.Int64Type)
	case gomysql.MYSQL_TYPE_LONGLONG:
		c.integer(8, schemas.Int64Type, schemas.Int64Type)
		if l.unsigned {
			d.bigUnsigned(&c)
		}
	case gomysql.MYSQL_TYPE_FLOAT:
		c.typ, c.width, c.fromLog, c.fromField, c.query = schemas.Type{Name: schemas.Float32Type}, 4, decodeFloat, fieldFloat, "%s + 0e0"
	case gomysql.MYSQL_TYPE_DOUBLE:
		c.typ, c.width, c.fromLog, c.fromField, c.query = schemas.Type{Name: schemas.Float64Type}, 8, decodeDouble, fieldFloat, "%s + 0e0"
	case gomysql.MYSQL_TYPE_NEWDECIMAL:
		d.decimal(&c)
	case gomysql.MYSQL_TYPE_YEAR:
		c.typ = schemas.Type{Name: schemas.Int32Type, Meaning: "io.debezium.time.Year"}
		c.width, c.fromLog, c.fromField = 1, decodeYear, fieldInt
	case gomysql.MYSQL_TYPE_BIT:
		c.bits()
	case gomysql.MYSQL_TYPE_ENUM, gomysql.MYSQL_TYPE_SET:
		return c, d.labels(&c)
	case gomysql.MYSQL_TYPE_JSON:
		c.typ, c.prefix, c.fromLog, c.fromField = schemas.Type{Name: schemas.JSONType}, int(l.meta), decodeJSON, fieldText
	case gomysql.MYSQL_TYPE_GEOMETRY:
		c.prefix = int(l.meta)
		c.geometry()
	case gomysql.MYSQL_TYPE_VECTOR:
		c.vector()
	case gomysql.MYSQL_TYPE_STRING, gomysql.MYSQL_TYPE_VARCHAR, gomysql.MYSQL_TYPE_VAR_STRING, gomysql.MYSQL_TYPE_BLOB,
		mariaBlobCompressed, mariaVarcharCompressed:
		return c, d.text(&c, s)
	default:
		return c, d.temporal(&c)
	}
	return c, nil
}

func (c *column) integer(width int, signed, unsigned schemas.TypeName) {
	c.width, c.typ, c.fromLog, c.fromField = width, schemas.Type{Name: signed}, decodeInt(width), fieldInt
	if c.unsigned {
		c.typ, c.fromLog = schemas.Type{Name: unsigned}, decodeUint
	}
}

// Values of Config.BigintUnsigned; String is one, too.
const (
	Long    = "long"
	Decimal = "decimal"
)

// bigUnsigned is BIGINT UNSIGNED, of which half does not fit an Int64Type.
func (d *dialect) bigUnsigned(c *column) {
	put := putLong
	switch d.unsigned {
	case Decimal:
		c.typ, put = schemas.Type{Name: schemas.DecimalType, Precision: 20}, putUnscaled
	case String:
		c.typ, put = schemas.Type{Name: schemas.StringType}, putDigits
	}
	c.fromLog = func(dst *schemas.Value, src []byte, a *schemas.Arena) error { return put(dst, littleEndian(src), a) }
	c.fromField = func(dst *schemas.Value, f *gomysql.FieldValue, a *schemas.Arena) error {
		n, err := unsignedOf(f)
		if err != nil {
			return err
		}
		return put(dst, n, a)
	}
}

// labels is an enum or a set: numbers in the log and, so that both ways are one,
// in queries.
func (d *dialect) labels(c *column) error {
	set, err := d.charset(c.collation)
	if err != nil {
		return err
	}
	c.set, c.width, c.query = set, int(c.meta), "CAST(%s AS UNSIGNED)"
	var a schemas.Arena
	texts := make([][]byte, len(c.labels))
	symbols := make([]string, len(c.labels))
	for i, l := range c.labels {
		v := schemas.TextOf([]byte(l))
		if !c.plain {
			v = set.text(v.Bytes, &a)
		}
		texts[i], symbols[i] = append([]byte(nil), v.Bytes...), string(v.Bytes)
	}
	put := putEnum(texts)
	if c.isSetType() {
		put = putSet(texts)
		c.typ = schemas.Type{Name: schemas.StringType, Meaning: "io.debezium.data.EnumSet"}
	} else {
		c.typ = schemas.Type{Name: schemas.EnumType, Symbols: symbols}
	}
	c.fromLog = func(dst *schemas.Value, src []byte, a *schemas.Arena) error { return put(dst, littleEndian(src), a) }
	c.fromField = func(dst *schemas.Value, f *gomysql.FieldValue, a *schemas.Arena) error {
		n, err := unsignedOf(f)
		if err != nil {
			return err
		}
		return put(dst, n, a)
	}
	return nil
}

// text is a string of letters or bytes.
func (d *dialect) text(c *column, s special) error {
	switch c.kind {
	case gomysql.MYSQL_TYPE_BLOB, mariaBlobCompressed:
		c.prefix = int(c.meta)
	default:
		if c.prefix = 1; c.meta > 255 {
			c.prefix = 2
		}
	}
	c.fromField = fieldText
	if d.maria && d.fixed(c, s.name) {
		return nil
	}
	set, err := d.charset(c.collation)
	if err != nil {
		return err
	}
	c.set = set
	switch {
	case set.name == binaryCharset && s.name == "vector":
		c.typ, c.fromLog = vectorType, decodeVector
		c.fromField = viaBytes(decodeVector)
	case set.name == binaryCharset:
		c.typ, c.fromLog, c.fromField = schemas.Type{Name: schemas.BytesType}, decodeBytes, viaBytes(decodeBytes)
		if c.kind == gomysql.MYSQL_TYPE_STRING {
			c.fromLog = decodePadded(int(c.meta))
		}
	default:
		c.typ = schemas.Type{Name: schemas.StringType}
		if s.json {
			c.typ.Name = schemas.JSONType
		}
		c.fromLog = func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
			*dst = set.text(src, a)
			return nil
		}
		c.fromField = viaBytes(c.fromLog)
	}
	if c.kind == mariaBlobCompressed || c.kind == mariaVarcharCompressed {
		if c.kind == mariaVarcharCompressed {
			if c.prefix = 1; c.meta > 255 {
				c.prefix = 2
			}
		}
		inner := c.fromLog
		c.fromLog = func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
			plain, err := expandColumn(src, a)
			if err != nil {
				return err
			}
			return inner(dst, plain, a)
		}
	}
	return nil
}

// Structs of Debezium's package io.debezium.data.geometry.
var (
	pointRecord = &schemas.Table{
		Schema: "io.debezium.data.geometry", Name: "Point", Doc: "Geometry (POINT)",
		Columns: append([]schemas.Column{
			{Name: "x", Type: schemas.Type{Name: schemas.Float64Type}},
			{Name: "y", Type: schemas.Type{Name: schemas.Float64Type}},
		}, wkbColumns(true)...),
	}
	geometryRecord = &schemas.Table{
		Schema: "io.debezium.data.geometry", Name: "Geometry", Doc: "Geometry", Columns: wkbColumns(false),
	}
)

func wkbColumns(optional bool) []schemas.Column {
	return []schemas.Column{
		{Name: "wkb", Type: schemas.Type{Name: schemas.BytesType}, Optional: optional},
		{Name: "srid", Type: schemas.Type{Name: schemas.Int32Type}, Optional: true},
	}
}

func (c *column) geometry() {
	c.typ, c.fromLog = schemas.Type{Name: schemas.StructType, Record: geometryRecord}, decodeGeometry
	if c.point {
		c.typ, c.fromLog = schemas.Type{Name: schemas.StructType, Record: pointRecord}, decodePoint
	}
	c.fromField = viaBytes(c.fromLog)
}

var vectorType = schemas.Type{
	Name: schemas.ArrayType, Meaning: "io.debezium.data.FloatVector",
	Elem: &schemas.Column{Type: schemas.Type{Name: schemas.Float32Type}},
}

func (c *column) vector() {
	c.typ, c.prefix, c.fromLog, c.fromField = vectorType, int(c.meta), decodeVector, viaBytes(decodeVector)
}

// bits is BIT(n): one bit is a boolean.
func (c *column) bits() {
	whole, rest := int(c.meta>>8), int(c.meta&0xFF)
	n := whole*8 + rest
	c.width = (n + 7) / 8
	if n == 1 {
		c.typ, c.fromLog = schemas.Type{Name: schemas.BoolType}, decodeBit
	} else {
		c.typ, c.fromLog = schemas.Type{Name: schemas.BitsType, Precision: n}, decodeBits
	}
	c.fromField = viaBytes(c.fromLog)
}

// selected is the column in a query.
func (c *column) selected() string { return strings.Replace(c.query, "%s", quote(c.name), 1) }

// quote makes an identifier of any text.
func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// literal makes a text constant of any text.
func literal(text string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), "'", "''") + "'"
}
