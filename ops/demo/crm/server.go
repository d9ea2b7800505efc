package crm

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Faults is how badly the CRM behaves. Shares are of requests, 0 to 1.
type Faults struct {
	Seed uint64
	// Errors answers 500; half of them after the write was done.
	Errors float64
	// Resets cuts the connection; half of them after the write was done.
	Resets float64
	// Rate is how many requests a second are served before the CRM answers
	// 429 with Retry-After; zero: no limit.
	Rate int
}

// Server is a running CRM.
type Server struct {
	store  *store
	faults Faults
	token  string
	http   *http.Server
	addr   string

	mu     sync.Mutex
	rand   *rand.Rand
	bucket float64
	filled time.Time
	poison map[string]bool

	down                                     atomic.Bool
	requests, errors, resets, throttled, bad atomic.Int64
}

// Start serves a CRM on a free loopback port until Close. Requests must carry
// the bearer token.
func Start(token string, f Faults) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the CRM: %w", err)
	}
	s := &Server{
		store: newStore(), faults: f, token: token, addr: l.Addr().String(),
		rand: rand.New(rand.NewPCG(f.Seed, 3)), bucket: float64(f.Rate), filled: time.Now(),
		poison: map[string]bool{},
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(l) }() // ends with ErrServerClosed at Close
	return s, nil
}

// URL is where the CRM listens.
func (s *Server) URL() string { return "http://" + s.addr }

// SetDown makes the CRM cut every connection, until it is set up again.
func (s *Server) SetDown(down bool) { s.down.Store(down) }

// Poison makes the CRM refuse every write of that key with 422, until cured.
func (s *Server) Poison(key string, poisoned bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.poison[key] = poisoned
}

// Counts is what the CRM answered so far.
type Counts struct{ Requests, Errors, Resets, Throttled, Refused int64 }

// Counts returns the counters.
func (s *Server) Counts() Counts {
	return Counts{s.requests.Load(), s.errors.Load(), s.resets.Load(), s.throttled.Load(), s.bad.Load()}
}

// Close stops serving.
func (s *Server) Close(ctx context.Context) error { return s.http.Shutdown(ctx) }

// fate is what the dice say of one request.
type fate uint8

const (
	serve fate = iota
	errorBefore
	errorAfter
	resetBefore
	resetAfter
	throttle
)

func (s *Server) roll() fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.Rate > 0 {
		now := time.Now()
		s.bucket = min(float64(s.faults.Rate), s.bucket+now.Sub(s.filled).Seconds()*float64(s.faults.Rate))
		s.filled = now
		if s.bucket < 1 {
			return throttle
		}
		s.bucket--
	}
	x, half := s.rand.Float64(), s.rand.IntN(2)
	switch {
	case x < s.faults.Errors:
		return errorBefore + fate(half)
	case x < s.faults.Errors+s.faults.Resets:
		return resetBefore + fate(half)
	}
	return serve
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	if s.down.Load() {
		panic(http.ErrAbortHandler) // net/http cuts the connection
	}
	if s.token != "" && r.Header.Get("Authorization") != "Bearer "+s.token {
		http.Error(w, `{"error": "unknown token"}`, http.StatusUnauthorized)
		return
	}
	at, fields, problem := parse(r)
	if problem != "" {
		s.bad.Add(1)
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	poisoned := s.poison[at.key]
	s.mu.Unlock()
	if poisoned {
		s.bad.Add(1)
		http.Error(w, `{"error": "the record is refused: field full_name has a forbidden value"}`, http.StatusUnprocessableEntity)
		return
	}
	f := s.roll()
	switch f {
	case throttle:
		s.throttled.Add(1)
		w.Header().Set("Retry-After", "1")
		http.Error(w, `{"error": "slow down"}`, http.StatusTooManyRequests)
		return
	case errorBefore, errorAfter:
		s.errors.Add(1)
	case resetBefore, resetAfter:
		s.resets.Add(1)
	}
	var a answer
	if f != errorBefore && f != resetBefore {
		a = s.store.write(r.Method, r.Header.Get("Idempotency-Key"), at, fields)
	}
	switch f {
	case errorBefore, errorAfter:
		http.Error(w, `{"error": "internal error"}`, http.StatusInternalServerError)
	case resetBefore, resetAfter:
		panic(http.ErrAbortHandler)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body) // the client may be gone
	}
}

// parse reads "/{kind}" and "/{kind}/{key}" and the body. A POST has its key in
// the field "external_id".
func parse(r *http.Request) (recordKey, map[string]any, string) {
	kind, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	at := recordKey{kind, key}
	if r.Method == http.MethodDelete {
		return at, nil, ""
	}
	var fields map[string]any
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		return at, nil, `{"error": "the body is no JSON object"}`
	}
	id, _ := fields["external_id"].(string)
	if at.key == "" {
		at.key = id
	}
	if id == "" || at.key != id {
		return at, nil, `{"error": "external_id is missing or not the one in the path"}`
	}
	return at, fields, ""
}
