package e2e

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sluice/ops/demo/world"
)

// outage is how long things stay away; OUTAGE, in seconds, sets it.
func outage() time.Duration { return time.Duration(number("OUTAGE", 6)) * time.Second }

func TestBrokerOutage(t *testing.T) {
	s := newStage(t, world.Options{Customers: 200}, "capture", "stream", "sink")
	s.during(func() {
		s.wait("the first deliveries", time.Minute, func() bool { return s.fates("sink", sinkRecords)["delivered"] > 100 })
		// In order: the embedded broker ends a transaction in several files,
		// and only Apache Kafka makes that atomic under kill -9.
		if err := s.Broker.Stop(); err != nil {
			t.Fatal(err)
		}
		pause(t.Context(), outage())
		if err := s.Broker.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		pause(t.Context(), 2*time.Second)
	})
	s.running()
	s.drain(2 * time.Minute)
	if r := s.audit(); r.Total.Parked != 0 {
		t.Errorf("%d dead letters came of an outage", r.Total.Parked)
	}
}

func TestTargetOutage(t *testing.T) {
	s := newStage(t, world.Options{Customers: 200}, "capture", "stream", "sink")
	s.during(func() {
		s.wait("the first deliveries", time.Minute, func() bool { return s.fates("sink", sinkRecords)["delivered"] > 100 })
		s.CRM.SetDown(true)
		s.wait("the breaker opens", time.Minute, func() bool { return s.metric("sink", "sluice_sink_breaker_state") == 2 })
		pause(t.Context(), outage())
		s.CRM.SetDown(false)
		s.wait("the breaker closes", time.Minute, func() bool { return s.metric("sink", "sluice_sink_breaker_state") == 0 })
	})
	s.running()
	s.drain(2 * time.Minute)
	if r := s.audit(); r.Total.Parked != 0 {
		t.Errorf("%d dead letters came of an outage", r.Total.Parked)
	}
}

func TestPoisonRow(t *testing.T) {
	s := newStage(t, world.Options{Customers: 50}, "capture", "stream", "sink")
	s.drain(time.Minute)
	s.audit()
	const poisoned = "42"
	s.CRM.Poison(poisoned, true)
	s.exec(`UPDATE orders SET state = 'poisoned' WHERE id = 42`)
	s.exec(`UPDATE orders SET state = 'fine' WHERE id BETWEEN 1 AND 41`)
	s.wait("one dead letter", time.Minute, func() bool { return s.fates("sink", sinkRecords)["parked"] == 1 })
	s.drain(time.Minute)
	if n := s.fates("sink", sinkRecords)["parked"]; n != 1 {
		t.Fatalf("%v dead letters, want 1", n)
	}
	list := s.sluice("dlq", "list", "-o", "json")
	if !strings.Contains(list, "dlq.sink.crm/") || !strings.Contains(list, "422") {
		t.Errorf("dlq list does not show the dead letter:\n%s", list)
	}
	s.CRM.Poison(poisoned, false)
	s.sluice("dlq", "replay", "--all")
	s.wait("the replayed dead letter in the CRM", time.Minute, func() bool {
		r := s.CRM.Records("orders")[poisoned]
		return len(r) == 1 && r[0].Fields["state"] == "poisoned"
	})
	s.drain(time.Minute)
	s.audit()
	if list := s.sluice("dlq", "list", "-o", "json"); !strings.Contains(list, "replayed") {
		t.Errorf("the dead letter is not shown as replayed:\n%s", list)
	}
}

// running fails the test if a role has ended.
func (s *stage) running() {
	s.t.Helper()
	for role, p := range s.roles {
		select {
		case <-p.Done():
			s.t.Fatalf("sluice %s has ended:\n%s", role, p.Tail(10))
		default:
		}
	}
}

// sluice runs a verb and returns what it printed.
func (s *stage) sluice(args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append(args, "--config", s.Config)...)
	cmd.Env = append(cmd.Environ(), s.Env()...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("sluice %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
