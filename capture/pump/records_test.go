package pump_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/capture/pump"
	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/schemas/registry/server"
)

func TestTombstonesOnAndOff(t *testing.T) {
	for _, on := range []bool{true, false} {
		r := newRig(t, newBroker(t))
		r.cfg.Records.Tombstones = &on
		src := newTape(t, 400) // every fourth event of a key is a delete
		src.ends = true
		if err := r.pump(src).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		var records, tombstones int
		for _, rec := range r.records("erp.public.items") {
			if rec.Value == nil {
				tombstones++
			} else {
				records++
			}
		}
		if records != 400 || (tombstones > 0) != on {
			t.Errorf("tombstones %v: %d records and %d tombstones", on, records, tombstones)
		}
	}
}

func TestBadRecords(t *testing.T) {
	err := (&pump.Records{Incompatible: "maybe"}).Validate()
	var f *schemas.Fault
	if !errors.As(err, &f) || f.Where != "incompatible" || !strings.Contains(f.Cure, "stop or force") {
		t.Errorf("maybe: %v", err)
	}
	var d pump.Records
	d.Defaults()
	if d.Validate() != nil || !*d.Tombstones || d.Incompatible != pump.Stop {
		t.Errorf("the defaults are %+v", d)
	}
}

// realRegistry is the project's registry server, and the requests that it got:
// "POST <subject>" for registrations, else method and path.
func realRegistry(t *testing.T, b *broker) (cl *registry.Client, url string, asked func() []string) {
	s, err := server.New(t.Context(), []kgo.Opt{kgo.SeedBrokers(b.config().Brokers...)}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	var mu sync.Mutex
	var log []string
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		log = append(log, r.Method+" "+strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/subjects/"), "/versions"))
		mu.Unlock()
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	if cl, err = (registry.Config{URL: web.URL}).Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl, web.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), log...)
	}
}

// retyped is a tape whose column "note" becomes a required number from event 50
// on: no reader of either schema reads the other's records.
func retyped(t *testing.T) *tape {
	src := newTape(t, 100)
	src.ends = true
	later := itemTable()
	later.Columns[2].Type, later.Columns[2].Optional = schemas.Type{Name: schemas.Int64Type}, false
	src.spoil = func(i int, c *schemas.Change) {
		if i < 50 {
			return
		}
		c.Table = later
		c.KeyRow()[2] = schemas.IntOf(int64(i))
	}
	return src
}

func TestIncompatibleSchemaStopsWithFieldRuleAndChoices(t *testing.T) {
	b := newBroker(t)
	r := newRig(t, b)
	r.reg, _, _ = realRegistry(t, b)
	src := retyped(t)
	err := r.pump(src).Run(t.Context())
	var f *schemas.Fault
	if !errors.As(err, &f) || !errors.Is(err, registry.ErrIncompatible) {
		t.Fatalf("returned %v, want a *schemas.Fault that is ErrIncompatible", err)
	}
	for _, part := range []string{"erp.public.items-value", "note", "BACKWARD", "make the change compatible", "curl -X PUT", "captures.erp.incompatible: force"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the fault does not say %q: %s", part, err)
		}
	}
	n := len(r.records("erp.public.items"))
	if got := src.ackedUpTo(); got > 50 || got%10 != 0 {
		t.Errorf("acknowledged up to %d", got)
	}
	// A person allows it: the next start goes on where this one stopped.
	r.cfg.Records.Incompatible = pump.Force
	if err := r.pump(src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := src.ackedUpTo(); got != 100 {
		t.Errorf("acknowledged up to %d, want 100", got)
	}
	if more := len(r.records("erp.public.items")); more <= n {
		t.Errorf("%d records before, %d after", n, more)
	}
}

// TestNewSchemaIsRegisteredBeforeItsFirstRecord reads every record with the
// schema that its header names, and the registry's log for the order.
func TestNewSchemaIsRegisteredBeforeItsFirstRecord(t *testing.T) {
	b := newBroker(t)
	r := newRig(t, b)
	var asked func() []string
	r.reg, _, asked = realRegistry(t, b)
	r.cfg.Records.Incompatible = pump.Force
	src := retyped(t)
	var before []string // what the registry was asked when event 50 was about to be read
	spoil := src.spoil
	src.spoil = func(i int, c *schemas.Change) {
		if i == 50 && before == nil {
			before = asked()
		}
		spoil(i, c)
	}
	if err := r.pump(src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	count := func(log []string, want string) (n int) {
		for _, l := range log {
			if l == want {
				n++
			}
		}
		return n
	}
	const post = "POST erp.public.items-value"
	if n := count(before, post); n != 1 {
		t.Errorf("before the change the value's schema was registered %d times, want once: %q", n, before)
	}
	if n := count(asked()[len(before):], "PUT /config/erp.public.items-value"); n != 1 {
		t.Errorf("the subject was set %d times, want once (NONE), and its setting deleted: %q", n, asked()[len(before):])
	}
	if n := count(asked()[len(before):], "DELETE /config/erp.public.items-value"); n != 1 {
		t.Errorf("the subject's setting was deleted %d times, want once: %q", n, asked()[len(before):])
	}
	ids := map[int]int{}
	last := 0
	for _, rec := range r.records("erp.public.items") {
		if rec.Value == nil {
			continue
		}
		id, body, err := registry.SplitHeader(rec.Value)
		if err != nil {
			t.Fatal(err)
		}
		schema, err := r.reg.Schema(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		d, err := avro.ParseEnvelope(schema)
		if err != nil {
			t.Fatal(err)
		}
		var c schemas.Change
		var arena schemas.Arena
		if err := d.Decode(body, &arena, &c); err != nil {
			t.Errorf("offset %d: %v", rec.Offset, err)
		}
		if ids[id]++; rec.Partition == 0 {
			if id < last {
				t.Errorf("offset %d has schema %d after %d", rec.Offset, id, last)
			}
			last = id
		}
	}
	if len(ids) != 2 {
		t.Errorf("the records have %d schemas, want 2: %v", len(ids), ids)
	}
}
