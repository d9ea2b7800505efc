package normal

import "strings"

// Address is a postal address's street, in words.
type Address struct {
	// Number is the house number, with its letter.
	Number string
	// Street are the remaining words, abbreviations of street types written in
	// one way.
	Street string
}

// Street takes an address line apart.
func Street(s string) Address {
	var a Address
	var words []string
	for w := range strings.FieldsSeq(Fold(strings.ReplaceAll(cut(s), "ß", "ss"))) {
		if a.Number == "" && w[0] >= '0' && w[0] <= '9' {
			a.Number = w
			continue
		}
		if long, ok := streetTypes[w]; ok {
			w = long
		} else if short, ok := strings.CutSuffix(w, "str"); ok && len(short) > 2 {
			w = short + "strasse"
		}
		words = append(words, w)
	}
	a.Street = strings.Join(words, " ")
	return a
}

var streetTypes = func() map[string]string {
	out := map[string]string{}
	for _, l := range []string{
		"street st str", "road rd", "avenue ave av", "boulevard blvd bd", "drive dr drv", "lane ln", "place pl", "court ct crt",
		"circuit cct", "crescent cres cr crst", "close cl", "square sq", "terrace tce terr", "highway hwy", "parkway pkwy",
		"north n", "south s", "east e", "west w", "apartment apt", "flat fl", "suite ste", "village vlge", "retirement retrmnt",
		"strasse str", "platz", "gasse", "rue", "chaussee", "mount mt", "fort ft", "heights hts", "gardens gdns", "grove gr",
	} {
		long, short, _ := strings.Cut(l, " ")
		for w := range strings.FieldsSeq(short) {
			if _, taken := out[w]; !taken {
				out[w] = long
			}
		}
	}
	return out
}()

// Postcode is a postal code in capitals without spaces, and its area: of a
// British one the outward code, of others the first half.
func Postcode(s string) (code, area string) {
	code = strings.ToUpper(strings.ReplaceAll(Fold(s), " ", ""))
	switch {
	case code == "":
		return "", ""
	case len(code) >= 5 && len(code) <= 7 && letter(code[0]) && !letter(code[len(code)-3]):
		return code, code[:len(code)-3]
	case len(code) > 10:
		code = code[:10]
	}
	return code, code[:(len(code)+1)/2]
}

func letter(c byte) bool { return c >= 'A' && c <= 'Z' }
