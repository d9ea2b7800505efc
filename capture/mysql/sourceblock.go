package mysql

import (
	"time"

	"sluice/capture"
	"sluice/schemas"
)

// sourceTable is the record of the envelope's source block, as Debezium's MySQL
// connector writes it.
var sourceTable = &schemas.Table{
	Schema: "io.debezium.connector.mysql", Name: "Source",
	Columns: []schemas.Column{
		{Name: "version", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "connector", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "name", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "ts_ms", Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "snapshot", Optional: true, Default: &notSnapshot, Type: schemas.Type{
			Name:    schemas.EnumType,
			Symbols: []string{"true", "first", "first_in_data_collection", "last_in_data_collection", "last", "false", "incremental"},
		}},
		{Name: "db", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "sequence", Optional: true, Type: schemas.Type{Name: schemas.StringType}},
		{Name: "ts_us", Optional: true, Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "ts_ns", Optional: true, Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "table", Optional: true, Type: schemas.Type{Name: schemas.StringType}},
		{Name: "server_id", Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "gtid", Optional: true, Type: schemas.Type{Name: schemas.StringType}},
		{Name: "file", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "pos", Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "row", Type: schemas.Type{Name: schemas.Int32Type}},
		{Name: "thread", Optional: true, Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "query", Optional: true, Type: schemas.Type{Name: schemas.StringType}},
	},
}

// Columns of the source block that differ from row to row.
const (
	colTime     = 3
	colSnapshot = 4
	colMicros   = 7
	colNanos    = 8
	colServer   = 10
	colGTID     = 11
	colFile     = 12
	colPos      = 13
	colRow      = 14
	colThread   = 15
	colQuery    = 16
)

var (
	notSnapshot = schemas.TextOf([]byte("false"))
	isSnapshot  = schemas.TextOf([]byte("true"))
	incremental = schemas.TextOf([]byte("incremental"))
	// The ends of a snapshot and of its tables.
	firstOfAll   = schemas.TextOf([]byte("first"))
	firstOfTable = schemas.TextOf([]byte("first_in_data_collection"))
	lastOfTable  = schemas.TextOf([]byte("last_in_data_collection"))
	lastOfAll    = schemas.TextOf([]byte("last"))
)

// sourceRow is the constant part of a table's source block.
func (s *Source) sourceRow(t *schemas.Table) schemas.Row {
	text := func(v string) schemas.Value { return schemas.TextOf([]byte(v)) }
	row := make(schemas.Row, len(sourceTable.Columns))
	connector := "mysql"
	if s.server.maria {
		connector = "mariadb"
	}
	row[0], row[1], row[2] = text(capture.Version), text(connector), text(s.capture)
	row[colSnapshot], row[5], row[9] = notSnapshot, text(t.Schema), text(t.Name)
	row[colServer] = schemas.IntOf(int64(s.server.id))
	return row
}

// setTime sets the commit time of a source block.
func setTime(row schemas.Row, t time.Time) {
	row[colTime] = schemas.IntOf(t.UnixMilli())
	row[colMicros] = schemas.IntOf(t.UnixMicro())
	row[colNanos] = schemas.IntOf(t.UnixNano())
}
