package postgres

import (
	"context"

	"sluice/schemas"
)

// Object ids of the built-in types (PostgreSQL source, pg_type.dat; they never
// change).
const (
	oidBool        = 16
	oidBytea       = 17
	oidChar        = 18
	oidName        = 19
	oidInt8        = 20
	oidInt2        = 21
	oidInt4        = 23
	oidText        = 25
	oidOID         = 26
	oidPoint       = 600
	oidJSON        = 114
	oidXML         = 142
	oidCidr        = 650
	oidFloat4      = 700
	oidFloat8      = 701
	oidMacaddr8    = 774
	oidMoney       = 790
	oidMacaddr     = 829
	oidInet        = 869
	oidBpchar      = 1042
	oidVarchar     = 1043
	oidDate        = 1082
	oidTime        = 1083
	oidTimestamp   = 1114
	oidTimestamptz = 1184
	oidInterval    = 1186
	oidTimetz      = 1266
	oidBit         = 1560
	oidVarbit      = 1562
	oidNumeric     = 1700
	oidUUID        = 2950
	oidTSVector    = 3614
	oidJSONB       = 3802
)

// simple are the types whose form depends on nothing else.
var simple = map[uint32]struct {
	name   schemas.TypeName
	decode decodeFunc
}{
	oidBool:     {schemas.BoolType, decodeBool},
	oidBytea:    {schemas.BytesType, decodeBytea},
	oidChar:     {schemas.StringType, decodeText},
	oidName:     {schemas.StringType, decodeText},
	oidInt8:     {schemas.Int64Type, decodeInt(64)},
	oidInt2:     {schemas.Int16Type, decodeInt(16)},
	oidInt4:     {schemas.Int32Type, decodeInt(32)},
	oidText:     {schemas.StringType, decodeText},
	oidOID:      {schemas.Int64Type, decodeInt(64)},
	oidJSON:     {schemas.JSONType, decodeText},
	oidXML:      {schemas.XMLType, decodeText},
	oidCidr:     {schemas.StringType, decodeText},
	oidFloat4:   {schemas.Float32Type, decodeFloat(32)},
	oidFloat8:   {schemas.Float64Type, decodeFloat(64)},
	oidMacaddr8: {schemas.StringType, decodeText},
	oidMacaddr:  {schemas.StringType, decodeText},
	oidInet:     {schemas.StringType, decodeText},
	oidBpchar:   {schemas.StringType, decodeText},
	oidVarchar:  {schemas.StringType, decodeText},
	oidInterval: {schemas.DurationType, decodeInterval},
	oidTimetz:   {schemas.ZonedTimeType, decodeTimetz},
	oidUUID:     {schemas.UUIDType, decodeText},
	oidJSONB:    {schemas.JSONType, decodeText},
}

// resolve says what a column of that type means and how its text is read. dims
// is the number of dimensions that the column declares, of an array.
func (t *typeCache) resolve(ctx context.Context, q querier, oid uint32, typmod int32, dims int) (schemas.Type, decodeFunc, error) {
	if s, ok := simple[oid]; ok {
		return schemas.Type{Name: s.name}, s.decode, nil
	}
	switch oid {
	case oidNumeric:
		typ, decode := numericType(typmod, t.decimals)
		return typ, decode, nil
	case oidMoney:
		typ, decode := moneyType(t.decimals)
		return typ, decode, nil
	case oidDate, oidTime, oidTimestamp:
		typ, decode := temporalType(oid, typmod, t.times)
		return typ, decode, nil
	case oidTimestamptz:
		return schemas.Type{Name: schemas.ZonedTimestampType}, decodeTimestamptz(typmod), nil
	case oidBit:
		if typmod == 1 {
			return schemas.Type{Name: schemas.BoolType}, decodeBit, nil
		}
		return bitsType(typmod), decodeBits, nil
	case oidVarbit:
		return bitsType(typmod), decodeBits, nil
	case oidPoint:
		return schemas.Type{Name: schemas.StructType, Record: pointRecord}, decodePoint, nil
	case oidTSVector:
		return schemas.Type{Name: schemas.StringType, Meaning: "io.debezium.data.Tsvector"}, decodeText, nil
	}
	return t.resolveOther(ctx, q, oid, typmod, dims)
}

// anyBits is the length that a bit string without one is said to have.
const anyBits = 1<<31 - 1

func bitsType(typmod int32) schemas.Type {
	if typmod < 0 {
		return schemas.Type{Name: schemas.BitsType, Precision: anyBits}
	}
	return schemas.Type{Name: schemas.BitsType, Precision: int(typmod)}
}

// numericType reads precision and scale from the type modifier; the scale is a
// signed number of 11 bits since PostgreSQL 15.
func numericType(typmod int32, decimals string) (schemas.Type, decodeFunc) {
	switch decimals {
	case String:
		return schemas.Type{Name: schemas.StringType}, decodeText
	case Double:
		return schemas.Type{Name: schemas.Float64Type}, decodeRounded
	}
	precision, scale := int((typmod-4)>>16)&0xFFFF, int((typmod-4)&0x7FF^1024)-1024
	if typmod < 4 || scale < 0 || scale > precision { // no Avro decimal has these
		return schemas.Type{Name: schemas.VarDecimalType}, decodeVarDecimal
	}
	return schemas.Type{Name: schemas.DecimalType, Precision: precision, Scale: scale}, decodeDecimal(scale)
}

// moneyType is a number with two places: the session writes money as the locale
// C does.
func moneyType(decimals string) (schemas.Type, decodeFunc) {
	switch decimals {
	case String:
		return schemas.Type{Name: schemas.StringType}, plainMoney(decodeText)
	case Double:
		return schemas.Type{Name: schemas.Float64Type}, plainMoney(decodeFloat(64))
	}
	return schemas.Type{Name: schemas.DecimalType, Scale: 2}, plainMoney(decodeDecimal(2))
}

// temporalType is the form of dates, times and timestamps without a zone. One of
// up to three places is written in milliseconds, unless times say otherwise.
func temporalType(oid uint32, typmod int32, times string) (schemas.Type, decodeFunc) {
	coarse := typmod >= 0 && typmod <= 3
	const connect = "org.apache.kafka.connect.data."
	switch oid {
	case oidDate:
		if times == Connect {
			return schemas.Type{Name: schemas.DateType, Meaning: connect + "Date"}, decodeDate
		}
		return schemas.Type{Name: schemas.DateType}, decodeDate
	case oidTime:
		switch {
		case times == Connect:
			return schemas.Type{Name: schemas.TimeType, Precision: 3, Meaning: connect + "Time"}, decodeMilliTime
		case coarse && times == Adaptive:
			return schemas.Type{Name: schemas.TimeType, Precision: 3}, decodeMilliTime
		}
		return schemas.Type{Name: schemas.TimeType}, decodeTime
	}
	switch {
	case times == Connect:
		return schemas.Type{Name: schemas.MilliTimestampType, Meaning: connect + "Timestamp"}, decodeTimestamp(1000)
	case coarse:
		return schemas.Type{Name: schemas.MilliTimestampType}, decodeTimestamp(1000)
	}
	return schemas.Type{Name: schemas.MicroTimestampType}, decodeTimestamp(1)
}
