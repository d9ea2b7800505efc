package normal

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Phone is a number in E.164 (+4930123456). region is the ISO 3166 code of the
// country of numbers that name none, as "DE"; without one they stay national
// digits. A text of fewer than five digits is missing.
func Phone(s, region string) string {
	s = cut(s)
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
	if len(digits) < 5 {
		return ""
	}
	if region != "" || strings.HasPrefix(strings.TrimSpace(s), "+") || strings.HasPrefix(digits, "00") {
		text := s
		if strings.HasPrefix(digits, "00") && !strings.Contains(s, "+") {
			text = "+" + digits[2:]
		}
		if n, err := phonenumbers.Parse(text, region); err == nil && phonenumbers.IsPossibleNumber(n) {
			return phonenumbers.Format(n, phonenumbers.E164)
		}
	}
	return strings.TrimLeft(digits, "0")
}
