package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/schemas"
	"sluice/sinks"
)

// kind is which of the requests an answer belongs to.
type kind uint8

const (
	kindUpdate kind = iota
	kindCreate
	// kindAgain is the update after a create that met a conflict.
	kindAgain
	kindUpsert
	kindDelete
)

var kindNames = [...]string{"update", "create", "update again", "upsert", "delete"}

// answer is what the target said.
type answer struct {
	kind   kind
	status int
	header http.Header
	body   []byte // up to the limit
}

// turn is what the sink does next.
type turn uint8

const (
	turnDone turn = iota
	// turnCreate: the record is not there, create it.
	turnCreate
	// turnAgain: the record is there by now, update it.
	turnAgain
	// turnFail: the outcome's class says what the engine does.
	turnFail
)

// outcome is the meaning of an answer.
type outcome struct {
	turn   turn
	action string
	class  sinks.Class
	after  time.Duration
	why    string
	cure   string // for Stop
	where  string // for Stop: the place in the api block
}

// outcomeOf is the one table of what an answer means. fallback says that the
// sink has another request to turn to.
func outcomeOf(a *answer, fallback bool, now time.Time) outcome {
	after := retryAfter(a.header.Get("Retry-After"), now)
	fail := func(c sinks.Class, why string) outcome {
		return outcome{turn: turnFail, class: c, after: after, why: why}
	}
	stop := func(where, why, cure string) outcome {
		return outcome{turn: turnFail, class: sinks.Stop, why: why, where: where, cure: cure}
	}
	path := strings.Fields(kindNames[a.kind])[0] + ".path"
	switch s := a.status; {
	case s >= 200 && s < 300:
		// Taken. 202 too: the target has promised to apply it.
		return outcome{turn: turnDone, action: action(a)}

	case s == http.StatusNotFound, s == http.StatusGone:
		switch {
		case a.kind == kindDelete:
			// Nobody has it: what the deletion wanted. A retry of a deletion
			// whose answer was lost comes here too.
			return outcome{turn: turnDone, action: "unchanged"}
		case a.kind == kindUpdate && fallback:
			// Not there yet.
			return outcome{turn: turnCreate}
		case a.kind == kindCreate, a.kind == kindUpsert:
			// Creating needs no record to be there, so the path is wrong, for
			// every record alike.
			return stop(path, "the target knows no such path", "mend the path or the url")
		case a.kind == kindAgain:
			// It can neither be updated nor created: its key is taken by
			// another record of the target.
			return fail(sinks.Permanent, "the target has no such record, yet refuses to create it (404 after 409)")
		default:
			// No create is configured: only records that exist are written.
			return fail(sinks.Permanent, "the target has no such record and no create is configured")
		}
	case s == http.StatusConflict && a.kind == kindCreate && fallback:
		// It was made between the update and the create.
		return outcome{turn: turnAgain}

	case s == http.StatusTooManyRequests:
		// A rate limit: the target is well.
		return fail(sinks.Throttled, "the target asks for patience")
	case s == http.StatusServiceUnavailable && after > 0:
		// Busy or in maintenance, and it says until when.
		return fail(sinks.Throttled, "the target is not available for a while")

	case s == http.StatusRequestTimeout, // the target did not read the request in time
		s == http.StatusLocked,   // someone else holds the record for now
		s == http.StatusTooEarly: // it fears a replay of early data; a later request has none
		return fail(sinks.Retry, "the target could not take the request now")

	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		// Every record would be refused alike.
		return stop("auth", "the target refuses the credentials", "mend the secret or its rights at the target")
	case s == http.StatusProxyAuthRequired:
		return stop("url", "a proxy on the way wants credentials", "mend the proxy's settings")
	case s == http.StatusPaymentRequired:
		return stop("url", "the target wants to be paid first", "ask whoever runs the account")
	case s == http.StatusMethodNotAllowed:
		// The path takes no such method, for any record.
		return stop(strings.TrimSuffix(path, "path")+"method", "the target does not take this method here", "mend the method")
	case s == http.StatusUpgradeRequired:
		return stop("url", "the target wants another protocol", "mend the url, https for instance")
	case s == http.StatusNotImplemented, s == http.StatusHTTPVersionNotSupported, s == http.StatusNetworkAuthenticationRequired:
		// The server, or a gate in front of it, will not do this for any record.
		return stop("url", "the target does not do this at all", "mend the url and the method")

	case s >= 300 && s < 400:
		// Redirects are not followed: a write sent on to another place could
		// carry the credentials there, and some turn into a GET.
		return stop("url", "the target redirects to another place"+location(a.header), "write the final address in url")
	case s >= 400 && s < 500:
		// 400, 409, 412, 413, 415, 422 and what else the record is at fault
		// for: the same bytes would be refused again.
		return fail(sinks.Permanent, "the target refuses the record")
	case s >= 500 && s < 600:
		// 500, 502, 503, 504 and what proxies invented: it may pass.
		return fail(sinks.Retry, "the target failed")
	}
	// Not HTTP as we know it.
	return stop("url", "the target gave an answer that is no HTTP status", "look at what listens there")
}

// action is what a taken request did.
func action(a *answer) string {
	switch a.kind {
	case kindCreate:
		return "created"
	case kindDelete:
		return "deleted"
	case kindUpsert:
		if a.status == http.StatusCreated {
			return "created"
		}
	}
	return "updated"
}

func location(h http.Header) string {
	at := h.Get("Location")
	if at == "" {
		return ""
	}
	at, _, _ = strings.Cut(at, "?") // a query may hold secrets
	return " (" + at + ")"
}

// retryAfter reads seconds or an HTTP date (RFC 9110, 10.2.3); 0: none, past,
// or nonsense. Longer than a day is taken for a day.
func retryAfter(s string, now time.Time) time.Duration {
	if s == "" {
		return 0
	}
	d := time.Duration(0)
	if n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31); err == nil {
		d = time.Duration(n) * time.Second
	} else if t, err := http.ParseTime(s); err == nil {
		d = t.Sub(now)
	}
	return min(max(d, 0), 24*time.Hour)
}

// failure makes the error of a failed outcome.
func (s *Sink) failure(a *answer, o outcome) *sinks.Error {
	e := &sinks.Error{
		Class: o.class, After: o.after,
		Status: strconv.Itoa(a.status), Answer: s.excerpt(a.body),
		Err: fmt.Errorf("%s answered %d: %s", kindNames[a.kind], a.status, o.why),
	}
	if o.class == sinks.Stop {
		f := &schemas.Fault{Where: s.where(o.where), What: e.Err.Error(), Cure: o.cure}
		if e.Answer != "" {
			f.Err = errors.New(e.Answer)
		}
		e.Err = f
		e.Answer = ""
	}
	return e
}
