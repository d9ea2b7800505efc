package registry

import (
	"context"
	"sync"
)

// memo remembers answers for ever and asks for each once, however many
// goroutines want it. Errors are not remembered.
type memo[K comparable, V any] struct {
	known sync.Map // K to V: read on every record

	mu      sync.Mutex
	flights map[K]chan struct{} // closed when the asking goroutine is done
}

func (m *memo[K, V]) put(k K, v V) { m.known.LoadOrStore(k, v) }

// get returns what is known of k, else what ask returns. Those that come while
// another goroutine asks wait for it; if it fails, the next of them asks, under
// its own context.
func (m *memo[K, V]) get(ctx context.Context, k K, ask func() (V, error)) (v V, err error) {
	for {
		if known, ok := m.known.Load(k); ok {
			return known.(V), nil
		}
		m.mu.Lock()
		flight, flying := m.flights[k]
		if !flying {
			if known, ok := m.known.Load(k); ok { // it landed in between
				m.mu.Unlock()
				return known.(V), nil
			}
			if m.flights == nil {
				m.flights = make(map[K]chan struct{})
			}
			flight = make(chan struct{})
			m.flights[k] = flight
			m.mu.Unlock()
			break
		}
		m.mu.Unlock()
		select {
		case <-flight:
		case <-ctx.Done():
			return v, context.Cause(ctx)
		}
	}

	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		close(m.flights[k])
		delete(m.flights, k)
	}()
	if v, err = ask(); err == nil {
		m.known.Store(k, v)
	}
	return v, err
}
