package measure

import "bytes"

// NYSIIS is the code of the New York State Identification and Intelligence
// System, up to eight letters of it. It keeps more of a name than Soundex does:
// vowels count as places, silent letters are dropped.
func NYSIIS(name string) Code {
	var text [Longest + 4]byte // room for the letters looked ahead at
	n := 0
	for i := 0; i < len(name) && n < Longest; i++ {
		if c := lower(name[i]); c >= 'a' && c <= 'z' {
			text[n] = c - 'a' + 'A'
			n++
		}
	}
	if n == 0 {
		return Code{}
	}
	s := nysiisEnds(text[:n])
	n = len(s)
	clear(text[n:])
	var key [Longest]byte
	key[0] = s[0]
	k := 1
	for i := 1; i < n; i++ {
		put, width := nysiisStep(&text, i)
		copy(text[i:i+width], put[:width])
		if text[i] != text[i-1] {
			key[k] = text[i]
			k++
		}
	}
	return nysiisTrim(key[:k])
}

// nysiisEnds transcribes the beginning and the end of the name in place.
func nysiisEnds(s []byte) []byte {
	for _, r := range [...][2]string{{"MAC", "MCC"}, {"KN", "NN"}, {"K", "C"}, {"PH", "FF"}, {"PF", "FF"}, {"SCH", "SSS"}} {
		if bytes.HasPrefix(s, []byte(r[0])) {
			copy(s, r[1])
			break
		}
	}
	for _, end := range [...]string{"EE", "IE"} {
		if bytes.HasSuffix(s, []byte(end)) {
			s[len(s)-2] = 'Y'
			return s[:len(s)-1]
		}
	}
	for _, end := range [...]string{"DT", "RT", "RD", "NT", "ND"} {
		if bytes.HasSuffix(s, []byte(end)) {
			s[len(s)-2] = 'D'
			return s[:len(s)-1]
		}
	}
	return s
}

// nysiisStep is what the letter at i and those after it become.
func nysiisStep(t *[Longest + 4]byte, i int) (put [3]byte, width int) {
	c, next := t[i], t[i+1]
	switch {
	case c == 'E' && next == 'V':
		return [3]byte{'A', 'F'}, 2
	case vowel(c):
		return [3]byte{'A'}, 1
	case c == 'Q':
		return [3]byte{'G'}, 1
	case c == 'Z':
		return [3]byte{'S'}, 1
	case c == 'M':
		return [3]byte{'N'}, 1
	case c == 'K' && next == 'N':
		return [3]byte{'N', 'N'}, 2
	case c == 'K':
		return [3]byte{'C'}, 1
	case c == 'S' && next == 'C' && t[i+2] == 'H':
		return [3]byte{'S', 'S', 'S'}, 3
	case c == 'P' && next == 'H':
		return [3]byte{'F', 'F'}, 2
	case c == 'H' && (!vowel(t[i-1]) || !vowel(next)):
		return [3]byte{t[i-1]}, 1
	case c == 'W' && vowel(t[i-1]):
		return [3]byte{t[i-1]}, 1
	}
	return [3]byte{c}, 1
}

// nysiisTrim drops what is silent at the end.
func nysiisTrim(key []byte) Code {
	k := len(key)
	if k > 1 && key[k-1] == 'S' {
		k--
	}
	if k > 2 && key[k-2] == 'A' && key[k-1] == 'Y' {
		key[k-2] = 'Y'
		k--
	}
	if k > 1 && key[k-1] == 'A' {
		k--
	}
	var code Code
	copy(code[:], key[:k])
	return code
}

func vowel(c byte) bool { return c == 'A' || c == 'E' || c == 'I' || c == 'O' || c == 'U' }
