package mysql

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// place is an offset in a file of the server's log.
type place struct {
	File string
	Pos  uint64
}

func (p place) isZero() bool { return p.File == "" }

// String writes "binlog.000003:1234".
func (p place) String() string { return p.File + ":" + strconv.FormatUint(p.Pos, 10) }

// MarshalText writes what String gives.
func (p place) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *place) UnmarshalText(text []byte) error {
	i := bytes.LastIndexByte(text, ':')
	if i < 0 {
		return fmt.Errorf("%q is no file:offset", text)
	}
	n, err := strconv.ParseUint(string(text[i+1:]), 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no file:offset", text)
	}
	*p = place{string(text[:i]), n}
	return nil
}

// number is the file's place among the files: the digits behind its last dot.
func (p place) number() uint64 {
	n, err := strconv.ParseUint(p.File[strings.LastIndexByte(p.File, '.')+1:], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// compare orders two places of one server.
func (p place) compare(o place) int {
	if p.File != o.File {
		if c := cmp.Compare(p.number(), o.number()); c != 0 {
			return c
		}
	}
	return cmp.Compare(p.Pos, o.Pos)
}

// follow moves to the end of an event, of which its header tells the low 32 bits.
// A server that does not know it yet writes 0: the event has its size.
func (p *place) follow(end, size uint32) {
	if end == 0 {
		p.Pos += uint64(size)
		return
	}
	const quarter = 1 << 30
	next := p.Pos&^0xFFFFFFFF | uint64(end)
	if uint32(p.Pos) > 3*quarter && end < quarter { // past another 4 GiB of a huge transaction
		next += 1 << 32
	}
	p.Pos = max(p.Pos, next)
}
