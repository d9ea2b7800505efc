package cli_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"sluice/ops/local/localtest"
)

// TestStandbyTakesOver runs two processes of a capture. The one at work is
// stopped (SIGSTOP) until the other has taken over, and wakes up to find itself
// fenced; then the other is killed. Each row must be in Kafka once.
func TestStandbyTakesOver(t *testing.T) {
	dsn := localtest.Database(t)
	sql(t, dsn, "CREATE TABLE public.customers (number int PRIMARY KEY)")
	broker := launch(t, nil, "broker", "--dir", t.TempDir(), "--listen", "127.0.0.1:0", "--registry", "127.0.0.1:0")
	where := fmt.Sprintf("kafka: {brokers: [%q]}\nregistry: {url: %q}", broker.wait("serving Kafka")["listen"], broker.wait("serving the schema")["url"])
	name := localtest.Prefix(t)
	path := file(t, fmt.Sprintf(`
%s
captures:
  %s:
    postgres: {dsn: "%s", tables: [public.customers]}
    commit: {session_timeout: 6s}
`, where, name, dsn))
	start := func() *process { return launch(t, nil, "capture", name, "-c", path, "--listen", "127.0.0.1:0") }
	rows := 0
	insert := func() {
		rows++
		sql(t, dsn, fmt.Sprintf("INSERT INTO public.customers VALUES (%d)", rows))
	}
	seen := func() map[int]int {
		out := map[int]int{}
		r := sluice(t, nil, "tap", name+".public.customers", "-c", path)
		for text := range strings.Lines(r.stdout) {
			var value struct{ After struct{ Number int } }
			if json.Unmarshal([]byte(text), &value) == nil {
				out[value.After.Number]++
			}
		}
		return out
	}
	arrived := func(n int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d rows in Kafka", n), func() bool { return len(seen()) == n })
	}

	one := start()
	one.wait("capture claimed")
	insert()
	arrived(1)
	two := start()
	two.wait("another instance is at work")
	addr := two.wait("serving /metrics")["listen"].(string)
	if code, body := fetch(t, addr, "/readyz"); code != 200 || !strings.Contains(body, `"standby":["capture `+name+`"]`) {
		t.Errorf("/readyz of the standby: %d %s", code, body)
	}

	if err := one.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	insert()
	// The stopped process still holds the slot; the database gives it up with
	// the connection, which nobody closes here but the test.
	two.wait("capture claimed")
	sql(t, dsn, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'sluice_"+name+"' AND active")
	arrived(2)
	if err := one.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	one.wait("this instance no longer leads")
	one.wait("another instance is at work")
	insert()
	arrived(3)

	if err := two.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	insert()
	arrived(4)
	for number, n := range seen() {
		if n != 1 {
			t.Errorf("row %d is there %d times", number, n)
		}
	}
}

// TestARestartAfterAKillNeedNotWait: the group still believes in the process
// that was killed, for five minutes here; its successor on the host knows better.
func TestARestartAfterAKillNeedNotWait(t *testing.T) {
	dsn := localtest.Database(t)
	sql(t, dsn, "CREATE TABLE public.customers (number int PRIMARY KEY)")
	broker := launch(t, nil, "broker", "--dir", t.TempDir(), "--listen", "127.0.0.1:0", "--registry", "127.0.0.1:0")
	where := fmt.Sprintf("kafka: {brokers: [%q]}\nregistry: {url: %q}", broker.wait("serving Kafka")["listen"], broker.wait("serving the schema")["url"])
	name := localtest.Prefix(t)
	path := file(t, fmt.Sprintf(`
%s
captures:
  %s:
    postgres: {dsn: "%s", tables: [public.customers]}
    commit: {session_timeout: 5m}
`, where, name, dsn))
	one := launch(t, nil, "capture", name, "-c", path)
	one.wait("source open")
	if err := one.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	one.exit()
	two := launch(t, nil, "capture", name, "-c", path)
	two.wait("the instance that had the capture is dead")
	two.wait("source open")
}

// TestDoctorAndGrants run beside a capture that has never started.
func TestDoctorAndGrants(t *testing.T) {
	dsn := localtest.Database(t)
	sql(t, dsn, "CREATE TABLE public.customers (number int PRIMARY KEY); CREATE TABLE public.bare (n int)")
	name := localtest.Prefix(t)
	config := func(tables string) string {
		return file(t, fmt.Sprintf(`
kafka: {brokers: ["127.0.0.1:1"]}
registry: {url: "http://127.0.0.1:1"}
captures:
  %s:
    postgres: {dsn: "%s", tables: [%s]}
`, name, dsn, tables))
	}
	r := sluice(t, nil, "doctor", name, "-c", config("public.customers"))
	if r.code != 0 || !strings.Contains(r.stdout, "0 problems") || !strings.Contains(r.stdout, "the saved position cannot be read") {
		t.Errorf("warnings alone: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r = sluice(t, nil, "doctor", "-o", "json", "-c", config("public.customers, public.bare"))
	levels := map[string]int{}
	for text := range strings.Lines(r.stdout) {
		var f struct{ Capture, Check, Object, Level, Says, Cure string }
		if err := json.Unmarshal([]byte(text), &f); err != nil || f.Capture != name || f.Check == "" || f.Says == "" || f.Level != "ok" && f.Cure == "" {
			t.Errorf("%s (%v)", text, err)
		}
		levels[f.Level]++
	}
	if r.code != 1 || levels["problem"] != 1 || levels["ok"] < 5 || levels["warning"] == 0 {
		t.Errorf("a table without identity: exit %d, %v\n%s", r.code, levels, r.stderr)
	}
	r = sluice(t, nil, "grants", name, "--as", dsn, "-c", config(`"public.*"`))
	if r.code != 0 || !strings.Contains(r.stdout, `GRANT SELECT ON "public"."bare", "public"."customers"`) || !strings.Contains(r.stdout, "REPLICA IDENTITY FULL") {
		t.Errorf("grants: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := sluice(t, nil, "grants", "nosuch", "-c", config("public.customers")); r.code != 2 {
		t.Errorf("an unknown capture: exit %d, %s", r.code, r.stderr)
	}
}
