package localtest

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"sluice/ops/local"
)

// startTimeout bounds the start of a server on a busy machine.
const startTimeout = 2 * time.Minute

// once is a server that lives as long as the test binary.
type once[T any] struct {
	mu      sync.Mutex
	started bool
	server  T
	err     error
}

func (o *once[T]) get(t testing.TB, part local.Part, start func(context.Context) (T, error)) T {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.started {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		o.server, o.err = start(ctx)
		if errors.Is(o.err, local.ErrMissing) && os.Getenv("SLUICE_INSTALL") == "1" {
			if o.err = local.Ensure(context.Background(), logTo(t), part); o.err == nil {
				o.server, o.err = start(ctx)
			}
		}
		o.started = true
	}
	orSkip(t, o.err)
	return o.server
}

// counted is a server inside this process that lives while a test uses it.
type counted[T any] struct {
	mu     sync.Mutex
	users  int
	server T
	close  func(T)
}

func (c *counted[T]) get(t testing.TB, start func(context.Context) (T, error)) T {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		server, err := start(ctx)
		orSkip(t, err)
		c.server = server
	}
	c.users++
	t.Cleanup(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.users--; c.users == 0 {
			c.close(c.server)
		}
	})
	return c.server
}

// orSkip skips the test if the server is not installed, unless the environment
// insists on it.
func orSkip(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, local.ErrMissing) && os.Getenv("REQUIRE_SERVICES") != "1":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}

func logTo(t testing.TB) func(string) { return func(line string) { t.Log(line) } }
