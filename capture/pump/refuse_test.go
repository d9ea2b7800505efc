package pump_test

import (
	"bytes"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"sluice/schemas"
)

func TestBadValueStopsAndNamesIt(t *testing.T) {
	for _, c := range []struct{ size, bad, whole int }{
		{8, 43, 40},
		{4000, 7990, 4000}, // a batch of several chunks
	} {
		r := newRig(t, newBroker(t))
		src := newTape(t, 10_000)
		src.size = func() int { return c.size }
		src.spoil = func(i int, ch *schemas.Change) {
			if i == c.bad {
				ch.KeyRow()[0] = schemas.TextOf([]byte("no number"))
			}
		}
		err := r.pump(src).Run(t.Context())
		var f *schemas.Fault
		if !errors.As(err, &f) {
			t.Fatalf("returned %v, want a *schemas.Fault", err)
		}
		for _, part := range []string{"public.items", eventID(c.bad), "id"} {
			if !strings.Contains(f.Error(), part) {
				t.Errorf("the fault does not name %q: %s", part, f)
			}
		}
		r.wantOnce(src, c.whole) // the whole batches before it, and nothing else
		if got := src.ackedUpTo(); got != c.whole {
			t.Errorf("acknowledged up to %d, want %d", got, c.whole)
		}
	}
}

func TestRecordLargerThanKafkaTakesStopsAndNamesIt(t *testing.T) {
	r := newRig(t, newBroker(t))
	src := newTape(t, 100)
	src.spoil = func(i int, c *schemas.Change) {
		if i == 43 {
			c.KeyRow()[2] = schemas.TextOf(bytes.Repeat([]byte("x"), 3<<20))
		}
	}
	err := r.pump(src).Run(t.Context())
	var f *schemas.Fault
	if !errors.As(err, &f) || !strings.Contains(err.Error(), eventID(43)) || !strings.Contains(err.Error(), "erp.public.items") {
		t.Fatalf("returned %v, want a *schemas.Fault that names the topic and the event", err)
	}
	if got := src.ackedUpTo(); got > 43 {
		t.Errorf("acknowledged up to %d, which is behind the record", got)
	}
	r.wantOnce(src, src.ackedUpTo())
}

func TestRefusedSchemaStops(t *testing.T) {
	r := newRig(t, newBroker(t))
	r.reg, r.schemas = schemaRegistry(t, func(subject string) int {
		if subject == "erp.public.items-value" {
			return 409
		}
		return 0
	})
	src := newTape(t, 10)
	err := r.pump(src).Run(t.Context())
	var f *schemas.Fault
	if !errors.As(err, &f) || !strings.Contains(err.Error(), "erp.public.items-value") {
		t.Fatalf("returned %v, want a *schemas.Fault that names the subject", err)
	}
	if n := len(r.records(r.name + ".public.items")); n != 0 {
		t.Errorf("%d records were written without a schema", n)
	}
}

func TestRegistryThatIsAwayIsWaitedFor(t *testing.T) {
	r := newRig(t, newBroker(t))
	var away atomic.Int32
	away.Store(3)
	r.reg, r.schemas = schemaRegistry(t, func(string) int {
		if away.Add(-1) >= 0 {
			return 503
		}
		return 0
	})
	src := newTape(t, 10)
	src.ends = true
	if err := r.pump(src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantOnce(src, 10)
}

func TestTwoTablesNeverShareATopic(t *testing.T) {
	r := newRig(t, newBroker(t))
	src := newTape(t, 2)
	src.size = func() int { return 1 }
	one, two := itemTable(), itemTable()
	one.Name, two.Name = "line items", "line_items"
	src.spoil = func(i int, c *schemas.Change) { c.Table = []*schemas.Table{one, two}[i] }
	err := r.pump(src).Run(t.Context())
	var f *schemas.Fault
	if !errors.As(err, &f) || !strings.Contains(err.Error(), "line items") || !strings.Contains(err.Error(), "erp.public.line_items") {
		t.Fatalf("returned %v, want a *schemas.Fault that names both", err)
	}
	if n := len(r.records("erp.public.line_items")); n != 1 {
		t.Errorf("%d records in the topic of the first table, want 1", n)
	}
}
