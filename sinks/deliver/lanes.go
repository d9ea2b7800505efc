package deliver

import (
	"context"
	"sync"
	"time"
)

// lanes schedules tasks: those of one key one after another, those of different
// keys beside each other, at most limit writes at once. A lane that waits for
// its next try holds no place among them. It knows neither Kafka nor the sink.
type lanes struct {
	limit, batch int
	// open says whether a write may start now; it is asked under the lock. When
	// it becomes true, kick is due.
	open func() bool
	// write tries the tasks and says what becomes of each. It runs outside of
	// the lock.
	write func(ctx context.Context, tasks []*task) []verdict
	// drop is told of a task that is given back unfinished; under the lock.
	drop func(*task)

	mu      sync.Mutex
	idle    sync.Cond
	byKey   map[string]*lane
	ready   laneList
	flights map[*flight]struct{}
	workers int
	stopped bool
}

// lane is the tasks of one key, in order. Its first task is the one at work.
type lane struct {
	key        string
	queue      []*task
	state      laneState
	timer      *time.Timer
	turn       int // of the timer, so that a late one is known
	prev, next *lane
}

type laneState uint8

const (
	laneReady laneState = iota
	laneFlying
	laneWaiting
)

// flight is one write under way.
type flight struct {
	lanes  []*lane
	tasks  []*task
	cancel context.CancelFunc
}

// step is what becomes of a task after a try.
type step uint8

const (
	// settled: its fate is decided, the next task of the key may go.
	settled step = iota
	// again: it is tried again after the verdict's wait.
	again
	// held: it was not tried, because the target may not be asked now; it keeps
	// its place.
	held
)

type verdict struct {
	step step
	wait time.Duration
}

func newLanes(limit, batch int) *lanes {
	l := &lanes{limit: limit, batch: batch, byKey: map[string]*lane{}, flights: map[*flight]struct{}{}}
	l.idle.L = &l.mu
	return l
}

// push appends a task to its lane. False after stop, or if its partition was
// given up: the task is not taken.
func (l *lanes) push(t *task) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || t.part.gone {
		return false
	}
	ln := l.byKey[t.lane]
	if ln == nil {
		ln = &lane{key: t.lane}
		l.byKey[t.lane] = ln
		l.ready.pushBack(ln)
		ln.queue = append(ln.queue, t)
		l.start()
		return true
	}
	ln.queue = append(ln.queue, t)
	return true
}

// kick starts work on what is ready; call it when open may have changed.
func (l *lanes) kick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := l.ready.n; n > 0 && l.start(); n-- {
	}
}

// start starts one worker if there is room. Called under the lock.
func (l *lanes) start() bool {
	if l.stopped || l.workers >= l.limit || l.ready.n == 0 || !l.open() {
		return false
	}
	l.workers++
	go l.work()
	return true
}

func (l *lanes) work() {
	for {
		f, ctx := l.take()
		if f == nil {
			return
		}
		verdicts := l.write(ctx, f.tasks)
		f.cancel()
		l.land(f, verdicts)
	}
}

// take takes the first tasks of the next lanes. Nil: the worker's end, which it
// notes.
func (l *lanes) take() (*flight, context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || l.ready.n == 0 || !l.open() {
		l.rest()
		return nil, nil
	}
	f := &flight{}
	for len(f.lanes) < l.batch && l.ready.n > 0 {
		ln := l.ready.popFront()
		ln.state = laneFlying
		f.lanes = append(f.lanes, ln)
		f.tasks = append(f.tasks, ln.queue[0])
		ln.queue[0].part.begin()
	}
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	l.flights[f] = struct{}{}
	return f, ctx
}

// land puts the lanes of a flight where the verdicts say.
func (l *lanes) land(f *flight, verdicts []verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.flights, f)
	// Backwards, so that held lanes come to the front in their order.
	for i := len(f.lanes) - 1; i >= 0; i-- {
		ln, t, v := f.lanes[i], f.tasks[i], verdicts[i]
		if v.step == settled {
			l.pop(ln)
			l.requeue(ln)
			continue
		}
		t.part.end()
		switch {
		case t.part.gone || l.stopped:
			l.pop(ln)
			l.drop(t)
			l.requeue(ln)
		case v.step == held:
			ln.state = laneReady
			l.ready.pushFront(ln)
		case v.wait > 0:
			l.sleep(ln, v.wait)
		default:
			l.requeue(ln)
		}
	}
}

// rest notes a worker's end.
func (l *lanes) rest() {
	if l.workers--; l.workers == 0 {
		l.idle.Broadcast()
	}
}

func (l *lanes) pop(ln *lane) {
	ln.queue[0] = nil
	ln.queue = ln.queue[1:]
}

// requeue makes a lane ready, behind the others; or forgets an empty one.
func (l *lanes) requeue(ln *lane) {
	if len(ln.queue) == 0 {
		delete(l.byKey, ln.key)
		return
	}
	ln.state = laneReady
	l.ready.pushBack(ln)
}

func (l *lanes) sleep(ln *lane, d time.Duration) {
	ln.state = laneWaiting
	ln.turn++
	turn := ln.turn
	ln.timer = time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if ln.state != laneWaiting || ln.turn != turn {
			return
		}
		l.requeue(ln)
		l.start()
	})
}

// forsake gives up all tasks, or those of the partitions that are gone: those
// that wait are dropped at once, those under way go on to their end.
func (l *lanes) forsake(all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = l.stopped || all
	for _, ln := range l.byKey {
		kept := ln.queue[:0]
		for i, t := range ln.queue {
			if flying := i == 0 && ln.state == laneFlying; flying || !all && !t.part.gone {
				kept = append(kept, t)
				continue
			}
			l.drop(t)
			if i == 0 && ln.state == laneWaiting {
				ln.timer.Stop()
				ln.turn++
				ln.state = laneReady
				l.ready.pushBack(ln)
			}
		}
		clear(ln.queue[len(kept):])
		ln.queue = kept
		if len(kept) == 0 {
			l.ready.remove(ln)
			delete(l.byKey, ln.key)
		}
	}
	if !all {
		for n := l.ready.n; n > 0 && l.start(); n-- {
		}
	}
}

// giveUp marks the partitions as gone and drops their waiting tasks.
func (l *lanes) giveUp(parts []*part) {
	l.mu.Lock()
	for _, p := range parts {
		p.gone = true
	}
	l.mu.Unlock()
	l.forsake(false)
}

// cancel cuts the writes that are under way for partitions that are gone, or
// all of them.
func (l *lanes) cancel(all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for f := range l.flights {
		for _, t := range f.tasks {
			if all || t.part.gone {
				f.cancel()
				break
			}
		}
	}
}

// join waits until no worker is left, or ctx is done.
func (l *lanes) join(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.idle.Broadcast()
	})()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.workers > 0 && ctx.Err() == nil {
		l.idle.Wait()
	}
	if l.workers > 0 {
		return ctx.Err()
	}
	return nil
}

// inFlight is how many writes are under way.
func (l *lanes) inFlight() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.flights)
}

// laneList is a queue of lanes that can be left from the middle.
type laneList struct {
	first, last *lane
	n           int
}

func (q *laneList) pushBack(ln *lane) {
	ln.prev, ln.next = q.last, nil
	if q.last != nil {
		q.last.next = ln
	} else {
		q.first = ln
	}
	q.last = ln
	q.n++
}

func (q *laneList) pushFront(ln *lane) {
	ln.prev, ln.next = nil, q.first
	if q.first != nil {
		q.first.prev = ln
	} else {
		q.last = ln
	}
	q.first = ln
	q.n++
}

func (q *laneList) popFront() *lane {
	ln := q.first
	q.remove(ln)
	return ln
}

// remove does nothing for a lane that is not in the list.
func (q *laneList) remove(ln *lane) {
	if ln.prev == nil && ln.next == nil && q.first != ln {
		return
	}
	if ln.prev != nil {
		ln.prev.next = ln.next
	} else {
		q.first = ln.next
	}
	if ln.next != nil {
		ln.next.prev = ln.prev
	} else {
		q.last = ln.prev
	}
	ln.prev, ln.next = nil, nil
	q.n--
}
