package registry

import (
	"encoding/binary"
	"fmt"
)

// HeaderSize is the length of the wire header.
const HeaderSize = 5

// AppendHeader appends the wire header of Confluent: 0x00 and the id, 4 bytes
// big endian.
func AppendHeader(dst []byte, id int) []byte {
	return append(dst, 0, byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

// SplitHeader returns the schema id and the Avro bytes behind it, which alias
// data. Data that does not begin with the header is [ErrHeader].
func SplitHeader(data []byte) (id int, rest []byte, err error) {
	if len(data) < HeaderSize {
		return 0, nil, fmt.Errorf("%w: %d bytes are too few", ErrHeader, len(data))
	}
	if data[0] != 0 {
		return 0, nil, fmt.Errorf("%w: it begins with 0x%02x, not with 0x00", ErrHeader, data[0])
	}
	return int(binary.BigEndian.Uint32(data[1:])), data[HeaderSize:], nil
}
