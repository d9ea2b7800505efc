package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sluice/sinks"
)

const (
	// maxAnswer is how much of an answer is read for the id and the excerpt.
	maxAnswer = 1 << 20
	// maxDrain is how much more is read so that the connection can be used
	// again.
	maxDrain = 1 << 20
	// maxIdle is how many connections are kept: more than the writes that the
	// engine has under way.
	maxIdle = 1024
)

// Sink writes to one REST API. It is safe for concurrent use.
type Sink struct {
	name    string
	base    string
	header  http.Header
	idem    string
	timeout time.Duration
	id      pointer
	secrets *strings.Replacer
	client  *http.Client
	log     *slog.Logger

	create, update, upsert, remove *request
}

// Open compiles the templates and prepares the connections; it sends nothing.
// The configuration is checked; its defaults are applied.
func (c Config) Open(name string, log *slog.Logger) (*Sink, error) {
	// The blocks are shared with the caller's Config; its defaults are the same.
	c.Defaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	id, err := parsePointer(c.ID)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = maxIdle, maxIdle
	s := &Sink{
		name: name, base: strings.TrimSuffix(c.URL, "/"), idem: c.IdempotencyHeader,
		timeout: c.Timeout, id: id, secrets: c.secrets(), header: c.header(),
		log: log.With("sink", name, "target", c.URL),
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	for _, r := range c.requests() {
		if r.Request == nil {
			continue
		}
		q, err := compile(r.name, *r.Request)
		if err != nil {
			return nil, err
		}
		switch r.name {
		case "create":
			s.create = q
		case "update":
			s.update = q
		case "upsert":
			s.upsert = q
		case "delete":
			s.remove = q
		}
	}
	return s, nil
}

func (c *Config) header() http.Header {
	h := http.Header{"Accept": {"application/json"}, "User-Agent": {"sluice"}}
	for name, value := range c.Headers {
		h.Set(name, value)
	}
	switch {
	case c.Auth.Bearer != "":
		h.Set("Authorization", "Bearer "+c.Auth.Bearer)
	case c.Auth.APIKey != nil:
		h.Set(c.Auth.APIKey.Header, c.Auth.APIKey.Value)
	case c.Auth.Basic != nil:
		pair := c.Auth.Basic.Username + ":" + c.Auth.Basic.Password
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	return h
}

// Close frees the connections.
func (s *Sink) Close(context.Context) error {
	s.client.CloseIdleConnections()
	return nil
}

// Write writes the deliveries one after another. One that fails is named in a
// *sinks.BatchError and the others are written all the same, unless nothing more
// can be: then they fail with it.
func (s *Sink) Write(ctx context.Context, batch []*sinks.Delivery) error {
	if len(batch) == 1 {
		if e := s.deliver(ctx, batch[0]); e != nil {
			return e
		}
		return nil
	}
	failed := map[int]error{}
	for i, d := range batch {
		e := s.deliver(ctx, d)
		if e == nil {
			continue
		}
		failed[i] = e
		if e.Class != sinks.Permanent {
			for j := i + 1; j < len(batch); j++ {
				failed[j] = e
			}
			break
		}
	}
	if len(failed) > 0 {
		return &sinks.BatchError{Failed: failed}
	}
	return nil
}

// deliver brings one delivery to the target, by the way that doc.go draws.
func (s *Sink) deliver(ctx context.Context, d *sinks.Delivery) *sinks.Error {
	v := newView(d)
	switch {
	case len(d.Key) == 0:
		// "/customers/" would be all of them.
		return &sinks.Error{Class: sinks.Permanent, Err: errors.New("the record has no key")}
	case d.Deletion() && s.remove == nil:
		return &sinks.Error{Class: sinks.Permanent, Err: errors.New("a deletion, but no delete is configured")}
	}
	k := kindUpdate
	switch {
	case d.Deletion():
		k = kindDelete
	case s.upsert != nil:
		k = kindUpsert
	case s.update == nil:
		k = kindCreate
	}
	for {
		a, err := s.send(ctx, k, v)
		if err != nil {
			return err
		}
		fallback := k == kindUpdate && s.create != nil || k == kindCreate && s.update != nil
		o := outcomeOf(a, fallback, time.Now())
		switch o.turn {
		case turnDone:
			d.Receipt = sinks.Receipt{Action: o.action, DestinationID: s.id.find(a.body), Status: fmt.Sprint(a.status)}
			return nil
		case turnCreate:
			k = kindCreate
		case turnAgain:
			k = kindAgain
		default:
			return s.failure(a, o)
		}
	}
}

func (s *Sink) request(k kind) (*request, string) {
	// The requests of one delivery have keys of their own: a target that
	// remembers the answer to a key would give the update's 404 to the create.
	switch k {
	case kindCreate:
		return s.create, "-create"
	case kindAgain:
		return s.update, "-again"
	case kindUpsert:
		return s.upsert, ""
	case kindDelete:
		return s.remove, ""
	default:
		return s.update, ""
	}
}

// send sends one request and reads its whole answer.
func (s *Sink) send(ctx context.Context, k kind, v *view) (*answer, *sinks.Error) {
	r, suffix := s.request(k)
	path, body, err := r.render(v)
	if err != nil {
		return nil, &sinks.Error{Class: sinks.Permanent, Err: fmt.Errorf("rendering %s: %w", r.name, err)}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, s.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, &sinks.Error{Class: sinks.Permanent, Err: fmt.Errorf("rendering %s: its path %q is no address", r.name, path)}
	}
	// Without this the transport would send a write again on its own when a
	// connection breaks; the engine decides about retries.
	req.GetBody = nil
	req.Header = s.header.Clone()
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	} else {
		req.Body, req.ContentLength = nil, 0
	}
	req.Header.Set(s.idem, v.d.IdempotencyKey+suffix)

	resp, err := s.client.Do(req)
	if err != nil {
		return nil, s.broken(r, "asking", err)
	}
	defer resp.Body.Close()
	a := &answer{kind: k, status: resp.StatusCode, header: resp.Header}
	if a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err == nil {
		_, err = io.CopyN(io.Discard, resp.Body, maxDrain)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		// Cut off. Whether the target took it is not known; the same request
		// under the same idempotency key finds out.
		return nil, s.broken(r, "reading the answer of", err)
	}
	return a, nil
}

// broken makes the error of a request that got no whole answer: network, time
// out, reset, truncation. All of them may pass.
func (s *Sink) broken(r *request, doing string, err error) *sinks.Error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the address, whose query may hold a secret
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no whole answer within %v: %w", s.timeout, err)
	}
	return &sinks.Error{Class: sinks.Retry, Err: fmt.Errorf("%s %s of the target: %w", doing, r.name, s.clean(err))}
}

// where is the place of a path of the api block in the whole configuration.
func (s *Sink) where(path string) string {
	return strings.TrimSuffix("sinks."+s.name+".api."+path, ".")
}

var _ sinks.Sink = (*Sink)(nil)
