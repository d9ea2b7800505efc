package postgres

import (
	"math"
	"strconv"

	"sluice/schemas"
)

// What infinity becomes in the types that cannot say it. The timestamps' are
// those of Debezium's documentation (PostgreSQL connector, temporal types).
const (
	InfiniteDate              = math.MaxInt32
	NegativeInfiniteDate      = math.MinInt32
	InfiniteTimestamp         = 9223372036825200000
	NegativeInfiniteTimestamp = -9223372036832400000
)

const (
	microsSecond = 1_000_000
	microsMinute = 60 * microsSecond
	microsHour   = 60 * microsMinute
	microsDay    = 24 * microsHour
)

// scanner reads the parts of a date or time; ok turns false at what does not
// fit and stays so.
type scanner struct {
	b  []byte
	ok bool
}

func (s *scanner) digit() bool { return len(s.b) > 0 && s.b[0] >= '0' && s.b[0] <= '9' }

// number reads at least low and at most high digits.
func (s *scanner) number(low, high int) int64 {
	var n int64
	i := 0
	for i < high && s.digit() {
		n = n*10 + int64(s.b[0]-'0')
		s.b = s.b[1:]
		i++
	}
	s.ok = s.ok && i >= low
	return n
}

func (s *scanner) skip(c byte) bool {
	if len(s.b) > 0 && s.b[0] == c {
		s.b = s.b[1:]
		return true
	}
	return false
}

func (s *scanner) expect(c byte) { s.ok = s.skip(c) && s.ok }

// date reads y-m-d; the era stands at the end of the text, so the caller
// passes it.
func (s *scanner) date(bc bool) (year, month, day int64) {
	year = s.number(4, 7)
	s.expect('-')
	month = s.number(2, 2)
	s.expect('-')
	day = s.number(2, 2)
	s.ok = s.ok && month >= 1 && month <= 12 && day >= 1 && day <= 31
	if bc {
		year = 1 - year
	}
	return year, month, day
}

// clock reads h:m:s[.ffffff] in microseconds.
func (s *scanner) clock() int64 {
	h := s.number(2, 2)
	s.expect(':')
	m := s.number(2, 2)
	s.expect(':')
	sec := s.number(2, 2)
	s.ok = s.ok && h <= 24 && m <= 59 && sec <= 60
	return h*microsHour + m*microsMinute + sec*microsSecond + s.fraction()
}

// fraction reads an optional [.f] of one to six digits in microseconds.
func (s *scanner) fraction() int64 {
	if !s.skip('.') {
		return 0
	}
	before := len(s.b)
	f := s.number(1, 6)
	for i := before - len(s.b); i < 6; i++ {
		f *= 10
	}
	return f
}

// offset reads an optional +hh[:mm[:ss]] in microseconds east of UTC.
func (s *scanner) offset() int64 {
	sign := int64(1)
	if s.skip('-') {
		sign = -1
	} else if !s.skip('+') {
		return 0
	}
	o := s.number(2, 2) * microsHour
	if s.skip(':') {
		o += s.number(2, 2) * microsMinute
		if s.skip(':') {
			o += s.number(2, 2) * microsSecond
		}
	}
	return sign * o
}

func (s *scanner) done() bool { return s.ok && len(s.b) == 0 }

func cutEra(src []byte) (rest []byte, bc bool) {
	if n := len(src) - 3; n > 0 && string(src[n:]) == " BC" {
		return src[:n], true
	}
	return src, false
}

// days counts from 1970-01-01 in the proleptic Gregorian calendar. The year
// starts in March, so that the leap day is its last; eras of 400 years repeat.
func days(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	doy := (153*((m+9)%12)+2)/5 + d - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

func decodeDate(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
	switch string(src) {
	case "infinity":
		*dst = schemas.IntOf(InfiniteDate)
		return nil
	case "-infinity":
		*dst = schemas.IntOf(NegativeInfiniteDate)
		return nil
	}
	rest, bc := cutEra(src)
	s := scanner{rest, true}
	y, m, d := s.date(bc)
	if !s.done() {
		return malformed("date", src)
	}
	*dst = schemas.IntOf(days(y, m, d))
	return nil
}

func decodeTime(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
	s := scanner{src, true}
	t := s.clock()
	if !s.done() {
		return malformed("time", src)
	}
	*dst = schemas.IntOf(t)
	return nil
}

// decodeMilliTime drops what is finer than a millisecond; a column of up to three
// places has nothing there.
func decodeMilliTime(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	err := decodeTime(dst, src, a)
	if err == nil {
		*dst = schemas.IntOf(dst.Int() / 1000 * 1000)
	}
	return err
}

// decodeTimestamp reads a wall clock in units of that many microseconds; a finer
// part is dropped, towards the past.
func decodeTimestamp(unit int64) decodeFunc {
	return func(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
		switch string(src) {
		case "infinity":
			*dst = schemas.IntOf(InfiniteTimestamp / unit)
			return nil
		case "-infinity":
			*dst = schemas.IntOf(NegativeInfiniteTimestamp / unit)
			return nil
		}
		rest, bc := cutEra(src)
		s := scanner{rest, true}
		y, m, d := s.date(bc)
		s.expect(' ')
		t := s.clock()
		if !s.done() || y > 294276 || y < -4712 {
			return malformed("timestamp", src)
		}
		t += days(y, m, d) * microsDay
		if unit > 1 {
			below := t % unit
			if below < 0 {
				below += unit
			}
			t = (t - below) / unit
		}
		*dst = schemas.IntOf(t)
		return nil
	}
}

// decodeTimestamptz reads what a session in UTC writes and writes it as RFC
// 3339, with as many places of a second as the type modifier declares, six if it
// is -1; infinity stays a word.
func decodeTimestamptz(typmod int32) decodeFunc {
	places := 6
	if typmod >= 0 && typmod < 6 {
		places = int(typmod)
	}
	return func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
		if string(src) == "infinity" || string(src) == "-infinity" {
			*dst = schemas.TextOf(src)
			return nil
		}
		if out := rewriteTimestamptz(src, places, a); out != nil {
			*dst = schemas.TextOf(out)
			return nil
		}
		rest, bc := cutEra(src)
		s := scanner{rest, true}
		y, m, d := s.date(bc)
		s.expect(' ')
		clock := s.clock()
		if s.offset() != 0 || !s.done() {
			return malformed("timestamptz in UTC", src)
		}
		out := a.Grow(40)
		switch {
		case y > 9999:
			out = append(out, '+')
			out = strconv.AppendInt(out, y, 10)
		case y < 0:
			out = append(out, '-')
			out = appendPadded(out, -y, 4)
		default:
			out = appendPadded(out, y, 4)
		}
		out = append(out, '-')
		out = appendPadded(out, m, 2)
		out = append(out, '-')
		out = appendPadded(out, d, 2)
		out = append(out, 'T')
		out = appendSeconds(out, clock)
		if places > 0 {
			out = append(out, '.')
			out = appendPadded(out, clock%microsSecond, 6)
			out = out[:len(out)-6+places]
		}
		out = append(out, 'Z')
		a.Keep(len(out))
		*dst = schemas.TextOf(out[:len(out):len(out)])
		return nil
	}
}

// rewriteTimestamptz turns "2006-01-02 15:04:05[.999999]+00" into its RFC 3339
// form, in place where there is room; nil for any other form.
func rewriteTimestamptz(src []byte, places int, a *schemas.Arena) []byte {
	const form = "dddd-dd-dd dd:dd:dd"
	n := len(src) - len("+00")
	if n < len(form) || n > len(form)+1+places || n == len(form)+1 || string(src[n:]) != "+00" {
		return nil
	}
	for i, c := range src[:n] {
		want := byte('d')
		if i < len(form) {
			want = form[i]
		} else if i == len(form) {
			want = '.'
		}
		if want == 'd' && (c < '0' || c > '9') || want != 'd' && c != want {
			return nil
		}
	}
	size := len(form) + 1
	if places > 0 {
		size += 1 + places
	}
	out := src
	if size > len(src) {
		out = append(a.Grow(size), src[:n]...)
		a.Keep(size)
	}
	out = out[:size:size]
	out[len("dddd-dd-dd")] = 'T'
	for i := n; i < size-1; i++ {
		out[i] = '0'
	}
	if places > 0 {
		out[len(form)] = '.'
	}
	out[size-1] = 'Z'
	return out
}

// decodeTimetz reads a time with its zone and writes it in UTC.
func decodeTimetz(dst *schemas.Value, src []byte, a *schemas.Arena) error {
	s := scanner{src, true}
	t := s.clock() - s.offset()
	if !s.done() {
		return malformed("timetz", src)
	}
	t = ((t % microsDay) + microsDay) % microsDay
	out := appendClock(a.Grow(16), t)
	out = append(out, 'Z')
	a.Keep(len(out))
	*dst = schemas.TextOf(out[:len(out):len(out)])
	return nil
}

func appendSeconds(out []byte, t int64) []byte {
	out = appendPadded(out, t/microsHour, 2)
	out = append(out, ':')
	out = appendPadded(out, t/microsMinute%60, 2)
	out = append(out, ':')
	return appendPadded(out, t/microsSecond%60, 2)
}

func appendClock(out []byte, t int64) []byte {
	out = appendSeconds(out, t)
	if f := t % microsSecond; f != 0 {
		out = append(out, '.')
		out = appendPadded(out, f, 6)
		for out[len(out)-1] == '0' {
			out = out[:len(out)-1]
		}
	}
	return out
}

func appendPadded(out []byte, n int64, width int) []byte {
	var b [20]byte
	i := len(b)
	for ; n > 0 || len(b)-i < width; n /= 10 {
		i--
		b[i] = byte('0' + n%10)
	}
	return append(out, b[i:]...)
}
