package schemas

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strconv"
)

// HeaderChange is on the records of contributions topics: what one change of one
// source record says of an entity, as [Contribution] writes it.
const HeaderChange = "sluice.change"

// Contribution is what a record of a contributions topic tells beside its fields.
// Its text is
//
//	<op>/<time>/<offset>/<changed>/<record>     u/1764063120000000/1204/05/4711
//
// with the time in microseconds since the epoch, and the fields that changed as hexadecimal bits, the first field in the lowest
// bit of the first byte; "-" where that is not known.
type Contribution struct {
	// Op is Create, Update, Read, Delete, or Moved.
	Op Op
	// Time is when the source committed the change, in microseconds since the
	// epoch.
	Time int64
	// Offset is that of the raw record; of a replayed dead letter the first one.
	Offset int64
	// Changed has a bit for each field of the entity; nil: not known.
	Changed []byte
	// Record is the primary key of the source record as text.
	Record []byte
}

// Moved is the Op of a contribution that has left for another golden record,
// since the key that the rules give for its source record changed.
const Moved Op = 'v'

// Append appends the text of the header.
func (c *Contribution) Append(dst []byte) []byte {
	dst = append(dst, byte(c.Op), '/')
	dst = append(strconv.AppendInt(dst, c.Time, 10), '/')
	dst = append(strconv.AppendInt(dst, c.Offset, 10), '/')
	if c.Changed == nil {
		dst = append(dst, '-')
	} else {
		dst = hex.AppendEncode(dst, c.Changed)
	}
	return append(append(dst, '/'), c.Record...)
}

var errContribution = errors.New("is no <op>/<time>/<offset>/<changed>/<record>")

// Parse reads the text of a header. Record points into it; the memory of Changed
// is used again.
func (c *Contribution) Parse(text []byte) error {
	if len(text) < 2 || text[1] != '/' {
		return errContribution
	}
	c.Op = Op(text[0])
	at, rest, _ := bytes.Cut(text[2:], []byte("/"))
	offset, rest, _ := bytes.Cut(rest, []byte("/"))
	t, err := strconv.ParseInt(string(at), 10, 64)
	if err != nil {
		return errContribution
	}
	n, err := strconv.ParseInt(string(offset), 10, 64)
	if err != nil {
		return errContribution
	}
	changed, record, ok := bytes.Cut(rest, []byte("/"))
	if !ok || len(record) == 0 {
		return errContribution
	}
	c.Time, c.Offset, c.Record = t, n, record
	if string(changed) == "-" {
		c.Changed = nil
		return nil
	}
	if c.Changed == nil {
		c.Changed = make([]byte, 0, 8)
	}
	if c.Changed, err = hex.AppendDecode(c.Changed[:0], changed); err != nil {
		return errContribution
	}
	return nil
}
