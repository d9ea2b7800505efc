package measure

import "slices"

// Hash is FNV-1a of a text, the same on every machine and in every release:
// blocking keys are made of it.
func Hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// Mix spreads a hash over all bits (the finalizer of SplitMix64).
func Mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// MostGrams is how many q-grams of a text are kept.
const MostGrams = 256

// Grams appends the sorted set of the hashes of the q-grams of s, of which q-1
// at each end are padded, so that short texts have some, too.
func Grams(into []uint32, s string, q int) []uint32 {
	from := len(into)
	if s == "" || q < 1 {
		return into
	}
	for i := 1 - q; i < len(s) && len(into)-from < MostGrams; i++ {
		h := uint64(14695981039346656037)
		for j := i; j < i+q; j++ {
			c := byte(0)
			if j >= 0 && j < len(s) {
				c = s[j]
			}
			h = (h ^ uint64(c)) * 1099511628211
		}
		into = append(into, uint32(Mix(h)))
	}
	slices.Sort(into[from:])
	return into[:from+len(slices.Compact(into[from:]))]
}

// Jaccard is the share of the elements that two sorted sets have in common, 0 to
// 1; two empty sets share nothing.
func Jaccard(a, b []uint32) float64 {
	both := Common(a, b)
	if both == 0 {
		return 0
	}
	return float64(both) / float64(len(a)+len(b)-both)
}

// Common is how many elements two sorted sets have in common.
func Common(a, b []uint32) int {
	both := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			both++
			i++
			j++
		}
	}
	return both
}

// MinHash is the hash of the band of that number: two sets with similarity s have
// the same with probability s^rows.
func MinHash(grams []uint32, band, rows int) uint64 {
	out := uint64(band)
	for r := range rows {
		salt := Mix(uint64(band*rows+r) + 0x9e3779b97f4a7c15)
		least := ^uint64(0)
		for _, g := range grams {
			least = min(least, Mix(uint64(g)^salt))
		}
		out = Mix(out ^ least)
	}
	return out
}
