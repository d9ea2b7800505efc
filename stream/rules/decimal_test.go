package rules

import (
	"math/big"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"sluice/schemas"
)

// rational is the value of a Decimal.
func rational(v schemas.Value) *big.Rat {
	return new(big.Rat).Quo(new(big.Rat).SetInt(bigUnscaled(v.Bytes)), ratTen(int(v.Scale)))
}

// ratTen is 10^n for any n.
func ratTen(n int) *big.Rat {
	if n < 0 {
		return new(big.Rat).Inv(ratTen(-n))
	}
	return new(big.Rat).SetInt(tenTo(n))
}

func drawDecimal(t *rapid.T) schemas.Value {
	n := bigUnscaled(rapid.SliceOfN(rapid.Byte(), 1, 14).Draw(t, "unscaled"))
	zeros := rapid.IntRange(0, 4).Draw(t, "zeros")
	n.Mul(n, tenTo(zeros))
	return schemas.DecimalOf(appendBig(n), int32(rapid.IntRange(-6, 20).Draw(t, "scale")))
}

// TestRescale: what is rescaled has the same value, in the fewest bytes and
// within the type; what is refused does not fit exactly.
func TestRescale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawDecimal(t)
		precision := rapid.IntRange(1, 40).Draw(t, "precision")
		to := numeric(precision, rapid.IntRange(0, precision).Draw(t, "to scale"))
		got, problem := rescale(v, to, new(schemas.Arena))

		scaled := new(big.Rat).Mul(rational(v), ratTen(to.Scale))
		fits := scaled.IsInt() && scaled.Num().CmpAbs(tenTo(to.Precision)) < 0
		if fits != (problem == "") {
			t.Fatalf("%s into %s: fits %v, said %q", decimalText(v), typeText(to), fits, problem)
		}
		if problem != "" {
			return
		}
		if rational(got).Cmp(rational(v)) != 0 || int(got.Scale) != to.Scale {
			t.Fatalf("%s became %s", decimalText(v), decimalText(got))
		}
		if want := appendBig(bigUnscaled(got.Bytes)); string(want) != string(got.Bytes) {
			t.Fatalf("the bytes % x of %s are not the fewest, % x", got.Bytes, decimalText(got), want)
		}
	})
}

// TestUnscaled: numbers keep their value through their bytes.
func TestUnscaled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := bigUnscaled(rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "bytes"))
		b := appendBig(n)
		if bigUnscaled(b).Cmp(n) != 0 {
			t.Fatalf("%s became % x", n, b)
		}
		if len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xFF && b[1] >= 0x80) {
			t.Fatalf("% x has a byte too many", b)
		}
		if small, ok := smallUnscaled(b); ok != n.IsInt64() || ok && small != n.Int64() {
			t.Fatalf("%s was read as %d, %v", n, small, ok)
		}
	})
}

// TestDoubles: a decimal of up to 15 digits comes back from a double as it was,
// and no double becomes a decimal of another text.
func TestDoubles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.IntRange(1, doubleDigits).Draw(t, "digits")
		scale := rapid.IntRange(0, digits).Draw(t, "scale")
		n := rapid.Int64Range(-pow10[digits]+1, pow10[digits]-1).Draw(t, "unscaled")
		v := schemas.DecimalOf(appendSmall(nil, n), int32(scale))
		f := decimalToDouble(v)
		if want, _ := strconv.ParseFloat(decimalText(v), 64); f != want {
			t.Fatalf("%s became the double %v, want %v", decimalText(v), f, want)
		}
		back, problem := doubleToDecimal(f, numeric(digits, scale), new(schemas.Arena))
		if problem != "" || rational(back).Cmp(rational(v)) != 0 {
			t.Fatalf("%s came back as %s, %q", decimalText(v), decimalText(back), problem)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64().Draw(t, "f")
		v, problem := doubleToDecimal(f, numeric(30, rapid.IntRange(0, 15).Draw(t, "scale")), new(schemas.Arena))
		if problem != "" {
			return
		}
		if want, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'f', -1, 64)); rational(v).Cmp(want) != 0 {
			t.Fatalf("%v became %s", f, decimalText(v))
		}
	})
}

// TestRound compares with exact arithmetic on the shortest text.
func TestRound(t *testing.T) {
	for _, c := range []struct {
		x    float64
		n    int
		want float64
	}{
		{2.675, 2, 2.68}, {-2.675, 2, -2.68}, {0.5, 0, 1}, {0.05, 1, 0.1}, {0.04, 1, 0}, {9.995, 2, 10}, {99.99, 1, 100}, {1e20, 2, 1e20}, {1e-9, 2, 0},
	} {
		if got := roundHalfAway(c.x, c.n); got != c.want {
			t.Errorf("round(%v, %d) = %v, want %v", c.x, c.n, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-1e12, 1e12).Draw(t, "x")
		n := rapid.IntRange(0, 4).Draw(t, "decimals")
		exact, _ := new(big.Rat).SetString(strconv.FormatFloat(x, 'f', -1, 64))
		// Rat.FloatString rounds half away from zero.
		want, _ := strconv.ParseFloat(exact.FloatString(n), 64)
		if got := roundHalfAway(x, n); got != want {
			t.Fatalf("round(%v, %d) = %v, want %v", x, n, got, want)
		}
	})
}
