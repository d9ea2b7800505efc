package deliver

import (
	"testing"

	"pgregory.net/rapid"
)

// What the metadata calls finished is finished; and where it had room for all,
// what is finished is called so.
func TestAheadTellsTheFinishedFromTheUnfinished(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w watermark
		done := map[int64]bool{}
		offset := rapid.Int64Range(0, 1<<50).Draw(t, "start")
		for range rapid.IntRange(1, 60).Draw(t, "records") {
			offset += rapid.Int64Range(1, 300).Draw(t, "gap")
			m := w.add(offset, 0)
			if done[offset] = rapid.Bool().Draw(t, "done"); done[offset] {
				w.finish(m)
			}
		}
		most := rapid.SampledFrom([]int{0, 25, aheadBytes}).Draw(t, "room")
		text := w.ahead(most)
		at, _, _ := w.at()
		a := parseAhead(at, text)
		if a == nil && text != "" {
			t.Fatalf("%q says nothing", text)
		}
		for o, is := range done {
			switch says := a.finished(o); {
			case says && !is:
				t.Fatalf("offset %d is called finished and is not", o)
			case !says && is && o > at && most == aheadBytes:
				t.Fatalf("offset %d is finished and not called so", o)
			}
		}
		if a.finished(offset + 1) {
			t.Fatal("a record that was never read is called finished")
		}
	})
}

func FuzzParseAhead(f *testing.F) {
	var w watermark
	w.add(5, 0)
	w.finish(w.add(6, 0))
	w.add(9, 0)
	f.Add(int64(5), w.ahead(aheadBytes))
	f.Add(int64(0), aheadPrefix+"AA")
	f.Add(int64(7), "another consumer's")
	f.Fuzz(func(t *testing.T, at int64, text string) {
		a := parseAhead(at, text)
		if a == nil {
			return
		}
		if a.finished(at) || a.finished(at-1) || a.finished(a.next) || a.next <= at {
			t.Fatalf("%q at %d gives %+v", text, at, a)
		}
	})
}
