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
// for room while the writer's open transaction and the queue together hold limit
// bytes.
type queue struct {
	limit int

	mu     sync.Mutex // held by the reader while it encodes a batch
	chunks []*chunk   // in order; all but the last are full
	tip    tip
	held   int // by chunks not yet released, the writer's too
	closed bool
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
		q.mu.Lock()
		ok := q.held < q.limit
		q.mu.Unlock()
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

// add encodes a batch into the queue, all of it or, on an error, nothing.
func (q *queue) add(b *capture.Batch, encode func(*chunk, *schemas.Change, mark) error, now time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(b.Changes) > 0 {
		if err := q.encode(b.Changes, encode); err != nil {
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

func (q *queue) encode(changes []schemas.Change, encode func(*chunk, *schemas.Change, mark) error) error {
	if n := len(q.chunks); n == 0 || q.chunks[n-1].full() {
		q.chunks = append(q.chunks, q.spare())
	}
	first := len(q.chunks) - 1
	c := q.chunks[first]
	begin, held := c.mark(), q.held-c.held()
	from := begin
	for i := range changes {
		if c.full() {
			held += c.held()
			c, from = q.spare(), mark{}
			q.chunks = append(q.chunks, c)
		}
		if err := encode(c, &changes[i], from); err != nil {
			q.chunks[first].rewind(begin)
			q.chunks = q.chunks[:first+1]
			return err
		}
	}
	q.held = held + c.held()
	return nil
}

// spare returns an empty chunk.
func (q *queue) spare() *chunk {
	if n := len(q.free); n > 0 {
		c := q.free[n-1]
		q.free = q.free[:n-1]
		return c
	}
	return &chunk{}
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

// release takes chunks back to be filled anew.
func (q *queue) release(chunks []*chunk) {
	q.mu.Lock()
	for _, c := range chunks {
		q.held -= c.held()
		if c.reusable() && len(q.free)*chunkBytes < q.limit {
			c.rewind(mark{})
			q.free = append(q.free, c)
		}
	}
	q.mu.Unlock()
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
	return q.held, q.tip
}
