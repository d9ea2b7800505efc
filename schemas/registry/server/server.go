package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// requestTimeout bounds one request, whatever the brokers do.
const requestTimeout = 30 * time.Second

// Server answers the REST API. It is an http.Handler; it owns no listener.
type Server struct {
	journal *journal
	log     *slog.Logger
	mux     *http.ServeMux
}

// New reads the topic _schemas, which it creates if it does not exist, and
// returns the server of it. opts are the options of a client of the cluster
// (brokers, TLS, SASL, logging); the server adds its own and opens its own
// clients, which Close closes. A cluster that cannot be reached is waited for
// until ctx ends.
func New(ctx context.Context, opts []kgo.Opt, log *slog.Logger) (*Server, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	j, err := openJournal(ctx, opts, log)
	if err != nil {
		return nil, err
	}
	s := &Server{journal: j, log: log, mux: http.NewServeMux()}
	s.routes()
	return s, nil
}

// Close closes the server's clients, after the writes in hand. Stop the HTTP
// server first.
func (s *Server) Close() { s.journal.close() }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	s.mux.ServeHTTP(w, r.WithContext(ctx))
}

// handle adds a route whose answer is a value to write as JSON or an error.
func (s *Server) handle(pattern string, answer func(r *http.Request) (any, error)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		v, err := answer(r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		write(w, http.StatusOK, v)
	})
}

func (s *Server) routes() {
	constant := func(v any) func(*http.Request) (any, error) {
		return func(*http.Request) (any, error) { return v, nil }
	}
	s.handle("GET /{$}", constant(struct{}{}))
	s.handle("GET /schemas/types", constant([]string{"AVRO"}))
	s.handle("GET /mode", constant(map[string]string{"mode": "READWRITE"}))

	s.handle("GET /subjects", s.subjects)
	s.handle("POST /subjects/{subject}", s.lookup)
	s.handle("DELETE /subjects/{subject}", s.deleteSubject)
	s.handle("GET /subjects/{subject}/versions", s.versions)
	s.handle("POST /subjects/{subject}/versions", s.register)
	s.handle("GET /subjects/{subject}/versions/{version}", s.version)
	s.handle("DELETE /subjects/{subject}/versions/{version}", s.deleteVersion)
	s.handle("GET /subjects/{subject}/versions/{version}/schema", s.versionText)

	s.handle("GET /schemas/ids/{id}", s.schema)
	s.handle("GET /schemas/ids/{id}/schema", s.schemaText)
	s.handle("GET /schemas/ids/{id}/versions", s.schemaVersions)
	s.handle("GET /schemas/ids/{id}/subjects", s.schemaSubjects)

	s.handle("GET /config", s.config)
	s.handle("PUT /config", s.setConfig)
	s.handle("DELETE /config", s.deleteConfig)
	s.handle("GET /config/{subject}", s.config)
	s.handle("PUT /config/{subject}", s.setConfig)
	s.handle("DELETE /config/{subject}", s.deleteConfig)

	s.handle("POST /compatibility/subjects/{subject}/versions", s.compatible)
	s.handle("POST /compatibility/subjects/{subject}/versions/{version}", s.compatible)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, &apiError{http.StatusNotFound, 404, "HTTP 404 Not Found"})
	})
}
