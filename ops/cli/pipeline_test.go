package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"sluice/ops/local/localtest"
)

// crm is a target that remembers what it was told.
type crm struct {
	*httptest.Server
	// refuse is the number that is answered with 422.
	refuse atomic.Pointer[string]
	// hold keeps every answer back until it is closed; asked says that one is.
	hold, asked chan struct{}

	mu   sync.Mutex
	have map[string]string // number -> segment
}

func newCRM(t *testing.T) *crm {
	c := &crm{have: map[string]string{}, asked: make(chan struct{}, 100)}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Number, Segment string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if c.hold != nil {
			c.asked <- struct{}{}
			<-c.hold
		}
		if no := c.refuse.Load(); no != nil && *no == in.Number {
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, `{"error":"no such segment"}`)
			return
		}
		c.mu.Lock()
		c.have[in.Number] = in.Segment
		c.mu.Unlock()
		fmt.Fprintf(w, `{"id":%q}`, in.Number)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *crm) segment(number string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.have[number]
}

const pipeline = `
%s
captures:
  erp:
    postgres: {dsn: "${ERP_DSN}", tables: [public.customers]}
entities:
  customer:
    version: 1
    fields:
      number: {type: string, required: true}
      segment: {type: string}
    from:
      - topic: erp.public.customers
        key: number
        set:
          number: number
          segment: "spend > 50000 ? 'high' : 'standard'"
sinks:
  crm:
    entities: [customer]
    api:
      url: "%s"
      create: {method: POST, path: "/customers"}
      update: {method: PUT, path: "/customers/{{.Key | path}}"}
      delete: {method: DELETE, path: "/customers/{{.Key | path}}"}
`

// customers is a database with two of them.
func customers(t *testing.T) (dsn string) {
	dsn = localtest.Database(t)
	sql(t, dsn, "CREATE TABLE customers (number text PRIMARY KEY, spend int NOT NULL)",
		"INSERT INTO customers VALUES ('C1', 90000), ('C2', 10)")
	return dsn
}

// TestWholePipeline runs the roles against a broker of its own process, and
// looks at them with every reading verb.
func TestWholePipeline(t *testing.T) {
	target, dsn := newCRM(t), customers(t)
	env := []string{"ERP_DSN=" + dsn}
	poison := "C2"
	target.refuse.Store(&poison)

	broker := launch(t, nil, "broker", "--dir", "kafka", "--listen", "127.0.0.1:0", "--registry", "127.0.0.1:0")
	where := fmt.Sprintf("kafka: {brokers: [%q]}\nregistry: {url: %q}", broker.wait("serving Kafka")["listen"], broker.wait("serving the schema")["url"])
	path := file(t, fmt.Sprintf(pipeline, where, target.URL))
	ask := func(args ...string) result {
		t.Helper()
		return sluice(t, env, append([]string{"-c", path}, args...)...)
	}

	p := launch(t, env, "-c", path, "run", "--listen", "127.0.0.1:0")
	addr := p.wait("serving /metrics")["listen"].(string)
	eventually(t, "it is ready", func() bool { code, _ := fetch(t, addr, "/readyz"); return code == 200 })
	eventually(t, "the customer of the snapshot arrives", func() bool { return target.segment("C1") == "high" })
	sql(t, dsn, "UPDATE customers SET spend = 1 WHERE number = 'C1'")
	eventually(t, "the change arrives", func() bool { return target.segment("C1") == "standard" })
	eventually(t, "nothing is left", func() bool { return ask("lag", "--max", "0").code == 0 })

	_, metrics := fetch(t, addr, "/metrics")
	for _, name := range []string{
		"sluice_capture_records_total", "sluice_stream_records_total", "sluice_sink_records_total", "sluice_consumer_lag", "sluice_build_info",
	} {
		if !strings.Contains(metrics, "\n"+name+"{") {
			t.Errorf("/metrics lacks %s", name)
		}
	}
	t.Run("tap", func(t *testing.T) {
		r := ask("tap", "entity.customer", "--key")
		if want := `{"key":"C1","value":{"number":"C1","segment":"standard"}}` + "\n"; r.code != 0 || !strings.Contains(r.stdout, want) {
			t.Errorf("exit %d %s\n%s", r.code, r.stderr, r.stdout)
		}
		if r := ask("tap", "erp.public.customers", "-n", "1", "-m"); !strings.Contains(r.stdout, `"sluice.position":`) ||
			!strings.Contains(r.stdout, `"op":"r"`) || strings.Count(r.stdout, "\n") != 1 {
			t.Errorf("the raw topic: %s%s", r.stdout, r.stderr)
		}
		if r := ask("tap", "entity.customer", "-o", "table"); !strings.HasPrefix(r.stdout, "PARTITION  OFFSET") {
			t.Errorf("the table: %s%s", r.stdout, r.stderr)
		}
	})
	t.Run("position", func(t *testing.T) {
		r := ask("position", "show", "erp", "-o", "json")
		var v struct {
			Capture string
			Value   struct{ Position any }
		}
		if err := json.Unmarshal([]byte(r.stdout), &v); err != nil || v.Capture != "erp" || v.Value.Position == nil {
			t.Errorf("%v: %s%s", err, r.stdout, r.stderr)
		}
		if r := ask("position", "show", "shop"); r.code != 1 || !strings.Contains(r.stderr, "sluice capture shop") {
			t.Errorf("exit %d: %s", r.code, r.stderr)
		}
	})
	t.Run("snapshot", func(t *testing.T) { copyAgain(t, dsn, target, ask) })
	t.Run("online check", func(t *testing.T) {
		if r := ask("check", "--online"); r.code != 0 || !strings.Contains(r.stderr, "capture erp answers") {
			t.Errorf("exit %d: %s", r.code, r.stderr)
		}
	})
	t.Run("dead letter", func(t *testing.T) { replayC2(t, target, ask) })
	t.Run("lag", func(t *testing.T) {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if code := p.exit(); code != 0 {
			t.Fatalf("the first signal drains: exit %d", code)
		}
		capture := launch(t, env, "-c", path, "capture")
		sql(t, dsn, "INSERT INTO customers VALUES ('C3', 7)")
		eventually(t, "the stream is behind", func() bool { return ask("lag", "customer", "--max", "0").code == 3 })
		if r := ask("lag", "-o", "json"); r.code != 0 || !strings.Contains(r.stdout, `"group":"sluice.stream.customer"`) {
			t.Errorf("exit %d %s\n%s", r.code, r.stderr, r.stdout)
		}
		if err := capture.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if code := capture.exit(); code != 0 {
			t.Errorf("the capture drains: exit %d", code)
		}
	})
}

// copyAgain asks the running capture for the rows of a condition once more.
func copyAgain(t *testing.T, dsn string, target *crm, ask func(...string) result) {
	r := ask("snapshot", "erp", "public.customers", "--where", "number = 'C1'", "--wait")
	if r.code != 0 || !strings.Contains(r.stdout, "asked capture erp: snapshot public.customers") || !strings.Contains(r.stdout, "no snapshot of capture erp is left") {
		t.Fatalf("exit %d %s\n%s", r.code, r.stderr, r.stdout)
	}
	if r.stderr != "" {
		t.Errorf("it is not quiet where there is no terminal: %q", r.stderr)
	}
	r = ask("tap", "erp.public.customers", "--key")
	if got := strings.Count(r.stdout, `"snapshot":"incremental"`); got != 1 || !strings.Contains(r.stdout, `"snapshot":"first"`) {
		t.Errorf("%d rows came by the second snapshot, want 1:\n%s%s", got, r.stdout, r.stderr)
	}
	for _, action := range []string{"--pause", "--resume", "--cancel"} {
		if r := ask("snapshot", "erp", action); r.code != 0 {
			t.Errorf("%s: exit %d: %s", action, r.code, r.stderr)
		}
	}
	if r := ask("snapshot", "erp"); r.code != 0 || !strings.HasPrefix(r.stdout, "TABLE") || !strings.Contains(r.stdout, "public.customers  copied") {
		t.Errorf("the status: exit %d %s\n%s", r.code, r.stderr, r.stdout)
	}
	if r := ask("snapshot", "erp", "-o", "json"); !strings.Contains(r.stdout, `{"table":"public.customers","state":"copied"`) {
		t.Errorf("the status in JSON: exit %d %s\n%s", r.code, r.stderr, r.stdout)
	}
	if r := ask("snapshot", "erp", "--pause", "--where", "true"); r.code != 2 {
		t.Errorf("a pause with a condition: exit %d", r.code)
	}
	sql(t, dsn, "UPDATE customers SET spend = 70000 WHERE number = 'C1'")
	eventually(t, "the pipeline goes on", func() bool { return target.segment("C1") == "high" })
	sql(t, dsn, "UPDATE customers SET spend = 1 WHERE number = 'C1'")
	eventually(t, "the pipeline goes on", func() bool { return target.segment("C1") == "standard" })
}

// replayC2 looks at the one dead letter, mends the target and replays it.
func replayC2(t *testing.T, target *crm, ask func(...string) result) {
	var letter struct{ ID, Key, State, Reason, Status, Answer string }
	eventually(t, "the poison row is parked", func() bool {
		r := ask("dlq", "list", "crm", "-o", "json")
		return r.code == 0 && json.Unmarshal([]byte(r.stdout), &letter) == nil
	})
	if letter.Key != "C2" || letter.State != "parked" || letter.Status != "422" || !strings.Contains(letter.Answer, "no such segment") {
		t.Errorf("letter = %+v", letter)
	}
	if r := ask("dlq", "list"); !strings.HasPrefix(r.stdout, "ID ") || !strings.Contains(r.stdout, letter.ID+"  ") {
		t.Errorf("the table:\n%s%s", r.stdout, r.stderr)
	}
	if r := ask("dlq", "show", letter.ID); r.code != 0 || !strings.Contains(r.stdout, `{"number":"C2","segment":"standard"}`) {
		t.Errorf("show: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	target.refuse.Store(nil)
	if r := ask("dlq", "replay", letter.ID); r.code != 0 || !strings.Contains(r.stdout, "1 replayed, 0 refused") {
		t.Fatalf("replay: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	eventually(t, "the replayed row arrives", func() bool { return target.segment("C2") == "standard" })
	if r := ask("dlq", "list", "--state", "parked"); r.stdout != "no dead letters\n" {
		t.Errorf("after the replay:\n%s%s", r.stdout, r.stderr)
	}
	if r := ask("dlq", "replay", letter.ID); r.code != 1 || !strings.Contains(r.stdout, "refused: it was replayed before") {
		t.Errorf("a second replay: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// TestSecondSignalAbandons has a target that never answers, so that the drain
// takes its whole time.
func TestSecondSignalAbandons(t *testing.T) {
	target := newCRM(t)
	target.hold = make(chan struct{})
	defer close(target.hold)
	path := file(t, fmt.Sprintf(pipeline, "", target.URL))
	p := launch(t, []string{"ERP_DSN=" + customers(t)}, "-c", path, "run", "--embedded", "kafka")
	<-target.asked
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.wait("draining")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != 130 {
		t.Errorf("exit %d, want 130", code)
	}
	if log := p.log(); !strings.HasPrefix(log[len(log)-1], "sluice: abandoned: ") {
		t.Errorf("the last line is %q", log[len(log)-1])
	}
}

// TestEmbeddedDrains runs everything in one process and stops it once.
func TestEmbeddedDrains(t *testing.T) {
	target := newCRM(t)
	path := file(t, fmt.Sprintf(pipeline, "", target.URL))
	p := launch(t, []string{"ERP_DSN=" + customers(t)}, "-c", path, "run", "--embedded", "kafka")
	eventually(t, "the row arrives", func() bool { return target.segment("C1") == "high" })
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
	p.wait("draining")
}
