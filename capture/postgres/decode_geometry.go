package postgres

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"

	"sluice/schemas"
)

// The structs of Debezium's package io.debezium.data.geometry.
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
	geographyRecord = &schemas.Table{
		Schema: "io.debezium.data.geometry", Name: "Geography", Doc: "Geography", Columns: wkbColumns(false),
	}
)

func wkbColumns(optional bool) []schemas.Column {
	return []schemas.Column{
		{Name: "wkb", Type: schemas.Type{Name: schemas.BytesType}, Optional: optional},
		{Name: "srid", Type: schemas.Type{Name: schemas.Int32Type}, Optional: true},
	}
}

// wkbPoint is how many bytes a point has in the well-known binary form: the byte
// order, the kind of geometry, and two coordinates.
const wkbPoint = 1 + 4 + 8 + 8

// decodePoint reads "(x,y)".
func decodePoint(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	if len(src) < 2 || src[0] != '(' || src[len(src)-1] != ')' {
		return malformed("point", src)
	}
	left, right, ok := bytes.Cut(src[1:len(src)-1], []byte{','})
	x, err1 := strconv.ParseFloat(text(left), 64)
	y, err2 := strconv.ParseFloat(text(right), 64)
	if !ok || err1 != nil || err2 != nil {
		return malformed("point", src)
	}
	wkb := append(a.Grow(wkbPoint), 1, 1, 0, 0, 0) // little endian, a point
	wkb = binary.LittleEndian.AppendUint64(wkb, math.Float64bits(x))
	wkb = binary.LittleEndian.AppendUint64(wkb, math.Float64bits(y))
	a.Keep(len(wkb))
	row := a.Row(4)
	row[0], row[1], row[2] = schemas.FloatOf(x), schemas.FloatOf(y), schemas.BytesOf(wkb)
	*dst = schemas.ListOf(row)
	return nil
}

// hasSRID is the bit in EWKB's kind of geometry that says that the identifier of
// its reference system follows (PostGIS manual, "OpenGIS WKB and WKT").
const hasSRID = 0x20000000

// decodeEWKB reads PostGIS's hexadecimal form, in place. The bytes stay as they
// are, and the reference system is told beside them.
func decodeEWKB(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	wkb, ok := decodeHex(src, src)
	if !ok || len(wkb) < 5 || wkb[0] > 1 {
		return malformed("geometry", src)
	}
	order := binary.ByteOrder(binary.BigEndian)
	if wkb[0] == 1 {
		order = binary.LittleEndian
	}
	row := a.Row(2)
	if order.Uint32(wkb[1:])&hasSRID != 0 {
		if len(wkb) < 9 {
			return malformed("geometry", src)
		}
		row[1] = schemas.IntOf(int64(int32(order.Uint32(wkb[5:]))))
	}
	row[0] = schemas.BytesOf(wkb)
	*dst = schemas.ListOf(row)
	return nil
}
