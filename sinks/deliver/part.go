package deliver

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// part is one assigned partition, from assignment to revocation.
type part struct {
	topic string
	id    int32
	// gone says that it was revoked or lost: no new work for it. Guarded by
	// lanes.mu.
	gone bool

	mu    sync.Mutex
	quiet sync.Cond
	marks watermark
	// busy is how many of its tasks are being written, or are written and wait
	// for the acknowledgement of their receipt or dead letter.
	busy int
	// committed is the offset of the last commit, with note as its metadata;
	// -1: none.
	committed int64
	note      string
	// before is what was finished before the assignment; only poll uses it.
	before *ahead
}

func newPart(topic string, id int32) *part {
	p := &part{topic: topic, id: id, committed: -1}
	p.quiet.L = &p.mu
	return p
}

func (p *part) add(offset int64, epoch int32) *mark {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.marks.add(offset, epoch)
}

func (p *part) pass(offset int64, epoch int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marks.pass(offset, epoch)
}

func (p *part) finish(m *mark) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marks.finish(m)
}

func (p *part) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy++
}

func (p *part) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy--; p.busy == 0 {
		p.quiet.Broadcast()
	}
}

// wait waits until nothing of the partition is under way, or ctx is done.
func (p *part) wait(ctx context.Context) {
	defer context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.quiet.Broadcast()
	})()
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.busy > 0 && ctx.Err() == nil {
		p.quiet.Wait()
	}
}

// due is what to commit and its metadata; false if that is committed already.
func (p *part) due() (at kgo.EpochOffset, note string, due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	offset, epoch, ok := p.marks.at()
	note = p.marks.ahead(aheadBytes)
	return kgo.EpochOffset{Epoch: epoch, Offset: offset}, note, ok && (offset != p.committed || note != p.note)
}

func (p *part) noteCommitted(offset int64, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.committed, p.note = offset, note
}

// passed is the offset below which everything is finished; false if unknown.
func (p *part) passed() (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	offset, _, ok := p.marks.at()
	return offset, ok
}
