package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"

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
	oidJSONB       = 3802
)

// simple are the types whose form depends on nothing else.
var simple = map[uint32]struct {
	name   schemas.TypeName
	decode decodeFunc
}{
	oidBool:        {schemas.BoolType, decodeBool},
	oidBytea:       {schemas.BytesType, decodeBytea},
	oidChar:        {schemas.StringType, decodeText},
	oidName:        {schemas.StringType, decodeText},
	oidInt8:        {schemas.Int64Type, decodeInt(64)},
	oidInt2:        {schemas.Int16Type, decodeInt(16)},
	oidInt4:        {schemas.Int32Type, decodeInt(32)},
	oidText:        {schemas.StringType, decodeText},
	oidOID:         {schemas.Int64Type, decodeInt(64)},
	oidJSON:        {schemas.JSONType, decodeText},
	oidXML:         {schemas.XMLType, decodeText},
	oidCidr:        {schemas.StringType, decodeText},
	oidFloat4:      {schemas.Float32Type, decodeFloat(32)},
	oidFloat8:      {schemas.Float64Type, decodeFloat(64)},
	oidMacaddr8:    {schemas.StringType, decodeText},
	oidMacaddr:     {schemas.StringType, decodeText},
	oidInet:        {schemas.StringType, decodeText},
	oidBpchar:      {schemas.StringType, decodeText},
	oidVarchar:     {schemas.StringType, decodeText},
	oidDate:        {schemas.DateType, decodeDate},
	oidTime:        {schemas.TimeType, decodeTime},
	oidTimestamptz: {schemas.ZonedTimestampType, decodeTimestamptz},
	oidInterval:    {schemas.DurationType, decodeInterval},
	oidTimetz:      {schemas.ZonedTimeType, decodeTimetz},
	oidUUID:        {schemas.UUIDType, decodeText},
	oidJSONB:       {schemas.JSONType, decodeText},
}

// stringTypes are known by name: extensions give them no fixed object id.
var stringTypes = map[string]bool{"citext": true, "ltree": true, "pg_lsn": true, "tsvector": true}

// catalogType is what pg_type says of a type.
type catalogType struct {
	name     string
	kind     string // typtype: b, c, d, e, m, p, r
	category string
	elem     uint32
	base     uint32
	typmod   int32
	labels   []string
}

// typeCache resolves types and remembers what it asked the catalogue.
type typeCache struct {
	decimals string
	asked    map[uint32]catalogType
	// learnt are labels that the log has and the catalogue may not have.
	learnt map[uint32][]string
}

func newTypeCache(decimals string) typeCache {
	return typeCache{decimals: decimals, asked: map[uint32]catalogType{}, learnt: map[uint32][]string{}}
}

// unsupportedType is a type that this source has no form for.
type unsupportedType struct{ name string }

func (e *unsupportedType) Error() string { return "type " + e.name + " is not supported" }

// resolve says what a column of that type means and how its text is read.
func (t *typeCache) resolve(ctx context.Context, q querier, oid uint32, typmod int32) (schemas.Type, decodeFunc, error) {
	if s, ok := simple[oid]; ok {
		return schemas.Type{Name: s.name}, s.decode, nil
	}
	switch oid {
	case oidNumeric:
		typ, decode := numericType(typmod, t.decimals)
		return typ, decode, nil
	case oidMoney:
		return t.money()
	case oidTimestamp:
		if typmod >= 0 && typmod <= 3 {
			return schemas.Type{Name: schemas.MilliTimestampType}, decodeTimestamp(1000), nil
		}
		return schemas.Type{Name: schemas.MicroTimestampType}, decodeTimestamp(1), nil
	case oidBit:
		if typmod <= 1 {
			return schemas.Type{Name: schemas.BoolType}, decodeBit, nil
		}
		return schemas.Type{Name: schemas.BitsType, Precision: int(typmod)}, decodeBits, nil
	case oidVarbit:
		return schemas.Type{Name: schemas.BitsType, Precision: int(max(typmod, 0))}, decodeBits, nil
	}
	return t.resolveOther(ctx, q, oid, typmod)
}

// numericType reads precision and scale from the type modifier; the scale is a
// signed number of 11 bits since PostgreSQL 15.
func numericType(typmod int32, decimals string) (schemas.Type, decodeFunc) {
	switch decimals {
	case String:
		return schemas.Type{Name: schemas.StringType}, decodeText
	case Double:
		return schemas.Type{Name: schemas.Float64Type}, decodeFloat(64)
	}
	precision, scale := int((typmod-4)>>16)&0xFFFF, int((typmod-4)&0x7FF^1024)-1024
	if typmod < 4 || scale < 0 || scale > precision { // no Avro decimal has these
		return schemas.Type{Name: schemas.VarDecimalType}, decodeVarDecimal
	}
	return schemas.Type{Name: schemas.DecimalType, Precision: precision, Scale: scale}, decodeDecimal(scale)
}

func (t *typeCache) money() (schemas.Type, decodeFunc, error) {
	switch t.decimals {
	case String, Double:
		return schemas.Type{}, nil, &unsupportedType{"money (with decimals: " + t.decimals + ")"}
	}
	return schemas.Type{Name: schemas.DecimalType, Precision: 19, Scale: 2}, decodeMoney, nil
}

func (t *typeCache) resolveOther(ctx context.Context, q querier, oid uint32, typmod int32) (schemas.Type, decodeFunc, error) {
	ct, ok := t.asked[oid]
	if !ok {
		var err error
		if ct, err = readType(ctx, q, oid); err != nil {
			return schemas.Type{}, nil, err
		}
		for _, l := range t.learnt[oid] {
			if !slices.Contains(ct.labels, l) {
				ct.labels = append(ct.labels, l)
			}
		}
		t.asked[oid] = ct
	}
	switch {
	case ct.kind == "d":
		if ct.typmod >= 0 {
			typmod = ct.typmod
		}
		return t.resolve(ctx, q, ct.base, typmod)
	case ct.kind == "e":
		return schemas.Type{Name: schemas.EnumType, Symbols: ct.labels}, decodeEnum(oid, ct.labels), nil
	case ct.kind == "r", stringTypes[ct.name]:
		return schemas.Type{Name: schemas.StringType}, decodeText, nil
	case ct.category == "A" && ct.elem != 0:
		elem, decode, err := t.resolve(ctx, q, ct.elem, typmod)
		if err != nil {
			return schemas.Type{}, nil, err
		}
		if elem.Name == schemas.ArrayType {
			return schemas.Type{}, nil, &unsupportedType{ct.name}
		}
		return schemas.Type{Name: schemas.ArrayType, Elem: &schemas.Column{Type: elem, Optional: true}}, decodeArray(decode), nil
	}
	return schemas.Type{}, nil, &unsupportedType{ct.name}
}

// isEnum reports whether a type that was resolved is an enum, not a domain.
func (t *typeCache) isEnum(oid uint32) bool { return t.asked[oid].kind == "e" }

// learn makes the next resolve know the label, and ask for others that are new.
func (t *typeCache) learn(e *labelError) {
	if !slices.Contains(t.learnt[e.oid], e.label) {
		t.learnt[e.oid] = append(t.learnt[e.oid], e.label)
	}
	clear(t.asked)
}

func readType(ctx context.Context, q querier, oid uint32) (catalogType, error) {
	rows, err := q.query(ctx, `
		SELECT t.typname, t.typtype, t.typcategory,
		       CASE WHEN t.typlen = -1 AND t.typname NOT LIKE '%vector' THEN t.typelem ELSE 0 END,
		       t.typbasetype, t.typtypmod
		FROM pg_catalog.pg_type t WHERE t.oid = $1`, strconv.FormatUint(uint64(oid), 10))
	if err != nil {
		return catalogType{}, fmt.Errorf("reading type %d: %w", oid, err)
	}
	if len(rows) == 0 {
		return catalogType{name: fmt.Sprintf("%d, which was dropped,", oid)}, nil
	}
	r := rows[0]
	ct := catalogType{name: r.text(0), kind: r.text(1), category: r.text(2), elem: r.oid(3), base: r.oid(4), typmod: int32(r.int(5))}
	if ct.kind == "e" {
		rows, err := q.query(ctx, `SELECT enumlabel FROM pg_catalog.pg_enum WHERE enumtypid = $1 ORDER BY enumsortorder`, strconv.FormatUint(uint64(oid), 10))
		if err != nil {
			return catalogType{}, fmt.Errorf("reading the labels of type %s: %w", ct.name, err)
		}
		for _, l := range rows {
			ct.labels = append(ct.labels, l.text(0))
		}
	}
	return ct, nil
}
