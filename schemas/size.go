package schemas

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes, written in configuration as a number with an
// optional unit: "8MiB", "20GB", "512".
type Size int64

var byteUnits = []struct {
	suffix string
	size   int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
}

// UnmarshalText reads a size.
func (b *Size) UnmarshalText(text []byte) error {
	s, unit := strings.TrimSpace(string(text)), int64(1)
	for _, u := range byteUnits {
		if head, ok := strings.CutSuffix(s, u.suffix); ok {
			s, unit = strings.TrimSpace(head), u.size
			break
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 0 && n*float64(unit) <= 1<<62) { // NaN is no size either
		return fmt.Errorf("%q is no size; write a number and a unit, such as 8MiB or 20GB", text)
	}
	*b = Size(n * float64(unit))
	return nil
}

// String writes the size with the largest binary unit that divides it.
func (b Size) String() string {
	for i := 3; i >= 0; i-- {
		if u := byteUnits[i]; b != 0 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// MarshalText writes what String gives.
func (b Size) MarshalText() ([]byte, error) { return []byte(b.String()), nil }
