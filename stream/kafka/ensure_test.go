package kafka

import (
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
)

func TestEnsure(t *testing.T) {
	_, c := broker(t)
	c.Topics = Topics{Partitions: 3, Config: map[string]string{"retention.ms": "1000000"}}
	cl := client(t, c)
	ctx := timeout(t)
	adm := kadm.NewClient(cl)

	if err := c.Ensure(ctx, cl, true); err != nil {
		t.Fatal("no topics:", err)
	}
	if err := c.Ensure(ctx, cl, true, "entity.customer", "entity.order"); err != nil {
		t.Fatal(err)
	}
	more := c
	more.Topics.Partitions = 7
	if err := more.Ensure(ctx, cl, false, "entity.customer", "dlq", "dlq"); err != nil {
		t.Fatal("again:", err)
	}

	found, err := adm.ListTopics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[string]int{"entity.customer": 3, "entity.order": 3, "dlq": 7} {
		if got := len(found[topic].Partitions); got != want {
			t.Errorf("%s has %d partitions, want %d", topic, got, want)
		}
	}
	confs, err := adm.DescribeTopicConfigs(ctx, "entity.customer", "dlq")
	if err != nil {
		t.Fatal(err)
	}
	for _, rc := range confs {
		want := map[string]string{"entity.customer": "compact", "dlq": "delete"}[rc.Name]
		for _, kv := range rc.Configs {
			if kv.Key == "cleanup.policy" && kv.MaybeValue() != want {
				t.Errorf("%s: cleanup.policy=%s, want %s", rc.Name, kv.MaybeValue(), want)
			}
			if kv.Key == "retention.ms" && kv.MaybeValue() != "1000000" {
				t.Errorf("%s: retention.ms=%s", rc.Name, kv.MaybeValue())
			}
		}
	}
}

func TestEnsureByMany(t *testing.T) {
	_, c := broker(t)
	var wg sync.WaitGroup
	for range 8 {
		cl := client(t, c)
		wg.Go(func() {
			if err := c.Ensure(timeout(t), cl, false, "one", "two"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestEnsureNamesTheRefusal(t *testing.T) {
	_, c := broker(t)
	c.Topics.ReplicationFactor = 3
	err := c.Ensure(timeout(t), client(t, c), false, "orders")
	if err == nil {
		t.Fatal("three replicas on one broker")
	}
	if got := err.Error(); !strings.HasPrefix(got, "topic orders: the broker refused to create it") || !strings.Contains(got, "mend kafka.topics.replication_factor (3)") {
		t.Error(got)
	}
}
