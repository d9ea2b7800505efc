package process

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/schemas"
)

// TestStopsBeforeParkingTooMuch: the records that are too many are neither parked
// nor passed, and are read again when more is allowed.
func TestStopsBeforeParkingTooMuch(t *testing.T) {
	w := newWorld(t)
	allow := func(n int) func(*Process) {
		return func(p *Process) { p.cfg.Stop = Stop{Parked: n, Within: time.Hour} }
	}
	r := w.start("a", newStage(w.name), allow(3))
	w.produce(w.raw(schemas.Create, 1, "park"), w.raw(schemas.Create, 2, "Ada"), w.raw(schemas.Create, 3, "park"))
	w.drained()
	w.produce(w.raw(schemas.Create, 4, "park"), w.raw(schemas.Create, 5, "park"), w.raw(schemas.Create, 6, "Bob"))
	<-r.done
	var fault *schemas.Fault
	if !errors.As(r.err, &fault) || !strings.Contains(fault.Error(), "process.stop.parked is 3") || !strings.Contains(fault.Error(), "no_good") {
		t.Fatalf("Run returned %v", r.err)
	}
	// They may have come in one batch or in two.
	if n := len(w.committed(DeadLetterTopic(w.name))); n < 2 || n > 3 {
		t.Errorf("%d dead letters, want 2 or 3", n)
	}
	r = w.start("a", newStage(w.name), allow(10))
	w.drained()
	r.stop()
	if n := len(w.committed(DeadLetterTopic(w.name))); n != 4 {
		t.Errorf("%d dead letters, want 4", n)
	}
	if n := len(w.committed("entity." + w.name)); n != 2 {
		t.Errorf("%d entities, want 2", n)
	}
}

func TestParkingsForget(t *testing.T) {
	var p parkings
	start := time.Now()
	for i := range 5 {
		p.add(1, start.Add(time.Duration(i)*time.Second))
	}
	if n := p.since(start.Add(3 * time.Second)); n != 2 || len(p) != 2 {
		t.Errorf("since = %d, %d kept; want 2", n, len(p))
	}
}
