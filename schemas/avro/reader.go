package avro

import (
	"fmt"

	"sluice/schemas"
)

// reader walks over Avro bytes that nobody vouches for. After the first trouble
// its reads return zeros and bad says what it was.
type reader struct {
	data  []byte
	at    int
	arena *schemas.Arena
	bad   string
}

func (r *reader) fail(what string) {
	if r.bad == "" {
		r.bad = what
	}
}

func (r *reader) failf(format string, args ...any) {
	if r.bad == "" {
		r.bad = fmt.Sprintf(format, args...)
	}
}

func (r *reader) left() int { return len(r.data) - r.at }

// byte reads one byte.
func (r *reader) byte() byte {
	if r.at >= len(r.data) {
		r.fail("the data ends early")
		return 0
	}
	b := r.data[r.at]
	r.at++
	return b
}

// long reads an int or long.
func (r *reader) long() int64 {
	if r.at < len(r.data) {
		if b := r.data[r.at]; b < 0x80 {
			r.at++
			return int64(b>>1) ^ -int64(b&1)
		}
	}
	return r.longer()
}

func (r *reader) longer() int64 {
	var u uint64
	for i, b := range r.data[r.at:] {
		if i == 9 && b > 1 {
			r.fail("a number of more than 64 bits")
			return 0
		}
		u |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.at += i + 1
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	r.fail("the data ends early")
	return 0
}

// take returns the next n bytes, which alias data.
func (r *reader) take(n int64) []byte {
	if n < 0 || n > int64(r.left()) {
		r.failf("a length of %d where %d bytes are left", n, r.left())
		return nil
	}
	b := r.data[r.at : r.at+int(n) : r.at+int(n)]
	r.at += int(n)
	return b
}

// present reads the index in a union of null and a type, and reports whether it
// is the one that says there is a value.
func (r *reader) present(index uint8) bool {
	b := r.byte()
	if b != 0 && b != 2 {
		r.failf("no branch %d in a union of 2", b)
	}
	return b == index && r.bad == ""
}

// end makes sure that nothing follows.
func (r *reader) end(record string) error {
	if r.left() > 0 {
		return &Error{Record: record, Offset: r.at, What: fmt.Sprintf("%d bytes follow the record", r.left())}
	}
	return nil
}
