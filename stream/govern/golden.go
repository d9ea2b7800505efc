package govern

import (
	"strconv"
	"time"

	"sluice/schemas"
)

// Golden is what the sources make of one golden record together. The zero Golden
// is ready for [Policy.Merge], which uses its memory again. Its values and texts
// point into the state that it was merged from, and are good until that is changed
// or the next Merge. It is not safe for concurrent use.
type Golden struct {
	// Deleted: the golden record is deleted. Its Fields still say what the
	// living source records make, if there are any.
	Deleted bool
	// Review: it is to be escalated, for one of Fields or, under DeleteReview,
	// because of Gone. Never of a deleted one.
	Review bool
	// Newest is the time of the newest event of all, which chose the rules.
	Newest int64
	// Live are the contributions that are there, as indexes, and Gone those
	// whose source deleted them; those that moved are neither.
	Live, Gone []int
	// Fields are those of the table, in its order.
	Fields []Field

	systems    []int // of each contribution, its number
	candidates []candidate
	memory     []byte
}

// Field is one field of a golden record.
type Field struct {
	Value schemas.Value
	// Winner is the contribution that the value is from, as an index, and Record
	// and System are its names; -1 and empty of a sum, and where no source has
	// a value.
	Winner         int
	Record, System string
	// Time is when the value changed last: in the winner, or of a sum in any; 0
	// where no source has a value, or no change of it was seen.
	Time int64
	// Rule says why it is this value.
	Rule Rule
	// Conflict: the source records disagree. Never of a sum.
	Conflict bool
	// Review: the disagreement is to be escalated, or the sum is too large for
	// the field, which is null then.
	Review bool
	// Losers are the contributions that have another value, as indexes.
	Losers []int
}

// Rule is the reason for a value. It is written as text only where that is asked
// for.
type Rule struct {
	kind   ruleKind
	word   string // a survivorship, or a system
	number int64  // how many, or until when
}

type ruleKind uint8

const (
	ruleNone ruleKind = iota
	ruleWord
	ruleOwner
	ruleNoOwner
	ruleSum
	ruleTooLarge
	ruleLock
)

// Append appends the rule's text: "most_recent", "owner erp", "no owner,
// most_recent", "sum of 3", "lock erp until 2026-03-01T10:00:00Z"; nothing where
// no source has a value.
func (r Rule) Append(dst []byte) []byte {
	switch r.kind {
	case ruleWord:
		return append(dst, r.word...)
	case ruleOwner:
		return append(append(dst, "owner "...), r.word...)
	case ruleNoOwner:
		return append(dst, "no owner, most_recent"...)
	case ruleSum:
		return strconv.AppendInt(append(dst, "sum of "...), r.number, 10)
	case ruleTooLarge:
		dst = strconv.AppendInt(append(dst, "sum of "...), r.number, 10)
		return append(dst, " is too large"...)
	case ruleLock:
		dst = append(append(append(dst, "lock "...), r.word...), " until "...)
		return time.UnixMicro(r.number).UTC().AppendFormat(dst, time.RFC3339Nano)
	}
	return dst
}

// String is what Append appends.
func (r Rule) String() string { return string(r.Append(nil)) }

// Row appends the row of the [GoldenTable] to dst[:0]. It is good as long as the
// Golden is. Of a deleted golden record it is nil, which is a tombstone.
func (g *Golden) Row(dst schemas.Row) schemas.Row {
	if g.Deleted {
		return nil
	}
	dst = dst[:0]
	for i := range g.Fields {
		dst = append(dst, g.Fields[i].Value)
	}
	for i := range g.Fields {
		f := &g.Fields[i]
		if f.Rule.kind == ruleNone {
			dst = append(dst, schemas.Value{}, schemas.Value{}, schemas.Value{})
			continue
		}
		source := schemas.Value{}
		if f.Winner >= 0 {
			source = schemas.TextOf(g.keep(append(g.memory, f.System...)))
		}
		at := schemas.Value{}
		if f.Time != 0 {
			at = schemas.IntOf(f.Time)
		}
		dst = append(dst, source, at, schemas.TextOf(g.keep(f.Rule.Append(g.memory))))
	}
	return dst
}

// keep takes memory that was appended to and returns what is new. Where the
// memory had to move, what was handed out before stays where it was.
func (g *Golden) keep(memory []byte) []byte {
	start := len(g.memory)
	g.memory = memory
	return memory[start:len(memory):len(memory)]
}
