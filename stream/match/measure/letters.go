package measure

import "unicode/utf8"

// Longest is how many characters of a text are looked at.
const Longest = 64

// letters holds the characters of a text on the stack.
type letters [Longest]rune

// fill takes the first Longest characters of s and says how many there are.
func (l *letters) fill(s string) int {
	n := 0
	for i := 0; i < len(s) && n < Longest; n++ {
		if s[i] < utf8.RuneSelf {
			l[n] = rune(s[i])
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		l[n] = r
		i += size
	}
	return n
}

// plain reports whether s is short ASCII, which is compared byte by byte.
func plain(s string) bool {
	if len(s) > Longest {
		return false
	}
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
