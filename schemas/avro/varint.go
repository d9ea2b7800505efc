package avro

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// appendLong appends an Avro int or long: zigzag, then 7 bits a byte, the
// lowest first (specification, "Binary encoding").
func appendLong(dst []byte, n int64) []byte {
	u := uint64(n)<<1 ^ uint64(n>>63)
	if u < 0x80 {
		return append(dst, byte(u))
	}
	return appendVarint(dst, u)
}

// appendVarint spreads 56 bits over 8 bytes at once: in halves of 28, then of
// 14, then of 7 bits. That is about as quick for 8 bytes as a loop is for 2, and
// most numbers of an envelope are times and log positions.
func appendVarint(dst []byte, u uint64) []byte {
	const more = 0x8080808080808080
	at := len(dst)
	if cap(dst)-at < 10 {
		dst = slices.Grow(dst, 10)
	}
	dst = dst[:at+10]
	low := u & (1<<56 - 1)
	x := low&0x000000000fffffff | low&0x00fffffff0000000<<4
	x = x&0x00003fff00003fff | x&0x0fffc0000fffc000<<2
	x = x&0x007f007f007f007f | x&0x3f803f803f803f80<<1
	if u < 1<<56 {
		n := (bits.Len64(u|1) + 6) / 7
		binary.LittleEndian.PutUint64(dst[at:], x|more>>(64-8*(n-1)))
		return dst[:at+n]
	}
	binary.LittleEndian.PutUint64(dst[at:], x|more)
	if u >>= 56; u < 0x80 {
		dst[at+8] = byte(u)
		return dst[:at+9]
	}
	dst[at+8], dst[at+9] = byte(u)|0x80, byte(u>>7)
	return dst
}

// appendBytes appends an Avro bytes or string.
func appendBytes(dst, b []byte) []byte {
	return append(appendLong(dst, int64(len(b))), b...)
}
