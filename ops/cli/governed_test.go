package cli_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"sluice/ops/local"
)

// TestGoldenRecordsAreExplained runs a governed entity, and looks at it with the
// verbs, with its state in Redis and without.
func TestGoldenRecordsAreExplained(t *testing.T) {
	server, err := local.StartRedis(t.Context(), local.RedisOptions{})
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	target, dsn := newCRM(t), customers(t)
	env := []string{"ERP_DSN=" + dsn}
	broker := launch(t, nil, "broker", "--dir", "kafka", "--listen", "127.0.0.1:0", "--registry", "127.0.0.1:0")
	where := fmt.Sprintf("kafka: {brokers: [%q]}\nregistry: {url: %q}\nredis: {url: \"redis://%s\"}",
		broker.wait("serving Kafka")["listen"], broker.wait("serving the schema")["url"], server.Addr())
	path := file(t, strings.Replace(fmt.Sprintf(pipeline, where, target.URL), "    from:", "    authority: {owners: [erp]}\n    from:", 1))
	ask := func(want int, args ...string) result {
		t.Helper()
		r := sluice(t, env, append([]string{"-c", path}, args...)...)
		if r.code != want {
			t.Errorf("%v: exit %d, want %d: %s%s", args, r.code, want, r.stdout, r.stderr)
		}
		return r
	}
	has := func(text, want string) {
		t.Helper()
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	p := launch(t, env, "-c", path, "run", "--listen", "127.0.0.1:0")
	addr := p.wait("serving /metrics")["listen"].(string)
	eventually(t, "the customer arrives", func() bool { return target.segment("C1") == "high" })
	has(ask(0, "lag").stdout, "sluice.stream.customer.govern")
	_, metrics := fetch(t, addr, "/metrics")
	has(metrics, "\nsluice_state_records{")
	has(ask(0, "check", "--online").stderr, "Redis answers")

	r := ask(0, "explain", "customer", "C1")
	has(r.stderr, "from redis")
	has(r.stdout, "erp.public.customers/C1")
	has(ask(0, "explain", "customer", "erp.public.customers/C1", "-o", "json").stdout, `"id":"C1"`)
	has(ask(1, "explain", "customer", "C9").stderr, "there is no golden record and no source record")
	has(ask(0, "state", "show", "-o", "json").stdout, `"records":2`)

	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer func() { _ = client.Close() }()
	if err := client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	r = ask(0, "explain", "customer", "C1")
	has(r.stderr, "from the changelog sluice.state.customer: redis has no state")
	has(r.stdout, "high")
	has(ask(0, "state", "rebuild", "customer").stdout, "restored customer, partition 0")
	has(ask(2, "state", "rebuild", "customer", "--partition", "9999").stderr, "has no partition 9999")
	has(ask(0, "explain", "customer", "C1").stderr, "from redis")
	sql(t, dsn, "UPDATE customers SET spend = 1 WHERE number = 'C1'")
	eventually(t, "the running stage goes on", func() bool { return target.segment("C1") == "standard" })
}
