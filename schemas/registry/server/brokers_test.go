package server_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"sluice/ops/local/localtest"
	"sluice/schemas/registry"
	"sluice/schemas/registry/server"
)

// TestOnThisBroker lets two servers over whichever broker localtest gives
// register at the same time, and starts a third that must know what they wrote.
func TestOnThisBroker(t *testing.T) {
	k, prefix := localtest.Kafka(t), localtest.Prefix(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	start := func() *registry.Client {
		opts, err := k.Options("registry", nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := server.New(ctx, opts, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		web := httptest.NewServer(s)
		t.Cleanup(web.Close)
		cl, err := registry.Config{URL: web.URL}.Open()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
		return cl
	}
	const n = 10
	text := func(i int) string { return fmt.Sprintf(`{"type":"fixed","name":"F%d","size":1}`, i) }
	clients := []*registry.Client{start(), start()}
	ids := make([][n]int, len(clients))
	var wg sync.WaitGroup
	for c, cl := range clients {
		wg.Go(func() {
			for i := range n {
				var err error
				if ids[c][i], err = cl.Register(ctx, fmt.Sprint(prefix, i), text(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	third, seen := start(), make(map[int]int)
	for i := range n {
		if ids[0][i] != ids[1][i] {
			t.Errorf("schema %d has the ids %d and %d", i, ids[0][i], ids[1][i])
		}
		if other, taken := seen[ids[0][i]]; taken {
			t.Errorf("schemas %d and %d share an id", i, other)
		}
		seen[ids[0][i]] = i
		if got, err := third.Schema(ctx, ids[0][i]); err != nil || got != text(i) {
			t.Errorf("id %d: %s, %v", ids[0][i], got, err)
		}
	}
}
