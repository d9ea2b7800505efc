package schemas

// TypeName is what a column means, independent of the database it is in. It
// fixes the Kind of its Values and, in schemas/avro, their Avro form.
type TypeName uint8

const (
	// InvalidType is the zero TypeName; no column has it.
	InvalidType TypeName = iota
	// BoolType: Kind Bool.
	BoolType
	// Int16Type, Int32Type, Int64Type: Kind Int.
	Int16Type
	Int32Type
	Int64Type
	// Float32Type, Float64Type: Kind Float.
	Float32Type
	Float64Type
	// StringType: Kind Text.
	StringType
	// BytesType: Kind Bytes.
	BytesType
	// DecimalType has a fixed Precision and Scale: Kind Decimal.
	DecimalType
	// VarDecimalType has a scale of its own in each value: Kind Decimal.
	VarDecimalType
	// DateType: Kind Int, days since 1970-01-01.
	DateType
	// TimeType: Kind Int, microseconds since midnight. A Precision of 3 says
	// that they are whole milliseconds, and are written as such.
	TimeType
	// ZonedTimeType: Kind Text, "15:04:05.999999Z" with an offset.
	ZonedTimeType
	// MilliTimestampType: Kind Int, milliseconds since the epoch of a wall
	// clock without a zone. MicroTimestampType: the same in microseconds.
	MilliTimestampType
	MicroTimestampType
	// ZonedTimestampType: Kind Text, RFC 3339 in UTC ("...Z").
	ZonedTimestampType
	// InstantType: Kind Int, microseconds since the epoch, UTC. Entities use
	// it where a raw topic has ZonedTimestampType.
	InstantType
	// DurationType: Kind Int, microseconds.
	DurationType
	// UUIDType, JSONType, XMLType: Kind Text.
	UUIDType
	JSONType
	XMLType
	// EnumType: Kind Text, one of Symbols.
	EnumType
	// BitsType: Kind Bytes, little endian, Precision bits.
	BitsType
	// StructType: Kind List, the fields of Record in their order.
	StructType
	// ArrayType: Kind List of Elem.
	ArrayType
)

// Type is a column's type.
type Type struct {
	Name      TypeName
	Precision int
	Scale     int
	// Symbols are an EnumType's values, in the order they were declared.
	Symbols []string
	// Elem is an ArrayType's element; its Name is not used.
	Elem *Column
	// Record is a StructType's fields, of which it has one at least. Its Schema
	// and Name are the namespace and the name that the struct has in Avro; all
	// structs of one name have the same fields.
	Record *Table
	// Meaning is a name of Kafka Connect that says more than Name does
	// ("io.debezium.data.Ltree" of a string, which has no TypeName of its own).
	// Whoever does not know it may take the value for what Name says.
	Meaning string
}

// Column describes one value of a row.
type Column struct {
	Name string
	Type Type
	// Optional columns may be Null.
	Optional bool
	// Default is what a reader assumes where a writer did not know the column.
	// Nil: none, or Null for an Optional column.
	Default *Value
	// Doc is said in the Avro schema.
	Doc string
}

// Table describes rows. It is read-only once built; a schema change makes a new
// Table, so that a *Table identifies one version of one table.
type Table struct {
	// Schema is PostgreSQL's schema or MySQL's database.
	Schema  string
	Name    string
	Columns []Column
	// Key holds the indexes in Columns of the primary key, in key order. Empty:
	// the table has no key and its records no Kafka key.
	Key []int
	// Source describes Change.Source, the envelope's source block. Nil outside
	// captures.
	Source *Table
	// Doc is said in the Avro schema of a struct.
	Doc string
	// Flat tables are no table of the database but records that a source makes
	// itself, such as heartbeats: a record's value is Change.After alone, without
	// an envelope, and nothing of it is ever deleted. They have a Topic, and
	// their Avro records the full names KeyName and ValueName.
	Flat               bool
	KeyName, ValueName string
	// KeyOnly: the key columns of a flat table come first and are no part of the
	// record's value.
	KeyOnly bool
	// Topic names the topic where it is not "<capture>.<schema>.<table>":
	// "transaction" is "<capture>.transaction"; where a "*" is in it, that stands
	// for the capture and the name is whole ("__debezium-heartbeat.*").
	Topic string
}

// FullName is "schema.name".
func (t *Table) FullName() string { return t.Schema + "." + t.Name }

// Column returns the index of the named column, or -1.
func (t *Table) Column(name string) int {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return i
		}
	}
	return -1
}
