package local

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// members makes dead members leave their groups. kfake starts a member's session
// timer when it has answered its join; one whose connection is gone by then gets
// no timer, and keeps its partitions for ever. So every member's last sign of
// life is noted here, and who has been silent for longer than any live member
// may be is asked out.
type members struct {
	mu   sync.Mutex
	seen map[member]life
	stop context.CancelFunc
	done chan struct{}
}

type member struct{ group, id string }

type life struct {
	last time.Time
	// patience is session timeout and rebalance timeout: a live member waits
	// in a join without a heartbeat for as long as the latter.
	patience time.Duration
}

// watchMembers begins to watch; end it with close, before the cluster's Close.
func watchMembers(c *kfake.Cluster) *members {
	ctx, stop := context.WithCancel(context.Background())
	m := &members{seen: map[member]life{}, stop: stop, done: make(chan struct{})}
	watch := func(req kmsg.Request, note func(kmsg.Request)) {
		c.ControlKey(req.Key(), func(r kmsg.Request) (kmsg.Response, error, bool) {
			m.mu.Lock()
			defer m.mu.Unlock()
			note(r)
			return nil, nil, false
		})
	}
	watch(&kmsg.JoinGroupRequest{}, func(r kmsg.Request) {
		if j, ok := r.(*kmsg.JoinGroupRequest); ok && j.MemberID != "" {
			patience := time.Duration(j.SessionTimeoutMillis+j.RebalanceTimeoutMillis) * time.Millisecond
			m.seen[member{j.Group, j.MemberID}] = life{time.Now(), patience}
		}
	})
	watch(&kmsg.SyncGroupRequest{}, func(r kmsg.Request) {
		if s, ok := r.(*kmsg.SyncGroupRequest); ok {
			m.alive(member{s.Group, s.MemberID})
		}
	})
	watch(&kmsg.HeartbeatRequest{}, func(r kmsg.Request) {
		if h, ok := r.(*kmsg.HeartbeatRequest); ok {
			m.alive(member{h.Group, h.MemberID})
		}
	})
	go func() {
		defer close(m.done)
		m.reap(ctx, c)
	}()
	return m
}

func (m *members) alive(who member) {
	if l, ok := m.seen[who]; ok {
		l.last = time.Now()
		m.seen[who] = l
	}
}

// silent forgets the members that are dead, and returns them.
func (m *members) silent(now time.Time) (dead []member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for who, l := range m.seen {
		if now.Sub(l.last) > l.patience {
			dead = append(dead, who)
			delete(m.seen, who)
		}
	}
	return dead
}

func (m *members) reap(ctx context.Context, c *kfake.Cluster) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var cl *kgo.Client
	defer func() {
		if cl != nil {
			cl.Close()
		}
	}()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for _, who := range m.silent(time.Now()) {
			if cl == nil {
				var err error
				if cl, err = kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...)); err != nil {
					return // its options are constant
				}
			}
			leave := kmsg.NewPtrLeaveGroupRequest()
			leave.Group, leave.MemberID = who.group, who.id
			one := kmsg.NewLeaveGroupRequestMember()
			one.MemberID = who.id
			leave.Members = append(leave.Members, one)
			_, _ = leave.RequestWith(ctx, cl) // most have left by themselves, and are unknown
		}
	}
}

func (m *members) close() {
	m.stop()
	<-m.done
}
