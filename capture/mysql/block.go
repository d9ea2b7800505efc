package mysql

import (
	"time"
	"unsafe"

	"sluice/capture"
	"sluice/schemas"
)

// block is the memory of one batch. Blocks go round between the reader, who
// fills them, and the consumer of Next.
type block struct {
	arena    schemas.Arena
	changes  []schemas.Change
	time     time.Time
	snapshot bool
}

// blockBytes is when a block is handed out though more could be had at once. It
// is small, so that a batch is encoded while it is still in the processor's
// cache.
const blockBytes = 1 << 20

func (b *block) size() int { return b.arena.Size() + len(b.changes)*changeBytes }

const changeBytes = int(unsafe.Sizeof(schemas.Change{}))

// minBlocks is what the pool needs at least: one that fills, one in line, one
// held by the consumer.
const minBlocks = 3

// reset empties the block. Memory far above the target, left by a huge row, is
// given back.
func (b *block) reset(target int) {
	if b.size() > 4*target {
		*b = block{}
		return
	}
	b.arena.Reset()
	clear(b.changes)
	b.changes = b.changes[:0]
	b.time, b.snapshot = time.Time{}, false
}

func (b *block) batch(at position) capture.Batch {
	return capture.Batch{Changes: b.changes, Position: at.encode(), Bytes: b.size(), Time: b.time, Snapshot: b.snapshot}
}
