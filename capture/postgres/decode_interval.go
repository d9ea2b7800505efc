package postgres

import (
	"math"
	"math/big"

	"sluice/schemas"
)

// microsMonth is the mean month of 365.25/12 days, as Debezium counts.
const microsMonth = 2_629_800 * microsSecond

// decodeInterval reads "1 year 2 mons -3 days +04:05:06.789" as microseconds; a
// month counts 365.25/12 days. What is longer than fits, some 292,000 years, is
// the longest that does, and so is infinity.
func decodeInterval(dst *schemas.Value, src []byte, _ *schemas.Arena) error {
	switch string(src) {
	case "infinity":
		*dst = schemas.IntOf(math.MaxInt64)
		return nil
	case "-infinity":
		*dst = schemas.IntOf(math.MinInt64)
		return nil
	}
	s := scanner{src, len(src) > 0}
	var months, days, micros int64
	for s.ok && len(s.b) > 0 {
		sign := int64(1)
		if s.skip('-') {
			sign = -1
		} else {
			s.skip('+')
		}
		n := sign * s.number(1, 10)
		if s.skip(':') {
			below := sign * s.belowHour()
			micros = n*microsHour + below
			s.ok = s.ok && len(s.b) == 0 && abs(n) <= math.MaxInt64/microsHour && (below == 0 || (micros < 0) == (below < 0))
			break
		}
		s.expect(' ')
		switch s.word() {
		case "year", "years":
			months += 12 * n
		case "mon", "mons":
			months += n
		case "day", "days":
			days += n
		default:
			s.ok = false
		}
		if len(s.b) > 0 {
			s.expect(' ')
			s.ok = s.ok && len(s.b) > 0
		}
	}
	// The server's own bounds: 32 bits of months and of days, 64 of microseconds.
	if !s.done() || months != int64(int32(months)) || days != int64(int32(days)) {
		return malformed("interval", src)
	}
	*dst = schemas.IntOf(lengthOf(months, days, micros))
	return nil
}

// lengthOf adds up an interval.
func lengthOf(months, days, micros int64) int64 {
	// Parts of which three together cannot overflow, far from where one does.
	const longMonths, longDays = math.MaxInt64 / 4 / microsMonth, math.MaxInt64 / 4 / microsDay
	if abs(months) <= longMonths && abs(days) <= longDays && abs(micros) <= math.MaxInt64/4 {
		return months*microsMonth + days*microsDay + micros
	}
	sum := new(big.Int).Mul(big.NewInt(months), big.NewInt(microsMonth))
	sum.Add(sum, new(big.Int).Mul(big.NewInt(days), big.NewInt(microsDay)))
	sum.Add(sum, big.NewInt(micros))
	switch {
	case sum.IsInt64():
		return sum.Int64()
	case sum.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

func abs(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// belowHour reads m:s[.ffffff] in microseconds.
func (s *scanner) belowHour() int64 {
	m := s.number(2, 2)
	s.expect(':')
	sec := s.number(2, 2)
	return m*microsMinute + sec*microsSecond + s.fraction()
}

// word reads up to the next space.
func (s *scanner) word() string {
	w := s.b
	for i, c := range s.b {
		if c == ' ' {
			w = s.b[:i]
			break
		}
	}
	s.b = s.b[len(w):]
	return text(w)
}
