package measure

// Code is what a name sounds like: up to eight capital letters or digits, zero
// where a name has no Latin letter.
type Code [8]byte

// String is the code as text.
func (c Code) String() string {
	n := 0
	for n < len(c) && c[n] != 0 {
		n++
	}
	return string(c[:n])
}

// Soundex is the American Soundex of the US National Archives: the first letter
// and three digits; equal digits count once, also when h or w stands between.
func Soundex(name string) Code {
	var code Code
	n, last := 0, byte('0')
	for i := 0; i < len(name) && n < 4; i++ {
		c := lower(name[i])
		if c < 'a' || c > 'z' {
			continue
		}
		d := digit(c)
		switch {
		case n == 0:
			code[0], n = c-'a'+'A', 1
		case d == '-':
			continue
		case d != '0' && d != last:
			code[n] = d
			n++
		}
		if last = d; d == '-' {
			last = '0'
		}
	}
	for ; n > 0 && n < 4; n++ {
		code[n] = '0'
	}
	return code
}

// digit is Soundex's group of a letter; '0' separates equal digits, '-' does not.
func digit(c byte) byte {
	switch c {
	case 'b', 'f', 'p', 'v':
		return '1'
	case 'c', 'g', 'j', 'k', 'q', 's', 'x', 'z':
		return '2'
	case 'd', 't':
		return '3'
	case 'l':
		return '4'
	case 'm', 'n':
		return '5'
	case 'r':
		return '6'
	case 'h', 'w':
		return '-'
	}
	return '0'
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
