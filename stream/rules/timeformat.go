package rules

import (
	"fmt"
	"strings"
	"time"
)

// timeFormat is a date's or time's form as people write it: "DD.MM.YYYY",
// "M/D/YY h:mm A". It is strict: what a text has beyond it or lacks is an error.
//
//	YYYY YY      year; of two digits, 69 to 99 are 1969 to 1999 (as POSIX has it)
//	MM M         month; MMM Jan, MMMM January, in any case of letters
//	DD D         day
//	HH H         hour, 0 to 23;  hh h  1 to 12 with A (AM, PM)
//	mm m  ss s   minute, second; a letter alone takes one digit or two
//	S...         as many digits of the second's fraction, up to 9
//	Z            Z, +01:00, +0100 or +01
//	[at]         text as it is, as is all that is no letter
type timeFormat struct {
	text  string
	parts []timePart
	has   [256]bool
}

// timePart is one token: its letter and how often it stands; or literal text.
type timePart struct {
	letter  byte
	width   int
	literal string
}

// timeWidths are how often a letter may stand.
var timeWidths = map[byte][]int{
	'Y': {4, 2}, 'M': {4, 3, 2, 1}, 'D': {2, 1}, 'H': {2, 1}, 'h': {2, 1}, 'm': {2, 1}, 's': {2, 1},
	'S': {9, 8, 7, 6, 5, 4, 3, 2, 1}, 'A': {1}, 'Z': {1},
}

func parseTimeFormat(text string) (*timeFormat, error) {
	f := &timeFormat{text: text}
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '[':
			end := strings.IndexByte(text[i:], ']')
			if end < 0 {
				return nil, fmt.Errorf("the format %q has no ] for its [", text)
			}
			f.parts = append(f.parts, timePart{literal: text[i+1 : i+end]})
			i += end + 1
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			n := 1
			for i+n < len(text) && text[i+n] == c {
				n++
			}
			if !contains(timeWidths[c], n) {
				return nil, fmt.Errorf("the format %q: %s is no part of a date or time; write words in [brackets]", text, text[i:i+n])
			}
			if f.has[c] {
				return nil, fmt.Errorf("the format %q has %c twice", text, c)
			}
			f.has[c] = true
			f.parts = append(f.parts, timePart{letter: c, width: n})
			i += n
		default:
			f.parts = append(f.parts, timePart{literal: text[i : i+1]})
			i++
		}
	}
	switch {
	case !f.has['Y'] || !f.has['M'] || !f.has['D']:
		return nil, fmt.Errorf("the format %q lacks the year, month or day: YYYY, MM, DD", text)
	case f.has['H'] && f.has['h'], f.has['h'] != f.has['A']:
		return nil, fmt.Errorf("the format %q: write HH for 24 hours, or hh with A for AM and PM", text)
	case f.has['m'] && !f.has['H'] && !f.has['h'], f.has['s'] && !f.has['m'], f.has['S'] && !f.has['s']:
		return nil, fmt.Errorf("the format %q has minutes, seconds or fractions without what comes before them", text)
	}
	return f, nil
}

func contains(all []int, n int) bool {
	for _, x := range all {
		if x == n {
			return true
		}
	}
	return false
}

// timed reports whether the format has a time of day.
func (f *timeFormat) timed() bool { return f.has['H'] || f.has['h'] || f.has['Z'] }

// wallTime is what a clock on the wall shows.
type wallTime struct {
	time.Time // in UTC, whatever the zone
	// offset is the seconds east of UTC that the text says, if zoned.
	offset int
	zoned  bool
}

// parse reads the whole text; false if it is not of that form or no date.
func (f *timeFormat) parse(s string) (wallTime, bool) {
	var year, month, day, hour, minute, second, nano, offset int
	pm := 0
	for _, p := range f.parts {
		ok := true
		switch p.letter {
		case 0:
			s, ok = strings.CutPrefix(s, p.literal)
		case 'Y':
			if year, s, ok = digits(s, p.width, p.width); p.width == 2 {
				if year += 1900; year < 1969 {
					year += 100
				}
			}
		case 'M':
			if p.width > 2 {
				month, s, ok = monthName(s, p.width == 4)
			} else {
				month, s, ok = digits(s, p.width, 2)
			}
		case 'D':
			day, s, ok = digits(s, p.width, 2)
		case 'H', 'h':
			hour, s, ok = digits(s, p.width, 2)
			ok = ok && (p.letter == 'H' && hour < 24 || p.letter == 'h' && hour >= 1 && hour <= 12)
		case 'm':
			minute, s, ok = digits(s, p.width, 2)
			ok = ok && minute < 60
		case 's':
			second, s, ok = digits(s, p.width, 2)
			ok = ok && second < 60
		case 'S':
			nano, s, ok = digits(s, p.width, p.width)
			for range 9 - p.width {
				nano *= 10
			}
		case 'A':
			if ok = len(s) >= 2 && (strings.EqualFold(s[:2], "am") || strings.EqualFold(s[:2], "pm")); ok {
				pm, s = 1+int(s[0]|0x20-'a')/int('p'-'a'), s[2:]
			}
		case 'Z':
			offset, s, ok = utcOffset(s)
		}
		if !ok {
			return wallTime{}, false
		}
	}
	if pm > 0 {
		hour = hour%12 + 12*(pm-1)
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nano, time.UTC)
	// time.Date takes 31.02. for 02.03.: that is no date.
	if s != "" || t.Year() != year || int(t.Month()) != month || t.Day() != day || year < 1 {
		return wallTime{}, false
	}
	return wallTime{t, offset, f.has['Z']}, true
}

// digits reads at least least and at most most digits.
func digits(s string, least, most int) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && i < most && s[i] >= '0' && s[i] <= '9' {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, s[i:], i >= least
}

func monthName(s string, whole bool) (month int, rest string, ok bool) {
	for m := time.January; m <= time.December; m++ {
		name := m.String()
		if !whole {
			name = name[:3]
		}
		if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
			return int(m), s[len(name):], true
		}
	}
	return 0, s, false
}

// utcOffset reads Z, +01:00, +0100 or +01.
func utcOffset(s string) (seconds int, rest string, ok bool) {
	if rest, ok := strings.CutPrefix(s, "Z"); ok {
		return 0, rest, true
	}
	if s == "" || s[0] != '+' && s[0] != '-' {
		return 0, s, false
	}
	hours, rest, ok := digits(s[1:], 2, 2)
	minutes := 0
	if after := strings.TrimPrefix(rest, ":"); ok && after != "" && after[0] >= '0' && after[0] <= '9' {
		minutes, rest, ok = digits(after, 2, 2)
	}
	if seconds = hours*3600 + minutes*60; s[0] == '-' {
		seconds = -seconds
	}
	return seconds, rest, ok && hours < 19 && minutes < 60
}

// format writes the time by the format.
func (f *timeFormat) format(t time.Time) string {
	var b strings.Builder
	for _, p := range f.parts {
		switch p.letter {
		case 0:
			b.WriteString(p.literal)
		case 'Y':
			year := t.Year()
			if p.width == 2 {
				year %= 100
			}
			fmt.Fprintf(&b, "%0*d", p.width, year)
		case 'M':
			switch p.width {
			case 4:
				b.WriteString(t.Month().String())
			case 3:
				b.WriteString(t.Month().String()[:3])
			default:
				fmt.Fprintf(&b, "%0*d", p.width, int(t.Month()))
			}
		case 'D':
			fmt.Fprintf(&b, "%0*d", p.width, t.Day())
		case 'H':
			fmt.Fprintf(&b, "%0*d", p.width, t.Hour())
		case 'h':
			fmt.Fprintf(&b, "%0*d", p.width, (t.Hour()+11)%12+1)
		case 'm':
			fmt.Fprintf(&b, "%0*d", p.width, t.Minute())
		case 's':
			fmt.Fprintf(&b, "%0*d", p.width, t.Second())
		case 'S':
			b.WriteString(fmt.Sprintf("%09d", t.Nanosecond())[:p.width])
		case 'A':
			b.WriteString(t.Format("PM"))
		case 'Z':
			b.WriteString(t.Format("Z07:00"))
		}
	}
	return b.String()
}
