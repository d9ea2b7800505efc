package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"sluice/schemas/registry/server"
	"sluice/stream/kafka"
)

// Registry is an embedded schema registry that runs inside this process and
// keeps its subjects in a topic of the Kafka it was given.
type Registry struct {
	url    string
	http   *http.Server
	server *server.Server
	served chan error // what Serve returned
	once   sync.Once
	err    error
}

// StartRegistry serves a registry on addr, "host:port", with port 0 for a free
// one. It returns when what the topic holds is read. ctx bounds the start only.
func StartRegistry(ctx context.Context, k kafka.Config, addr string) (*Registry, error) {
	log := slog.New(slog.DiscardHandler)
	k.Defaults()
	opts, err := k.Options("sluice-registry", log)
	if err != nil {
		return nil, fmt.Errorf("starting the schema registry: %w", err)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("starting the schema registry: %w", err)
	}
	s, err := server.New(ctx, opts, log)
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("starting the schema registry: %w", err)
	}
	r := &Registry{
		url:    "http://" + listener.Addr().String(),
		http:   &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second},
		server: s,
		served: make(chan error, 1),
	}
	go func() { r.served <- r.http.Serve(listener) }()
	return r, nil
}

// URL is "http://host:port".
func (r *Registry) URL() string { return r.url }

// Close lets the requests in hand finish, for at most five seconds, and ends
// the registry. It may be called more than once.
func (r *Registry) Close() error {
	r.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if r.http.Shutdown(ctx) != nil {
			r.err = r.http.Close()
		}
		if err := <-r.served; !errors.Is(err, http.ErrServerClosed) {
			r.err = errors.Join(r.err, fmt.Errorf("serving the schema registry: %w", err))
		}
		r.server.Close()
	})
	return r.err
}
