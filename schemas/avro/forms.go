package avro

import "sluice/schemas"

// form is how a type is written: its Avro type, and what tells its meaning.
type form struct {
	kind string
	// connect is the Kafka Connect schema name; all of them are at version 1.
	connect string
	// logical is Avro's logicalType, where the specification has one.
	logical string
}

// Connect names, from Debezium's packages io.debezium.time and io.debezium.data.
const (
	connectData       = "org.apache.kafka.connect.data."
	connectDecimal    = connectData + "Decimal"
	connectVarDecimal = "io.debezium.data.VariableScaleDecimal"
	connectEnum       = "io.debezium.data.Enum"
	connectBits       = "io.debezium.data.Bits"
	connectMilliTime  = "io.debezium.time.Time"
	// connectSpace is of records that Confluent's converter makes by itself, as
	// for the entries of a map; they have no connect.name.
	connectSpace = "io.confluent.connect.avro"
)

// Names of Connect's parameters and types.
const (
	paramScale     = "scale"
	paramPrecision = "connect.decimal.precision"
	paramAllowed   = "allowed"
	paramLength    = "length"
	connectInt16   = "int16"
)

var forms = [...]form{
	schemas.BoolType:           {kind: "boolean"},
	schemas.Int16Type:          {kind: "int"}, // and connect.type int16
	schemas.Int32Type:          {kind: "int"},
	schemas.Int64Type:          {kind: "long"},
	schemas.Float32Type:        {kind: "float"},
	schemas.Float64Type:        {kind: "double"},
	schemas.StringType:         {kind: "string"},
	schemas.BytesType:          {kind: "bytes"},
	schemas.DecimalType:        {kind: "bytes", connect: connectDecimal, logical: "decimal"},
	schemas.VarDecimalType:     {kind: "record", connect: connectVarDecimal},
	schemas.DateType:           {kind: "int", connect: "io.debezium.time.Date", logical: "date"},
	schemas.TimeType:           {kind: "long", connect: "io.debezium.time.MicroTime", logical: "time-micros"},
	schemas.ZonedTimeType:      {kind: "string", connect: "io.debezium.time.ZonedTime"},
	schemas.MilliTimestampType: {kind: "long", connect: "io.debezium.time.Timestamp", logical: "local-timestamp-millis"},
	schemas.MicroTimestampType: {kind: "long", connect: "io.debezium.time.MicroTimestamp", logical: "local-timestamp-micros"},
	schemas.ZonedTimestampType: {kind: "string", connect: "io.debezium.time.ZonedTimestamp"},
	schemas.InstantType:        {kind: "long", logical: "timestamp-micros"},
	schemas.DurationType:       {kind: "long", connect: "io.debezium.time.MicroDuration"},
	schemas.UUIDType:           {kind: "string", connect: "io.debezium.data.Uuid", logical: "uuid"},
	schemas.JSONType:           {kind: "string", connect: "io.debezium.data.Json"},
	schemas.XMLType:            {kind: "string", connect: "io.debezium.data.Xml"},
	schemas.EnumType:           {kind: "string", connect: connectEnum},
	schemas.BitsType:           {kind: "bytes", connect: connectBits},
	schemas.StructType:         {kind: "record"}, // and the record's own name
	schemas.ArrayType:          {kind: "array"},
}

// meaning is what a schema's property says of a value.
type meaning struct {
	kind string
	name schemas.TypeName
	// times is what a value is multiplied with to be in our unit.
	times int64
}

// Meanings that other writers give and we do not: coarser units of ours, and
// Connect's own temporal types (always milliseconds).
var (
	byConnectName = map[string]meaning{
		connectMilliTime:          {"int", schemas.TimeType, 1000},
		connectData + "Date":      {"int", schemas.DateType, 1},
		connectData + "Time":      {"int", schemas.TimeType, 1000},
		connectData + "Timestamp": {"long", schemas.MilliTimestampType, 1},
	}
	// connectLogical are their logicalTypes.
	connectLogical = map[string]string{
		connectMilliTime:          "time-millis",
		connectData + "Date":      "date",
		connectData + "Time":      "time-millis",
		connectData + "Timestamp": "timestamp-millis",
	}
	byLogical = map[string]meaning{
		"time-millis":      {"int", schemas.TimeType, 1000},
		"timestamp-millis": {"long", schemas.InstantType, 1000},
	}
	byKind = map[string]schemas.TypeName{
		"boolean": schemas.BoolType, "int": schemas.Int32Type, "long": schemas.Int64Type,
		"float": schemas.Float32Type, "double": schemas.Float64Type, "string": schemas.StringType,
		"bytes": schemas.BytesType, "fixed": schemas.BytesType, "array": schemas.ArrayType, "enum": schemas.EnumType,
		"record": schemas.StructType,
	}
)

// recognise returns what the node means by its connect.name, else by its
// logicalType, else by its Avro type alone.
func (n *node) recognise() (schemas.TypeName, int64, bool) {
	if m, ok := byConnectName[n.connectName]; ok && m.kind == n.kind {
		return m.name, m.times, true
	}
	for name, f := range forms {
		if f.connect != "" && f.connect == n.connectName && f.kind == n.kind {
			return schemas.TypeName(name), 1, true
		}
	}
	switch {
	case n.kind == "string" && n.sluiceSymbols != nil:
		return schemas.EnumType, 1, true
	case n.kind == "int" && (n.connectType == connectInt16 || n.connectType == "int8"):
		return schemas.Int16Type, 1, true
	}
	if n.connectName == "" {
		if m, ok := byLogical[n.logical]; ok && m.kind == n.kind {
			return m.name, m.times, true
		}
		for name, f := range forms {
			if f.logical != "" && f.logical == n.logical && f.kind == n.kind {
				return schemas.TypeName(name), 1, true
			}
		}
	}
	name, ok := byKind[n.kind]
	return name, 1, ok
}
