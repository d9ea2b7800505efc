package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/demo/world"
	"sluice/ops/local"
	"sluice/schemas"
	"sluice/schemas/avro"
	"sluice/schemas/registry"
	"sluice/stream/govern"
	"sluice/stream/govern/oracle"
	"sluice/stream/kafka"
)

const governAuthority = `
owners: [erp, crm]
fields:
  name: {survivorship: most_recent}
  phone: {owners: [crm, erp]}
  spend: {survivorship: sum}
`

const governYAML = `
kafka: {brokers: ["%s"], topics: {partitions: 4, replication_factor: 1}}
registry: {url: "%s"}
redis: {url: "redis://%s"}
captures:
  erp: {postgres: {dsn: "postgres://u@h/d", tables: [app.people]}}
  crm: {postgres: {dsn: "postgres://u@h/d", tables: [app.people]}}
entities:
  person:
    version: 1
    fields: {city: {type: string}, name: {type: string}, phone: {type: string}, spend: {type: int}}
    from:
      - {topic: erp.app.people, key: number, set: {city: city, name: name, phone: phone, spend: spend}}
      - {topic: crm.app.people, key: number, set: {city: city, name: trim(name), phone: phone, spend: spend}}
    authority: %s
`

// governed is the load on a governed entity, and what it must come to.
type governed struct {
	t      *testing.T
	kafka  kafka.Config
	client *kgo.Client
	// registry is its address.
	registry string
	random   *rand.Rand
	// envelope, keyID and valueID are of each system.
	systems map[string]*governedSystem
	clock   int64
	events  []oracle.Event
}

type governedSystem struct {
	envelope       *avro.Envelope
	keyID, valueID int
	rows           map[int64]schemas.Row
}

var governedPeople = &schemas.Table{
	Schema: "app", Name: "people", Key: []int{0},
	Columns: []schemas.Column{
		{Name: "id", Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "number", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "city", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
		{Name: "name", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
		{Name: "phone", Type: schemas.Type{Name: schemas.StringType}, Optional: true},
		{Name: "spend", Type: schemas.Type{Name: schemas.Int64Type}, Optional: true},
	},
	Source: &schemas.Table{Schema: "app", Name: "Source", Columns: []schemas.Column{
		{Name: "ts_ms", Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "ts_us", Type: schemas.Type{Name: schemas.Int64Type}},
	}},
}

// TestGovernCrash: processes that are killed, come and go, and a Redis that is
// emptied and started anew, do not change what the golden records come to.
func TestGovernCrash(t *testing.T) {
	changes := int(number("CHANGES", 20_000))
	seed := number("SEED", 1)
	t.Logf("CHANGES=%d SEED=%d", changes, seed)
	server, err := local.StartRedis(t.Context(), local.RedisOptions{})
	if err != nil {
		if os.Getenv("REQUIRE_SERVICES") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	port, err := strconv.Atoi(server.Addr()[strings.LastIndex(server.Addr(), ":")+1:])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	g := newGoverned(t, seed)
	dir := t.TempDir()
	config := filepath.Join(dir, "sluice.yaml")
	text := fmt.Sprintf(governYAML, g.kafka.Brokers[0], g.registry, server.Addr(), strings.ReplaceAll(governAuthority, "\n", "\n      "))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	procs := make([]*world.Proc, 3)
	for i := range procs {
		place := filepath.Join(dir, strconv.Itoa(i))
		if err := os.Mkdir(place, 0o700); err != nil {
			t.Fatal(err)
		}
		p, err := world.StartRole(binary, place, config, nil, "stream", "--instance", fmt.Sprint("i", i))
		if err != nil {
			t.Fatal(err)
		}
		procs[i] = p
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			_ = p.Stop(ctx)
			if t.Failed() {
				t.Logf("the last words of process %d:\n%s", i, p.Tail(15))
			}
		})
		if i > 0 {
			p.Kill() // one process at first
		}
	}
	// What happens when so much of the load is there.
	running := []bool{true, false, false}
	start := func(i int) {
		if !running[i] {
			running[i] = true
			if err := procs[i].Restart(); err != nil {
				t.Fatal(err)
			}
		}
	}
	kill := func(i int) {
		if running[i] {
			running[i] = false
			procs[i].Kill()
		}
	}
	client := func() *redis.Client { return redis.NewClient(&redis.Options{Addr: server.Addr()}) }
	happen := []func(){
		func() { start(1); start(2) },
		func() { kill(0); start(0) },
		func() {
			c := client()
			defer func() { _ = c.Close() }()
			if err := c.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		},
		func() { kill(1); start(1); kill(2); start(2) },
		func() {
			_ = server.Stop() // it comes back empty
			if server, err = local.StartRedis(t.Context(), local.RedisOptions{Port: port}); err != nil {
				t.Fatal(err)
			}
		},
		func() { kill(0); kill(1); kill(2); start(0) },
		func() { start(1); start(2) },
		func() {
			_ = server.Stop()
			if server, err = local.StartRedis(t.Context(), local.RedisOptions{Port: port}); err != nil {
				t.Fatal(err)
			}
		},
		func() { kill(1); kill(2) },
	}
	for n, what := range happen {
		g.produce(changes / (len(happen) + 1))
		pause(t.Context(), time.Duration(500+g.random.IntN(1500))*time.Millisecond)
		t.Logf("%d changes; event %d", len(g.events), n)
		what()
	}
	g.produce(changes / (len(happen) + 1))
	g.drain(5 * time.Minute)
	g.compare()
}

func newGoverned(t *testing.T, seed uint64) *governed {
	t.Helper()
	// A broker of its own: the topics' names are those of the configuration.
	broker, err := local.StartBroker(t.Context(), local.BrokerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	g := &governed{
		t: t, kafka: kafka.Config{Brokers: []string{broker.Addr()}}, random: rand.New(rand.NewPCG(seed, 21)),
		systems: map[string]*governedSystem{}, clock: time.Now().UnixMicro(),
	}
	g.kafka.Defaults()
	g.kafka.Topics.ReplicationFactor = 1
	server, err := local.StartRegistry(t.Context(), g.kafka, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	g.registry = server.URL()
	opts, err := g.kafka.Options("test", nil)
	g.must(err)
	g.client, err = kgo.NewClient(append(opts, kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))...)
	g.must(err)
	t.Cleanup(g.client.Close)
	reg, err := (registry.Config{URL: g.registry}).Open()
	g.must(err)
	defer reg.Close()
	for _, name := range []string{"erp", "crm"} {
		topic := name + ".app.people"
		g.must(g.kafka.Ensure(t.Context(), g.client, false, topic))
		of := &governedSystem{rows: map[int64]schemas.Row{}}
		of.envelope, err = avro.CompileEnvelope(name, governedPeople, avro.Options{})
		g.must(err)
		of.keyID, err = reg.Register(t.Context(), topic+"-key", of.envelope.KeySchema)
		g.must(err)
		of.valueID, err = reg.Register(t.Context(), topic+"-value", of.envelope.ValueSchema)
		g.must(err)
		g.systems[name] = of
	}
	return g
}

func (g *governed) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// produce makes changes in both systems, as their captures would tell of them.
func (g *governed) produce(n int) {
	g.t.Helper()
	var records []*kgo.Record
	for range n {
		name := []string{"erp", "crm"}[g.random.IntN(2)]
		records = append(records, g.change(name, g.systems[name], int64(g.random.IntN(1500))))
	}
	g.must(g.client.ProduceSync(context.WithoutCancel(g.t.Context()), records...).FirstErr())
}

// change changes one row: it is made, deleted, moved to another golden record, or
// some of its fields change.
func (g *governed) change(name string, s *governedSystem, id int64) *kgo.Record {
	g.clock += 1 + g.random.Int64N(1000)
	word := func(what string) schemas.Value {
		if g.random.IntN(8) == 0 {
			return schemas.Value{}
		}
		return schemas.TextOf(fmt.Appendf(nil, "%s %d", what, g.random.IntN(30)))
	}
	home := func() schemas.Value { return schemas.TextOf(fmt.Appendf(nil, "N%d", g.random.IntN(900))) }
	before := s.rows[id]
	c := schemas.Change{Table: governedPeople, Before: before, Source: schemas.Row{schemas.IntOf(g.clock / 1000), schemas.IntOf(g.clock)}}
	after := append(schemas.Row(nil), before...)
	switch {
	case before == nil:
		c.Op, c.Before = schemas.Create, nil
		after = schemas.Row{schemas.IntOf(id), home(), word("city"), word("name"), word("phone"), schemas.IntOf(g.random.Int64N(100))}
	case g.random.IntN(10) == 0:
		c.Op, after = schemas.Delete, nil
	default:
		c.Op = schemas.Update
		if g.random.IntN(10) == 0 {
			after[1] = home()
		}
		for i, what := range []string{"city", "name", "phone"} {
			if g.random.IntN(3) == 0 {
				after[2+i] = word(what)
			}
		}
		if g.random.IntN(3) == 0 {
			after[5] = schemas.IntOf(g.random.Int64N(100))
		}
	}
	c.After = after
	if after == nil {
		delete(s.rows, id)
	} else {
		s.rows[id] = after
	}
	g.note(name, id, &c)
	key, err := s.envelope.AppendKey(registry.AppendHeader(nil, s.keyID), c.KeyRow())
	g.must(err)
	value, err := s.envelope.AppendValue(registry.AppendHeader(nil, s.valueID), &c, time.UnixMicro(g.clock))
	g.must(err)
	return &kgo.Record{Topic: name + ".app.people", Key: key, Value: value, Headers: []kgo.RecordHeader{
		{Key: schemas.HeaderPosition, Value: fmt.Appendf(nil, "%s-%d", name, len(g.events))},
	}}
}

// note tells the oracle.
func (g *governed) note(name string, id int64, c *schemas.Change) {
	e := govern.Event{System: name, Record: fmt.Sprintf("%s.app.people/%d", name, id), Time: g.clock, Changed: govern.Bits{}}
	of := func(row schemas.Row) string { return string(row[1].Bytes) }
	add := func(golden string, e govern.Event) {
		g.events = append(g.events, oracle.Event{Golden: golden, Event: e})
	}
	if c.After == nil {
		e.Deleted = true
		add(of(c.Before), e)
		return
	}
	all := c.Before == nil || of(c.Before) != of(c.After)
	e.Row = c.After[2:]
	for i := range e.Row {
		if all || !c.Before[2+i].Equal(c.After[2+i]) {
			e.Changed = e.Changed.With(i)
		}
	}
	if c.Before != nil && all {
		gone := e
		gone.Row, gone.Changed, gone.Deleted, gone.Moved = nil, nil, true, true
		add(of(c.Before), gone)
	}
	add(of(c.After), e)
}

// drain waits until both streams have worked off all that there is.
func (g *governed) drain(limit time.Duration) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), limit)
	defer cancel()
	last := ""
	ok := poll(ctx, func() bool {
		for _, of := range [][]string{{"sluice.stream.person", "erp.app.people", "crm.app.people"}, {"sluice.stream.person.govern", "contributions.person"}} {
			lags, err := kafka.Lag(ctx, g.client, of[0], of[1:]...)
			if err != nil || len(lags) == 0 {
				last = fmt.Sprint(of[0], " ", err)
				return false
			}
			for _, l := range lags {
				if l.Lag > 0 {
					last = fmt.Sprintf("%s is %d behind in %s/%d", of[0], l.Lag, l.Topic, l.Partition)
					return false
				}
			}
		}
		return true
	})
	if !ok {
		g.t.Fatalf("not everything was worked off within %s: %s", limit, last)
	}
}

// compare compares the topics with the oracle.
func (g *governed) compare() {
	g.t.Helper()
	var a govern.Authority
	g.must(yaml.UnmarshalWithOptions([]byte(governAuthority), &a, yaml.Strict()))
	a.Defaults()
	table := &schemas.Table{Schema: "entity", Name: "person", Columns: governedPeople.Columns[2:]}
	want := oracle.Golden(&a, table, g.events)
	golden, owner := map[string]schemas.Row{}, map[string]string{}
	reg, err := (registry.Config{URL: g.registry}).Open()
	g.must(err)
	defer reg.Close()
	records := map[int]*avro.Record{}
	decode := func(value []byte) schemas.Row {
		id, body, err := registry.SplitHeader(value)
		g.must(err)
		if records[id] == nil {
			text, err := reg.Schema(g.t.Context(), id)
			g.must(err)
			records[id], err = avro.ParseRecord(text)
			g.must(err)
		}
		row, err := records[id].Decode(body, new(schemas.Arena))
		g.must(err)
		return row.Clone()
	}
	written := 0
	g.must(g.kafka.ReadToEnd(g.t.Context(), nil, func(r *kgo.Record) error {
		key := string(r.Key)
		switch {
		case r.Topic == "entity.person" && r.Value == nil:
			delete(golden, key)
			written++
		case r.Topic == "entity.person":
			golden[key] = decode(r.Value)
			written++
		case r.Value == nil:
			delete(owner, key)
		default:
			owner[key] = string(decode(r.Value)[2].Bytes)
		}
		return nil
	}, "entity.person", "crosswalk.person"))

	wrong, living := 0, 0
	for id, row := range want {
		if row != nil {
			living++
		}
		if got := golden[id]; (got == nil) != (row == nil) || row != nil && !got.Equal(row) {
			if wrong++; wrong <= 5 {
				g.t.Errorf("golden record %s is %v, want %v", id, show(got), show(row))
			}
		}
		delete(golden, id)
	}
	for id := range golden {
		g.t.Errorf("golden record %s: nobody made it", id)
	}
	last := map[string]oracle.Event{}
	for _, e := range g.events {
		last[e.Record] = e
	}
	for record, e := range last {
		switch id, there := owner[record]; {
		case e.Deleted && there:
			g.t.Errorf("the crosswalk has %s, which is deleted, at %s", record, id)
		case !e.Deleted && id != e.Golden:
			g.t.Errorf("the crosswalk has %s at %q, want %s", record, id, e.Golden)
		}
		delete(owner, record)
	}
	if len(owner) > 0 {
		g.t.Errorf("the crosswalk has %d records that nobody made", len(owner))
	}
	admin := kadm.NewClient(g.client)
	dead, err := admin.ListEndOffsets(g.t.Context(), "dlq.stream.person", "dlq.stream.person.govern")
	g.must(err)
	dead.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			g.t.Errorf("%d dead letters in %s", o.Offset, o.Topic)
		}
	})
	g.t.Logf("%d changes, %d golden records, %d of them live, written %d times; %d wrong", len(g.events), len(want), living, written, wrong)
}

func show(row schemas.Row) (out []string) {
	for _, v := range row {
		switch v.Kind {
		case schemas.Null:
			out = append(out, "null")
		case schemas.Int:
			out = append(out, strconv.FormatInt(v.Int(), 10))
		default:
			out = append(out, string(v.Bytes))
		}
	}
	return out
}
