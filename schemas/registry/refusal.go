package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"

	"sluice/schemas"
)

// refusal is an answer of the registry as a cause: its words and its codes.
type refusal struct{ *sr.ResponseError }

// Error is what the registry said.
func (r refusal) Error() string {
	text := strings.TrimSpace(r.ResponseError.Error())
	const most = 500
	if len(text) > most {
		text = text[:most] + "..."
	}
	code := fmt.Sprint(r.StatusCode)
	if r.ErrorCode != 0 && r.ErrorCode != r.StatusCode {
		code += fmt.Sprintf("/%d", r.ErrorCode)
	}
	return fmt.Sprintf("%s (%s)", text, code)
}

// Is makes every answer an ErrRefused, the one about an unknown id an
// ErrUnknownSchema too (error code 40403 of Confluent's registry API), and a
// conflict an ErrIncompatible.
func (r refusal) Is(target error) bool {
	return target == ErrRefused || target == ErrUnknownSchema && r.ErrorCode == 40403 ||
		target == ErrIncompatible && r.StatusCode == http.StatusConflict
}

// Unwrap gives the answer itself.
func (r refusal) Unwrap() error { return r.ResponseError }

// fault is what a failed request comes to, with the cure for what may go wrong
// with any request.
func (c *Client) fault(where, what string, err error) *schemas.Fault {
	f := &schemas.Fault{Where: where, What: what, Err: err, Cure: "start the registry at " + c.url + " or mend registry.url"}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		f.Cure = "name the authority's file in registry.tls.ca"
	}
	var broken *url.Error
	if errors.As(err, &broken) {
		f.Err = broken.Err // without the URL, which Where or What has
	}
	var answer *sr.ResponseError
	if !errors.As(err, &answer) {
		return f
	}
	f.Err = refusal{answer}
	switch answer.StatusCode {
	case http.StatusUnauthorized:
		f.Cure = "mend registry.username and registry.password"
	case http.StatusForbidden:
		f.Cure = "let the user of registry.username do this, or have somebody do it who may"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		f.Cure = "mend registry.url (" + c.url + "): it must be the root of the registry's API"
	case http.StatusUnprocessableEntity:
		f.Cure = "rename or retype what the registry names"
		if answer.ErrorCode == 42205 {
			f.Cure = "the subject is not open for writing: " + c.curl(http.MethodPut, `{"mode":"READWRITE"}`, "mode")
		}
	default:
		f.Cure = "look into the registry's own log at " + c.url
	}
	return f
}

// refusedID is a failed look-up of an id.
func (c *Client) refusedID(id int, err error) error {
	f := c.fault(fmt.Sprintf("schema %d", id), "cannot be fetched from "+c.url, err)
	var answer *sr.ResponseError
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound && answer.ErrorCode >= 40400 {
		f.What = "is not known to the registry at " + c.url
		f.Cure = "name the registry in registry.url with which the record was written"
	}
	return f
}

// refusedSchema is a failed registration.
func (c *Client) refusedSchema(ctx context.Context, subject, schema string, err error) error {
	f := c.fault(fmt.Sprintf("subject %q", subject), "its schema cannot be registered at "+c.url, err)
	var answer *sr.ResponseError
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusConflict {
		return f
	}

	f.What = "its new schema breaks the subject's compatibility" + c.level(ctx, subject)
	f.Cure = fmt.Sprintf("make the change compatible, or allow it with %s, or write to a new subject (another name of the capture or entity)",
		c.curl(http.MethodPut, `{"compatibility":"NONE"}`, "config", subject))
	if reasons := c.reasons(ctx, subject, schema); len(reasons) > 0 {
		const most = 3
		more := ""
		if n := len(reasons) - most; n > 0 {
			reasons, more = reasons[:most], fmt.Sprintf("; and %d more", n)
		}
		f.What += ": " + strings.Join(reasons, "; ") + more
		f.Err = quiet{refusal{answer}}
	}
	return f
}

// reasons asks the registry why the schema is not compatible: against all
// versions that count, else, where the registry does not know that request,
// against the latest.
func (c *Client) reasons(ctx context.Context, subject, schema string) []string {
	// The question may outlive a context that ends just now, but not by much.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout/3)
	defer cancel()
	ctx = sr.WithParams(ctx, sr.Verbose)
	for _, version := range []int{-2, -1} {
		answer, err := c.sr.CheckCompatibility(ctx, subject, version, sr.Schema{Schema: schema})
		if err == nil && !answer.Is {
			if reasons := readable(answer.Messages, schema); len(reasons) > 0 {
				return reasons
			}
		}
	}
	return nil
}

// level names the rule that holds for the subject, " BACKWARD"; empty where the
// registry does not say.
func (c *Client) level(ctx context.Context, subject string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout/3)
	defer cancel()
	at := c.sr.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), subject)[0]
	if at.Err != nil {
		return ""
	}
	return " " + at.Level.String()
}

// quiet is a cause that is there for errors.Is and adds nothing to the text.
type quiet struct{ error }

func (quiet) Error() string   { return "409" }
func (q quiet) Unwrap() error { return q.error }

// curl is the command that changes a setting of the registry. Credentials are
// left for the reader to add.
func (c *Client) curl(method, body string, path ...string) string {
	target := c.url
	for _, p := range path {
		target += "/" + url.PathEscape(p)
	}
	if body == "" {
		return fmt.Sprintf("curl -X %s '%s'", method, target)
	}
	return fmt.Sprintf("curl -X %s -H 'Content-Type: application/json' -d '%s' '%s'", method, body, target)
}
