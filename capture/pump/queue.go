package pump

import (
	"context"
	"sync"
	"time"

	"sluice/capture"
	"sluice/schemas"
)

// queue stands between the reader, which encodes batches into it, and the
// writer, which commits them. It holds whole batches only, so that its position
// always tells exactly what is in it. Its memory is bounded: the reader waits
// for room while limit bytes are held. A chunk counts until Kafka has taken its
// records, not until they are committed: should the transaction fail, they are
// read again from the source.
type queue struct {
	limit int

	mu     sync.Mutex // held by the reader while it encodes a small batch
	chunks []*chunk   // in order
	tip    tip
	closed bool

	memory sync.Mutex // taken behind mu, never for long
	held   int        // by chunks not yet released, the writer's too
	free   []*chunk

	wake chan struct{} // for the writer: something changed
	room chan struct{} // for the reader: memory was released
}

// tip is what the writer has to know of the batches since the last takeAll.
type tip struct {
	batches  int
	position schemas.Position // behind the last of them
	since    time.Time        // when the first of them was added
	first    time.Time        // when its last change was committed in the source
	last     time.Time        // the same of the last batch
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// signal leaves a token in ch, which has room for one.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// awaitRoom returns when the queue holds less than its limit.
func (q *queue) awaitRoom(ctx context.Context) error {
	for {
		q.memory.Lock()
		ok := q.held < q.limit
		q.memory.Unlock()
		if ok {
			return nil
		}
		select {
		case <-q.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// encoding appends the records of a change to a chunk.
type encoding func(*chunk, *schemas.Change, mark) error

// add encodes a batch into the queue, all of it or, on an error, nothing.
func (q *queue) add(b *capture.Batch, encode encoding, now time.Time) error {
	// The writer need not wait while a large batch is encoded: that gets chunks
	// of its own.
	var own []*chunk
	if b.Bytes >= chunkBytes {
		var err error
		if own, err = q.encode(nil, b.Changes, encode); err != nil {
			return err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case own != nil:
		q.chunks = append(q.chunks, own...)
	case len(b.Changes) > 0:
		var err error
		if q.chunks, err = q.encode(q.chunks, b.Changes, encode); err != nil {
			return err
		}
	}
	if q.tip.batches == 0 {
		q.tip.since, q.tip.first = now, b.Time
	}
	q.tip.batches++
	q.tip.position, q.tip.last = b.Position, b.Time
	if q.tip.batches == 1 || len(q.chunks) > 1 || (len(q.chunks) == 1 && q.chunks[0].full()) {
		signal(q.wake)
	}
	return nil
}

// encode encodes the changes into the last of the chunks and new ones behind it.
// After an error the chunks are as before.
func (q *queue) encode(chunks []*chunk, changes []schemas.Change, encode encoding) ([]*chunk, error) {
	if n := len(chunks); n == 0 || chunks[n-1].full() {
		chunks = append(chunks, q.spare())
	}
	first := len(chunks) - 1
	c := chunks[first]
	begin, held := c.mark(), -c.held()
	from := begin
	for i := range changes {
		if c.full() {
			held += c.held()
			c, from = q.spare(), mark{}
			chunks = append(chunks, c)
		}
		if err := encode(c, &changes[i], from); err != nil {
			chunks[first].rewind(begin)
			return chunks[:first+1], err
		}
	}
	q.memory.Lock()
	q.held += held + c.held()
	q.memory.Unlock()
	return chunks, nil
}

// spare returns an empty chunk.
func (q *queue) spare() *chunk {
	q.memory.Lock()
	defer q.memory.Unlock()
	if n := len(q.free); n > 0 {
		c := q.free[n-1]
		q.free = q.free[:n-1]
		return c
	}
	return newChunk(q)
}

// takeFull moves the full chunks to the end of dst.
func (q *queue) takeFull(dst []*chunk) ([]*chunk, tip, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.chunks)
	if n > 0 && !q.chunks[n-1].full() {
		n--
	}
	dst = append(dst, q.chunks[:n]...)
	q.chunks = append(q.chunks[:0], q.chunks[n:]...)
	return dst, q.tip, q.closed
}

// takeAll moves all chunks to the end of dst and says what has been taken since
// the last takeAll.
func (q *queue) takeAll(dst []*chunk) ([]*chunk, tip) {
	q.mu.Lock()
	defer q.mu.Unlock()
	dst = append(dst, q.chunks...)
	q.chunks = q.chunks[:0]
	t := q.tip
	q.tip = tip{}
	return dst, t
}

// release takes a chunk back to be filled anew.
func (q *queue) release(c *chunk) {
	q.memory.Lock()
	q.held -= c.held()
	if c.reusable() && len(q.free)*chunkBytes < q.limit {
		c.rewind(mark{})
		q.free = append(q.free, c)
	}
	q.memory.Unlock()
	signal(q.room)
}

// close says that no batch will follow.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	signal(q.wake)
}

// state returns how many bytes the queue holds and the tip.
func (q *queue) state() (held int, t tip) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.memory.Lock()
	defer q.memory.Unlock()
	return q.held, q.tip
}
