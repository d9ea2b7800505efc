package deliver

import (
	"testing"

	"pgregory.net/rapid"
)

// Whatever the order in which records finish, the offset to commit passes every
// finished record that has none unfinished in front of it, and never one that
// is unfinished.
func TestWatermarkNeverPassesAnUnfinishedOffset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w watermark
		type rec struct {
			offset int64
			epoch  int32
			m      *mark // nil: passed
			done   bool
		}
		var recs []*rec
		next, epoch := rapid.Int64Range(0, 1<<40).Draw(t, "start"), int32(3)
		check := func() {
			offset, e, ok := w.at()
			if len(recs) == 0 {
				if ok {
					t.Fatalf("an empty ledger gave offset %d", offset)
				}
				return
			}
			// The model: the first unfinished record, or the end.
			want, wantEpoch := recs[len(recs)-1].offset+1, recs[len(recs)-1].epoch
			for i, r := range recs {
				if !r.done {
					want, wantEpoch = r.offset, r.epoch
					if i > 0 {
						wantEpoch = recs[i-1].epoch
					}
					break
				}
			}
			if !ok || offset != want || e != wantEpoch {
				t.Fatalf("at() = %d, epoch %d, %v; want %d, epoch %d", offset, e, ok, want, wantEpoch)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				next += rapid.Int64Range(0, 3).Draw(t, "gap") // compaction leaves gaps
				epoch += int32(rapid.IntRange(0, 1).Draw(t, "election"))
				r := &rec{offset: next, epoch: epoch}
				if rapid.IntRange(0, 4).Draw(t, "control") == 0 {
					w.pass(next, epoch)
					r.done = true
				} else {
					r.m = w.add(next, epoch)
				}
				recs = append(recs, r)
				next++
			},
			"finish": func(t *rapid.T) {
				if len(recs) == 0 {
					t.Skip("nothing to finish")
				}
				r := rapid.SampledFrom(recs).Draw(t, "which")
				if r.m != nil {
					w.finish(r.m) // a second time too
					r.done = true
				}
			},
			"": func(*rapid.T) { check() },
		})
	})
}

func TestWatermarkForgetsFinishedRecords(t *testing.T) {
	var w watermark
	stuck := w.add(0, 0)
	for i := int64(1); i < 10000; i++ {
		w.finish(w.add(i, 0))
	}
	if w.head != stuck || w.tail != stuck || stuck.next != nil {
		t.Fatal("finished records behind a stuck one are still held")
	}
	w.finish(stuck)
	if offset, _, _ := w.at(); offset != 10000 {
		t.Fatalf("at() = %d after all finished, want 10000", offset)
	}
}
