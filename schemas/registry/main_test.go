package registry_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"sluice/schemas/registry"
	"sluice/schemas/registry/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves a registry of its own over an embedded broker; wrap may stand
// before it.
func start(t *testing.T, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	s, err := server.New(timeout(t), []kgo.Opt{kgo.SeedBrokers(broker.ListenAddrs()...)}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	var h http.Handler = s
	if wrap != nil {
		h = wrap(s)
	}
	return serve(t, h)
}

func serve(t *testing.T, h http.Handler) string {
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	return web.URL
}

func open(t *testing.T, c registry.Config) *registry.Client {
	t.Helper()
	cl, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// timeout is a context that keeps a broken test from hanging.
func timeout(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
