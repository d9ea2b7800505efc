package localtest

import (
	"context"
	"testing"

	"sluice/ops/local"
	"sluice/schemas/registry"
)

var registries = counted[*local.Registry]{close: func(r *local.Registry) { _ = r.Close() }}

// Registry returns the settings of an embedded schema registry over the Kafka
// of this test.
func Registry(t testing.TB) registry.Config {
	t.Helper()
	// Asked for first, and so closed last.
	k := Kafka(t)
	server := registries.get(t, func(ctx context.Context) (*local.Registry, error) {
		return local.StartRegistry(ctx, k, "127.0.0.1:0")
	})
	return registry.Config{URL: server.URL()}
}
