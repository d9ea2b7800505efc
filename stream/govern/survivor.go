package govern

import (
	"cmp"
	"math"
	"unicode/utf8"

	"sluice/schemas"
)

// criterion is what decided between two candidates.
type criterion uint8

const (
	byScore criterion = iota
	byRank
	byTime
	byValue
	byRecord
)

// compare says which of two candidates is the better one, negative if a is, and
// what decided. It is a total order, so that the order of the candidates means
// nothing.
//
// The last resort is the record's name rather than the newest event: that moves
// with every change of the record's other fields, and equal sources would take
// turns.
func (r *rule) compare(a, b *candidate) (int, criterion) {
	switch r.Survivorship {
	case MostRecent:
		if a.time != b.time {
			return cmp.Compare(b.time, a.time), byTime
		}
	case First:
		if a.time != b.time {
			return cmp.Compare(a.time, b.time), byTime
		}
	case Longest, MostFrequent, HighestTrust:
		if a.score != b.score {
			return cmp.Compare(b.score, a.score), byScore
		}
	case Min, Max:
		if c := extreme(a.value, b.value, r.Survivorship == Max); c != 0 {
			return c, byValue
		}
	}
	if a.rank != b.rank {
		return cmp.Compare(a.rank, b.rank), byRank
	}
	if a.time != b.time {
		return cmp.Compare(b.time, a.time), byTime
	}
	return cmp.Compare(a.of, b.of), byRecord // contributions are sorted by record
}

// locks finds the candidates that do not count because a better ranked source
// changed the field shortly before. One that does not count locks none.
func (r *rule) locks(all []candidate) {
	for rank := 1; rank <= len(r.Owners); rank++ {
		for i := range all {
			if all[i].rank != rank {
				continue
			}
			for j := range all {
				if all[j].rank >= rank || all[j].locked >= 0 || !r.within(all[j].time, all[i].time) {
					continue
				}
				// Told is the lock that ends last. Of two that changed at the same
				// time only the better ranked counts.
				if k := all[i].locked; k < 0 || all[k].time < all[j].time {
					all[i].locked = j
				}
			}
		}
	}
}

// within reports whether a change at t is within the lock of one at start.
func (r *rule) within(start, t int64) bool {
	return t >= start && uint64(t-start) < r.lock
}

// until is when the lock of a change at t ends.
func (r *rule) until(t int64) int64 {
	if end := t + int64(r.lock); end >= t {
		return end
	}
	return math.MaxInt64
}

// length is the number of characters or elements of a value; that of null is
// less than any.
func length(v *schemas.Value) float64 {
	switch v.Kind {
	case schemas.Text:
		return float64(utf8.RuneCount(v.Bytes))
	case schemas.Bytes:
		return float64(len(v.Bytes))
	case schemas.List:
		return float64(len(v.Elems()))
	}
	return -1
}

// extreme orders values by their size, the least first or, if most, the greatest.
// NaN is last in both.
func extreme(a, b *schemas.Value, most bool) int {
	var c int
	switch a.Kind {
	case schemas.Float:
		x, y := a.Float(), b.Float()
		if math.IsNaN(x) || math.IsNaN(y) {
			switch {
			case !math.IsNaN(y):
				return 1
			case !math.IsNaN(x):
				return -1
			}
			return 0
		}
		c = cmp.Compare(x, y)
	case schemas.Decimal:
		c = compareDecimals(a, b)
	default:
		c = cmp.Compare(a.Int(), b.Int())
	}
	if most {
		return -c
	}
	return c
}

func compareDecimals(a, b *schemas.Value) int {
	x, fits := small(a.Bytes)
	if y, too := small(b.Bytes); fits && too {
		return cmp.Compare(x, y)
	}
	return unscaled(a.Bytes).Cmp(unscaled(b.Bytes))
}

// small reads an unscaled number of at most 8 bytes.
func small(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 8 {
		return 0, false
	}
	n := int64(int8(b[0]))
	for _, c := range b[1:] {
		n = n<<8 | int64(c)
	}
	return n, true
}
