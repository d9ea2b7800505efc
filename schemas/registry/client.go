package registry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// attemptTimeout bounds one HTTP request.
const attemptTimeout = 15 * time.Second

// Client registers and fetches schemas, each once. It is safe for use by many
// goroutines.
type Client struct {
	url  string // for messages, without credentials
	http *http.Client
	sr   *sr.Client
	log  *slog.Logger

	ids   memo[subjectSchema, int]
	texts memo[int, string]
}

type subjectSchema struct{ subject, schema string }

// Option changes a client.
type Option func(*Client)

// WithLog lets the client say that it waits for the registry.
func WithLog(log *slog.Logger) Option { return func(c *Client) { c.log = log } }

// Open returns a client of the registry. It reads the files of the TLS block,
// and makes no connection.
func (c Config) Open(opts ...Option) (*Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if c.TLS != nil {
		conf, err := c.TLS.load()
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = conf
	}
	cl := &Client{
		http: &http.Client{Transport: transport, Timeout: attemptTimeout},
		log:  slog.New(slog.DiscardHandler),
	}
	for _, opt := range opts {
		opt(cl)
	}
	urls := c.urls()
	if len(urls) > 0 {
		cl.url = urls[0]
	}
	options := []sr.ClientOpt{sr.HTTPClient(cl.http), sr.URLs(urls...), sr.UserAgent("sluice")}
	if c.Username != "" {
		options = append(options, sr.BasicAuth(c.Username, c.Password))
	}
	var err error
	if cl.sr, err = sr.NewClient(options...); err != nil {
		return nil, fmt.Errorf("opening a client of the registry: %w", err)
	}
	return cl, nil
}

// Close drops the idle connections. The client may still be used.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Register registers the Avro schema under the subject and returns its id.
// Known pairs are answered from memory. A registry that is away is waited for
// until ctx ends.
//
// A schema that the registry refuses is a *schemas.Fault that wraps
// [ErrRefused]; if the reason is the subject's compatibility it names the field.
func (c *Client) Register(ctx context.Context, subject, schema string) (int, error) {
	return c.ids.get(ctx, subjectSchema{subject, schema}, func() (id int, err error) {
		err = c.patiently(ctx, func() (err error) {
			id, err = c.sr.RegisterSchema(ctx, subject, sr.Schema{Schema: schema}, -1, -1)
			return err
		})
		if err != nil {
			return 0, c.refusedSchema(ctx, subject, schema, err)
		}
		c.texts.put(id, schema)
		return id, nil
	})
}

// Schema returns the text of the schema with that id, from memory if known. A
// registry that is away is waited for until ctx ends; an id that it does not
// know is a *schemas.Fault that wraps [ErrRefused].
func (c *Client) Schema(ctx context.Context, id int) (string, error) {
	return c.texts.get(ctx, id, func() (text string, err error) {
		err = c.patiently(ctx, func() (err error) {
			var s sr.Schema
			s, err = c.sr.SchemaByID(ctx, id)
			text = s.Schema
			return err
		})
		if err != nil {
			return "", c.refusedID(id, err)
		}
		return text, nil
	})
}

// Check asks the registry for an answer, without waiting for one that is away.
// The error is a *schemas.Fault that names the registry and what to mend.
func (c *Client) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	if _, err := c.sr.SupportedTypes(ctx); err != nil {
		return c.fault("registry.url", fmt.Sprintf("no schema registry answers at %s", c.url), err)
	}
	return nil
}
