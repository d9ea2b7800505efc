package schemas

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestArena: what was handed out stays as it is until Reset, whatever follows.
func TestArena(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a Arena
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			a.Reset()
			var copies, want [][]byte
			var rows []Row
			size := 0
			for i := range rapid.IntRange(1, 40).Draw(t, "calls") {
				n := rapid.SampledFrom([]int{0, 1, 100, byteBlock / 2, byteBlock, byteBlock + 1}).Draw(t, "size")
				b := bytes.Repeat([]byte{byte(i)}, n)
				if rapid.Bool().Draw(t, "copy") {
					copies = append(copies, a.Copy(b))
				} else {
					room := a.Grow(n + 10)
					if len(room) != 0 || cap(room) != n+10 {
						t.Fatalf("Grow(%d) has length %d and capacity %d", n+10, len(room), cap(room))
					}
					copies = append(copies, append(room, b...))
					a.Keep(n)
				}
				want = append(want, b)
				size += n

				cells := rapid.SampledFrom([]int{0, 1, 7, valueBlock / 2, valueBlock + 1}).Draw(t, "cells")
				row := a.Row(cells)
				if row == nil || len(row) != cells || cap(row) != cells {
					t.Fatalf("Row(%d) has length %d and capacity %d", cells, len(row), cap(row))
				}
				for j := range row {
					if !row[j].IsNull() {
						t.Fatalf("Row(%d) holds %v", cells, row[j])
					}
					row[j] = IntOf(int64(i))
				}
				rows = append(rows, row)
				size += cells * 48
			}
			if a.Size() != size {
				t.Fatalf("Size is %d, want %d", a.Size(), size)
			}
			for i := range copies {
				if !bytes.Equal(copies[i], want[i]) {
					t.Fatalf("the bytes of call %d were overwritten", i)
				}
				for _, v := range rows[i] {
					if v.Int() != int64(i) {
						t.Fatalf("the row of call %d was overwritten", i)
					}
				}
			}
		}
	})
}

func TestArenaIsUsedAgain(t *testing.T) {
	var a Arena
	b := make([]byte, 1000)
	batch := func() {
		for range 3 * byteBlock / len(b) {
			a.Copy(b)
			a.Row(20)
		}
		a.Reset()
	}
	batch()
	if n := testing.AllocsPerRun(10, batch); n > 0 {
		t.Errorf("%v allocations in a batch like the one before", n)
	}
	a.Copy(make([]byte, 10*byteBlock))
	a.Row(10 * valueBlock)
	a.Reset()
	if cap(a.bytes.now) > byteBlock || cap(a.values.now) > valueBlock {
		t.Error("one huge value is kept for ever")
	}
	for range 2 * keptBlocks {
		a.Copy(make([]byte, byteBlock))
	}
	a.Reset()
	if n := len(a.bytes.free); n >= keptBlocks {
		t.Errorf("%d blocks are kept", n)
	}
}
