package sinktest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// Deleted stands for a deletion in a history.
const Deleted int64 = -1

// store is what the target has, and how it came to have it.
type store struct {
	records map[string]map[string]any
	ids     map[string]string
	history map[string][]int64
	memory  map[string]remembered
	// repeats counts requests that were answered from memory.
	repeats int
}

type remembered struct {
	what   string
	status int
	body   string
}

func newStore() store {
	return store{
		records: map[string]map[string]any{}, ids: map[string]string{},
		history: map[string][]int64{}, memory: map[string]remembered{},
	}
}

// apply does one request and returns the answer. A request that comes again
// under the same idempotency key gets the first one's answer and has no effect;
// one that differs under the same key is refused.
func (s *store) apply(method, key, idem string, fields map[string]any, version int64) (int, string) {
	what := method + " " + key + fmt.Sprint(" ", version)
	if m, ok := s.memory[idem]; ok && idem != "" {
		if m.what != what {
			return http.StatusUnprocessableEntity, `{"error":"this idempotency key belongs to another request"}`
		}
		s.repeats++
		return m.status, m.body
	}
	status, body := s.change(method, key, fields, version)
	if idem != "" {
		s.memory[idem] = remembered{what, status, body}
	}
	return status, body
}

func (s *store) change(method, key string, fields map[string]any, version int64) (int, string) {
	_, there := s.records[key]
	switch {
	case method == http.MethodDelete && there:
		delete(s.records, key)
		s.history[key] = append(s.history[key], Deleted)
		return http.StatusNoContent, ""
	case method == http.MethodPost && there:
		return http.StatusConflict, `{"error":"it is there already"}`
	case method != http.MethodPost && !there:
		return http.StatusNotFound, `{"error":"no such record"}`
	}
	status := http.StatusOK
	if method == http.MethodPost {
		status = http.StatusCreated
		s.ids[key] = fmt.Sprintf("T%06d", len(s.ids)+1)
	}
	s.records[key] = maps.Clone(fields)
	s.history[key] = append(s.history[key], version)
	return status, fmt.Sprintf(`{"id":%q,"version":%d}`, s.ids[key], version)
}

func (s *store) keys() []string { return slices.Sorted(maps.Keys(s.records)) }
