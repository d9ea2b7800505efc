package govern

import (
	"math"
	"math/big"

	"sluice/schemas"
)

// sum adds the values of the candidates, in the order of their records: doubles
// do not add up alike in every order. A sum that the field cannot hold is null and
// is escalated; a part of it is never told.
func (g *Golden) sum(r *rule, f *Field) {
	all := g.candidates
	n := int64(0)
	f.Time = math.MinInt64
	for i := range all {
		if all[i].locked < 0 {
			f.Time = max(f.Time, all[i].time)
			n++
		}
	}
	f.Rule = Rule{kind: ruleSum, number: n}
	var ok bool
	switch all[0].value.Kind {
	case schemas.Float:
		f.Value, ok = sumFloats(all), true
	case schemas.Decimal:
		f.Value, ok = g.sumDecimals(all, r.at)
	default:
		f.Value, ok = sumInts(all, r.at)
	}
	if !ok {
		f.Value, f.Rule.kind, f.Review = schemas.Value{}, ruleTooLarge, true
	}
}

func sumFloats(all []candidate) schemas.Value {
	total := 0.0
	for i := range all {
		if all[i].locked < 0 {
			total += all[i].value.Float()
		}
	}
	return schemas.FloatOf(total)
}

func sumInts(all []candidate, t *schemas.Type) (schemas.Value, bool) {
	// Parts may be beyond what the whole is not.
	var high, low int64 // high * 2^32 + low
	for i := range all {
		if all[i].locked < 0 {
			n := all[i].value.Int()
			high += n >> 32
			low += n & math.MaxUint32
		}
	}
	high += low >> 32
	low &= math.MaxUint32
	if high != int64(int32(high)) {
		return schemas.Value{}, false
	}
	n := high<<32 | low
	switch t.Name {
	case schemas.Int16Type:
		return schemas.IntOf(n), n == int64(int16(n))
	case schemas.Int32Type:
		return schemas.IntOf(n), n == int64(int32(n))
	}
	return schemas.IntOf(n), true
}

func (g *Golden) sumDecimals(all []candidate, t *schemas.Type) (schemas.Value, bool) {
	total, ok := smallTotal(all)
	if ok && t.Precision <= 18 {
		limit := int64(1)
		for range t.Precision {
			limit *= 10
		}
		if total <= -limit || total >= limit {
			return schemas.Value{}, false
		}
		return schemas.DecimalOf(g.keep(appendSmall(g.memory, total)), int32(t.Scale)), true
	}
	whole := new(big.Int)
	for i := range all {
		if all[i].locked < 0 {
			whole.Add(whole, unscaled(all[i].value.Bytes))
		}
	}
	if whole.CmpAbs(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Precision)), nil)) >= 0 {
		return schemas.Value{}, false
	}
	return schemas.DecimalOf(appendBig(whole), int32(t.Scale)), true
}

// smallTotal adds decimals of one scale, if an int64 holds all of it.
func smallTotal(all []candidate) (total int64, ok bool) {
	for i := range all {
		if all[i].locked >= 0 {
			continue
		}
		n, fits := small(all[i].value.Bytes)
		sum := total + n
		if !fits || (sum > total) != (n > 0) && n != 0 {
			return 0, false
		}
		total = sum
	}
	return total, true
}

// appendSmall appends n in the fewest bytes of two's complement.
func appendSmall(dst []byte, n int64) []byte {
	size := 1
	for size < 8 && n>>(size*8-1) != 0 && n>>(size*8-1) != -1 {
		size++
	}
	for i := size - 1; i >= 0; i-- {
		dst = append(dst, byte(n>>(i*8)))
	}
	return dst
}

// appendBig is the same of a number of any size.
func appendBig(n *big.Int) []byte {
	if n.IsInt64() {
		return appendSmall(nil, n.Int64())
	}
	// Of a negative one, the complement of its opposite less one.
	m, negative := n, n.Sign() < 0
	if negative {
		m = new(big.Int).Not(n)
	}
	b := m.Bytes()
	if b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	if negative {
		for i := range b {
			b[i] = ^b[i]
		}
	}
	return b
}
