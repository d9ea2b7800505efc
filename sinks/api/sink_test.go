package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/schemas"
	"sluice/sinks"
	"sluice/sinks/sinktest"
)

func records(url string) Config {
	return Config{
		URL:    url,
		Create: &Request{Path: "/records"},
		Update: &Request{Path: "/records/{{.Key | path}}"},
		Delete: &Request{Path: "/records/{{.Key | path}}"},
		ID:     "id",
	}
}

func open(t testing.TB, c Config) *Sink {
	t.Helper()
	s, err := c.Open("crm", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

func TestConformance(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sinktest.Harness {
		srv := sinktest.NewServer(t, 1)
		return sinktest.Harness{
			Sink: open(t, records(srv.URL)), Get: srv.Version, History: srv.History,
			LoseAnswer: srv.LoseAnswers, Down: srv.SetDown, Forbid: srv.Forbid,
			Refuse: func(key string, on bool) {
				if on {
					srv.Refuse(key, http.StatusUnprocessableEntity)
				} else {
					srv.Refuse(key, 0)
				}
			},
		}
	})
}

// serve is a target of one handler.
func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func write(s *Sink, d *sinks.Delivery) error {
	return s.Write(context.Background(), []*sinks.Delivery{d})
}

func TestRequestIsWhatTheTargetWasPromised(t *testing.T) {
	var got *http.Request
	var body []byte
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		_, _ = w.Write([]byte(`{"data":{"id":42}}`))
	})
	c := records(srv.URL + "/v1/")
	c.Auth.Bearer = "hunter22"
	c.Headers = map[string]string{"X-Source": "sluice"}
	c.ID = "/data/id"
	d := sinktest.State("a b", 7)
	if err := write(open(t, c), d); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer hunter22", "X-Source": "sluice", "Content-Type": "application/json",
		"Idempotency-Key": d.IdempotencyKey,
	} {
		if g := got.Header.Get(name); g != want {
			t.Errorf("header %s is %q, want %q", name, g, want)
		}
	}
	if got.Method != http.MethodPut || got.RequestURI != "/v1/records/a%20b" {
		t.Errorf("%s %s, want PUT /v1/records/a%%20b", got.Method, got.RequestURI)
	}
	want := `{"id":"a b","version":7,"name":"Ægir \"& Søn\"\n","amount":1234.56,"note":null}`
	if string(body) != want {
		t.Errorf("the body is\n%s, want\n%s", body, want)
	}
	if r := d.Receipt; r != (sinks.Receipt{Action: "updated", DestinationID: "42", Status: "200"}) {
		t.Errorf("the receipt is %+v", r)
	}
}

func TestKeysOfTheRequestsOfADelivery(t *testing.T) {
	var keys []string
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Method+" "+r.Header.Get("X-Once"))
		switch len(keys) {
		case 1:
			w.WriteHeader(http.StatusNotFound)
		case 2:
			w.WriteHeader(http.StatusConflict)
		}
	})
	c := records(srv.URL)
	c.IdempotencyHeader = "X-Once"
	s := open(t, c)
	d := sinktest.State("a", 1)
	d.IdempotencyKey = "K"
	if err := write(s, d); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(keys), "[PUT K POST K-create PUT K-again]"; got != want {
		t.Errorf("requests %v, want %v", got, want)
	}
	if d.Receipt.Action != "updated" {
		t.Errorf("action %q, want updated", d.Receipt.Action)
	}
}

func TestUpsertAlone(t *testing.T) {
	for status, action := range map[int]string{201: "created", 200: "updated", 204: "updated"} {
		var methods []string
		srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
			methods = append(methods, r.Method+r.URL.Path)
			w.WriteHeader(status)
		})
		d := sinktest.State("a", 1)
		s := open(t, Config{URL: srv.URL, Upsert: &Request{Path: "/things/{{.Key | path}}"}})
		if err := write(s, d); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(methods) != "[PUT/things/a]" || d.Receipt.Action != action {
			t.Errorf("status %d: requests %v, action %q", status, methods, d.Receipt.Action)
		}
		if e := sinks.Classify(write(s, sinktest.Deletion("a", 2))); e.Class != sinks.Permanent {
			t.Errorf("a deletion without a delete block is %v", e)
		}
	}
}

func TestTemplates(t *testing.T) {
	var path, body string
	srv := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		path, body = r.RequestURI, string(b)
	})
	c := Config{URL: srv.URL, Upsert: &Request{
		Method: http.MethodPost,
		Path:   `/{{.Entity | upper}}/{{.Key | path}}?name={{.Fields.name | query}}&at={{.Position | query}}`,
		Body:   `{"n":{{.Fields.name | json}},"sum":{{.Fields.amount}},"note":{{.Fields.note | default "-" | json}},"v":{{.Fields.version | json}}}`,
	}}
	s := open(t, c)
	if err := write(s, sinktest.State("Ä/1", 3)); err != nil {
		t.Fatal(err)
	}
	if want := "/THING/%C3%84%2F1?name=%C3%86gir+%22%26+S%C3%B8n%22%0A&at=0%2F3"; path != want {
		t.Errorf("path %s, want %s", path, want)
	}
	if want := `{"n":"Ægir \"& Søn\"\n","sum":1234.56,"note":"-","v":3}`; body != want {
		t.Errorf("body %s, want %s", body, want)
	}

	for what, b := range map[string]string{
		"not valid JSON": `{"n":{{.Fields.name}}}`,
		"no_such":        `{"n":{{.Fields.no_such | json}}}`,
	} {
		c.Upsert = &Request{Path: "/x", Body: b}
		e := sinks.Classify(write(open(t, c), sinktest.State("a", 1)))
		if e.Class != sinks.Permanent || !strings.Contains(e.Error(), what) {
			t.Errorf("body %s gave %v %v, want permanent and %q", b, e.Class, e, what)
		}
	}
	c.Upsert = &Request{Path: "/x/{{.Key}}"}
	if e := sinks.Classify(write(open(t, c), sinktest.State("a b", 1))); e.Class != sinks.Permanent {
		t.Errorf("an unescaped path gave %v %v, want permanent", e.Class, e)
	}
	if e := sinks.Classify(write(open(t, c), sinktest.State("", 1))); e.Class != sinks.Permanent {
		t.Errorf("an empty key gave %v %v, want permanent", e.Class, e)
	}
}

func TestNoSecretEverShows(t *testing.T) {
	const token, header = "s3cr3t-token/x", "another=secret"
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://else/where?token="+token)
		status := 422
		_, _ = fmt.Sscanf(r.URL.Path, "/records/%d", &status)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(strings.Repeat("x", 500) + " you sent " + r.Header.Get("Authorization") + " and " + r.Header.Get("X-Api-Key")))
	})
	c := records(srv.URL)
	c.Auth.Bearer = token
	c.Headers = map[string]string{"X-Api-Key": header}
	var log strings.Builder
	s, err := c.Open("crm", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	for _, status := range []string{"400", "401", "422", "500", "307"} {
		e := sinks.Classify(write(s, sinktest.State(status, 1)))
		all := fmt.Sprintf("%v %+v %s %s", e, e, e.Answer, log.String())
		if strings.Contains(all, "s3cr3t") || strings.Contains(all, "another=") {
			t.Errorf("status %s shows a secret: %s", status, all)
		}
		if len(e.Answer) > maxExcerpt+len("…") {
			t.Errorf("status %s keeps %d bytes of the answer", status, len(e.Answer))
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", c.Auth, c.Auth, c.Auth); strings.Contains(text, "s3cr3t") {
		t.Errorf("printing the configuration shows a secret: %s", text)
	}
	// A connection that fails shows the path's query nowhere.
	c.URL = "http://" + closedPort(t)
	c.Update.Path = "/records?token=" + token
	e := sinks.Classify(write(open(t, c), sinktest.State("a", 1)))
	if e.Class != sinks.Retry || strings.Contains(e.Error(), "s3cr3t") {
		t.Errorf("a refused connection gave %v %v", e.Class, e)
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestBrokenAnswersAreTriedAgain(t *testing.T) {
	srv := sinktest.NewServer(t, 1)
	c := records(srv.URL)
	c.Timeout = 50 * time.Millisecond
	s := open(t, c)
	srv.SetFaults(sinktest.Faults{Delay: time.Minute})
	for _, f := range []sinktest.Fault{sinktest.Slow, sinktest.ResetBefore, sinktest.ResetAfter, sinktest.Truncate, sinktest.Internal, sinktest.Unavailable} {
		srv.Script(f)
		if e := sinks.Classify(write(s, sinktest.State("a", 1))); e.Class != sinks.Retry {
			t.Errorf("%s gave %v %v, want retry", f, e.Class, e)
		}
	}
	srv.SetFaults(sinktest.Faults{Patience: 30 * time.Second})
	for _, f := range []sinktest.Fault{sinktest.Throttle, sinktest.ThrottleDate} {
		srv.Script(f)
		if e := sinks.Classify(write(s, sinktest.State("a", 1))); e.Class != sinks.Throttled || e.After < 20*time.Second || e.After > 30*time.Second {
			t.Errorf("%s gave %v after %v, want throttled for about 30s", f, e.Class, e.After)
		}
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var opened atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/bad") {
			w.WriteHeader(422)
		}
		_, _ = w.Write([]byte(strings.Repeat("x", maxAnswer+1000))) // more than is kept
	}))
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	s := open(t, records(srv.URL))
	for i := range 20 {
		key := "good"
		if i%2 == 0 {
			key = "bad"
		}
		_ = write(s, sinktest.State(key, int64(i)))
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 20 writes one after another, want 1", n)
	}
}

func TestJSONOfAnswersIsNoProblem(t *testing.T) {
	for _, doc := range []string{"", "null", "[]", "{", `{"id":null}`, `{"id":{}}`, "no json"} {
		if id := (pointer{"id"}).find([]byte(doc)); id != "" {
			t.Errorf("found id %q in %q", id, doc)
		}
	}
	if id := (pointer{"a", "1", "id"}).find([]byte(`{"a":[{},{"id":12345678901234567890}]}`)); id != "12345678901234567890" {
		t.Errorf("found id %q", id)
	}
}

func TestValidateNamesThePlace(t *testing.T) {
	for where, spoil := range map[string]func(*Config){
		"url":                 func(c *Config) { c.URL = "crm.example.com" },
		"auth":                func(c *Config) { c.Auth = Auth{Bearer: "x", Basic: &Basic{Username: "u"}} },
		"auth.bearer":         func(c *Config) { c.Auth.Bearer = "a\nb" },
		"auth.api_key.header": func(c *Config) { c.Auth.APIKey = &Key{Header: "a b", Value: "x"} },
		"auth.api_key.value":  func(c *Config) { c.Auth.APIKey = &Key{Header: "X"} },
		"auth.basic.username": func(c *Config) { c.Auth.Basic = &Basic{Password: "x"} },
		"headers.a b":         func(c *Config) { c.Headers = map[string]string{"a b": "x"} },
		"timeout":             func(c *Config) { c.Timeout = -1 },
		"update":              func(c *Config) { c.Create, c.Update = nil, nil },
		"upsert":              func(c *Config) { c.Upsert = &Request{Method: "PUT", Path: "/x"} },
		"create.method":       func(c *Config) { c.Create.Method = "GET" },
		"create.path":         func(c *Config) { c.Create.Path = "records" },
		"update.path":         func(c *Config) { c.Update.Path = "/{{.Key | nope}}" },
		"delete.body":         func(c *Config) { c.Delete.Body = "{{" },
		"id":                  func(c *Config) { c.ID = "a..b" },
		"idempotency_header":  func(c *Config) { c.IdempotencyHeader = "a b" },
	} {
		c := records("http://localhost:1")
		c.Defaults()
		spoil(&c)
		err := c.Validate()
		var f *schemas.Fault
		if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) == 1 {
			f, _ = joined.Unwrap()[0].(*schemas.Fault)
		}
		if f == nil || f.Where != where || f.Cure == "" {
			t.Errorf("%s: got %v", where, err)
		}
	}
	c := records("http://user:p4ssw0rd@localhost:1")
	if err := c.Validate(); err == nil || strings.Contains(err.Error(), "p4ssw0rd") {
		t.Errorf("credentials in the url: %v", err)
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\"\\\u2028\xff日本\x7f")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(appendString(nil, s), &back); err != nil {
			t.Fatalf("%q became %s: %v", s, appendString(nil, s), err)
		}
		ref, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var want string
		if err := json.Unmarshal(ref, &want); err != nil {
			t.Fatal(err)
		}
		if valid := strings.ToValidUTF8(s, "") == s; valid && back != want {
			t.Fatalf("%q came back as %q", s, back)
		}
	})
}
