package sinktest

import (
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Server is a REST API with a store of its own. POST /records creates, by the
// field "id" of the JSON body; PUT and PATCH /records/KEY replace; DELETE
// /records/KEY deletes; GET /records/KEY shows. The field "version", an integer,
// is noted in the history. Every write is atomic. It is safe for concurrent use.
type Server struct {
	URL string

	http *httptest.Server

	mu       sync.Mutex
	store    store
	rand     *rand.Rand
	faults   Faults
	script   []Fault
	refused  map[string]int
	down     bool
	forbid   bool
	lose     int
	requests int
	writing  map[string]bool
	overlaps []string
}

// NewServer starts a server that behaves well; it ends with the test. The seed
// decides which faults come by chance.
func NewServer(t testing.TB, seed uint64) *Server {
	s := &Server{
		store: newStore(), rand: rand.New(rand.NewPCG(seed, 1)),
		refused: map[string]int{}, writing: map[string]bool{},
	}
	s.http = httptest.NewServer(s)
	s.URL = s.http.URL
	t.Cleanup(s.http.Close)
	return s
}

// SetFaults sets the faults that come by chance.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Script sets the faults of the next writes, one each; they come before chance.
func (s *Server) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, faults...)
}

// Refuse answers every write of the key with the status; 0 takes it again.
func (s *Server) Refuse(key string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status == 0 {
		delete(s.refused, key)
		return
	}
	s.refused[key] = status
}

// LoseAnswers breaks the connection after each of the next n writes that are
// applied, or were before.
func (s *Server) LoseAnswers(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = n
}

// Forbid answers every write with 401.
func (s *Server) Forbid(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forbid = on
}

// SetDown begins or ends an outage: connections are accepted and broken.
func (s *Server) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// Get returns the fields of a record; false if there is none.
func (s *Server) Get(key string) (map[string]any, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.store.records[key]
	return maps.Clone(f), ok
}

// Version returns the version of a record; false if there is none.
func (s *Server) Version(key string) (int64, bool) {
	f, ok := s.Get(key)
	if !ok {
		return 0, false
	}
	return versionOf(f), true
}

// Keys returns the keys of all records, sorted.
func (s *Server) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store.keys()
}

// History returns the versions of the key that were applied, in their order;
// Deleted stands for a deletion.
func (s *Server) History(key string) []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.store.history[key])
}

// Requests is how many writes came in, faults included; Repeats how many of them
// were answered from the memory of idempotency keys.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Repeats is how often a write came again; see Requests.
func (s *Server) Repeats() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store.repeats
}

// Overlaps returns the keys of which two writes were under way at once.
func (s *Server) Overlaps() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.overlaps)
}

// ServeHTTP serves the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		reset() // the client went away
	}
	key, ok := strings.CutPrefix(r.URL.EscapedPath(), "/records/")
	if key, err = url.PathUnescape(key); err != nil || !ok && r.URL.Path != "/records" {
		answer(w, http.StatusNotFound, `{"error":"no such path"}`)
		return
	}
	if r.Method == http.MethodGet {
		s.show(w, key)
		return
	}
	var fields map[string]any
	if r.Method != http.MethodDelete {
		dec := json.NewDecoder(strings.NewReader(string(body)))
		dec.UseNumber()
		if dec.Decode(&fields) != nil {
			answer(w, http.StatusBadRequest, `{"error":"the body is no JSON object"}`)
			return
		}
	}
	if r.Method == http.MethodPost {
		key, _ = fields["id"].(string)
	}
	s.write(w, r, key, fields)
}

func (s *Server) show(w http.ResponseWriter, key string) {
	f, ok := s.Get(key)
	if !ok {
		answer(w, http.StatusNotFound, `{"error":"no such record"}`)
		return
	}
	b, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	answer(w, http.StatusOK, string(b))
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, key string, fields map[string]any) {
	fault, set, refused, down := s.enter(key)
	defer s.leave(key)
	if down {
		reset()
	}
	if fault.before(w, r, set) {
		return
	}
	if refused != 0 {
		answer(w, refused, `{"error":"this record is refused"}`)
		return
	}
	s.mu.Lock()
	status, body := s.store.apply(r.Method, key, r.Header.Get("Idempotency-Key"), fields, versionOf(fields))
	lose := s.lose > 0 && status < 300
	if lose {
		s.lose--
	}
	s.mu.Unlock()
	if lose {
		reset()
	}
	if body != "" {
		fault.after(w, body)
	} else if fault == ResetAfter || fault == Truncate {
		reset()
	}
	answer(w, status, body)
}

// enter notes a write and draws its fault.
func (s *Server) enter(key string) (fault Fault, set Faults, refused int, down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.writing[key] {
		s.overlaps = append(s.overlaps, key)
	}
	s.writing[key] = true
	if len(s.script) > 0 {
		fault, s.script = s.script[0], s.script[1:]
	} else {
		fault = s.faults.draw(s.rand)
	}
	refused = s.refused[key]
	if s.forbid {
		refused = http.StatusUnauthorized
	}
	return fault, s.faults, refused, s.down
}

func (s *Server) leave(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.writing, key)
}

func versionOf(fields map[string]any) int64 {
	n, ok := fields["version"].(json.Number)
	if !ok {
		return 0
	}
	v, err := n.Int64()
	if err != nil {
		return 0
	}
	return v
}
