package crm

import (
	"encoding/json"
	"strconv"
	"sync"
)

// Record is one record of the CRM.
type Record struct {
	ID     string
	Fields map[string]any
}

type recordKey struct{ kind, key string }

type answer struct {
	status int
	body   []byte
}

// store is the CRM's data. key is the record's number in the system it came
// from, the CRM's "external id"; the CRM does not keep it unique.
type store struct {
	mu      sync.Mutex
	nextID  int
	records map[recordKey][]Record
	// answered remembers the answer to each Idempotency-Key.
	answered map[string]answer
	// applied counts how often each Idempotency-Key changed the data.
	applied map[string]int
}

func newStore() *store {
	return &store{records: map[recordKey][]Record{}, answered: map[string]answer{}, applied: map[string]int{}}
}

// write does one request and remembers the answer under its idempotency key.
func (s *store) write(method, idempotency string, at recordKey, fields map[string]any) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, seen := s.answered[idempotency]; seen && idempotency != "" {
		return a
	}
	a, changed := s.apply(method, at, fields)
	if idempotency != "" {
		s.answered[idempotency] = a
		if changed {
			s.applied[idempotency]++
		}
	}
	return a
}

func (s *store) apply(method string, at recordKey, fields map[string]any) (a answer, changed bool) {
	have := s.records[at]
	switch {
	case method == "POST":
		s.nextID++
		r := Record{ID: strconv.Itoa(s.nextID), Fields: fields}
		s.records[at] = append(have, r)
		return say(201, map[string]any{"id": r.ID}), true
	case len(have) == 0:
		return say(404, map[string]any{"error": "no such record"}), false
	case method == "DELETE":
		delete(s.records, at)
		return answer{status: 204}, true
	default:
		have[0].Fields = fields
		return say(200, map[string]any{"id": have[0].ID}), true
	}
}

func say(status int, body map[string]any) answer {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // maps of strings always marshal
	}
	return answer{status, b}
}

// Records returns the records of a kind by their external key. More than one
// under a key means that the CRM was told to create it twice.
func (s *Server) Records(kind string) map[string][]Record {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	out := map[string][]Record{}
	for at, rs := range s.store.records {
		if at.kind == kind {
			out[at.key] = append([]Record(nil), rs...)
		}
	}
	return out
}

// Repeats is how many times a write changed data under an Idempotency-Key that
// had changed data before. It must be zero.
func (s *Server) Repeats() int {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	n := 0
	for _, times := range s.store.applied {
		n += times - 1
	}
	return n
}
