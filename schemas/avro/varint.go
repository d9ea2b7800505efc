package avro

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// maxVarint is how many bytes an int or long has at most.
const maxVarint = 10

// zigzag makes small numbers of either sign small without a sign.
func zigzag(n int64) uint64 { return uint64(n)<<1 ^ uint64(n>>63) }

// putVarint writes u at buf[at:], 7 bits a byte, the lowest first (specification,
// "Binary encoding"), and returns where it ends. buf has room for maxVarint bytes.
//
// It spreads 56 bits over 8 bytes at once: in halves of 28, then of 14, then of 7
// bits. That is about as quick for 8 bytes as a loop is for 2, and most numbers
// of an envelope are times and log positions.
func putVarint(buf []byte, at int, u uint64) int {
	const more = 0x8080808080808080
	b := buf[at : at+maxVarint]
	x := u&0x000000000fffffff | u&0x00fffffff0000000<<4
	x = x&0x00003fff00003fff | x&0x0fffc0000fffc000<<2
	x = x&0x007f007f007f007f | x&0x3f803f803f803f80<<1
	if u < 1<<56 {
		n := uint(bits.Len64(u|1)*9+64) >> 6 // = ceil(bits / 7)
		binary.LittleEndian.PutUint64(b, x|more>>((8-n)*8+8))
		return at + int(n)
	}
	binary.LittleEndian.PutUint64(b, x|more)
	if u >>= 56; u < 0x80 {
		b[8] = byte(u)
		return at + 9
	}
	b[8], b[9] = byte(u)|0x80, byte(u>>7)
	return at + 10
}

// appendLong appends an Avro int or long.
func appendLong(dst []byte, n int64) []byte {
	if u := zigzag(n); u >= 0x80 {
		return appendVarint(dst, u)
	}
	return append(dst, byte(zigzag(n)))
}

func appendVarint(dst []byte, u uint64) []byte {
	dst = slices.Grow(dst, maxVarint)
	return dst[:putVarint(dst[:cap(dst)], len(dst), u)]
}

// appendBytes appends an Avro bytes or string.
func appendBytes(dst, b []byte) []byte {
	return append(appendLong(dst, int64(len(b))), b...)
}
