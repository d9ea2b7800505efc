package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"sluice/sinks"
)

// memory remembers in place of Redis.
type memory struct {
	mu   sync.Mutex
	away error
	has  map[string]bool // keys whose content the target has
	log  []string        // "before k", "after k taken"
}

func (m *memory) Before(_ context.Context, batch []*sinks.Delivery) ([]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away != nil {
		return nil, m.away
	}
	converged := make([]bool, len(batch))
	for i, d := range batch {
		m.log = append(m.log, "before "+string(d.Key))
		converged[i] = m.has[string(d.Key)]
	}
	return converged, nil
}

func (m *memory) After(_ context.Context, batch []*sinks.Delivery, errs []*sinks.Error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, d := range batch {
		how := "taken"
		if errs[i] != nil {
			how = errs[i].Class.String()
		}
		m.log = append(m.log, "after "+string(d.Key)+" "+how)
	}
	return errors.New("no matter")
}

func (m *memory) told() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.log)
}

func (m *memory) setAway(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = err
}

func remembering(m *memory) func(*Deliver) { return func(d *Deliver) { d.echoes = m } }

func TestEachWriteIsRememberedBeforeAndAfter(t *testing.T) {
	w := newWorld(t)
	m := &memory{}
	e := w.start(quick(), w.sink(), remembering(m))
	w.states("a")
	e.settledAt(1, 0)
	if got, want := m.told(), []string{"before a", "after a taken"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestWhatTheTargetHasIsNotWritten(t *testing.T) {
	w := newWorld(t)
	m := &memory{has: map[string]bool{"b": true}}
	e := w.start(quick(), w.sink(), remembering(m))
	w.states("a", "b", "c")
	eventually(t, func() error {
		if c := e.counts(); c[fateConsumed] != 3 || c[fateFiltered] != 1 || c[fateDelivered] != 2 {
			return fmt.Errorf("counts are %v", c)
		}
		return nil
	})
	w.arrived("b")
	if v, there := w.target.Version("b"); there {
		t.Errorf("b was written, version %d", v)
	}
	w.caughtUp()
}

// TestNothingIsWrittenThatCannotBeRemembered: Redis is away, and then comes back.
func TestNothingIsWrittenThatCannotBeRemembered(t *testing.T) {
	w := newWorld(t)
	m := &memory{away: errors.New("redis is away")}
	e := w.start(quick(), w.sink(), remembering(m))
	w.states("a", "b")
	eventually(t, func() error {
		if err := e.Ready(); err == nil || !strings.Contains(err.Error(), "redis is away") {
			return fmt.Errorf("ready says %v", err)
		}
		return nil
	})
	if _, there := w.target.Version("a"); there {
		t.Error("a was written")
	}
	m.setAway(nil)
	e.settledAt(2, 0)
	w.arrived()
	eventually(t, e.Ready)
	w.noDeadLetters()
}
