package sinktest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func send(t *testing.T, s *Server, method, path, idem string, version int) (int, string, error) {
	t.Helper()
	body := ""
	if method != http.MethodDelete {
		body = fmt.Sprintf(`{"id":"a","version":%d}`, version)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Idempotency-Key", idem)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func TestServerRemembersIdempotencyKeys(t *testing.T) {
	s := NewServer(t, 1)
	for _, c := range []struct {
		method, path, idem string
		version, status    int
	}{
		{"PUT", "/records/a", "1", 1, 404},
		{"POST", "/records", "1-create", 1, 201},
		{"POST", "/records", "1-create", 1, 201}, // again: no effect
		{"POST", "/records", "other", 1, 409},
		{"PUT", "/records/a", "1-create", 2, 422}, // another request under a used key
		{"PUT", "/records/a", "2", 2, 200},
		{"PUT", "/records/a", "2", 2, 200},
		{"DELETE", "/records/a", "3", 0, 204},
		{"DELETE", "/records/a", "3", 0, 204},
		{"DELETE", "/records/a", "4", 0, 404},
		{"PUT", "/elsewhere", "5", 1, 404},
	} {
		status, body, err := send(t, s, c.method, c.path, c.idem, c.version)
		if err != nil || status != c.status {
			t.Errorf("%s %s under %q: %d %s %v, want %d", c.method, c.path, c.idem, status, body, err, c.status)
		}
	}
	if got, want := s.History("a"), []int64{1, 2, Deleted}; !slices.Equal(got, want) {
		t.Errorf("history %v, want %v", got, want)
	}
	if s.Repeats() != 3 {
		t.Errorf("%d repeats, want 3", s.Repeats())
	}
}

func TestServerFaults(t *testing.T) {
	for _, c := range []struct {
		fault   Fault
		status  int // 0: no whole answer
		applied bool
	}{
		{None, 201, true},
		{Slow, 201, true},
		{ResetBefore, 0, false},
		{ResetAfter, 0, true},
		{Throttle, 429, false},
		{ThrottleDate, 429, false},
		{Unavailable, 503, false},
		{Internal, 500, false},
		{Truncate, 0, true},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			s := NewServer(t, 1)
			s.SetFaults(Faults{Delay: time.Millisecond, Patience: time.Second})
			s.Script(c.fault)
			status, _, err := send(t, s, "POST", "/records", "1", 1)
			if whole := c.status != 0; whole != (err == nil) || whole && status != c.status {
				t.Errorf("%d %v, want %d", status, err, c.status)
			}
			if _, there := s.Get("a"); there != c.applied {
				t.Errorf("applied: %v, want %v", there, c.applied)
			}
		})
	}
}

func TestServerOutageAndRefusals(t *testing.T) {
	s := NewServer(t, 1)
	s.SetDown(true)
	if _, _, err := send(t, s, "POST", "/records", "1", 1); err == nil {
		t.Error("an answer in an outage")
	}
	s.SetDown(false)
	s.Refuse("a", 422)
	if status, _, _ := send(t, s, "POST", "/records", "1", 1); status != 422 {
		t.Errorf("%d for a refused key", status)
	}
	s.Refuse("a", 0)
	s.Forbid(true)
	if status, _, _ := send(t, s, "POST", "/records", "1", 1); status != 401 {
		t.Errorf("%d when forbidden", status)
	}
	s.Forbid(false)
	s.LoseAnswers(1)
	if _, _, err := send(t, s, "POST", "/records", "1", 1); !errors.Is(err, io.EOF) {
		t.Errorf("a lost answer gave %v", err)
	}
	if status, _, err := send(t, s, "POST", "/records", "1", 1); status != 201 || err != nil {
		t.Errorf("the repeat gave %d %v", status, err)
	}
	if !slices.Equal(s.Keys(), []string{"a"}) || !slices.Equal(s.History("a"), []int64{1}) {
		t.Errorf("the store has %v, %v", s.Keys(), s.History("a"))
	}
}

func TestFaultsComeByTheSeed(t *testing.T) {
	draw := func(seed uint64) (fs []Fault) {
		s := NewServer(t, seed)
		s.SetFaults(Faults{Chance: map[Fault]float64{Slow: 0.2, Internal: 0.2, Truncate: 0.2}})
		for range 200 {
			f, _, _, _ := s.enter("a")
			s.leave("a")
			fs = append(fs, f)
		}
		return fs
	}
	a := draw(1)
	if !slices.Equal(a, draw(1)) {
		t.Error("one seed gave two sequences")
	}
	if slices.Equal(a, draw(2)) {
		t.Error("two seeds gave one sequence")
	}
	for _, f := range []Fault{None, Slow, Internal, Truncate} {
		if !slices.Contains(a, f) {
			t.Errorf("%q never came", f)
		}
	}
}
