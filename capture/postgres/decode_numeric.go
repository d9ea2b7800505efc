package postgres

import (
	"errors"
	"math/big"
	"strconv"

	"sluice/schemas"
)

// numericDigits bounds what a numeric may have on either side of the point
// (PostgreSQL docs, 8.1.2), so that no text can make a number without end.
const numericDigits = 131072 + 16383

// decodeDecimal reads numeric(p,s): the unscaled number at the fixed scale.
func decodeDecimal(scale int) decodeFunc {
	return func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
		return decodeNumeric(dst, src, a, scale)
	}
}

// decodeVarDecimal reads numeric without scale: each value has its own.
func decodeVarDecimal(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	scale := 0
	for i, c := range src {
		if c == '.' {
			scale = len(src) - 1 - i
			break
		}
	}
	return decodeNumeric(dst, src, a, scale)
}

// decodeRounded reads a numeric as a double; one beyond all doubles is infinite.
func decodeRounded(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	f, err := strconv.ParseFloat(text(src), 64)
	if errors.Is(err, strconv.ErrRange) && len(src) <= numericDigits {
		*dst = schemas.FloatOf(f)
		return nil
	}
	return decodeFloat64(dst, src, a)
}

var decodeFloat64 = decodeFloat(64)

// decodeNumeric reads [-]digits[.digits] with at most scale digits after the
// point.
func decodeNumeric(dst *schemas.Value, src []byte, a *schemas.Arena, scale int) error {
	digits, negative := src, false
	if len(digits) > 0 && digits[0] == '-' {
		digits, negative = digits[1:], true
	}
	if len(digits) == 0 || digits[0] < '0' || digits[0] > '9' {
		return notANumber(src)
	}
	var n int64
	seen, after, point := 0, 0, false
	for _, c := range digits {
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			return notANumber(src)
		}
		if point {
			after++
		}
		seen++
		if seen <= 18 {
			n = n*10 + int64(c-'0')
		}
	}
	if after > scale {
		return malformed("numeric of this scale", src)
	}
	if seen+scale-after > 18 {
		return decodeBigNumeric(dst, src, a, scale, scale-after)
	}
	for range scale - after {
		n *= 10
	}
	if negative {
		n = -n
	}
	*dst = schemas.DecimalOf(appendUnscaled(a, n), int32(scale))
	return nil
}

// appendUnscaled writes n as the shortest big-endian two's complement.
func appendUnscaled(a *schemas.Arena, n int64) []byte {
	size := 1
	for m := n; m > 127 || m < -128; m >>= 8 {
		size++
	}
	out := a.Grow(size)[:size]
	for i := size - 1; i >= 0; i-- {
		out[i] = byte(n)
		n >>= 8
	}
	a.Keep(size)
	return out[:size:size]
}

func decodeBigNumeric(dst *schemas.Value, src []byte, a *schemas.Arena, scale, zeros int) error {
	if len(src)+zeros > numericDigits {
		return malformed("numeric", src)
	}
	plain := make([]byte, 0, len(src)+zeros)
	for _, c := range src {
		if c != '.' {
			plain = append(plain, c)
		}
	}
	for range zeros {
		plain = append(plain, '0')
	}
	n, ok := new(big.Int).SetString(string(plain), 10)
	if !ok {
		return malformed("numeric", src)
	}
	*dst = schemas.DecimalOf(appendBig(a, n), int32(scale))
	return nil
}

// appendBig is appendUnscaled for numbers of any size.
func appendBig(a *schemas.Arena, n *big.Int) []byte {
	bits := n.BitLen()
	if n.Sign() < 0 {
		bits = new(big.Int).Not(n).BitLen()
	}
	size := bits/8 + 1
	if n.Sign() < 0 {
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(size)*8))
	}
	out := a.Grow(size)[:size]
	n.FillBytes(out)
	a.Keep(size)
	return out[:size:size]
}

func notANumber(src []byte) error {
	switch string(src) {
	case "NaN", "Infinity", "-Infinity":
		return &valueError{what: string(src) + " has no exact decimal form", cure: "set decimals: string (or double), or correct the row"}
	}
	return malformed("numeric", src)
}

// plainMoney gives money to the decoder of a number, as lc_monetary C writes it:
// -$1,234.56 without its signs.
func plainMoney(number decodeFunc) decodeFunc {
	return func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
		plain := src[:0]
		for _, c := range src {
			if c != '$' && c != ',' {
				plain = append(plain, c)
			}
		}
		return number(dst, plain, a)
	}
}
