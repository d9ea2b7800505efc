package loop

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"sluice/ops/local"
	"sluice/schemas"
	"sluice/stream"
)

// counting counts the round trips.
type counting struct {
	Store
	trips int
}

func (c *counting) Eval(ctx context.Context, calls []Call) ([]any, error) {
	c.trips++
	return c.Store.Eval(ctx, calls)
}

func TestABatchTakesFewRoundTrips(t *testing.T) {
	for name, e := range map[string]Echo{"key": keyed(), "id": byTargetID()} {
		store := &counting{Store: mini(t)}
		r := newRig(t, store, e)
		writes, outcomes := make([]Write, 200), make([]Outcome, 200)
		for i := range writes {
			writes[i] = r.customerWrite(fmt.Sprint("A", i), "Jones", float64(i))
			writes[i].TargetID = fmt.Sprint(i)
		}
		if _, err := r.marks.Before(t.Context(), writes); err != nil {
			t.Fatal(err)
		}
		if err := r.marks.After(t.Context(), writes, outcomes); err != nil {
			t.Fatal(err)
		}
		if store.trips > 5 {
			t.Errorf("by %s: the writes took %d round trips", name, store.trips)
		}
		store.trips = 0
		items := make([]*stream.Item, 1000)
		for i := range items {
			items[i] = r.change(schemas.Create, nil, contact(int64(i), fmt.Sprint("A", i), "Jones", int64(100*i), nil))
		}
		echoes := 0
		for _, reason := range r.process(items...) {
			if reason == ReasonEcho {
				echoes++
			}
		}
		if store.trips != 1 || echoes != 200 {
			t.Errorf("by %s: %d changes took %d round trips, and %d were echoes of 200", name, len(items), store.trips, echoes)
		}
	}
}

// BenchmarkGuard is a batch of 1,000 changes of 1,000 records through a real
// Redis.
func BenchmarkGuard(b *testing.B) {
	server, err := local.StartRedis(b.Context(), local.RedisOptions{})
	if err != nil {
		b.Skip(err)
	}
	defer func() { _ = server.Stop() }()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	r := newRig(b, OnRedis(client), keyed())
	items := make([]*stream.Item, 1000)
	for b.Loop() {
		for i := range items {
			items[i] = r.change(schemas.Create, nil, contact(int64(i), fmt.Sprint("A", i), "Jones", int64(i), nil))
		}
		r.process(items...)
	}
	b.ReportMetric(float64(len(items)*b.N)/b.Elapsed().Seconds(), "changes/s")
	memory, err := client.Info(b.Context(), "memory").Result()
	if err != nil {
		b.Fatal(err)
	}
	var used int
	for line := range strings.Lines(memory) {
		if _, err := fmt.Sscanf(line, "used_memory_dataset:%d", &used); err == nil {
			b.ReportMetric(float64(used)/float64(len(items)), "B/record")
		}
	}
}
