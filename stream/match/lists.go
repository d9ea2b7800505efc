package match

import (
	"slices"
	"strconv"
	"strings"

	"sluice/stream/match/normal"
)

// list takes the elements of "a; b", "a|b", "{a,b}" or ["a","b"], sorted.
func (v *Value) list(s string) {
	split := ";|"
	if strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") || !strings.ContainsAny(s, split) {
		split += ","
	}
	for e := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(split, r) }) {
		if f := normal.Fold(e); f != "" {
			v.Words = append(v.Words, f)
		}
	}
	slices.Sort(v.Words)
	v.Words = slices.Compact(v.Words)
	v.Words = v.Words[:min(len(v.Words), 4*mostWords)]
	v.Text = strings.Join(v.Words, ";")
}

// number reads "1,234.5" and "1.234,5" alike: the last separator is the decimal
// one unless three digits follow it.
func (v *Value) number(s string) {
	s = strings.TrimSpace(s)
	if i := strings.LastIndexAny(s, ".,"); i >= 0 {
		whole := strings.NewReplacer(".", "", ",", "").Replace(s[:i])
		if rest := s[i+1:]; len(rest) == 3 && s[i] == ',' {
			s = whole + rest
		} else {
			s = whole + "." + rest
		}
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(s, " ", ""), 64)
	if err != nil {
		return
	}
	v.Number, v.Text = n, strconv.FormatFloat(n, 'g', -1, 64)
}

// shared is how many elements two sorted lists have in common.
func shared(a, b []string) int {
	n := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch c := strings.Compare(a[i], b[j]); {
		case c < 0:
			i++
		case c > 0:
			j++
		default:
			n++
			i++
			j++
		}
	}
	return n
}
