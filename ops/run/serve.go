package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"sluice/schemas"
)

// health is the HTTP server of a process. What it answers changes while the
// role starts; it may be used from many goroutines.
type health struct {
	server *http.Server
	done   chan error
	addr   string

	mu       sync.Mutex
	metrics  prometheus.Gatherers
	starting string
	engines  []engine
}

// serve starts the server, or where listen is "off" none; every method still
// works.
func serve(listen string, withPProf bool, version string, log *slog.Logger) (*health, error) {
	h := &health{starting: "starting"}
	own := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_build_info", Help: "1, with the version as label.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	own.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build)
	h.metrics = prometheus.Gatherers{own}
	if listen == "off" {
		return h, nil
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, &schemas.Fault{
			Where: "--listen " + listen, What: "the address for /metrics and /readyz cannot be used", Err: err,
			Cure: "choose another with --listen HOST:PORT or SLUICE_LISTEN, or turn it off with --listen off",
		}
	}
	h.addr, h.done = l.Addr().String(), make(chan error, 1)
	h.server = &http.Server{
		Handler: h.routes(withPProf), ReadHeaderTimeout: 5 * time.Second,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	go func() { h.done <- h.server.Serve(l) }()
	log.Info("serving /metrics, /healthz and /readyz", "listen", h.addr)
	return h, nil
}

func (h *health) routes(withPProf bool) http.Handler {
	mux := http.NewServeMux()
	// One engine's broken metric must not hide the others.
	mux.Handle("GET /metrics", promhttp.HandlerFor(h, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "alive\n") })
	mux.HandleFunc("GET /readyz", h.readyz)
	if withPProf {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// registerer returns a registry of its own for one engine, so that two engines
// of a kind can both register the metrics of that kind.
func (h *health) registerer() prometheus.Registerer {
	r := prometheus.NewRegistry()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.metrics = append(h.metrics, r)
	return r
}

// Gather returns the metrics of the process and of all engines.
func (h *health) Gather() ([]*dto.MetricFamily, error) {
	h.mu.Lock()
	all := slices.Clone(h.metrics)
	h.mu.Unlock()
	return all.Gather()
}

// say sets why the role is not ready before it has engines.
func (h *health) say(starting string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.starting = starting
}

// watch makes readiness that of the engines.
func (h *health) watch(engines []engine) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.starting, h.engines = "", engines
}

// readyz answers 200 where every engine is ready, else 503 with the reasons. An
// engine that stands by is ready: to take over.
func (h *health) readyz(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	starting, engines := h.starting, h.engines
	h.mu.Unlock()
	answer := struct {
		Ready   bool              `json:"ready"`
		Standby []string          `json:"standby,omitempty"`
		Reasons map[string]string `json:"reasons,omitempty"`
	}{Reasons: map[string]string{}}
	if starting != "" {
		answer.Reasons["sluice"] = starting
	}
	for _, e := range engines {
		if err := e.Ready(); err != nil {
			answer.Reasons[e.name] = err.Error()
		} else if s, ok := e.Engine.(interface{ Standby() bool }); ok && s.Standby() {
			answer.Standby = append(answer.Standby, e.name)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if answer.Ready = len(answer.Reasons) == 0; !answer.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(answer) // the caller is gone
}

// close ends the server and joins it.
func (h *health) close() error {
	if h.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := h.server.Shutdown(ctx)
	if err != nil {
		err = h.server.Close()
	}
	if served := <-h.done; !errors.Is(served, http.ErrServerClosed) {
		return fmt.Errorf("serving /metrics and /readyz: %w", served)
	}
	return err
}
