package local_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/ops/local"
)

func client(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// transact produces the values in one transaction.
func transact(t *testing.T, cl *kgo.Client, topic string, end kgo.TransactionEndTry, values ...string) {
	t.Helper()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		cl.Produce(t.Context(), &kgo.Record{Topic: topic, Value: []byte(v)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

func TestApacheKafkaShowsCommittedRecordsAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("starts five Java processes")
	}
	k, err := local.StartKafka(t.Context(), local.KafkaOptions{})
	need(t, err)
	t.Cleanup(func() { _ = k.Stop() })
	admin := kadm.NewClient(client(t, k.Addr()))
	if _, err := admin.CreateTopic(t.Context(), 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	if topics, err := admin.ListTopics(t.Context(), "unasked"); err != nil || !errors.Is(topics["unasked"].Err, topics.Error()) || topics.Error() == nil {
		t.Errorf("asking for a topic made it: %v, %v", topics, err)
	}
	cl := client(t, k.Addr(), kgo.TransactionalID("x"))
	transact(t, cl, "t", kgo.TryCommit, "one", "two")
	transact(t, cl, "t", kgo.TryAbort, "aborted")
	if err := k.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := k.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	transact(t, cl, "t", kgo.TryCommit, "three")
	out, err := k.ConsoleConsumer(t.Context(), "t", "--max-messages", "3")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(string(out)); strings.Join(got, " ") != "one two three" {
		t.Errorf("the console consumer printed %q", got)
	}
}
