package govern

import "sluice/schemas"

// Event is one change of one source record, made an entity by the rules.
type Event struct {
	// Record names the source record: "erp.public.customers/4711". System is
	// the system that it is in: "erp".
	Record, System string
	// Time is when the source committed the change, in microseconds since the
	// epoch, and Offset that of its raw record. Of two events of one record the
	// one with the greater (Time, Offset) is newer.
	Time, Offset int64
	// Rules is the stamp of the rules that made the row.
	Rules string
	// Deleted events have no row. Moved ones are deleted here alone: the record
	// belongs to another golden record now.
	Deleted, Moved bool
	// Row is the entity's fields; of a Deleted event it is not looked at. It may
	// be in memory that is used again.
	Row schemas.Row
	// Changed are the fields that the event changed; nil: not known. A record
	// that comes from another golden record is not known: what it changed there
	// says nothing about here.
	Changed Bits
	// Snapshot events are readings of a row; what they changed is not known, and
	// Changed is not looked at.
	Snapshot bool
}

// Contribution is what one source record says of a golden record.
type Contribution struct {
	Record, System string
	// Time, Offset and Rules are those of the newest event.
	Time, Offset int64
	Rules        string
	// Deleted contributions are markers, without Row and Times, that stay for
	// ever, so that an older event does not bring the record back. Moved ones
	// left for another golden record.
	Deleted, Moved bool
	// Row is what the record last said of each field, and Times when it did so: when
	// the field last changed there. A field of which no change was seen is what the
	// newest event says, with the time of the newest deletion, or 0.
	Row   schemas.Row
	Times []int64

	offsets []int64 // beside Times
	// assumed are the fields of which no change was seen.
	assumed Bits
	// death is the newest deletion, if there was one (buried).
	death  stamp
	buried bool
}

// stamp is the place of an event among those of its record.
type stamp struct{ time, offset int64 }

func (a stamp) after(b stamp) bool {
	return a.time > b.time || a.time == b.time && a.offset > b.offset
}

func (c *Contribution) stamp() stamp { return stamp{c.Time, c.Offset} }

// Bits is a set of small numbers, such as the fields of a row: i is in it if bit
// i%8 of byte i/8 is set. It may be shorter than the row; an empty one that is
// not nil is an empty set.
type Bits []byte

// Has reports whether i is in the set.
func (b Bits) Has(i int) bool { return i>>3 < len(b) && b[i>>3]&(1<<(i&7)) != 0 }

// With returns the set with i in it, in the same memory where there is room.
func (b Bits) With(i int) Bits {
	for i>>3 >= len(b) {
		b = append(b, 0)
	}
	b[i>>3] |= 1 << (i & 7)
	return b
}

func (b Bits) remove(i int) {
	if i>>3 < len(b) {
		b[i>>3] &^= 1 << (i & 7)
	}
}

// Changes appends to dst[:0] the set of the fields in which two rows of one
// entity differ. It is never nil.
func Changes(dst Bits, before, after schemas.Row) Bits {
	dst = dst[:0]
	for range (len(after) + 7) / 8 {
		dst = append(dst, 0)
	}
	if dst == nil {
		dst = Bits{}
	}
	for i := range after {
		if i >= len(before) || !before[i].Equal(after[i]) {
			dst = dst.With(i)
		}
	}
	return dst
}
