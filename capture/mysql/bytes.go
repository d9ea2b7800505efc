package mysql

import (
	"encoding/binary"
	"errors"
)

// errShort is an event that ends before its content does.
var errShort = errors.New("the event is cut short")

// reader reads the bytes of an event. Past the end it gives zeroes and is short.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.short, r.b = true, nil
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u48() uint64 {
	b := r.bytes(6)
	if b == nil {
		return 0
	}
	return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32
}

func (r *reader) u64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// packed reads a number of one to nine bytes (MySQL source, net_store_length).
func (r *reader) packed() uint64 {
	switch n := r.u8(); n {
	case 252:
		return uint64(r.u16())
	case 253:
		b := r.bytes(3)
		if b == nil {
			return 0
		}
		return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16
	case 254:
		return r.u64()
	case 251, 255:
		r.short = true
		return 0
	default:
		return uint64(n)
	}
}

// run reads a packed length and as many bytes.
func (r *reader) run() []byte {
	n := r.packed()
	if n > uint64(len(r.b)) {
		r.short, r.b = true, nil
		return nil
	}
	return r.bytes(int(n))
}

func (r *reader) err() error {
	if r.short {
		return errShort
	}
	return nil
}

// littleEndian reads a number of up to eight bytes.
func littleEndian(b []byte) uint64 {
	var n uint64
	for i, c := range b {
		n |= uint64(c) << (8 * i)
	}
	return n
}

// bigEndian is the same the other way round.
func bigEndian(b []byte) uint64 {
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

func isSet(bitmap []byte, i int) bool { return bitmap[i>>3]&(1<<(i&7)) != 0 }
