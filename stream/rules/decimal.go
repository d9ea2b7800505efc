package rules

import (
	"math"
	"math/big"
	"strconv"

	"sluice/schemas"
)

// pow10 are the powers of ten that an int64 holds.
var pow10 = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// doubleDigits is how many decimal digits survive the way into a double and
// back (DBL_DIG of IEEE 754 binary64).
const doubleDigits = 15

// smallUnscaled reads an unscaled number of at most 8 bytes.
func smallUnscaled(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 8 {
		return 0, false
	}
	n := int64(int8(b[0]))
	for _, c := range b[1:] {
		n = n<<8 | int64(c)
	}
	return n, true
}

// bigUnscaled reads an unscaled number of any length.
func bigUnscaled(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return n
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

// appendBig appends n in the fewest bytes of two's complement.
func appendBig(n *big.Int) []byte {
	var dst []byte
	if n.IsInt64() {
		return appendSmall(dst, n.Int64())
	}
	if n.Sign() > 0 {
		b := n.Bytes()
		if b[0]&0x80 != 0 {
			dst = append(dst, 0)
		}
		return append(dst, b...)
	}
	// -n in k bytes is 2^(8k) + n, for the least k that holds the sign bit.
	k := uint(new(big.Int).Not(n).BitLen())/8 + 1
	return append(dst, new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), k*8), n).Bytes()...)
}

// rescale gives the number unscaled * 10^-from the scale and precision of t,
// without a change of its value; else what is in the way.
func rescale(v schemas.Value, t schemas.Type, a *schemas.Arena) (schemas.Value, string) {
	up := t.Scale - int(v.Scale)
	if n, ok := smallUnscaled(v.Bytes); ok && up >= 0 && up < len(pow10) && t.Precision < len(pow10) {
		limit := pow10[t.Precision]
		if n <= -limit || n >= limit {
			return v, tooLarge(t)
		}
		scaled := n * pow10[up]
		if scaled/pow10[up] == n && scaled > -limit && scaled < limit {
			return smallDecimal(scaled, t.Scale, a), ""
		}
		return v, tooLarge(t)
	}
	if up > t.Precision && !isZero(v.Bytes) {
		return v, tooLarge(t)
	}
	n := bigUnscaled(v.Bytes)
	if n.Sign() == 0 {
		return smallDecimal(0, t.Scale, a), ""
	}
	if up >= 0 {
		n.Mul(n, tenTo(up))
	} else {
		// A number of k bits has no more than k trailing decimal zeros.
		if -up > n.BitLen() {
			return v, tooFine(t)
		}
		var rest big.Int
		if n.QuoRem(n, tenTo(-up), &rest); rest.Sign() != 0 {
			return v, tooFine(t)
		}
	}
	if n.CmpAbs(tenTo(t.Precision)) >= 0 {
		return v, tooLarge(t)
	}
	return schemas.DecimalOf(a.Copy(appendBig(n)), int32(t.Scale)), ""
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func tooLarge(t schemas.Type) string { return "does not fit into " + typeText(t) }

func tooFine(t schemas.Type) string {
	return "has more than " + strconv.Itoa(t.Scale) + " decimals; it is not rounded silently, write round(x, " + strconv.Itoa(t.Scale) + ")"
}

func smallDecimal(n int64, scale int, a *schemas.Arena) schemas.Value {
	b := appendSmall(a.Grow(8), n)
	a.Keep(len(b))
	return schemas.DecimalOf(b, int32(scale))
}

// decimalToDouble gives the double nearest to the decimal.
func decimalToDouble(v schemas.Value) float64 {
	const exact = 1 << 53
	if n, ok := smallUnscaled(v.Bytes); ok && n > -exact && n < exact && v.Scale >= 0 && v.Scale <= doubleDigits {
		// Both operands are exact, so that the quotient is rounded once.
		return float64(n) / float64(pow10[v.Scale])
	}
	f, _ := strconv.ParseFloat(bigUnscaled(v.Bytes).String()+"e"+strconv.Itoa(-int(v.Scale)), 64)
	return f // overflow is an infinity, which no field takes
}

// doubleToDecimal gives the decimal that the shortest text of f says, if it has
// no more decimals than t and a double can tell it from its neighbours.
func doubleToDecimal(f float64, t schemas.Type, a *schemas.Arena) (schemas.Value, string) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return schemas.Value{}, "is no number that a decimal can hold"
	}
	if f == 0 {
		return smallDecimal(0, t.Scale, a), ""
	}
	// "d.ddde±xx"
	var buf [32]byte
	text := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	negative := text[0] == '-'
	if negative {
		text = text[1:]
	}
	var n int64
	digits, i := 0, 0
	for ; text[i] != 'e'; i++ {
		if text[i] != '.' {
			n = n*10 + int64(text[i]-'0')
			digits++
		}
	}
	exponent, _ := strconv.Atoi(string(text[i+1:]))
	// n * 10^-scale, with the value's own scale.
	scale := digits - 1 - exponent
	if scale > t.Scale {
		return schemas.Value{}, tooFine(t)
	}
	if exponent+1 > t.Precision-t.Scale {
		return schemas.Value{}, tooLarge(t)
	}
	if exponent+1+t.Scale > doubleDigits {
		return schemas.Value{}, "needs more than the 15 digits that a double holds; copy the column instead of computing with it"
	}
	n *= pow10[t.Scale-scale]
	if negative {
		n = -n
	}
	return smallDecimal(n, t.Scale, a), ""
}

// decimalText writes a decimal in full.
func decimalText(v schemas.Value) string {
	n := bigUnscaled(v.Bytes)
	if v.Scale <= 0 || v.Scale > 1000 {
		if v.Scale == 0 {
			return n.String()
		}
		return n.String() + "e" + strconv.Itoa(-int(v.Scale))
	}
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
	}
	digits := n.Abs(n).String()
	for len(digits) <= int(v.Scale) {
		digits = "0" + digits
	}
	point := len(digits) - int(v.Scale)
	return sign + digits[:point] + "." + digits[point:]
}
