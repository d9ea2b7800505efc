package measure

import "math/bits"

// Jaro is the similarity of two texts, 0 (nothing shared) to 1 (the same): the
// mean of the shares of characters that both have at about the same place, less
// half of those that are out of order. Two empty texts are the same.
func Jaro(a, b string) float64 {
	if a == b {
		return 1
	}
	if plain(a) && plain(b) {
		var x, y [Longest]byte
		return jaro(x[:copy(x[:], a)], y[:copy(y[:], b)])
	}
	var x, y letters
	return jaro(x[:x.fill(a)], y[:y.fill(b)])
}

// Winkler's constants: each of up to four equal first characters closes a tenth
// of what is missing.
const (
	prefixScale = 0.1
	prefixMost  = 4
)

// JaroWinkler is Jaro, raised for texts that begin alike, which errors in names
// seldom touch. As in Winkler's paper of 1990 it is raised whatever the
// similarity is.
func JaroWinkler(a, b string) float64 {
	j := Jaro(a, b)
	if j == 0 || j == 1 {
		return j
	}
	var x, y letters
	n := min(x.fill(a), y.fill(b), prefixMost)
	p := 0
	for p < n && x[p] == y[p] {
		p++
	}
	return j + float64(p)*prefixScale*(1-j)
}

// jaro marks the matching places of both texts in one word each.
func jaro[C byte | rune](a, b []C) float64 {
	n, m := len(a), len(b)
	if n == 0 || m == 0 {
		return 0
	}
	window := max(n, m)/2 - 1
	var inA, inB uint64
	for i := range n {
		from, to := max(0, i-window), min(m-1, i+window)
		for j := from; j <= to; j++ {
			if a[i] == b[j] && inB&(1<<j) == 0 {
				inA |= 1 << i
				inB |= 1 << j
				break
			}
		}
	}
	matches := bits.OnesCount64(inA)
	if matches == 0 {
		return 0
	}
	moved := 0
	for x, y := inA, inB; x != 0; x, y = x&(x-1), y&(y-1) {
		if a[bits.TrailingZeros64(x)] != b[bits.TrailingZeros64(y)] {
			moved++
		}
	}
	c := float64(matches)
	return (c/float64(n) + c/float64(m) + (c-float64(moved/2))/c) / 3
}
