package pump

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
)

// Group is the consumer group in which the instances of the capture of that
// name elect the one that is at work: whoever is assigned the only partition of
// sluice.positions leads.
func Group(capture string) string { return "sluice.capture." + capture }

// election is this instance's place in the group. The group only decides who
// should be at work; that two never are is Kafka's fencing of the transactional
// id.
type election struct {
	client *kgo.Client
	parent context.Context //nolint:containedctx // the terms, which begin in callbacks of the client, end with it

	mu   sync.Mutex
	term context.Context //nolint:containedctx // it is the term: done when another leads
	end  context.CancelFunc
	// joined: the group has answered, though it may have chosen another.
	joined bool
	err    error         // why the group cannot be joined, for the log
	news   chan struct{} // one token: something of the above has changed
}

// inTurn pumps whenever this instance leads, until ctx is done, the source
// ends, or a person is needed.
func (p *Pump) inTurn(ctx context.Context) error {
	e, err := p.join(ctx)
	if err != nil || e == nil {
		return err
	}
	defer e.leave(ctx)
	for {
		term, err := p.await(ctx, e)
		if err != nil || term == nil {
			return err
		}
		p.log.Info("this instance leads", "instance", p.instance)
		err = p.lead(term)
		_, fenced := errors.AsType[overtaken](err)
		switch {
		case ctx.Err() != nil:
			return err
		case fenced && !p.over(ctx, term):
			return err // by an instance that does not ask the group
		case err != nil && !fenced && term.Err() == nil:
			return err
		case err == nil && term.Err() == nil:
			return nil // the source has ended
		}
		p.log.Warn("this instance no longer leads; it stands by", "instance", p.instance)
	}
}

// over reports whether the term ends within the time in which the group must
// notice that another instance leads.
func (p *Pump) over(ctx, term context.Context) bool {
	limit := time.NewTimer(p.cfg.SessionTimeout)
	defer limit.Stop()
	select {
	case <-term.Done():
		return true
	case <-limit.C:
		return false
	case <-ctx.Done():
		return true
	}
}

// join opens the group's client, once Kafka answers. nil: ctx is done.
func (p *Pump) join(ctx context.Context) (*election, error) {
	e := &election{parent: ctx, news: make(chan struct{}, 1)}
	opts, err := p.kafka.Options(e.clientID(p), p.log)
	if err != nil {
		return nil, fault(err, "kafka", "its settings", "")
	}
	e.client, err = kgo.NewClient(append(opts,
		kgo.ConsumerGroup(Group(p.name)),
		kgo.ConsumeTopics(PositionsTopic),
		// Who leads goes on leading when another joins.
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(p.cfg.SessionTimeout),
		kgo.HeartbeatInterval(min(time.Second, p.cfg.SessionTimeout/5)),
		kgo.RebalanceTimeout(max(2*p.cfg.SessionTimeout, time.Second)),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, to map[string][]int32) { e.assigned(len(to[PositionsTopic]) > 0) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, from map[string][]int32) { e.lost(len(from[PositionsTopic]) > 0) }),
		kgo.OnPartitionsLost(func(context.Context, *kgo.Client, map[string][]int32) { e.lost(true) }),
		kgo.WithHooks(e),
		kgo.MetadataMinAge(100*time.Millisecond), // the topic was just created
	)...)
	if err != nil {
		return nil, fault(err, "kafka", "opening a client", "mend the kafka block")
	}
	e.client.PauseFetchTopics(PositionsTopic) // the assignment is all that counts
	var wait backoff
	for {
		p.notReady("waiting for Kafka")
		err := p.ensurePositions(ctx, e.client)
		if err == nil {
			p.askOutDead(ctx, e.client)
			return e, nil
		}
		if err = p.explain(ctx, nil, err); isFault(err) || ctx.Err() != nil {
			e.leave(ctx)
			if ctx.Err() != nil {
				err = nil
			}
			return nil, err
		}
		p.notReady(oneLine(err))
		p.log.Warn("waiting for Kafka before the election", "error", err)
		wait.sleep(ctx)
	}
}

// clientID names the process in the group's description.
func (*election) clientID(p *Pump) string { return "sluice.capture." + p.name + "@" + p.instance }

// await waits until this instance leads. nil: ctx is done.
func (p *Pump) await(ctx context.Context, e *election) (context.Context, error) {
	defer p.setStandby(false)
	told := false
	for {
		e.mu.Lock()
		term, joined, err := e.term, e.joined, e.err
		e.err = nil
		e.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return nil, nil
		case term != nil && term.Err() == nil:
			return term, nil
		case errors.Is(err, kerr.GroupAuthorizationFailed):
			return nil, &schemas.Fault{
				Where: fmt.Sprintf("capture %q", p.name), What: "Kafka refuses it", Err: err,
				Cure: fmt.Sprintf("let its user read group %q, in which its instances elect the one at work", Group(p.name)),
			}
		case errors.Is(err, kerr.InvalidSessionTimeout):
			return nil, &schemas.Fault{
				Where: fmt.Sprintf("capture %q", p.name), What: fmt.Sprintf("commit.session_timeout of %s is not one that the broker allows", p.cfg.SessionTimeout),
				Err: err, Cure: "choose it between the broker's group.min.session.timeout.ms and group.max.session.timeout.ms",
			}
		case err != nil:
			p.notReady("joining group " + Group(p.name) + ": " + oneLine(err))
			p.log.Warn("joining the group that elects the instance at work", "group", Group(p.name), "error", err)
		case joined:
			p.setStandby(true)
			if !told {
				told = true
				p.log.Info("another instance is at work; standing by", "instance", p.instance)
			}
		default:
			p.notReady("joining group " + Group(p.name))
		}
		select {
		case <-e.news:
		case <-ctx.Done():
		}
	}
}

// assigned is told of each generation of the group; it says whether this
// instance was chosen in it, and nothing of what it has already.
func (e *election) assigned(chosen bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.joined = true
	if chosen && (e.term == nil || e.term.Err() != nil) {
		e.term, e.end = context.WithCancel(e.parent)
	}
	signal(e.news)
}

func (e *election) lost(mine bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if mine && e.end != nil {
		e.end()
		e.term, e.end, e.joined = nil, nil, false
	}
	signal(e.news)
}

// OnGroupManageError notes why the group was left; the client joins again by
// itself.
func (e *election) OnGroupManageError(err error) {
	e.mu.Lock()
	e.err = err
	e.mu.Unlock()
	signal(e.news)
}

// leaveTime bounds how long a stopping instance tells the group that it goes.
const leaveTime = 3 * time.Second

// leave lets the next instance lead at once.
func (e *election) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	_ = e.client.LeaveGroupContext(ctx) // a Kafka that is away notices by itself
	e.client.Close()
	e.lost(true)
}

// setStandby says that this instance waits for its turn.
func (p *Pump) setStandby(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.standby = yes
	if yes {
		p.reason = ""
	} else if p.reason == "" {
		p.reason = "starting to lead"
	}
}

// Standby reports whether another instance is at work and this one waits to
// take over. Ready is nil then: it is ready to do that.
func (p *Pump) Standby() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.standby
}

// working is the value of sluice_capture_ready.
func (p *Pump) working() float64 {
	if p.Standby() || p.Ready() != nil {
		return 0
	}
	return 1
}

// overtaken is the fault of an instance that another has fenced.
type overtaken struct{ *schemas.Fault }

// Unwrap returns the fault.
func (o overtaken) Unwrap() error { return o.Fault }
