package accounts

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Server is the API before a book: PUT and DELETE of /accounts/NUMBER.
type Server struct {
	book   *Book
	http   *http.Server
	addr   string
	writes atomic.Int64
}

// Serve serves the book on a free loopback port until Close.
func Serve(b *Book) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the API of the accounts of %s: %w", b.System, err)
	}
	s := &Server{book: b, addr: l.Addr().String()}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(l) }() // ends with ErrServerClosed at Close
	return s, nil
}

// URL is where it listens.
func (s *Server) URL() string { return "http://" + s.addr }

// Writes is how many it has taken.
func (s *Server) Writes() int64 { return s.writes.Load() }

// Close stops serving.
func (s *Server) Close(ctx context.Context) error { return s.http.Shutdown(ctx) }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	number, ours := strings.CutPrefix(r.URL.Path, "/accounts/")
	if !ours || number == "" {
		http.NotFound(w, r)
		return
	}
	var err error
	switch r.Method {
	case http.MethodDelete:
		err = s.book.remove(r.Context(), number)
	case http.MethodPut:
		var fields map[string]string
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&fields); err != nil {
			http.Error(w, `{"error": "the body is no JSON object of texts"}`, http.StatusBadRequest)
			return
		}
		var a Account
		for i, f := range Fields {
			a[i] = fields[f.Name]
		}
		err = s.book.put(r.Context(), number, a)
	default:
		http.Error(w, `{"error": "PUT or DELETE"}`, http.StatusMethodNotAllowed)
		return
	}
	if err != nil {
		http.Error(w, `{"error": "the database did not take it"}`, http.StatusInternalServerError)
		return
	}
	s.writes.Add(1)
	w.WriteHeader(http.StatusNoContent)
}
