package schemas

// Arena is the memory of one batch: bytes and values are carved from large
// blocks and all freed at once by Reset. What was handed out before a Reset
// must no longer be read. The zero Arena is ready. Not safe for concurrent use.
type Arena struct {
	bytes  []byte
	values []Value
	size   int
}

const (
	byteBlock  = 256 << 10
	valueBlock = 4096
)

// Copy returns a copy of b that lives until Reset.
func (a *Arena) Copy(b []byte) []byte {
	out := a.Grow(len(b))[:len(b)]
	copy(out, b)
	a.Keep(len(b))
	return out
}

// Grow returns room for at least n bytes at the end of the arena, of length 0.
// Append up to n bytes to it, then call Keep with how many to keep.
func (a *Arena) Grow(n int) []byte {
	if cap(a.bytes)-len(a.bytes) < n {
		a.bytes = make([]byte, 0, max(byteBlock, n))
	}
	end := len(a.bytes)
	return a.bytes[end:end:min(end+n, cap(a.bytes))]
}

// Keep keeps the first n bytes of what Grow last returned.
func (a *Arena) Keep(n int) {
	a.bytes = a.bytes[:len(a.bytes)+n]
	a.size += n
}

// Row returns a row of n Null values that lives until Reset.
func (a *Arena) Row(n int) Row {
	if cap(a.values)-len(a.values) < n {
		a.values = make([]Value, 0, max(valueBlock, n))
	}
	end := len(a.values)
	a.values = a.values[:end+n]
	r := a.values[end : end+n : end+n]
	clear(r)
	a.size += n * 48
	return Row(r)
}

// Size is how many bytes have been handed out since Reset.
func (a *Arena) Size() int { return a.size }

// Reset frees all that was handed out; the newest blocks are used again.
func (a *Arena) Reset() {
	a.bytes = a.bytes[:0]
	a.values = a.values[:0]
	a.size = 0
}
