package loop

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"sluice/schemas"
	"sluice/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic = "crm.crm.contacts"

// contacts is the CRM's table; note is read by the rules and written by nobody.
var contacts = &schemas.Table{
	Schema: "crm", Name: "contacts", Key: []int{0},
	Columns: []schemas.Column{
		{Name: "id", Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "external_id", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
		{Name: "label", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
		{Name: "spend", Type: schemas.Type{Name: schemas.DecimalType, Precision: 12, Scale: 2}, Optional: true},
		{Name: "note", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
		{Name: "updated_at", Type: schemas.Type{Name: schemas.MilliTimestampType}, Optional: true},
	},
	Source: &schemas.Table{Columns: []schemas.Column{
		{Name: "ts_us", Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "origin", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
		{Name: "query", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
	}},
}

// customer is the entity that the sink writes.
var customer = &schemas.Table{
	Schema: "entity", Name: "customer",
	Columns: []schemas.Column{
		{Name: "name", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
		{Name: "spend", Type: schemas.Type{Name: schemas.Float64Type}, Optional: true},
	},
}

func keyed() Echo {
	return Echo{
		Sink: "crm", Entity: "customer", Topic: topic, Key: "external_id", Complete: true,
		Fields: map[string]string{"name": "label", "spend": "spend"},
		Reads:  map[string]bool{"label": true, "spend": true, "note": true},
		Path:   "erp.public.customers -> customer -> sink crm -> crm.crm.contacts -> customer",
	}
}

func byTargetID() Echo {
	e := keyed()
	e.Key, e.ID = "", "id"
	return e
}

// rig is a guard and the marks of a sink over one Redis.
type rig struct {
	t     testing.TB
	guard *Guard
	marks *Marks
	prom  *prometheus.Registry
	now   time.Time
	next  int64
	tries int
}

func mini(t testing.TB) Store {
	t.Helper()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	return OnRedis(client)
}

func newRig(t testing.TB, store Store, e Echo, plan ...func(*Plan)) *rig {
	t.Helper()
	r := &rig{t: t, prom: prometheus.NewRegistry(), now: time.Now().Truncate(time.Millisecond)}
	p := Plan{Sinks: []string{"crm"}, Echoes: []Echo{e}}
	for _, change := range plan {
		change(&p)
	}
	var cfg Config
	cfg.Defaults()
	var err error
	if r.guard, err = NewGuard("customer", p, cfg, store, slog.New(slog.DiscardHandler), r.prom); err != nil {
		t.Fatal(err)
	}
	r.marks = NewMarks("crm", p.Echoes, cfg, store)
	r.marks.now = func() time.Time { return r.now }
	return r
}

// later lets time pass.
func (r *rig) later(d time.Duration) { r.now = r.now.Add(d) }

func textOr(v any) schemas.Value {
	switch v := v.(type) {
	case nil:
		return schemas.Value{}
	case string:
		return schemas.TextOf([]byte(v))
	case schemas.Value:
		return v
	}
	panic("no text")
}

// contact is a row; spend is in cents.
func contact(id int64, external, label any, cents int64, note any) schemas.Row {
	return schemas.Row{
		schemas.IntOf(id), textOr(external), textOr(label),
		schemas.DecimalOf(strconvBytes(cents), 2), textOr(note), schemas.IntOf(0),
	}
}

// strconvBytes is a small number as two's complement.
func strconvBytes(n int64) []byte {
	return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

// change is an item of the next offset, committed now.
func (r *rig) change(op schemas.Op, before, after schemas.Row) *stream.Item {
	r.next++
	return &stream.Item{
		Input: stream.Input{Topic: topic, Offset: r.next, Time: r.now, Key: []byte("k")},
		Change: schemas.Change{
			Op: op, Table: contacts, Before: before, After: after,
			Source: schemas.Row{schemas.IntOf(r.now.UnixMicro()), {}, {}},
			ID:     []byte("pos-" + strconv.FormatInt(r.next, 10)),
		},
	}
}

// process has the guard decide, and says what it did: the reason, or "".
func (r *rig) process(items ...*stream.Item) []string {
	r.t.Helper()
	for _, it := range items {
		it.Fate, it.Reason, it.Err = stream.Pending, "", nil
	}
	if err := r.guard.Process(context.Background(), items); err != nil {
		r.t.Fatal(err)
	}
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = it.Reason
	}
	return out
}

// want has the guard decide over one change, twice: a replay decides the same.
func (r *rig) want(reason string, it *stream.Item) {
	r.t.Helper()
	for _, when := range []string{"", " when it is replayed"} {
		if got := r.process(it)[0]; got != reason {
			r.t.Fatalf("offset %d: %q%s, want %q (%v)", it.Offset, got, when, reason, it.Err)
		}
	}
}

// customerWrite is a write of the entity with that key.
func (r *rig) customerWrite(key string, name any, spend float64) Write {
	r.tries++
	return Write{
		Entity: "customer", Key: key, Table: customer, ID: "w" + strconv.Itoa(r.tries),
		Row: schemas.Row{textOr(name), schemas.FloatOf(spend)},
	}
}

func (r *rig) before(w Write) (has bool) {
	r.t.Helper()
	got, err := r.marks.Before(context.Background(), []Write{w})
	if err != nil {
		r.t.Fatal(err)
	}
	return got[0]
}

func (r *rig) after(w Write, o Outcome) {
	r.t.Helper()
	if err := r.marks.After(context.Background(), []Write{w}, []Outcome{o}); err != nil {
		r.t.Fatal(err)
	}
}

// write writes, if the target does not have it, and is taken.
func (r *rig) write(w Write) (has bool) {
	r.t.Helper()
	if r.before(w) {
		return true
	}
	r.after(w, Taken)
	return false
}

// forget is what Redis does when the time to live is over, or it was flushed.
func (r *rig) forget() {
	r.t.Helper()
	if err := r.marks.store.(onRedis).client.FlushAll(context.Background()).Err(); err != nil {
		r.t.Fatal(err)
	}
}

// bounces is how many were counted on a path.
func (r *rig) bounces(path string) (n float64) {
	r.t.Helper()
	families, err := r.prom.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "path" && l.GetValue() == path {
					n += m.GetCounter().GetValue()
				}
			}
		}
	}
	return n
}
