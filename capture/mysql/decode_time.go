package mysql

import (
	"encoding/binary"
	"fmt"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/schemas"
)

// moment is the parts of a date and a time, as MySQL keeps them: any may be zero.
type moment struct {
	year, month, day     int
	hour, minute, second int
	micros               int
	negative             bool // of a time alone
}

// Values of Config.ZeroDates.
const (
	Null  = "null"
	Epoch = "epoch"
	Error = "error"
)

// temporal is a date or a time.
func (d *dialect) temporal(c *column) error {
	places := int(c.meta)
	if places > 6 {
		return &unsupported{what: fmt.Sprintf("a time of %d places", places)}
	}
	fraction := (places + 1) / 2
	zero := d.zeroPolicy(c.nullable)
	timestampType := schemas.Type{Name: schemas.MicroTimestampType}
	if places <= 3 {
		timestampType.Name = schemas.MilliTimestampType
	}
	var read func(src []byte) moment
	var put func(dst *schemas.Value, m moment, a *schemas.Arena) error
	switch c.kind {
	case gomysql.MYSQL_TYPE_DATE, gomysql.MYSQL_TYPE_NEWDATE:
		c.typ, c.width = schemas.Type{Name: schemas.DateType}, 3
		read, put = readDate, putDate(zero)
	case gomysql.MYSQL_TYPE_TIME:
		c.typ, c.width = schemas.Type{Name: schemas.TimeType}, 3
		read, put = readOldTime, putTime
	case gomysql.MYSQL_TYPE_TIME2:
		c.typ, c.width = schemas.Type{Name: schemas.TimeType}, 3+fraction
		read, put = readTime(fraction), putTime
	case gomysql.MYSQL_TYPE_DATETIME:
		c.typ, c.width = timestampType, 8
		read, put = readOldDatetime, putDatetime(places, zero)
	case gomysql.MYSQL_TYPE_DATETIME2:
		c.typ, c.width = timestampType, 5+fraction
		read, put = readDatetime(fraction), putDatetime(places, zero)
	case gomysql.MYSQL_TYPE_TIMESTAMP:
		c.typ, c.width = schemas.Type{Name: schemas.ZonedTimestampType}, 4
		read, put = readOldTimestamp, putZoned(places, zero)
	case gomysql.MYSQL_TYPE_TIMESTAMP2:
		c.typ, c.width = schemas.Type{Name: schemas.ZonedTimestampType}, 4+fraction
		read, put = readTimestamp(fraction), putZoned(places, zero)
	default:
		return &unsupported{what: fmt.Sprintf("type %d has no form", c.kind)}
	}
	c.fromLog = func(dst *schemas.Value, src []byte, a *schemas.Arena) error {
		return put(dst, read(src), a)
	}
	c.fromField = func(dst *schemas.Value, f *gomysql.FieldValue, a *schemas.Arena) error {
		m, ok := parseMoment(f.AsString())
		if !ok {
			return malformed("date or time", f.AsString())
		}
		return put(dst, m, a)
	}
	return nil
}

// zeroPolicy returns what becomes of a date that is none: true for NULL, false
// for the epoch, or an error.
func (d *dialect) zeroPolicy(nullable bool) func(m moment) (bool, error) {
	return func(m moment) (bool, error) {
		if d.zeroDates == Error {
			return false, &valueError{
				what: fmt.Sprintf("%04d-%02d-%02d is no date", m.year, m.month, m.day),
				cure: "correct the row, or set zero_dates: null or epoch",
			}
		}
		return nullable && d.zeroDates != Epoch, nil
	}
}

// readDate reads days, months and years of 5, 4 and 15 bits.
func readDate(src []byte) moment {
	n := int(littleEndian(src))
	return moment{year: n >> 9, month: n >> 5 & 15, day: n & 31}
}

func readOldTime(src []byte) moment {
	n := int64(littleEndian(src)<<40) >> 40
	m := moment{negative: n < 0}
	if n < 0 {
		n = -n
	}
	m.hour, m.minute, m.second = int(n/10000), int(n/100%100), int(n%100)
	return m
}

func readOldDatetime(src []byte) moment {
	n := binary.LittleEndian.Uint64(src)
	date, clock := int(n/1000000), int(n%1000000)
	return moment{
		year: date / 10000, month: date / 100 % 100, day: date % 100,
		hour: clock / 10000, minute: clock / 100 % 100, second: clock % 100,
	}
}

func readOldTimestamp(src []byte) moment { return fromEpoch(int64(binary.LittleEndian.Uint32(src)), 0) }

// micros makes microseconds of the fraction's number, which counts hundredths,
// ten-thousandths or millionths by its bytes.
func micros(n int64, fraction int) int {
	for ; fraction < 3; fraction++ {
		n *= 100
	}
	return int(n)
}

// readTime reads a sign, hours, minutes and seconds of 1, 11, 6 and 6 bits and
// the fraction, all of it one number that is offset so as to sort (MySQL source,
// my_time_packed_to_binary).
func readTime(fraction int) func([]byte) moment {
	shift := 8 * fraction
	return func(src []byte) moment {
		n := int64(bigEndian(src)) - 0x800000<<shift
		m := moment{negative: n < 0}
		if n < 0 {
			n = -n
		}
		clock := n >> shift
		m.hour, m.minute, m.second = int(clock>>12&0x3FF), int(clock>>6&63), int(clock&63)
		m.micros = micros(n&(1<<shift-1), fraction)
		return m
	}
}

// readDatetime reads a sign, years times 13 plus months, days, hours, minutes and
// seconds of 1, 17, 5, 5, 6 and 6 bits, and the fraction.
func readDatetime(fraction int) func([]byte) moment {
	return func(src []byte) moment {
		n := int64(bigEndian(src[:5])) - 0x8000000000
		if n < 0 {
			n = -n
		}
		months := int(n >> 22)
		return moment{
			year: months / 13, month: months % 13, day: int(n >> 17 & 31),
			hour: int(n >> 12 & 31), minute: int(n >> 6 & 63), second: int(n & 63),
			micros: micros(int64(bigEndian(src[5:])), fraction),
		}
	}
}

// readTimestamp reads seconds since the epoch and the fraction; 0 stands for the
// zero timestamp.
func readTimestamp(fraction int) func([]byte) moment {
	return func(src []byte) moment {
		return fromEpoch(int64(binary.BigEndian.Uint32(src)), micros(int64(bigEndian(src[4:])), fraction))
	}
}

func fromEpoch(seconds int64, micros int) moment {
	if seconds == 0 {
		return moment{}
	}
	days, clock := seconds/86400, int(seconds%86400)
	m := moment{hour: clock / 3600, minute: clock / 60 % 60, second: clock % 60, micros: micros}
	m.year, m.month, m.day = civil(days)
	return m
}

// parseMoment reads what a server writes: a date, a time or both, with a
// fraction or none.
func parseMoment(src []byte) (moment, bool) {
	var m moment
	if len(src) > 0 && src[0] == '-' {
		m.negative, src = true, src[1:]
	}
	number := func() int {
		n, digits := 0, 0
		for len(src) > 0 && src[0] >= '0' && src[0] <= '9' && digits < 6 {
			n, src, digits = n*10+int(src[0]-'0'), src[1:], digits+1
		}
		return n
	}
	next := func(c byte) bool {
		if len(src) == 0 || src[0] != c {
			return false
		}
		src = src[1:]
		return true
	}
	n := number()
	if next('-') {
		m.year, m.month = n, number()
		if !next('-') {
			return m, false
		}
		m.day = number()
		if len(src) == 0 {
			return m, !m.negative
		}
		if !next(' ') {
			return m, false
		}
		n = number()
	}
	if !next(':') {
		return m, false
	}
	m.hour, m.minute = n, number()
	if !next(':') {
		return m, false
	}
	m.second = number()
	if next('.') {
		before := len(src)
		m.micros = number()
		for range 6 - (before - len(src)) {
			m.micros *= 10
		}
	}
	return m, len(src) == 0
}

var daysOf = [...]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// isDate reports whether the day exists. MySQL keeps others: all zeroes, a month
// or a day of zero and, if told so, the 31st of any month.
func (m *moment) isDate() bool {
	if m.month < 1 || m.month > 12 || m.day < 1 || m.day > daysOf[m.month] {
		return false
	}
	return m.month != 2 || m.day < 29 || m.year%4 == 0 && (m.year%100 != 0 || m.year%400 == 0)
}

// days counts from 1970-01-01 in the Gregorian calendar.
func (m *moment) days() int64 {
	y, month := int64(m.year), int64(m.month)
	if month <= 2 {
		y, month = y-1, month+12
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	doy := (153*(month-3)+2)/5 + int64(m.day) - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

// civil is days the other way round.
func civil(days int64) (year, month, day int) {
	y, m, d := time.Unix(days*86400, 0).UTC().Date()
	return y, int(m), d
}

func (m *moment) clock() int64 {
	return (int64(m.hour)*3600+int64(m.minute)*60+int64(m.second))*1_000_000 + int64(m.micros)
}

// putDate gives days.
func putDate(zero func(moment) (bool, error)) func(*schemas.Value, moment, *schemas.Arena) error {
	return func(dst *schemas.Value, m moment, _ *schemas.Arena) error {
		if !m.isDate() {
			null, err := zero(m)
			if !null && err == nil {
				*dst = schemas.IntOf(0)
			}
			return err
		}
		*dst = schemas.IntOf(m.days())
		return nil
	}
}

// putTime gives microseconds; of a day or of -838 to 838 hours.
func putTime(dst *schemas.Value, m moment, _ *schemas.Arena) error {
	n := m.clock()
	if m.negative {
		n = -n
	}
	*dst = schemas.IntOf(n)
	return nil
}

// putDatetime gives milliseconds, or microseconds if there are more than three
// places, of a clock without a zone.
func putDatetime(places int, zero func(moment) (bool, error)) func(*schemas.Value, moment, *schemas.Arena) error {
	unit := int64(1)
	if places <= 3 {
		unit = 1000
	}
	return func(dst *schemas.Value, m moment, _ *schemas.Arena) error {
		if !m.isDate() {
			null, err := zero(m)
			if !null && err == nil {
				*dst = schemas.IntOf(0)
			}
			return err
		}
		*dst = schemas.IntOf((m.days()*86_400_000_000 + m.clock()) / unit)
		return nil
	}
}

// putZoned writes RFC 3339 in UTC with the column's places.
func putZoned(places int, zero func(moment) (bool, error)) func(*schemas.Value, moment, *schemas.Arena) error {
	return func(dst *schemas.Value, m moment, a *schemas.Arena) error {
		if !m.isDate() {
			null, err := zero(m)
			if null || err != nil {
				return err
			}
			m = moment{year: 1970, month: 1, day: 1}
		}
		out := a.Grow(len("2006-01-02T15:04:05.999999Z"))
		out = appendPair(appendPair(out, m.year/100), m.year%100)
		out = appendPair(append(out, '-'), m.month)
		out = appendPair(append(out, '-'), m.day)
		out = appendPair(append(out, 'T'), m.hour)
		out = appendPair(append(out, ':'), m.minute)
		out = appendPair(append(out, ':'), m.second)
		if places > 0 {
			out = append(out, '.')
			end := len(out) + places
			out = appendPair(appendPair(appendPair(out, m.micros/10_000), m.micros/100%100), m.micros%100)[:end]
		}
		out = append(out, 'Z')
		a.Keep(len(out))
		*dst = schemas.TextOf(out)
		return nil
	}
}

// appendPair writes two digits.
func appendPair(out []byte, n int) []byte { return append(out, '0'+byte(n/10), '0'+byte(n%10)) }
