package pump

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"sluice/capture"
	"sluice/schemas"
)

var errBad = errors.New("bad change")

// TestQueueKeepsWholeBatchesInOrder plays reader and writer in any order and
// compares with a plain list: every batch comes out whole, once, in order, with
// its position; a batch that fails leaves nothing; the memory is accounted for.
func TestQueueKeepsWholeBatchesInOrder(t *testing.T) {
	r := &route{}
	rapid.Check(t, func(t *rapid.T) {
		q := newQueue(1 << 30)
		seq := 0
		encode := func(c *chunk, ch *schemas.Change, m mark) error {
			if ch.ID == nil {
				return errBad
			}
			at := len(c.bytes)
			c.bytes = append(c.bytes, ch.ID...)
			c.headers = append(c.headers, kgo.RecordHeader{Key: "h"})
			c.records = append(c.records, kgo.Record{Value: c.bytes[at:len(c.bytes):len(c.bytes)]})
			c.count(r, schemas.Create, m)
			return nil
		}
		var want, got []string
		var taken []*chunk
		var last, committed schemas.Position
		batches := 0
		look := func(chunks []*chunk) {
			for _, c := range chunks {
				n := 0
				for _, r := range c.records {
					got = append(got, string(r.Value[:8]))
				}
				for _, t := range c.tallies {
					n += t.n
				}
				if n != len(c.records) || len(c.headers) != n {
					t.Fatalf("%d records, %d counted, %d headers", len(c.records), n, len(c.headers))
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				b := capture.Batch{}
				before := seq
				width := rapid.SampledFrom([]int{8, 100, 30_000, 400_000}).Draw(t, "width")
				for range rapid.IntRange(0, 40).Draw(t, "changes") {
					id := append(fmt.Appendf(nil, "%08d", seq), make([]byte, width-8)...)
					b.Changes = append(b.Changes, schemas.Change{ID: id})
					seq++
				}
				bad := len(b.Changes) > 0 && rapid.IntRange(0, 3).Draw(t, "bad") == 0
				if bad {
					b.Changes[rapid.IntRange(0, len(b.Changes)-1).Draw(t, "at")].ID = nil
				}
				if rapid.Bool().Draw(t, "large") { // it says so, whatever it is
					b.Bytes = chunkBytes
				}
				b.Position = schemas.Position(fmt.Sprint(seq))
				err := q.add(&b, encode, time.Now())
				if errors.Is(err, errBad) != bad {
					t.Fatalf("add returned %v, bad is %v", err, bad)
				}
				if bad {
					seq = before
					return
				}
				for i := before; i < seq; i++ {
					want = append(want, fmt.Sprintf("%08d", i))
				}
				last = b.Position
				batches++
			},
			"takeFull": func(*rapid.T) {
				n := len(taken)
				taken, _, _ = q.takeFull(taken)
				look(taken[n:])
			},
			"commit": func(t *rapid.T) {
				n := len(taken)
				var tip tip
				taken, tip = q.takeAll(taken)
				look(taken[n:])
				if tip.batches != batches {
					t.Fatalf("the tip tells of %d batches, %d were added", tip.batches, batches)
				}
				if batches > 0 {
					committed = tip.position
				}
				if committed != last {
					t.Fatalf("committed %q, the last batch ended at %q", committed, last)
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("committed %v, want %v", got, want)
				}
				for _, c := range taken {
					q.release(c)
				}
				taken, got, want, batches = nil, nil, nil, 0
				if held, _ := q.state(); held != 0 {
					t.Fatalf("an empty queue holds %d bytes", held)
				}
			},
			"": func(t *rapid.T) {
				sum := 0
				for _, c := range append(append([]*chunk{}, taken...), q.chunks...) {
					sum += c.held()
				}
				if held, _ := q.state(); held != sum {
					t.Fatalf("accounted %d bytes, there are %d", held, sum)
				}
			},
		})
	})
}

func TestBackoffGrowsToItsBound(t *testing.T) {
	var b backoff
	for i := range 100 {
		bound := min(minWait<<min(i, 10), maxWait)
		if d := b.next(); d < bound/2 || d > bound {
			t.Errorf("wait %d is %s, want half to all of %s", i, d, bound)
		}
	}
	b.reset()
	if d := b.next(); d > minWait {
		t.Errorf("after a success it waits %s", d)
	}
}
