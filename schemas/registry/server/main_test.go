package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func broker(t *testing.T, opts ...kfake.Opt) []kgo.Opt {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return []kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...)}
}

func start(t *testing.T, opts []kgo.Opt) *Server {
	t.Helper()
	s, err := New(timeout(t), opts, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// timeout is a context that keeps a broken test from hanging.
func timeout(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// ask sends a request, "METHOD /path", and returns the status and the body.
func ask(s http.Handler, request, body string) (int, string) {
	method, path, _ := strings.Cut(request, " ")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	answer, _ := io.ReadAll(w.Body)
	return w.Code, strings.TrimSpace(string(answer))
}

func expect(t *testing.T, s http.Handler, request, body string, status int, want string) {
	t.Helper()
	if code, got := ask(s, request, body); code != status || got != want {
		t.Errorf("%s %s\n got %d %s\nwant %d %s", request, body, code, got, status, want)
	}
}
