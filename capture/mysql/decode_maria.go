package mysql

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"io"
	"net/netip"

	"sluice/schemas"
)

// fixed reads MariaDB's types of a fixed number of bytes; the log calls them
// strings, and only the catalogue tells them apart from BINARY(n).
func (d *dialect) fixed(c *column, name string) bool {
	switch name {
	case "uuid":
		c.typ, c.fromLog = schemas.Type{Name: schemas.UUIDType}, decodeUUID
	case "inet6":
		c.typ, c.fromLog = schemas.Type{Name: schemas.StringType}, decodeINET(16)
	case "inet4":
		c.typ, c.fromLog = schemas.Type{Name: schemas.StringType}, decodeINET(4)
	default:
		return false
	}
	return true
}

// padTo gives back the zeroes at the end that are not in the log.
func padTo(n int, src []byte) ([16]byte, bool) {
	var b [16]byte
	copy(b[:], src)
	return b, len(src) <= n
}

// decodeUUID writes the sixteen bytes as text. They are in the order of the text
// (MariaDB 10.11.19, of all versions of a UUID).
func decodeUUID(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	b, ok := padTo(16, src)
	if !ok {
		return malformed("UUID", src)
	}
	out := a.Grow(36)[:36]
	hex.Encode(out, b[:4])
	hex.Encode(out[9:], b[4:6])
	hex.Encode(out[14:], b[6:8])
	hex.Encode(out[19:], b[8:10])
	hex.Encode(out[24:], b[10:])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	a.Keep(36)
	*dst = schemas.TextOf(out)
	return nil
}

// decodeINET writes an address of n bytes as MariaDB does.
func decodeINET(n int) decodeFunc {
	return func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
		b, ok := padTo(n, src)
		if !ok {
			return malformed("address", src)
		}
		out := a.Grow(45)
		if n == 4 {
			out = netip.AddrFrom4([4]byte(b[:4])).AppendTo(out)
		} else {
			out = appendINET6(out, b)
		}
		a.Keep(len(out))
		*dst = schemas.TextOf(out)
		return nil
	}
}

// appendINET6 writes an IPv6 address; one that holds an IPv4 address ends with
// it, whether mapped or compatible.
func appendINET6(out []byte, b [16]byte) []byte {
	high := b[:10]
	zero := bytes.Count(high, []byte{0}) == len(high)
	if zero && b[10] == 0 && b[11] == 0 && (b[12] != 0 || b[13] != 0) {
		return netip.AddrFrom4([4]byte(b[12:])).AppendTo(append(out, "::"...))
	}
	return netip.AddrFrom16(b).AppendTo(out)
}

// errCompressed is a compressed column that cannot be read.
var errCompressed = errors.New("the compressed column cannot be read")

// rawDeflate says that zlib's bytes come without its header.
const rawDeflate = 8

// expandColumn reads a value of a column declared COMPRESSED: the algorithm, how
// many bytes the length has, the length and zlib's bytes; or the bytes as they
// are behind a zero (MariaDB source, Field_longstr::compress).
func expandColumn(src []byte, a *schemas.Arena) ([]byte, error) {
	if len(src) == 0 || src[0] == 0 {
		return src[min(1, len(src)):], nil
	}
	sized := int(src[0] & 7)
	if src[0]>>4 != 8 || len(src) < 1+sized {
		return nil, errCompressed
	}
	size := bigEndian(src[1 : 1+sized])
	if size > 1<<32 || size > uint64(len(src))*1100 { // zlib packs no denser
		return nil, errCompressed
	}
	z := flate.NewReader(bytes.NewReader(src[1+sized:]))
	if src[0]&rawDeflate == 0 {
		var err error
		if z, err = zlib.NewReader(bytes.NewReader(src[1+sized:])); err != nil {
			return nil, errors.Join(errCompressed, err)
		}
	}
	out := a.Grow(int(size))[:size]
	if _, err := io.ReadFull(z, out); err != nil {
		return nil, errors.Join(errCompressed, err)
	}
	a.Keep(len(out))
	return out, nil
}
