package avro

import (
	"testing"
	"time"

	"sluice/schemas"
)

func text(s string) schemas.Value { return schemas.TextOf([]byte(s)) }

func ptr[T any](v T) *T { return &v }

func typed(name schemas.TypeName) schemas.Type { return schemas.Type{Name: name} }

func decimalType(precision, scale int) schemas.Type {
	return schemas.Type{Name: schemas.DecimalType, Precision: precision, Scale: scale}
}

func arrayOf(t schemas.Type, optional bool) schemas.Type {
	return schemas.Type{Name: schemas.ArrayType, Elem: &schemas.Column{Type: t, Optional: optional}}
}

// postgresSource is the source block of a PostgreSQL capture.
func postgresSource() *schemas.Table {
	str, long := typed(schemas.StringType), typed(schemas.Int64Type)
	return &schemas.Table{
		Schema: "io.debezium.connector.postgresql", Name: "Source",
		Columns: []schemas.Column{
			{Name: "version", Type: str},
			{Name: "connector", Type: str},
			{Name: "name", Type: str},
			{Name: "ts_ms", Type: long},
			{
				Name: "snapshot", Optional: true, Default: ptr(text("false")),
				Type: schemas.Type{Name: schemas.EnumType, Symbols: []string{
					"true", "first", "first_in_data_collection",
					"last_in_data_collection", "last", "false", "incremental",
				}},
			},
			{Name: "db", Type: str},
			{Name: "sequence", Type: str, Optional: true},
			{Name: "ts_us", Type: long, Optional: true},
			{Name: "ts_ns", Type: long, Optional: true},
			{Name: "schema", Type: str},
			{Name: "table", Type: str},
			{Name: "txId", Type: long, Optional: true},
			{Name: "lsn", Type: long, Optional: true},
			{Name: "xmin", Type: long, Optional: true},
			{Name: "origin", Type: str, Optional: true},
			{Name: "origin_lsn", Type: long, Optional: true},
		},
	}
}

func sourceRow(table string) schemas.Row {
	return schemas.Row{
		text("1.0.0"), text("postgresql"), text("erp"), schemas.IntOf(1764000000123), text("false"), text("erp"),
		text(`["24023128","24023128"]`), schemas.IntOf(1764000000123456), schemas.IntOf(1764000000123456000),
		text("public"), text(table), schemas.IntOf(555), schemas.IntOf(24023128),
		{},
		{},
		{},
	}
}

// customers is a table of 7 columns, as the pipeline's benchmark has it.
func customers() *schemas.Table {
	return &schemas.Table{
		Schema: "public", Name: "customers", Key: []int{0}, Source: postgresSource(),
		Columns: []schemas.Column{
			{Name: "id", Type: typed(schemas.Int64Type)},
			{Name: "name", Type: typed(schemas.StringType)},
			{Name: "email", Type: typed(schemas.StringType), Optional: true},
			{Name: "amount", Type: decimalType(12, 2), Optional: true},
			{Name: "active", Type: typed(schemas.BoolType)},
			{Name: "created_at", Type: typed(schemas.MicroTimestampType)},
			{Name: "note", Type: typed(schemas.StringType), Optional: true},
		},
	}
}

func customerRow() schemas.Row {
	return schemas.Row{
		schemas.IntOf(123456), text("Katharina Lindqvist-Okonkwo"), text("katharina.lindqvist@example.com"),
		schemas.DecimalOf([]byte{0x01, 0xe2, 0x40}, 2), schemas.BoolOf(true),
		schemas.IntOf(1764000000123456), text("pays on the last day of the month"),
	}
}

var processed = time.Unix(1764000001, 234567891).UTC()

func compiled(t testing.TB, table *schemas.Table, o Options) *Envelope {
	t.Helper()
	e, err := CompileEnvelope("erp", table, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func flat(t testing.TB, table *schemas.Table) *Record {
	t.Helper()
	r, err := CompileRecord(table)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
