package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sluice/schemas"
)

// Config is the api block of a sink.
type Config struct {
	// URL is where every path begins: http or https, without credentials.
	URL  string `yaml:"url"`
	Auth Auth   `yaml:"auth"`
	// Headers are sent with every request.
	Headers map[string]string `yaml:"headers"`
	// Timeout bounds one request to its answer's last byte; default 10s.
	Timeout time.Duration `yaml:"timeout"`
	// Update is tried first, then, if the target has no such record, Create.
	Create *Request `yaml:"create"`
	Update *Request `yaml:"update"`
	// Upsert is one request that does either; it stands alone, without Create
	// and Update.
	Upsert *Request `yaml:"upsert"`
	// Delete without a block: a deletion is refused, and so parked.
	Delete *Request `yaml:"delete"`
	// ID is where in the answer the target's own id stands: "id", "data.id",
	// or a JSON pointer "/data/id". Empty: not looked for.
	ID string `yaml:"id"`
	// IdempotencyHeader is the name of the header; default Idempotency-Key.
	IdempotencyHeader string `yaml:"idempotency_header"`
}

// Auth is how the target knows sluice; at most one of the three.
type Auth struct {
	Bearer string `yaml:"bearer"`
	APIKey *Key   `yaml:"api_key"`
	Basic  *Basic `yaml:"basic"`
}

// Key is a secret in a header.
type Key struct {
	Header string `yaml:"header"`
	Value  string `yaml:"value"`
}

// Basic is RFC 7617.
type Basic struct {
	Username string `yaml:"username"`
	Password string `yaml:"password"`
}

// Request is one kind of request. Path and Body are text/template over .Key,
// .Entity, .Position and .Fields, with the functions json, path, query, lower,
// upper and default.
type Request struct {
	// Method has a default by the kind: POST, PUT, PUT, DELETE.
	Method string `yaml:"method"`
	Path   string `yaml:"path"`
	// Body must give JSON. Empty: all fields as a JSON object; for a delete no
	// body.
	Body string `yaml:"body"`
}

// String keeps the secrets to itself.
func (a Auth) String() string {
	switch {
	case a.Bearer != "":
		return "bearer [secret]"
	case a.APIKey != nil:
		return "api_key " + a.APIKey.Header + " [secret]"
	case a.Basic != nil:
		return "basic " + a.Basic.Username + " [secret]"
	}
	return "none"
}

// GoString keeps the secrets to itself.
func (a Auth) GoString() string { return a.String() }

// LogValue keeps the secrets to itself.
func (a Auth) LogValue() slog.Value { return slog.StringValue(a.String()) }

// Defaults sets what was left out.
func (c *Config) Defaults() {
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.IdempotencyHeader == "" {
		c.IdempotencyHeader = "Idempotency-Key"
	}
	for r, method := range map[*Request]string{
		c.Create: http.MethodPost, c.Update: http.MethodPut, c.Upsert: http.MethodPut, c.Delete: http.MethodDelete,
	} {
		if r != nil && r.Method == "" {
			r.Method = method
		}
	}
}

// requests are the blocks by their names in the file.
func (c *Config) requests() []named {
	return []named{{"create", c.Create}, {"update", c.Update}, {"upsert", c.Upsert}, {"delete", c.Delete}}
}

type named struct {
	name string
	*Request
}

var methods = []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// Validate says all that is wrong, as *schemas.Fault with a path relative to
// the block. It never shows a secret.
func (c *Config) Validate() error {
	var errs []error
	fault := func(where, what, cure string) {
		errs = append(errs, &schemas.Fault{Where: where, What: what, Cure: cure})
	}
	switch u, err := url.Parse(c.URL); {
	case c.URL == "":
		fault("url", "is missing", "write where the API is, such as https://crm.example.com/v1")
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		fault("url", "is no http or https address", "write one such as https://crm.example.com/v1")
	case u.User != nil:
		fault("url", "holds credentials", "move them to auth.basic")
	case u.RawQuery != "" || u.Fragment != "":
		fault("url", "holds a query or a fragment", "move the query to the paths")
	}
	c.validateAuth(fault)
	for name, value := range c.Headers {
		if !headerName(name) || !headerValue(value) {
			fault("headers."+name, "is no HTTP header", "use letters, digits and dashes, and a value without line breaks")
		}
	}
	if !headerName(c.IdempotencyHeader) {
		fault("idempotency_header", fmt.Sprintf("%q is no HTTP header", c.IdempotencyHeader), "leave it out for Idempotency-Key")
	}
	if c.Timeout < 0 {
		fault("timeout", "is below zero", "write a duration such as 10s")
	}
	switch {
	case c.Upsert != nil && (c.Create != nil || c.Update != nil):
		fault("upsert", "stands beside create or update", "keep upsert alone, or create and update")
	case c.Upsert == nil && c.Create == nil && c.Update == nil:
		fault("update", "is missing: nothing says how an entity is written", "add update and create, or upsert")
	}
	for _, r := range c.requests() {
		if r.Request == nil {
			continue
		}
		if !slices.Contains(methods, r.Method) {
			fault(r.name+".method", fmt.Sprintf("%q is no method that writes", r.Method), "write POST, PUT, PATCH or DELETE")
		}
		if _, err := compile(r.name, *r.Request); err != nil {
			errs = append(errs, err)
		}
	}
	if _, err := parsePointer(c.ID); err != nil {
		fault("id", err.Error(), `write a path such as "data.id" or "/data/id"`)
	}
	return errors.Join(errs...)
}

func (c *Config) validateAuth(fault func(where, what, cure string)) {
	n := 0
	if c.Auth.Bearer != "" {
		n++
		if !headerValue(c.Auth.Bearer) {
			fault("auth.bearer", "holds a character that no header may hold", "look for a line break in the secret")
		}
	}
	if k := c.Auth.APIKey; k != nil {
		n++
		if !headerName(k.Header) {
			fault("auth.api_key.header", fmt.Sprintf("%q is no HTTP header", k.Header), "write a name such as X-API-Key")
		}
		if k.Value == "" || !headerValue(k.Value) {
			fault("auth.api_key.value", "is empty or holds a character that no header may hold", "write value: ${NAME} and set the variable")
		}
	}
	if b := c.Auth.Basic; b != nil {
		n++
		if b.Username == "" || strings.Contains(b.Username, ":") {
			fault("auth.basic.username", "is empty or holds a colon", "write the user's name")
		}
	}
	if n > 1 {
		fault("auth", "names more than one way", "keep one of bearer, api_key and basic")
	}
}
