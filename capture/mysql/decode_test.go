package mysql

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"sluice/schemas"
)

// TestSmallDecimalIsTheLongWay compares the decoder of decimals of few digits with
// the one of all, on bytes as a server writes them and on broken ones.
func TestSmallDecimalIsTheLongWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		precision := rapid.IntRange(1, smallDigits).Draw(t, "precision")
		scale := rapid.IntRange(0, precision).Draw(t, "scale")
		groups := smallGroups(precision, scale)
		var src []byte
		for _, digits := range groups {
			n := rapid.Uint64Range(0, powers[digits]-1).Draw(t, "group")
			for at := groupBytes[digits] - 1; at >= 0; at-- {
				src = append(src, byte(n>>(8*at)))
			}
		}
		if rapid.Bool().Draw(t, "negative") {
			for i := range src {
				src[i] = ^src[i]
			}
		}
		src[0] ^= 0x80
		if rapid.IntRange(0, 9).Draw(t, "broken") == 0 {
			src = rapid.SliceOfN(rapid.Byte(), 0, len(src)+1).Draw(t, "bytes")
		}
		var arena schemas.Arena
		var want schemas.Value
		digits, wrong := decimalText(nil, src, precision, scale)
		if wrong == nil {
			wrong = putDecimal(scale)(&want, digits, &arena)
		}
		n, err := decimalSmall(src, groups)
		if (err == nil) != (wrong == nil) {
			t.Fatalf("DECIMAL(%d,%d) of %x: error %v, the long way %v", precision, scale, src, err, wrong)
		}
		if err == nil && !bytes.Equal(appendUnscaled(&arena, n), want.Bytes) {
			t.Fatalf("DECIMAL(%d,%d) of %x is %d, the long way %x", precision, scale, src, n, want.Bytes)
		}
	})
}
