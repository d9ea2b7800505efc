package normal

import (
	"strings"
	"time"
)

// Date is a day as eight digits, year first: "18561224". A date that no calendar
// has ("1808-27-22") keeps its digits, since the typing error can still be
// compared. Of dates whose order of day and month cannot be told, monthFirst
// decides. What has no day, month and year is missing.
func Date(s string, monthFirst bool) string {
	s = strings.TrimSpace(cut(s))
	if i := strings.IndexAny(s, "T "); i >= 8 && s[0] >= '0' && s[0] <= '9' && strings.Contains(s[i:], ":") {
		s = s[:i] // the time of day
	}
	var parts [3]string
	n := 0
	for f := range strings.FieldsFuncSeq(s, func(r rune) bool { return r < '0' || r > '9' }) {
		if n == 3 {
			return ""
		}
		parts[n] = f
		n++
	}
	switch {
	case n == 1 && len(parts[0]) == 8:
		return parts[0]
	case n == 3 && len(parts[0]) == 4:
		return pad(parts[0], parts[1], parts[2])
	case n == 3 && len(parts[2]) == 4:
		day, month := parts[0], parts[1]
		if monthFirst && len(month) <= 2 && month <= "31" || len(month) == 2 && month > "12" {
			day, month = month, day
		}
		return pad(parts[2], month, day)
	}
	for _, layout := range []string{"2 Jan 2006", "2 January 2006", "Jan 2, 2006", "January 2, 2006", "02-Jan-2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format("20060102")
		}
	}
	return ""
}

func pad(year, month, day string) string {
	if len(month) > 2 || len(day) > 2 {
		return ""
	}
	return year + ("0" + month)[len(month)-1:] + ("0" + day)[len(day)-1:]
}
