package pump_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/capture/pump"
	"sluice/ops/local/localtest"
	"sluice/schemas"
)

// standbyRig is a rig whose instances wait for each other.
func standbyRig(t *testing.T, b *broker) *rig {
	r := newRig(t, b)
	r.cfg.TakeOver, r.cfg.SessionTimeout = false, time.Second
	return r
}

func standing(p *pump.Pump) func() bool {
	return func() bool { return p.Standby() && p.Ready() == nil }
}

func TestSecondInstanceWaitsForTheFirst(t *testing.T) {
	r := standbyRig(t, newBroker(t))
	inTurn(t, r)
}

// TestStandbyOnWhateverKafkaThereIs is the same on the Kafka that the test
// environment lends.
func TestStandbyOnWhateverKafkaThereIs(t *testing.T) {
	reg, byID := schemaRegistry(t, nil)
	inTurn(t, &rig{
		t: t, name: localtest.Prefix(t), kafka: localtest.Kafka(t), reg: reg, schemas: byID,
		cfg: pump.Config{Interval: 5 * time.Millisecond, SessionTimeout: 6 * time.Second}, log: testLog(t),
	})
}

// inTurn hands a capture from one instance to the next and back.
func inTurn(t *testing.T, r *rig) {
	first, second := newTape(t, 500), newTape(t, 500)
	one, two := r.pump(first), r.pump(second)
	stopFirst, _ := r.run(one)
	eventually(t, "the first instance at work", func() bool { return first.ackedUpTo() == 500 })
	stopSecond, _ := r.run(two)
	eventually(t, "the second instance standing by", standing(two))
	first.grow(100)
	eventually(t, "the first going on", func() bool { return first.ackedUpTo() == 600 })
	if second.isOpen() || len(second.opens) != 0 || one.Standby() {
		t.Fatal("the second instance opened the source while the first was at work")
	}
	if err := stopFirst(); err != nil {
		t.Fatal(err)
	}
	second.grow(200)
	eventually(t, "the second going on", func() bool { return second.ackedUpTo() == 700 })
	if two.Standby() || second.opens[0] != position(600) {
		t.Errorf("the second instance began at %q, standing by: %v", second.opens[0], two.Standby())
	}
	third := newTape(t, 800)
	stopThird, _ := r.run(r.pump(third))
	if err := stopSecond(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the third going on", func() bool { return third.ackedUpTo() == 800 })
	if err := stopThird(); err != nil {
		t.Fatal(err)
	}
	r.wantOnce(third, 800)
}

// TestPausedLeaderWakesAndStandsBy silences the leader's heartbeats, as a
// process does that is stopped for a while: it believes that it leads, and so
// does its successor.
func TestPausedLeaderWakesAndStandsBy(t *testing.T) {
	b := newBroker(t)
	r := standbyRig(t, b)
	first, second := newTape(t, 300), newTape(t, 300)
	one, two := r.pump(first), r.pump(second)
	stopFirst, ended := r.run(one)
	eventually(t, "the first instance at work", func() bool { return first.ackedUpTo() == 300 })
	leader := r.members()[0]
	var asleep atomic.Bool
	asleep.Store(true)
	awake := make(chan struct{})
	b.cluster.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		h, ok := req.(*kmsg.HeartbeatRequest)
		if !ok || h.MemberID != leader || !asleep.Load() {
			return nil, nil, false
		}
		b.cluster.SleepControl(func() { <-awake })
		return nil, nil, false
	})
	stopSecond, _ := r.run(two)
	eventually(t, "the second instance at work", second.isOpen)
	first.grow(50) // it still believes, writes, and is fenced
	second.grow(50)
	eventually(t, "the second going on", func() bool { return second.ackedUpTo() == 350 })
	asleep.Store(false)
	close(awake)
	eventually(t, "the first standing by", func() bool {
		select {
		case <-ended:
			t.Fatalf("the paused instance ended: %v", stopFirst())
		default:
		}
		return standing(one)()
	})
	if err := stopSecond(); err != nil {
		t.Fatal(err)
	}
	first.grow(100)
	eventually(t, "the first at work again", func() bool { return first.ackedUpTo() == first.length() })
	if err := stopFirst(); err != nil {
		t.Fatal(err)
	}
	r.wantOnce(first, first.length())
}

// TestDeadMemberIsSucceeded leaves a member in the group that never speaks
// again: the next one leads when its session is over, not before.
func TestDeadMemberIsSucceeded(t *testing.T) {
	r := standbyRig(t, newBroker(t))
	src := newTape(t, 10)
	stop, _ := r.run(r.pump(src))
	eventually(t, "the topic of positions", func() bool { return src.ackedUpTo() == 10 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	joinAndDie(t, cl, pump.Group(r.name))
	next := newTape(t, 20)
	next.onOpen = func(schemas.Position) error { return nil }
	stop, _ = r.run(r.pump(next))
	eventually(t, "the successor at work", func() bool { return next.ackedUpTo() == 20 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	r.wantOnce(next, 20)
}

// joinAndDie makes a member that takes the whole assignment and falls silent.
func joinAndDie(t *testing.T, cl *kgo.Client, group string) {
	t.Helper()
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType = group, "consumer"
	join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 1000, 2000
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name = kgo.CooperativeStickyBalancer().ProtocolName()
	p.Metadata = kgo.CooperativeStickyBalancer().JoinGroupMetadata([]string{pump.PositionsTopic}, nil, 1)
	join.Protocols = append(join.Protocols, p)
	for range 2 { // the first answer gives the member its id
		resp, err := join.RequestWith(t.Context(), cl)
		if err != nil {
			t.Fatal(err)
		}
		join.MemberID = resp.MemberID
		if resp.ErrorCode != 0 {
			continue
		}
		sync := kmsg.NewPtrSyncGroupRequest()
		sync.Group, sync.MemberID, sync.Generation = group, resp.MemberID, resp.Generation
		sync.ProtocolType, sync.Protocol = kmsg.StringPtr("consumer"), resp.Protocol
		mine := kmsg.ConsumerMemberAssignment{Topics: []kmsg.ConsumerMemberAssignmentTopic{{Topic: pump.PositionsTopic, Partitions: []int32{0}}}}
		sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: resp.MemberID, MemberAssignment: mine.AppendTo(nil)}}
		if resp, err := sync.RequestWith(t.Context(), cl); err != nil || resp.ErrorCode != 0 {
			t.Fatalf("joining: %v, %+v", err, resp)
		}
		return
	}
	t.Fatal("the group did not take the member")
}

// members are the ids of the group's members.
func (r *rig) members() []string {
	r.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Brokers...))
	if err != nil {
		r.t.Fatal(err)
	}
	defer cl.Close()
	groups, err := kadm.NewClient(cl).DescribeGroups(context.Background(), pump.Group(r.name))
	if err != nil {
		r.t.Fatal(err)
	}
	var ids []string
	for _, m := range groups[pump.Group(r.name)].Members {
		ids = append(ids, m.MemberID)
	}
	if len(ids) == 0 {
		r.t.Fatal("the group has no members")
	}
	return ids
}
