package mysql

import (
	"encoding/binary"
	"math/big"
	"strconv"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/schemas"
)

// A decimal of the log is a row of groups of nine digits in four bytes each, with
// shorter groups at both ends; the first bit is set for what is not negative, of
// which a negative number is the complement (MySQL source, decimal2bin).
const groupDigits = 9

// groupBytes is how many bytes a group of so many digits has.
var groupBytes = [groupDigits + 1]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4}

// maxDecimalDigits is what a decimal of MySQL has at most.
const maxDecimalDigits = 65

func decimalWidth(precision, scale int) int {
	whole := precision - scale
	return whole/groupDigits*4 + groupBytes[whole%groupDigits] + scale/groupDigits*4 + groupBytes[scale%groupDigits]
}

func (d *dialect) decimal(c *column) {
	precision, scale := int(c.meta>>8), int(c.meta&0xFF)
	if precision > maxDecimalDigits || scale > precision { // no server writes it
		precision, scale = maxDecimalDigits, min(scale, maxDecimalDigits)
	}
	c.width = decimalWidth(precision, scale)
	put := putDecimal(scale)
	switch d.decimals {
	case String:
		c.typ = schemas.Type{Name: schemas.StringType}
		put = func(dst *schemas.Value, digits []byte, a *schemas.Arena) error {
			*dst = schemas.TextOf(a.Copy(digits))
			return nil
		}
	case Double:
		c.typ = schemas.Type{Name: schemas.Float64Type}
		put = func(dst *schemas.Value, digits []byte, _ *schemas.Arena) error {
			f, err := strconv.ParseFloat(text(digits), 64)
			if err != nil {
				return malformed("number", digits)
			}
			*dst = schemas.FloatOf(f)
			return nil
		}
	default:
		c.typ = schemas.Type{Name: schemas.DecimalType, Precision: precision, Scale: scale}
	}
	c.fromLog = func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
		var room [maxDecimalDigits + 3]byte
		digits, err := decimalText(room[:0], src, precision, scale)
		if err != nil {
			return err
		}
		return put(dst, digits, a)
	}
	if c.typ.Name == schemas.DecimalType && precision <= smallDigits {
		groups := smallGroups(precision, scale)
		c.fromLog = func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
			n, err := decimalSmall(src, groups)
			if err == nil {
				*dst = schemas.DecimalOf(appendUnscaled(a, n), int32(scale))
			}
			return err
		}
	}
	c.fromField = func(dst *schemas.Value, f *gomysql.FieldValue, a *schemas.Arena) error {
		return put(dst, withoutZerofill(f.AsString()), a)
	}
}

// smallDigits is how many digits any int64 has room for.
const smallDigits = 18

// smallGroups are the digits of each group.
func smallGroups(precision, scale int) []int {
	var groups []int
	add := func(digits int) {
		if digits > 0 {
			groups = append(groups, digits)
		}
	}
	whole := precision - scale
	add(whole % groupDigits)
	for range whole / groupDigits {
		add(groupDigits)
	}
	for range scale / groupDigits {
		add(groupDigits)
	}
	add(scale % groupDigits)
	return groups
}

// decimalSmall reads a number of few digits as the unscaled one.
func decimalSmall(src []byte, groups []int) (int64, error) {
	if len(src) == 0 {
		return 0, malformed("decimal", src)
	}
	negative, first, n := src[0]&0x80 == 0, byte(0x80), uint64(0)
	flip := byte(0)
	if negative {
		flip = 0xFF
	}
	rest := src
	for _, digits := range groups {
		size := groupBytes[digits]
		if size > len(rest) {
			return 0, malformed("decimal", src)
		}
		group := uint64(0)
		for _, b := range rest[:size] {
			group = group<<8 | uint64(b^flip^first)
			first = 0
		}
		if group >= powers[digits] {
			return 0, malformed("decimal", src)
		}
		n, rest = n*powers[digits]+group, rest[size:]
	}
	if len(rest) > 0 {
		return 0, malformed("decimal", src)
	}
	if negative {
		return -int64(n), nil
	}
	return int64(n), nil
}

// withoutZerofill drops the zeroes that ZEROFILL adds.
func withoutZerofill(digits []byte) []byte {
	for len(digits) > 1 && digits[0] == '0' && digits[1] != '.' {
		digits = digits[1:]
	}
	return digits
}

// decimalText writes the number as MySQL prints it: all places, no leading
// zeroes but one before the point.
func decimalText(out, src []byte, precision, scale int) ([]byte, error) {
	if len(src) != decimalWidth(precision, scale) || len(src) == 0 {
		return nil, malformed("decimal", src)
	}
	var room [maxDecimalDigits]byte
	b := append(room[:0], src...)
	negative := b[0]&0x80 == 0
	b[0] ^= 0x80
	if negative {
		for i := range b {
			b[i] = ^b[i]
		}
		out = append(out, '-')
	}
	whole := precision - scale
	start := len(out)
	group := func(digits int) error {
		if digits == 0 {
			return nil
		}
		n := bigEndian(b[:groupBytes[digits]])
		b = b[groupBytes[digits]:]
		if n >= powers[digits] {
			return malformed("decimal", src)
		}
		if len(out) == start && n == 0 {
			return nil // leading
		}
		if len(out) == start {
			out = strconv.AppendUint(out, n, 10)
			return nil
		}
		out = appendPadded(out, n, digits)
		return nil
	}
	err := group(whole % groupDigits)
	for range whole / groupDigits {
		if err == nil {
			err = group(groupDigits)
		}
	}
	if len(out) == start {
		out = append(out, '0')
	}
	if scale > 0 {
		out = append(out, '.')
		for range scale / groupDigits {
			if err == nil {
				err = group(groupDigits)
			}
		}
		if err == nil {
			err = group(scale % groupDigits)
		}
	}
	return out, err
}

var powers = [groupDigits + 1]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// appendPadded writes n with at least so many digits.
func appendPadded(out []byte, n uint64, digits int) []byte {
	for size := digits - 1; size > 0 && n < powers[min(size, groupDigits)]; size-- {
		out = append(out, '0')
	}
	return strconv.AppendUint(out, n, 10)
}

// putDecimal reads [-]digits[.digits] with scale places, or fewer, as the
// unscaled number.
func putDecimal(scale int) func(*schemas.Value, []byte, *schemas.Arena) error {
	return func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
		var room [maxDecimalDigits + 2]byte
		plain := room[:0]
		digits, places, point := src, 0, false
		negative := len(digits) > 0 && digits[0] == '-'
		if negative {
			digits = digits[1:]
		}
		for _, ch := range digits {
			switch {
			case ch == '.' && !point:
				point = true
				continue
			case ch < '0' || ch > '9' || len(plain) >= maxDecimalDigits+1:
				return malformed("decimal", src)
			case point:
				places++
			}
			plain = append(plain, ch)
		}
		for ; places < scale && len(plain) <= maxDecimalDigits; places++ {
			plain = append(plain, '0')
		}
		if len(plain) == 0 || places != scale {
			return malformed("decimal of this scale", src)
		}
		if len(plain) <= 18 {
			var n int64
			for _, ch := range plain {
				n = n*10 + int64(ch-'0')
			}
			if negative {
				n = -n
			}
			*dst = schemas.DecimalOf(appendUnscaled(a, n), int32(scale))
			return nil
		}
		n, ok := new(big.Int).SetString(string(plain), 10)
		if !ok {
			return malformed("decimal", src)
		}
		if negative {
			n.Neg(n)
		}
		*dst = schemas.DecimalOf(appendBig(a, n), int32(scale))
		return nil
	}
}

// appendUnscaled writes n as the shortest big-endian two's complement.
func appendUnscaled(a *schemas.Arena, n int64) []byte {
	size := 1
	for m := n; m > 127 || m < -128; m >>= 8 {
		size++
	}
	var all [8]byte
	binary.BigEndian.PutUint64(all[:], uint64(n))
	out := append(a.Grow(size), all[8-size:]...)
	a.Keep(size)
	return out[:size:size]
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
