package oracle

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"time"
	"unicode/utf8"

	"sluice/schemas"
	"sluice/stream/govern"
)

// said is what one record says of a field.
type said struct {
	record, system string
	value          schemas.Value
	time           int64
}

// field is one field of one golden record.
type field struct {
	a    *govern.Authority
	rule govern.FieldRule
	of   schemas.Type
	all  []said
}

func (f *field) adds() bool {
	return f.rule.Survivorship == govern.Sum || f.rule.Survivorship == govern.Min || f.rule.Survivorship == govern.Max
}

func (f *field) rank(s said) int {
	if i := slices.Index(f.rule.Owners, s.system); i >= 0 {
		return i
	}
	return len(f.rule.Owners)
}

// lockers are the changes within whose lock a change is.
func (f *field) lockers(s said) (by []said) {
	for _, b := range f.all {
		if f.rank(b) < f.rank(s) && b.time <= s.time && s.time < b.time+f.rule.Lock.Microseconds() && len(f.lockers(b)) == 0 {
			by = append(by, b)
		}
	}
	return by
}

// decide returns the value and its source, time and rule.
func (f *field) decide() (schemas.Value, schemas.Row) {
	null := schemas.Value{}
	if len(f.all) == 0 {
		return null, schemas.Row{null, null, null}
	}
	var counting []said
	for _, s := range f.all {
		if len(f.lockers(s)) == 0 {
			counting = append(counting, s)
		}
	}
	if f.rule.Survivorship == govern.Sum {
		value, ok := f.sum(counting)
		rule := fmt.Sprintf("sum of %d", len(counting))
		if !ok {
			value, rule = null, rule+" is too large"
		}
		last := most(counting, func(s said) float64 { return float64(s.time) })[0]
		return value, schemas.Row{null, since(last.time), word(rule)}
	}
	w := f.winner(counting)
	rule := string(f.rule.Survivorship)
	switch {
	case f.rule.Survivorship != govern.Owner:
	case f.rank(w) < len(f.rule.Owners):
		rule = "owner " + w.system
	default:
		rule = "no owner, most_recent"
	}
	if by := f.lockers(f.winner(f.all)); len(by) > 0 {
		by = most(by, func(s said) float64 { return float64(s.time) })
		end := time.UnixMicro(by[0].time).Add(f.rule.Lock)
		rule = "lock " + by[0].system + " until " + end.UTC().Format(time.RFC3339Nano)
	}
	return w.value, schemas.Row{word(w.system), since(w.time), word(rule)}
}

// winner leaves fewer and fewer, and takes the first of the rest by name.
func (f *field) winner(all []said) said {
	recent := func(s said) float64 { return float64(s.time) }
	left := all
	switch f.rule.Survivorship {
	case govern.MostRecent:
		left = most(left, recent)
	case govern.First:
		left = most(left, func(s said) float64 { return -recent(s) })
	case govern.Longest:
		left = most(left, func(s said) float64 { return size(s.value) })
	case govern.HighestTrust:
		left = most(left, func(s said) float64 { return f.a.Trust[s.system] })
	case govern.MostFrequent:
		left = most(left, func(s said) float64 {
			n := 0.0
			for _, o := range all {
				if o.value.Equal(s.value) {
					n++
				}
			}
			return n
		})
	case govern.Min, govern.Max:
		left = extremes(left, f.rule.Survivorship == govern.Max)
	}
	left = most(left, func(s said) float64 { return -float64(f.rank(s)) })
	left = most(left, recent)
	return slices.MinFunc(left, func(a, b said) int {
		if a.record < b.record {
			return -1
		}
		return 1
	})
}

// most are those of which the measure is greatest.
func most(all []said, measure func(said) float64) (out []said) {
	best := math.Inf(-1)
	for _, s := range all {
		best = max(best, measure(s))
	}
	for _, s := range all {
		if measure(s) == best {
			out = append(out, s)
		}
	}
	return out
}

func size(v schemas.Value) float64 {
	switch v.Kind {
	case schemas.Null:
		return -1
	case schemas.List:
		return float64(len(v.Elems()))
	case schemas.Bytes:
		return float64(len(v.Bytes))
	}
	return float64(utf8.RuneCount(v.Bytes))
}

// extremes are those with the greatest or least value; those that are no number
// only where there is nothing else.
func extremes(all []said, greatest bool) (out []said) {
	var numbers []said
	for _, s := range all {
		if s.value.Kind != schemas.Float || !math.IsNaN(s.value.Float()) {
			numbers = append(numbers, s)
		}
	}
	if len(numbers) == 0 {
		return all
	}
	beats := func(a, b said) bool {
		if greatest {
			a, b = b, a
		}
		if a.value.Kind == schemas.Float {
			return a.value.Float() < b.value.Float()
		}
		return number(a.value).Cmp(number(b.value)) < 0
	}
	for _, s := range numbers {
		if !slices.ContainsFunc(numbers, func(o said) bool { return beats(o, s) }) {
			out = append(out, s)
		}
	}
	return out
}

// number is an integer, or the unscaled integer of a decimal: those of one field
// have one scale.
func number(v schemas.Value) *big.Int {
	if v.Kind == schemas.Int {
		return big.NewInt(v.Int())
	}
	n := new(big.Int)
	for i, b := range v.Bytes {
		digit := int64(b)
		if i == 0 {
			digit = int64(int8(b))
		}
		n.Add(n.Mul(n, big.NewInt(256)), big.NewInt(digit))
	}
	return n
}

// sum adds in the order of the records.
func (f *field) sum(all []said) (v schemas.Value, ok bool) {
	if f.of.Name == schemas.Float64Type || f.of.Name == schemas.Float32Type {
		total := 0.0
		for _, s := range all {
			total += s.value.Float()
		}
		return schemas.FloatOf(total), true
	}
	total := new(big.Int)
	for _, s := range all {
		total.Add(total, number(s.value))
	}
	if f.of.Name != schemas.DecimalType {
		return schemas.IntOf(total.Int64()), total.IsInt64()
	}
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(f.of.Precision)), nil)
	return schemas.DecimalOf(complement(total), int32(f.of.Scale)), total.CmpAbs(limit) < 0
}

// complement is the shortest two's complement of n.
func complement(n *big.Int) []byte {
	for k := 1; ; k++ {
		half := new(big.Int).Lsh(big.NewInt(1), uint(8*k-1))
		if n.Cmp(half) >= 0 || n.Cmp(new(big.Int).Neg(half)) < 0 {
			continue
		}
		m := new(big.Int).Set(n)
		if n.Sign() < 0 {
			m.Add(m, new(big.Int).Lsh(half, 1))
		}
		return m.FillBytes(make([]byte, k))
	}
}

func word(s string) schemas.Value { return schemas.TextOf([]byte(s)) }

// since is null of a value of which no change was seen.
func since(at int64) schemas.Value {
	if at == 0 {
		return schemas.Value{}
	}
	return schemas.IntOf(at)
}
