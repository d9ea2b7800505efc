package deliver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// bench is a set of lanes whose writes a test decides.
type laneBench struct {
	*lanes
	mu      sync.Mutex
	next    map[string]int64
	part    *part
	dropped []string
}

func newLaneBench(limit, batch int, write func(ctx context.Context, tasks []*task) []verdict) *laneBench {
	b := &laneBench{lanes: newLanes(limit, batch), next: map[string]int64{}, part: newPart("entity.x", 0)}
	b.open = func() bool { return true }
	b.drop = func(t *task) { b.dropped = append(b.dropped, name(t)) }
	b.lanes.write = func(ctx context.Context, tasks []*task) []verdict {
		v := write(ctx, tasks)
		for i := range v {
			if v[i].step == settled {
				tasks[i].part.end()
			}
		}
		return v
	}
	return b
}

// put pushes the next task of a key; tasks are called key0, key1 and so on.
func (b *laneBench) put(key string) { b.putOn(b.part, key) }

func (b *laneBench) putOn(p *part, key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.next[key]
	b.next[key]++
	b.push(&task{record: &kgo.Record{Key: []byte(key), Offset: n}, part: p, lane: key})
}

func name(t *task) string { return fmt.Sprintf("%s%d", t.record.Key, t.record.Offset) }

func done(n int) []verdict { return make([]verdict, n) }

func TestLanesKeepTheOrderOfAKeyAndTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, batch, keys, each = 5, 3, 40, 30
		var mu sync.Mutex
		seen := map[string][]int64{}
		busy := map[string]bool{}
		var flying, most atomic.Int64
		b := newLaneBench(limit, batch, func(_ context.Context, tasks []*task) []verdict {
			n := flying.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			mu.Lock()
			for _, tk := range tasks {
				if busy[tk.lane] {
					t.Errorf("two tasks of key %s are under way", tk.lane)
				}
				busy[tk.lane] = true
			}
			mu.Unlock()
			<-time.After(time.Duration(rand.IntN(20)) * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			defer flying.Add(-1)
			v := make([]verdict, len(tasks))
			for i, tk := range tasks {
				busy[tk.lane] = false
				if rand.IntN(3) == 0 {
					v[i] = verdict{again, time.Duration(rand.IntN(50)) * time.Millisecond}
					continue
				}
				seen[tk.lane] = append(seen[tk.lane], tk.record.Offset)
			}
			return v
		})
		for range each {
			for k := range keys {
				b.put(fmt.Sprint("k", k))
			}
		}
		<-time.After(time.Hour)
		synctest.Wait()
		for k := range keys {
			got := seen[fmt.Sprint("k", k)]
			if len(got) != each || !slices.IsSorted(got) {
				t.Fatalf("key k%d was written as %v, want 0 to %d in order", k, got, each-1)
			}
		}
		if most.Load() != limit {
			t.Errorf("%d writes at once at most, want the limit %d to be reached and kept", most.Load(), limit)
		}
		if len(b.byKey) != 0 || b.ready.n != 0 || b.workers != 0 || b.part.busy != 0 {
			t.Errorf("left over: %d lanes, %d ready, %d workers, %d busy", len(b.byKey), b.ready.n, b.workers, b.part.busy)
		}
	})
}

func TestLaneInBackoffHoldsNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wrote []string
		b := newLaneBench(1, 1, func(_ context.Context, tasks []*task) []verdict {
			if string(tasks[0].record.Key) == "bad" {
				return []verdict{{again, time.Minute}}
			}
			wrote = append(wrote, name(tasks[0]))
			return done(1)
		})
		for range 2 {
			b.put("bad")
			b.put("good")
		}
		synctest.Wait()
		if !slices.Equal(wrote, []string{"good0", "good1"}) {
			t.Fatalf("wrote %v beside a key in backoff, want good0 good1", wrote)
		}
		b.forsake(true)
		if !slices.Equal(b.dropped, []string{"bad0", "bad1"}) {
			t.Fatalf("dropped %v, want bad0 bad1", b.dropped)
		}
	})
}

func TestHeldLanesKeepTheirPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wrote []string
		open := false
		b := newLaneBench(1, 2, func(_ context.Context, tasks []*task) []verdict {
			if !open {
				v := make([]verdict, len(tasks))
				for i := range v {
					v[i] = verdict{step: held}
				}
				return v
			}
			for _, tk := range tasks {
				wrote = append(wrote, name(tk))
			}
			return done(len(tasks))
		})
		asked := 0
		b.lanes.open = func() bool { asked++; return open || asked <= 2 }
		for _, k := range []string{"a", "b", "c"} {
			b.put(k)
		}
		synctest.Wait()
		if len(wrote) != 0 {
			t.Fatalf("wrote %v while held", wrote)
		}
		open = true
		b.kick()
		synctest.Wait()
		if !slices.Equal(wrote, []string{"a0", "b0", "c0"}) {
			t.Fatalf("wrote %v after being held, want a0 b0 c0", wrote)
		}
	})
}

func TestGivingUpAPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wrote []string
		gate := make(chan struct{})
		b := newLaneBench(2, 1, func(ctx context.Context, tasks []*task) []verdict {
			switch string(tasks[0].record.Key) {
			case "slow":
				<-gate
			case "stuck":
				<-ctx.Done()
				return []verdict{{step: again}}
			case "back":
				return []verdict{{again, time.Minute}}
			}
			wrote = append(wrote, name(tasks[0]))
			return done(1)
		})
		going, staying := newPart("entity.x", 1), newPart("entity.x", 2)
		b.putOn(going, "back")
		b.putOn(staying, "back")
		synctest.Wait()
		b.putOn(going, "slow")
		b.putOn(going, "stuck")
		b.putOn(going, "slow")
		b.putOn(staying, "stay")
		synctest.Wait()

		b.giveUp([]*part{going})
		b.putOn(going, "late")
		synctest.Wait()
		slices.Sort(b.dropped)
		if !slices.Equal(b.dropped, []string{"back0", "slow1"}) {
			t.Fatalf("dropped %v, want what waited: back0 slow1", b.dropped)
		}
		close(gate)
		synctest.Wait()
		if going.busy != 1 {
			t.Fatalf("%d tasks of the partition under way, want the stuck one", going.busy)
		}
		b.cancel(false)
		going.wait(context.Background())
		synctest.Wait()
		if !slices.Equal(wrote, []string{"slow0", "stay0"}) {
			t.Fatalf("wrote %v, want slow0 to its end and then stay0", wrote)
		}
		// The other partition's task waits in the same lane, behind a dropped
		// one, and goes on.
		b.forsake(true)
		if err := b.join(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestJoinIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLaneBench(1, 1, func(ctx context.Context, _ []*task) []verdict {
			<-ctx.Done()
			return []verdict{{step: again}}
		})
		b.put("a")
		synctest.Wait()
		b.forsake(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if b.join(ctx) == nil {
			t.Fatal("join returned nil while a write was under way")
		}
		b.cancel(true)
		if err := b.join(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(b.dropped, []string{"a0"}) {
			t.Fatalf("dropped %v, want a0", b.dropped)
		}
	})
}
