package api

import (
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/sinks"
)

func TestOutcomes(t *testing.T) {
	type want struct {
		turn   turn
		class  sinks.Class
		action string
	}
	done := func(action string) want { return want{turn: turnDone, action: action} }
	fail := func(c sinks.Class) want { return want{turn: turnFail, class: c} }
	for _, c := range []struct {
		kind     kind
		status   int
		fallback bool
		header   string // Retry-After
		want     want
	}{
		{kindUpdate, 200, true, "", done("updated")},
		{kindUpdate, 202, true, "", done("updated")},
		{kindCreate, 201, true, "", done("created")},
		{kindUpsert, 201, false, "", done("created")},
		{kindUpsert, 200, false, "", done("updated")},
		{kindDelete, 204, false, "", done("deleted")},
		{kindDelete, 404, false, "", done("unchanged")},
		{kindDelete, 410, false, "", done("unchanged")},
		{kindUpdate, 404, true, "", want{turn: turnCreate}},
		{kindUpdate, 404, false, "", fail(sinks.Permanent)},
		{kindCreate, 409, true, "", want{turn: turnAgain}},
		{kindCreate, 409, false, "", fail(sinks.Permanent)},
		{kindCreate, 404, true, "", fail(sinks.Stop)},
		{kindUpsert, 404, false, "", fail(sinks.Stop)},
		{kindAgain, 404, false, "", fail(sinks.Permanent)},
		{kindAgain, 409, false, "", fail(sinks.Permanent)},
		{kindUpdate, 409, true, "", fail(sinks.Permanent)},
		{kindUpdate, 400, true, "", fail(sinks.Permanent)},
		{kindUpdate, 413, true, "", fail(sinks.Permanent)},
		{kindUpdate, 415, true, "", fail(sinks.Permanent)},
		{kindUpdate, 422, true, "", fail(sinks.Permanent)},
		{kindUpdate, 418, true, "", fail(sinks.Permanent)},
		{kindUpdate, 401, true, "", fail(sinks.Stop)},
		{kindUpdate, 403, true, "", fail(sinks.Stop)},
		{kindUpdate, 405, true, "", fail(sinks.Stop)},
		{kindUpdate, 301, true, "", fail(sinks.Stop)},
		{kindUpdate, 408, true, "", fail(sinks.Retry)},
		{kindUpdate, 425, true, "", fail(sinks.Retry)},
		{kindUpdate, 500, true, "", fail(sinks.Retry)},
		{kindUpdate, 502, true, "", fail(sinks.Retry)},
		{kindUpdate, 503, true, "", fail(sinks.Retry)},
		{kindUpdate, 503, true, "3", fail(sinks.Throttled)},
		{kindUpdate, 504, true, "", fail(sinks.Retry)},
		{kindUpdate, 429, true, "", fail(sinks.Throttled)},
		{kindUpdate, 501, true, "", fail(sinks.Stop)},
	} {
		h := http.Header{}
		if c.header != "" {
			h.Set("Retry-After", c.header)
		}
		o := outcomeOf(&answer{kind: c.kind, status: c.status, header: h}, c.fallback, time.Now())
		if got := (want{o.turn, o.class, o.action}); got != c.want {
			t.Errorf("%s answered %d (fallback %v): %+v, want %+v", kindNames[c.kind], c.status, c.fallback, got, c.want)
		}
	}
}

// Whatever the status, something is said about it; and what stops the sink says
// where to look and what to do.
func TestEveryStatusHasAnOutcome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := &answer{
			kind:   kind(rapid.IntRange(0, int(kindDelete)).Draw(t, "kind")),
			status: rapid.IntRange(0, 999).Draw(t, "status"), header: http.Header{},
		}
		a.header.Set("Retry-After", rapid.String().Draw(t, "after"))
		o := outcomeOf(a, rapid.Bool().Draw(t, "fallback"), time.Now())
		switch {
		case o.turn == turnFail && o.why == "":
			t.Fatal("no reason")
		case o.turn == turnFail && o.class == sinks.Stop && (o.cure == "" || o.where == ""):
			t.Fatal("stops without a place or a cure")
		case o.turn == turnDone && o.action == "":
			t.Fatal("no action")
		case o.turn == turnCreate && a.kind != kindUpdate, o.turn == turnAgain && a.kind != kindCreate:
			t.Fatalf("%s turns to %v: the sink could go round in circles", kindNames[a.kind], o.turn)
		case o.after < 0 || o.after > 24*time.Hour:
			t.Fatalf("waits for %v", o.after)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "999999": 24 * time.Hour,
		"Mon, 01 Jan 2024 00:01:00 GMT": time.Minute, "Sun, 31 Dec 2023 00:00:00 GMT": 0,
	} {
		if got := retryAfter(s, now); got != want {
			t.Errorf("Retry-After: %s is %v, want %v", s, got, want)
		}
	}
}
