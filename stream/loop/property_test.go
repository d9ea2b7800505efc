package loop

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"sluice/ops/local"
	"sluice/schemas"
	"sluice/stream"
)

// stores are the kinds of Redis that the properties hold on.
func stores(t *testing.T) map[string]Store {
	t.Helper()
	all := map[string]Store{"miniredis": mini(t)}
	server, err := local.StartRedis(t.Context(), local.RedisOptions{})
	if err != nil {
		t.Logf("without a real Redis: %v", err)
		return all
	}
	t.Cleanup(func() { _ = server.Stop() })
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	all["redis"] = OnRedis(client)
	return all
}

var names = []string{"Jones", "Smith", "Miller"}

// TestAReplayDecidesTheSame runs changes and writes in random order, in batches
// that are aborted and run again, by other guards too, between further writes.
func TestAReplayDecidesTheSame(t *testing.T) {
	for kind, store := range stores(t) {
		t.Run(kind, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				r := newRig(t, store, rapid.SampledFrom([]Echo{keyed(), byTargetID()}).Draw(rt, "echo"))
				r.forget()
				other := newRig(t, store, r.guard.echoes[topic][0].Echo)
				decided := map[int64]string{}
				var log []*stream.Item
				decide := func(r *rig, items []*stream.Item) {
					for i, reason := range r.process(items...) {
						if before, ok := decided[items[i].Offset]; ok && before != reason {
							rt.Fatalf("offset %d: decided %q, and then %q", items[i].Offset, before, reason)
						}
						decided[items[i].Offset] = reason
					}
				}
				rt.Repeat(map[string]func(*rapid.T){
					"write": func(rt *rapid.T) {
						key := rapid.SampledFrom([]string{"A1", "A2"}).Draw(rt, "key")
						w := r.customerWrite(key, rapid.SampledFrom(names).Draw(rt, "name"), 1)
						if !r.before(w) {
							w.TargetID = map[string]string{"A1": "1", "A2": "2"}[key]
							r.after(w, rapid.SampledFrom([]Outcome{Taken, Refused, Unclear}).Draw(rt, "outcome"))
						}
					},
					"changes": func(rt *rapid.T) {
						from := len(log)
						for range rapid.IntRange(1, 5).Draw(rt, "n") {
							id := rapid.Int64Range(1, 2).Draw(rt, "id")
							row := contact(id, fmt.Sprint("A", id), rapid.SampledFrom(names).Draw(rt, "name"), 100, nil)
							switch op := rapid.SampledFrom([]schemas.Op{schemas.Create, schemas.Update, schemas.Delete, schemas.Read}).Draw(rt, "op"); op {
							case schemas.Delete:
								log = append(log, r.change(op, row, nil))
							case schemas.Update:
								log = append(log, r.change(op, row, row))
							default:
								log = append(log, r.change(op, nil, row))
							}
						}
						decide(r, log[from:])
					},
					"replay": func(rt *rapid.T) {
						from := rapid.IntRange(0, len(log)).Draw(rt, "from")
						decide(rapid.SampledFrom([]*rig{r, other}).Draw(rt, "by"), log[from:])
					},
					"time": func(rt *rapid.T) {
						r.later(time.Duration(rapid.IntRange(1, 8000).Draw(rt, "ms")) * time.Millisecond)
					},
				})
			})
		})
	}
}

// TestNoChangeOfAPersonIsLost has a sink and a person work on one record, the
// guard lagging behind. Who committed last has the last word, and the pipeline
// must know it. What happens is further apart than clocks may differ, but for the
// person who comes between a mark and its write: within that time a change and an
// echo of the same content cannot be told from one another.
func TestNoChangeOfAPersonIsLost(t *testing.T) {
	for kind, store := range stores(t) {
		t.Run(kind, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				r := newRig(t, store, keyed())
				r.forget()
				apart := grace + time.Millisecond
				silent := rapid.Bool().Draw(rt, "an update without a change is not in the log")
				target := contact(7, "A1", "Jones", 100, nil)
				type event struct {
					item    *stream.Item // nil: not in the log
					name    string
					written bool // by the sink
				}
				var log []event
				next, known := 0, "Jones" // known is what the pipeline takes for the last word
				commit := func(name string, written bool) {
					old, e := target, event{nil, name, written}
					if target = contact(7, "A1", name, 100, nil); !silent || !target.Equal(old) {
						e.item = r.change(schemas.Update, old, target)
					}
					log = append(log, e)
				}
				read := func() {
					if next < len(log) && log[next].item != nil {
						r.process(log[next].item)
					}
					next++
				}
				rt.Repeat(map[string]func(*rapid.T){
					"the sink writes": func(rt *rapid.T) {
						name := rapid.SampledFrom(names).Draw(rt, "name")
						w := r.customerWrite("A1", name, 1)
						if r.before(w) {
							// Right, or a person's change that is still to be read
							// will have it written.
							unread := slices.ContainsFunc(log[min(next, len(log)):], func(e event) bool { return !e.written })
							if has := string(target[2].Bytes); has != name && !unread {
								rt.Fatalf("%s is not written, since the target is taken to have it; it has %s", name, has)
							}
							return
						}
						if rapid.Bool().Draw(rt, "a person comes between") {
							commit(rapid.SampledFrom(names).Draw(rt, "theirs"), false)
						}
						commit(name, true)
						r.after(w, Taken)
						r.later(apart)
					},
					"a person writes": func(rt *rapid.T) {
						commit(rapid.SampledFrom(names).Draw(rt, "name"), false)
						r.later(apart)
					},
					"the guard reads": func(rt *rapid.T) {
						for range rapid.IntRange(1, 4).Draw(rt, "n") {
							if next < len(log) {
								read()
							}
						}
					},
					"time": func(rt *rapid.T) {
						r.later(time.Duration(rapid.IntRange(1, 8000).Draw(rt, "ms")) * time.Millisecond)
					},
				})
				for next < len(log) {
					read()
				}
				told := ""
				for _, e := range log {
					// What the sink wrote is known because it was written; what is
					// parked a person is told of.
					reason := "not in the log"
					if e.item != nil {
						reason = e.item.Reason
					}
					if e.written || e.item != nil && (e.item.Fate == stream.Pending || reason == ReasonBounce) {
						known = e.name
					}
					told += fmt.Sprintf("\n%s by the sink: %v %q", e.name, e.written, reason)
				}
				if has := string(target[2].Bytes); has != known {
					rt.Fatalf("the target has %s, the pipeline knows of %s:%s", has, known, told)
				}
			})
		})
	}
}
