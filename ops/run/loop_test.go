package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/config"
	"sluice/ops/local"
	"sluice/ops/local/localtest"
	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/stream/kafka"
	"sluice/stream/loop"
)

// patience bounds every wait of the tests.
const patience = 90 * time.Second

// people is the table of both systems.
var people = &schemas.Table{
	Schema: "app", Name: "people", Key: []int{0},
	Columns: []schemas.Column{
		{Name: "number", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "name", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
		{Name: "phone", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
	},
	Source: &schemas.Table{Schema: "app", Name: "Source", Columns: []schemas.Column{
		{Name: "ts_ms", Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "ts_us", Type: schemas.Type{Name: schemas.Int64Type}},
	}},
}

// person is a row of people.
type person struct{ Name, Phone string }

// system is a database with an API in front and a capture behind: each change
// of it is in its raw topic when the writer is answered.
type system struct {
	w       *pair
	name    string // of its capture and its sink
	topic   string
	rewrite func(person) person
	// envelope, keyID and valueID are how its capture encodes.
	envelope       *avro.Envelope
	keyID, valueID int

	mu    sync.Mutex
	rows  map[string]person
	event int
	sent  int // writes that came by the API
}

// set changes a row, as a person or the API does.
func (s *system) set(number string, p person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(number, p)
}

func (s *system) put(number string, p person) {
	c := schemas.Change{Op: schemas.Create, Table: people, After: rowOf(number, p)}
	if old, there := s.rows[number]; there {
		if old == p {
			return // as MySQL, which logs no update that changes nothing
		}
		c.Op, c.Before = schemas.Update, rowOf(number, old)
	}
	s.rows[number] = p
	s.emit(c)
}

func rowOf(number string, p person) schemas.Row {
	return schemas.Row{schemas.TextOf([]byte(number)), schemas.TextOf([]byte(p.Name)), schemas.TextOf([]byte(p.Phone))}
}

// emit captures a change.
func (s *system) emit(c schemas.Change) {
	now := time.Now()
	c.Source = schemas.Row{schemas.IntOf(now.UnixMilli()), schemas.IntOf(now.UnixMicro())}
	s.event++
	key, err := s.envelope.AppendKey(registry.AppendHeader(nil, s.keyID), c.KeyRow())
	if err != nil {
		panic(err)
	}
	value, err := s.envelope.AppendValue(registry.AppendHeader(nil, s.valueID), &c, now)
	if err != nil {
		panic(err)
	}
	r := &kgo.Record{Topic: s.topic, Key: key, Value: value, Headers: []kgo.RecordHeader{
		{Key: schemas.HeaderPosition, Value: fmt.Appendf(nil, "%s-%d", s.name, s.event)},
	}}
	if err := s.w.client.ProduceSync(context.Background(), r).FirstErr(); err != nil {
		panic(err)
	}
}

// change changes a row as a person does, and returns what is new in it.
func (s *system) change(number string, how func(*person)) (name, phone string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.rows[number]
	p := old
	how(&p)
	s.put(number, p)
	if p.Name != old.Name {
		name = p.Name
	}
	if p.Phone != old.Phone {
		phone = p.Phone
	}
	return name, phone
}

// remove deletes a row, if it is there.
func (s *system) remove(number string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, there := s.rows[number]; there {
		delete(s.rows, number)
		s.emit(schemas.Change{Op: schemas.Delete, Table: people, Before: rowOf(number, old)})
	}
}

// ServeHTTP is the API: PUT and DELETE /people/NUMBER.
func (s *system) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	number := strings.TrimPrefix(r.URL.Path, "/people/")
	if r.Method == http.MethodDelete {
		s.remove(number)
		return
	}
	var body struct{ Name, Phone string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.sent++
	s.mu.Unlock()
	s.set(number, s.rewrite(person(body)))
}

func (s *system) all() map[string]person {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]person{}
	for k, v := range s.rows {
		out[k] = v
	}
	return out
}

// pair is two systems that are synchronised both ways.
type pair struct {
	t        *testing.T
	client   *kgo.Client
	kafka    kafka.Config
	entity   string
	governed bool
	erp, crm *system
}

const pairYAML = `
kafka: {brokers: ["%[1]s"], topics: {partitions: 2, replication_factor: 1}}
registry: {url: "%[2]s"}
redis: {url: "redis://%[3]s"}
loop: {bounces: 3}
captures:
  %[4]s_erp: {postgres: {dsn: "postgres://u@h/d", tables: [app.people]}}
  %[4]s_crm: {postgres: {dsn: "postgres://u@h/d", tables: [app.people]}}
entities:
  %[4]s_person:
    version: 1
    fields: {name: {type: string}, phone: {type: string}}
    from:
      - {topic: %[4]s_erp.app.people, key: number, set: {name: name, phone: phone}}
      - {topic: %[4]s_crm.app.people, key: number, set: {name: name, phone: phone}}
%[7]s
sinks:
  %[4]s_erp:
    entities: [%[4]s_person]
    api: {url: "%[5]s", upsert: {path: "/people/{{.Key | path}}"}, delete: {path: "/people/{{.Key | path}}"}}
  %[4]s_crm:
    entities: [%[4]s_person]
    api: {url: "%[6]s", upsert: {path: "/people/{{.Key | path}}"}, delete: {path: "/people/{{.Key | path}}"}}
`

// newPair runs streams and sinks between two systems until the test ends.
func newPair(t *testing.T, erp, crm func(person) person) *pair { return governedPair(t, "", erp, crm) }

// governedPair is a pair whose person has an authority block, with PREFIX in it.
func governedPair(t *testing.T, authority string, erp, crm func(person) person) *pair {
	t.Helper()
	redis, err := local.StartRedis(t.Context(), local.RedisOptions{})
	if errors.Is(err, local.ErrMissing) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { _ = redis.Stop() })
	w := &pair{t: t, kafka: localtest.Kafka(t), governed: authority != ""}
	reg := localtest.Registry(t)
	prefix := localtest.Prefix(t)
	w.entity = prefix + "_person"
	opts, err := w.kafka.Options("test", nil)
	must(t, err)
	w.client, err = kgo.NewClient(append(opts, kgo.MetadataMinAge(50*time.Millisecond))...)
	must(t, err)
	t.Cleanup(w.client.Close)
	w.erp, w.crm = w.system(prefix+"_erp", reg, erp), w.system(prefix+"_crm", reg, crm)
	urls := map[*system]string{}
	for _, s := range []*system{w.erp, w.crm} {
		server := httptest.NewServer(s)
		t.Cleanup(server.Close)
		urls[s] = server.URL
	}
	f, err := config.Loader{}.Parse("sluice.yaml", fmt.Appendf(nil, pairYAML, w.kafka.Brokers[0], reg.URL, redis.Addr(), prefix, urls[w.erp], urls[w.crm],
		strings.ReplaceAll(authority, "PREFIX", prefix)))
	must(t, err)
	// The file is refused where it says so: here nobody owns anything, so that
	// the guard is alone.
	for _, s := range []*system{w.erp, w.crm} {
		f.Sinks[s.name].System, f.Sinks[s.name].Start = s.name, config.StartNow
		f.Sinks[s.name].Echo = map[string]*config.Echo{w.entity: {Topic: s.topic, Key: "number", Fields: map[string]string{"name": "name", "phone": "phone"}}}
	}
	w.run(f)
	return w
}

func (w *pair) system(name string, rc registry.Config, rewrite func(person) person) *system {
	w.t.Helper()
	s := &system{w: w, name: name, topic: name + ".app.people", rewrite: rewrite, rows: map[string]person{}}
	var err error
	s.envelope, err = avro.CompileEnvelope(name, people, avro.Options{})
	must(w.t, err)
	reg, err := rc.Open()
	must(w.t, err)
	defer reg.Close()
	s.keyID, err = reg.Register(w.t.Context(), s.topic+"-key", s.envelope.KeySchema)
	must(w.t, err)
	s.valueID, err = reg.Register(w.t.Context(), s.topic+"-value", s.envelope.ValueSchema)
	must(w.t, err)
	must(w.t, w.kafka.Ensure(w.t.Context(), w.client, false, s.topic))
	return s
}

func (w *pair) run(f *config.File) {
	w.t.Helper()
	out := io.Discard
	if os.Getenv("SLUICE_TEST_LOG") != "" {
		out = os.Stderr
	}
	o := Options{Listen: "off", Instance: "test", Wait: patience, Log: slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- start(ctx, f, o, selection{streams: []string{w.entity}, sinks: []string{w.erp.name, w.crm.name}})
	}()
	w.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			w.t.Errorf("running: %v", err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// quiet waits until nobody has anything left to do: nothing is unread, and
// nothing came while that was looked at.
func (w *pair) quiet() {
	w.t.Helper()
	topics := []string{w.erp.topic, w.crm.topic, config.EntityTopic(w.entity)}
	groups := map[string][]string{
		"sluice.stream." + w.entity: topics[:2],
		"sluice.sink." + w.erp.name: topics[2:3], "sluice.sink." + w.crm.name: topics[2:3],
	}
	if w.governed {
		topics = append(topics, config.ContributionsTopic(w.entity))
		groups["sluice.stream."+config.Governed(w.entity)] = topics[3:]
	}
	admin := kadm.NewClient(w.client)
	look := func() (left int64, ends string) {
		ctx, cancel := context.WithTimeout(w.t.Context(), patience)
		defer cancel()
		offsets, err := admin.ListEndOffsets(ctx, topics...)
		must(w.t, err)
		offsets.Each(func(o kadm.ListedOffset) { ends += fmt.Sprintf(" %s/%d=%d", o.Topic, o.Partition, o.Offset) })
		for group, of := range groups {
			lags, err := kafka.Lag(ctx, w.client, group, of...)
			if err != nil || len(lags) == 0 {
				return 1, ends // the group is not there yet
			}
			for _, l := range lags {
				left += l.Lag
			}
		}
		return left, ends
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		left, before := look()
		again, after := look()
		if left == 0 && again == 0 && before == after {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			w.t.Fatalf("not quiet after %s: %d records are unread; %s", patience, left, before)
		}
	}
}

// load has people change records on both sides, often the same.
func (w *pair) load(records, changes int) {
	random := rand.New(rand.NewPCG(7, uint64(changes)))
	for n := range changes {
		s := w.erp
		if random.IntN(2) == 0 {
			s = w.crm
		}
		s.set(fmt.Sprint("P", random.IntN(records)), person{fmt.Sprintf("Name %d", n), fmt.Sprintf("+49 30 %d", n)})
	}
}

func (w *pair) dead() []*kgo.Record {
	w.t.Helper()
	var dead []*kgo.Record
	must(w.t, w.kafka.ReadToEnd(w.t.Context(), nil, func(r *kgo.Record) error {
		dead = append(dead, r)
		return nil
	}, "dlq.stream."+w.entity))
	return dead
}

func (w *pair) noneParked() {
	w.t.Helper()
	for _, r := range w.dead() {
		w.t.Errorf("parked: %s", headerOf(r, schemas.HeaderDLQError))
	}
}

func headerOf(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

func asGiven(p person) person { return p }

func TestTwoSystemsAgreeAndAreQuiet(t *testing.T) {
	w := newPair(t, asGiven, asGiven)
	w.load(20, 300)
	w.quiet()
	erp, crm := w.erp.all(), w.crm.all()
	if len(erp) != 20 {
		t.Errorf("the ERP has %d records, want 20", len(erp))
	}
	for number, p := range erp {
		if crm[number] != p {
			t.Errorf("%s: the ERP says %v, the CRM %v", number, p, crm[number])
		}
	}
	w.noneParked()
	t.Logf("300 changes; %d writes to the ERP, %d to the CRM", w.erp.sent, w.crm.sent)
}

// TestATargetThatRewritesIsQuiet: the CRM shouts, and trims what it is given.
func TestATargetThatRewritesIsQuiet(t *testing.T) {
	w := newPair(t, asGiven, func(p person) person {
		return person{strings.ToUpper(p.Name), strings.ReplaceAll(p.Phone, " ", "")}
	})
	w.load(20, 200)
	w.quiet()
	w.noneParked()
	for number, p := range w.erp.all() {
		if got := w.crm.all()[number]; !strings.EqualFold(got.Name, p.Name) {
			t.Errorf("%s: the ERP says %v, the CRM %v", number, p, got)
		}
	}
}

// TestSystemsThatNeverAgreeAreStopped: each makes something new of whatever it
// is given, so that they would go on without end.
func TestSystemsThatNeverAgreeAreStopped(t *testing.T) {
	more := func(p person) person { return person{p.Name + "x", p.Phone} }
	w := newPair(t, more, more)
	w.erp.set("P1", person{"Jones", "1"})
	w.quiet()
	dead := w.dead()
	if len(dead) == 0 {
		t.Fatal("it became quiet, but nothing was stopped")
	}
	if reason := headerOf(dead[0], schemas.HeaderDLQReason); reason != loop.ReasonBounce {
		t.Errorf("the reason is %s", reason)
	}
	text := headerOf(dead[0], schemas.HeaderDLQError)
	for _, want := range []string{"record P1", "sink " + w.entity[:len(w.entity)-len("_person")], " -> " + w.entity} {
		if !strings.Contains(text, want) {
			t.Errorf("the error lacks %q: %s", want, text)
		}
	}
	t.Logf("%d writes to the ERP, %d to the CRM; %s", w.erp.sent, w.crm.sent, text)
}
