package deliver

import (
	"sync"
	"sync/atomic"

	"github.com/sony/gobreaker/v2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// flow pauses fetching while too much is in hand or the target is left alone.
// It pauses by topic, so that partitions assigned meanwhile are paused too.
type flow struct {
	d *Deliver
	// buffered is what the tasks in hand weigh, in bytes; tasks how many.
	buffered, tasks atomic.Int64
	paused          atomic.Bool

	mu     sync.Mutex
	client *kgo.Client
}

func (f *flow) init(d *Deliver) { f.d = d }

func (f *flow) start(cl *kgo.Client) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.client = cl
}

// update pauses or resumes as is due.
func (f *flow) update() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.client == nil {
		return
	}
	switch want := f.wanted(); {
	case want == f.paused.Load():
	case want:
		f.client.PauseFetchTopics(f.d.topics...)
		f.paused.Store(true)
	default:
		f.client.ResumeFetchTopics(f.d.topics...)
		f.paused.Store(false)
	}
}

func (f *flow) wanted() bool {
	most := int64(f.d.cfg.MaxBuffered)
	if f.paused.Load() {
		most /= 2 // not to flicker
	}
	switch f.d.breaker.cb.State() {
	case gobreaker.StateOpen:
		return true
	case gobreaker.StateHalfOpen:
		// With nothing in hand there is nothing to probe the target with.
		return f.tasks.Load() > 0
	default:
		return f.buffered.Load() > most
	}
}

// take notes a task that came in hand.
func (f *flow) take(t *task) {
	f.tasks.Add(1)
	f.buffered.Add(t.size)
}

// release notes that a task is no longer in hand.
func (d *Deliver) release(t *task) {
	f := &d.flow
	left := f.buffered.Add(-t.size)
	tasks := f.tasks.Add(-1)
	if f.paused.Load() && (tasks == 0 || left <= int64(d.cfg.MaxBuffered)/2) {
		f.update()
	}
}
