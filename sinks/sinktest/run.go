package sinktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"sluice/sinks"
)

// deadline bounds one test of the suite on a busy machine.
const deadline = 30 * time.Second

// Run runs the suite; newHarness makes a sink and an empty target for each test
// and cleans up by t.Cleanup.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	for _, c := range []struct {
		name string
		test func(ctx context.Context, t *testing.T, h Harness)
	}{
		{"creates, updates and deletes", testLife},
		{"order of a key", testOrder},
		{"deletion of what is not there", testDeleteUnknown},
		{"lost answers", testLostAnswer},
		{"refusal is permanent", testRefusal},
		{"outage is passing", testOutage},
		{"credentials stop", testForbidden},
		{"part of a batch", testPartOfBatch},
		{"many keys at once", testConcurrent},
		{"unusual keys", testUnusualKeys},
		{"cancelled write", testCancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			c.test(ctx, t, h)
		})
	}
}

func must(ctx context.Context, t *testing.T, h Harness, batch ...*sinks.Delivery) {
	t.Helper()
	if err := h.Sink.Write(ctx, batch); err != nil {
		t.Fatalf("writing %s at %s: %v", batch[0].Key, batch[0].Position, err)
	}
}

// insist writes until the target has taken it, as the engine would.
func insist(ctx context.Context, t *testing.T, h Harness, d *sinks.Delivery) {
	t.Helper()
	for ; ctx.Err() == nil; d.Attempt++ {
		err := h.Sink.Write(ctx, []*sinks.Delivery{d})
		if err == nil {
			return
		}
		if e := sinks.Classify(err); e.Class == sinks.Permanent || e.Class == sinks.Stop {
			t.Fatalf("writing %s at %s: %v: %v", d.Key, d.Position, e.Class, err)
		}
	}
	t.Fatalf("writing %s at %s: still failing at the end", d.Key, d.Position)
}

func classOf(t *testing.T, err error) sinks.Class {
	t.Helper()
	if err == nil {
		t.Fatal("the write was taken, want an error")
	}
	var partial *sinks.BatchError
	if errors.As(err, &partial) {
		for _, e := range partial.Failed {
			err = e
		}
	}
	return sinks.Classify(err).Class
}

func testLife(ctx context.Context, t *testing.T, h Harness) {
	for _, step := range []struct {
		d      *sinks.Delivery
		action string
	}{
		{State("a", 1), "created"},
		{State("a", 2), "updated"},
		{Deletion("a", 3), "deleted"},
		{State("a", 4), "created"},
	} {
		must(ctx, t, h, step.d)
		if got := step.d.Receipt.Action; got != step.action {
			t.Errorf("version %d: the receipt says %q, want %q", step.d.Offset, got, step.action)
		}
		if step.d.Receipt.Status == "" {
			t.Errorf("version %d: the receipt has no status", step.d.Offset)
		}
		if step.d.Deletion() {
			if _, ok := h.Get("a"); ok {
				t.Error("the record is there after its deletion")
			}
			continue
		}
		h.mustHave(t, "a", step.d.Offset)
	}
}

func testOrder(ctx context.Context, t *testing.T, h Harness) {
	const n = 30
	var batch []*sinks.Delivery
	var want []int64
	for v := int64(1); v <= n; v++ {
		batch, want = append(batch, State("a", v)), append(want, v)
	}
	// The contract has batches in order even for one key.
	must(ctx, t, h, batch[:10]...)
	for _, d := range batch[10:] {
		must(ctx, t, h, d)
	}
	h.mustHave(t, "a", n)
	if h.History != nil {
		if got := h.History("a"); !slices.Equal(got, want) {
			t.Errorf("the target applied the versions %v, want %v", got, want)
		}
	}
}

func testDeleteUnknown(ctx context.Context, t *testing.T, h Harness) {
	d := Deletion("nobody", 1)
	must(ctx, t, h, d)
	if d.Receipt.Action != "unchanged" {
		t.Errorf("the receipt says %q, want unchanged", d.Receipt.Action)
	}
}

func testLostAnswer(ctx context.Context, t *testing.T, h Harness) {
	if h.LoseAnswer == nil {
		t.Skip("no answer is lost on the way from this target")
	}
	for v := int64(1); v <= 6; v++ {
		d := State("a", v)
		if v == 4 {
			d = Deletion("a", v)
		}
		h.LoseAnswer(2)
		insist(ctx, t, h, d)
		if d.Attempt == 1 {
			t.Errorf("version %d: the write was taken though its answer was lost", v)
		}
	}
	h.mustHave(t, "a", 6)
	if h.History != nil {
		want := []int64{1, 2, 3, Deleted, 5, 6}
		if got := h.History("a"); !slices.Equal(got, want) {
			t.Errorf("the target applied %v, want each once: %v", got, want)
		}
	}
}

func testRefusal(ctx context.Context, t *testing.T, h Harness) {
	h.Refuse("bad", true)
	d := State("bad", 1)
	err := h.Sink.Write(ctx, []*sinks.Delivery{d})
	if c := classOf(t, err); c != sinks.Permanent {
		t.Fatalf("a refused record is %v (%v), want permanent", c, err)
	}
	must(ctx, t, h, State("good", 1))
	h.Refuse("bad", false)
	must(ctx, t, h, d)
	h.mustHave(t, "bad", 1)
}

func testOutage(ctx context.Context, t *testing.T, h Harness) {
	must(ctx, t, h, State("a", 1))
	h.Down(true)
	for range 3 {
		err := h.Sink.Write(ctx, []*sinks.Delivery{State("a", 2)})
		if c := classOf(t, err); c != sinks.Retry {
			t.Fatalf("an outage is %v (%v), want retry", c, err)
		}
	}
	h.Down(false)
	insist(ctx, t, h, State("a", 2))
	h.mustHave(t, "a", 2)
}

func testForbidden(ctx context.Context, t *testing.T, h Harness) {
	if h.Forbid == nil {
		t.Skip("nobody can be forbidden to write to this target")
	}
	h.Forbid(true)
	err := h.Sink.Write(ctx, []*sinks.Delivery{State("a", 1)})
	if c := classOf(t, err); c != sinks.Stop {
		t.Fatalf("refused credentials are %v (%v), want stop", c, err)
	}
	h.Forbid(false)
	must(ctx, t, h, State("a", 1))
}

func testPartOfBatch(ctx context.Context, t *testing.T, h Harness) {
	h.Refuse("k3", true)
	h.Refuse("k5", true)
	var batch []*sinks.Delivery
	for i := range 8 {
		batch = append(batch, State(fmt.Sprint("k", i), 1))
	}
	err := h.Sink.Write(ctx, batch)
	var partial *sinks.BatchError
	if !errors.As(err, &partial) {
		t.Fatalf("a batch with two refused records gave %v, want a *sinks.BatchError", err)
	}
	for i, d := range batch {
		failed := partial.Failed[i]
		if refused := i == 3 || i == 5; refused != (failed != nil) {
			t.Errorf("delivery %d: %v, refused: %v", i, failed, refused)
		} else if refused {
			if c := sinks.Classify(failed).Class; c != sinks.Permanent {
				t.Errorf("delivery %d is %v, want permanent", i, c)
			}
		} else {
			h.mustHave(t, string(d.Key), 1)
		}
	}
	if len(partial.Failed) != 2 {
		t.Errorf("%d deliveries failed, want 2", len(partial.Failed))
	}
}

func testConcurrent(ctx context.Context, t *testing.T, h Harness) {
	const keys, versions = 16, 12
	var wg sync.WaitGroup
	for k := range keys {
		wg.Go(func() {
			for v := int64(1); v <= versions; v++ {
				if err := h.Sink.Write(ctx, []*sinks.Delivery{State(fmt.Sprint("c", k), v)}); err != nil {
					t.Errorf("key c%d, version %d: %v", k, v, err)
					return
				}
			}
		})
	}
	wg.Wait()
	for k := range keys {
		h.mustHave(t, fmt.Sprint("c", k), versions)
	}
}

func testUnusualKeys(ctx context.Context, t *testing.T, h Harness) {
	for _, key := range []string{"a/b", "a b", "ü?&=#%2F", "..", "'; DROP TABLE things; --", `"{{.Key}}"`, "日本"} {
		d := State(key, 1)
		must(ctx, t, h, d)
		must(ctx, t, h, State(key, 2))
		h.mustHave(t, key, 2)
		must(ctx, t, h, Deletion(key, 3))
		if _, ok := h.Get(key); ok {
			t.Errorf("%q is there after its deletion", key)
		}
	}
}

func testCancelled(ctx context.Context, t *testing.T, h Harness) {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	err := h.Sink.Write(ended, []*sinks.Delivery{State("a", 1)})
	if c := classOf(t, err); c != sinks.Retry {
		t.Fatalf("a write that was cut short is %v (%v), want retry", c, err)
	}
	must(ctx, t, h, State("a", 1))
}
