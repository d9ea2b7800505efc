package pump

import (
	"context"
	"sync/atomic"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
)

// chunk is a slab of encoded records: their bytes, the records that point into
// them and the records' headers. It belongs to one transaction at a time and is
// filled anew when Kafka has taken its records, so the hot path allocates nothing.
type chunk struct {
	bytes   []byte
	records []kgo.Record
	headers []kgo.RecordHeader
	tallies []tally

	txn     *transaction // that writes it
	left    atomic.Int32 // records without an answer of Kafka
	promise func(*kgo.Record, error)
}

// newChunk returns an empty chunk, which goes back to the queue by itself.
func newChunk(q *queue) *chunk {
	c := &chunk{}
	c.promise = func(r *kgo.Record, err error) {
		c.txn.done(r, err)
		if c.left.Add(-1) == 0 {
			q.release(c)
		}
	}
	return c
}

// produce hands the records to the client; from then on the chunk is not the
// caller's.
func (c *chunk) produce(ctx context.Context, cl *kgo.Client, t *transaction) {
	c.txn = t
	records := c.records
	c.left.Store(int32(len(records)))
	for i := range records {
		cl.Produce(ctx, &records[i], c.promise)
	}
}

// tally is a run of changes of one table with one operation.
type tally struct {
	route *route
	op    schemas.Op
	n     int
}

// mark is where a batch began in a chunk.
type mark struct{ bytes, records, headers, tallies int }

const (
	// chunkBytes is what a full chunk holds: little enough to hand on early,
	// enough for good Kafka batches.
	chunkBytes = 256 << 10
	recordSize = int(unsafe.Sizeof(kgo.Record{}) + unsafe.Sizeof(kgo.RecordHeader{}))
)

// held is how much memory the chunk's content takes: bytes and bookkeeping.
func (c *chunk) held() int { return len(c.bytes) + len(c.records)*recordSize }

func (c *chunk) full() bool { return c.held() >= chunkBytes }

func (c *chunk) mark() mark {
	return mark{len(c.bytes), len(c.records), len(c.headers), len(c.tallies)}
}

// rewind forgets what came after m.
func (c *chunk) rewind(m mark) {
	c.bytes, c.records = c.bytes[:m.bytes], c.records[:m.records]
	c.headers, c.tallies = c.headers[:m.headers], c.tallies[:m.tallies]
}

// count adds one change to the chunk's tallies. A run never reaches back behind
// from, where the batch began, so that rewind stays exact.
func (c *chunk) count(r *route, op schemas.Op, from mark) {
	if n := len(c.tallies); n > from.tallies && c.tallies[n-1].route == r && c.tallies[n-1].op == op {
		c.tallies[n-1].n++
		return
	}
	c.tallies = append(c.tallies, tally{r, op, 1})
}

// reusable reports whether the chunk is worth keeping: one that a giant record
// has blown up is left to the garbage collector.
func (c *chunk) reusable() bool {
	return cap(c.bytes) <= 2*chunkBytes && cap(c.records)*recordSize <= 2*chunkBytes
}
