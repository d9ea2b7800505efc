package schemas

import "unsafe"

// Arena is the memory of one batch: bytes and values are carved from large
// blocks and all freed at once by Reset. What was handed out before a Reset
// must no longer be read. The zero Arena is ready. Not safe for concurrent use.
type Arena struct {
	bytes  blocks[byte]
	values blocks[Value]
	size   int
}

const (
	byteBlock  = 256 << 10
	valueBlock = 4096
	// keptBlocks of each sort survive a Reset, 16 MiB of bytes and 12 of values:
	// enough for the batches of every day, while one huge batch or value is
	// given back.
	keptBlocks = 64
)

// blocks hands out runs of T. Blocks of the usual size are used again.
type blocks[T any] struct {
	now        []T // its length is how much of it is handed out
	used, free [][]T
}

// room makes sure that now has room for n more.
func (b *blocks[T]) room(n, usual int) {
	if cap(b.now)-len(b.now) >= n {
		return
	}
	if cap(b.now) == usual {
		b.used = append(b.used, b.now)
	}
	if last := len(b.free) - 1; n <= usual && last >= 0 {
		b.now, b.free = b.free[last], b.free[:last]
		return
	}
	b.now = make([]T, 0, max(usual, n))
}

func (b *blocks[T]) reset(usual int) {
	for _, block := range b.used {
		if len(b.free) < keptBlocks-1 {
			b.free = append(b.free, block[:0])
		}
	}
	clear(b.used)
	b.used = b.used[:0]
	if b.now = b.now[:0]; cap(b.now) > usual {
		b.now = nil
	}
}

// Copy returns a copy of b that lives until Reset.
func (a *Arena) Copy(b []byte) []byte {
	out := a.Grow(len(b))[:len(b)]
	copy(out, b)
	a.Keep(len(b))
	return out
}

// Grow returns room for n bytes, of length 0 and capacity n. Append up to n
// bytes to it, then call Keep with how many to keep, before any other call.
func (a *Arena) Grow(n int) []byte {
	a.bytes.room(n, byteBlock)
	end := len(a.bytes.now)
	return a.bytes.now[end : end : end+n]
}

// Keep keeps the first n bytes of what Grow last returned.
func (a *Arena) Keep(n int) {
	a.bytes.now = a.bytes.now[:len(a.bytes.now)+n]
	a.size += n
}

// Row returns a row of n Null values that lives until Reset. It is never nil.
func (a *Arena) Row(n int) Row {
	if n == 0 {
		return Row{}
	}
	a.values.room(n, valueBlock)
	end := len(a.values.now)
	a.values.now = a.values.now[:end+n]
	r := a.values.now[end : end+n : end+n]
	clear(r)
	a.size += n * int(unsafe.Sizeof(Value{}))
	return Row(r)
}

// Size is how many bytes have been handed out since Reset.
func (a *Arena) Size() int { return a.size }

// Reset frees all that was handed out, for use again.
func (a *Arena) Reset() {
	a.bytes.reset(byteBlock)
	a.values.reset(valueBlock)
	a.size = 0
}
