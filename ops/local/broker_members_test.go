package local_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/ops/local"
)

// TestBrokerForgetsMembersThatDiedJoining: a member whose connection breaks
// while it waits in a join must not keep partitions.
func TestBrokerForgetsMembersThatDiedJoining(t *testing.T) {
	b, err := local.StartBroker(t.Context(), local.BrokerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	opts := []kgo.Opt{
		kgo.SeedBrokers(b.Addr()), kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(time.Second), kgo.RebalanceTimeout(time.Second), kgo.HeartbeatInterval(100 * time.Millisecond),
	}
	owned := make(chan int, 100)
	var mu sync.Mutex
	n := 0
	count := func(by int) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, which map[string][]int32) {
			mu.Lock()
			defer mu.Unlock()
			n += by * len(which["t"])
			owned <- n
		}
	}
	lives, err := kgo.NewClient(append(opts, kgo.OnPartitionsAssigned(count(1)), kgo.OnPartitionsRevoked(count(-1)), kgo.OnPartitionsLost(count(-1)))...)
	if err != nil {
		t.Fatal(err)
	}
	defer lives.Close()
	if _, err := kadm.NewClient(lives).CreateTopic(t.Context(), 4, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	wait := func(want int) {
		t.Helper()
		limit := time.After(20 * time.Second)
		for last := -1; last != want; {
			select {
			case last = <-owned:
			case <-limit:
				t.Fatalf("the member that lives has %d of %d partitions", last, want)
			}
		}
	}
	go func() {
		for t.Context().Err() == nil && !lives.PollFetches(t.Context()).IsClientClosed() {
		}
	}()
	wait(4)

	// Another joins; while it waits for the answer its network is cut.
	cut := &cutter{}
	b.Cluster().ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		j, ok := r.(*kmsg.JoinGroupRequest)
		if ok && j.MemberID != "" && strings.HasPrefix(j.MemberID, "dies-") {
			cut.cut()
		}
		return nil, nil, false
	})
	dies, err := kgo.NewClient(append(opts, kgo.ClientID("dies"), kgo.Dialer(cut.dial))...)
	if err != nil {
		t.Fatal(err)
	}
	defer dies.CloseAllowingRebalance()
	wait(2) // it was given its share
	wait(4) // and lost it again
}

// cutter dials until it is cut.
type cutter struct {
	mu    sync.Mutex
	conns []net.Conn
	dead  bool
}

var errCut = errors.New("the network is cut")

func (c *cutter) dial(ctx context.Context, network, host string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return nil, errCut
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, host)
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
	for _, conn := range c.conns {
		_ = conn.Close() // that is the point
	}
}
