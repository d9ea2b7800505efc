package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/twmb/franz-go/pkg/sr"
)

// Force is Register for a schema that breaks the subject's compatibility: it
// sets the subject to NONE, registers, and puts the subject's setting back as it
// was. Each step is logged as a warning, with the command that puts the setting
// back, since a process that is killed in between leaves NONE behind. What is
// compatible is registered as ever.
func (c *Client) Force(ctx context.Context, subject, schema string) (int, error) {
	id, err := c.Register(ctx, subject, schema)
	if !errors.Is(err, ErrIncompatible) {
		return id, err
	}
	c.log.Warn("registering a schema that breaks the subject's compatibility, as incompatible: force demands", "subject", subject, "reason", err.Error())
	restore, undo, err := c.relax(ctx, subject)
	if err != nil {
		return 0, err
	}
	c.log.Warn("the subject's compatibility is NONE for one registration", "subject", subject, "to put it back", undo)
	id, err = c.Register(ctx, subject, schema)
	// Put back even where the registration failed or was cancelled.
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
	defer cancel()
	if e := c.patiently(back, func() error { return restore(back) }); e != nil {
		f := c.fault(fmt.Sprintf("subject %q", subject), "its compatibility could not be put back and is NONE", e)
		f.Cure = "put it back: " + undo
		return 0, errors.Join(err, f)
	}
	if err == nil {
		c.log.Warn("the incompatible schema is registered, and the subject's compatibility as it was", "subject", subject, "id", id)
	}
	return id, err
}

// relax sets the subject's compatibility to NONE and returns what puts the
// setting back, as a function and as a command.
func (c *Client) relax(ctx context.Context, subject string) (restore func(context.Context) error, undo string, err error) {
	var was sr.CompatibilityResult
	err = c.patiently(ctx, func() error {
		was = c.sr.Compatibility(ctx, subject)[0]
		return was.Err
	})
	var answer *sr.ResponseError
	switch {
	case err == nil:
		before := sr.SetCompatibility{
			Level: was.Level, Alias: was.Alias, Normalize: was.Normalize, Group: was.Group,
			DefaultMetadata: was.DefaultMetadata, OverrideMetadata: was.OverrideMetadata,
			DefaultRuleSet: was.DefaultRuleSet, OverrideRuleSet: was.OverrideRuleSet,
		}
		restore = func(ctx context.Context) error { return c.sr.SetCompatibility(ctx, before, subject)[0].Err }
		undo = c.curl(http.MethodPut, fmt.Sprintf(`{"compatibility":%q}`, was.Level), "config", subject)
	case errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound: // it has none of its own
		was = sr.CompatibilityResult{}
		restore = func(ctx context.Context) error { return c.sr.ResetCompatibility(ctx, subject)[0].Err }
		undo = c.curl(http.MethodDelete, "", "config", subject)
	default:
		return nil, "", c.fault(fmt.Sprintf("subject %q", subject), "its compatibility cannot be read from "+c.url, err)
	}
	none := sr.SetCompatibility{
		Level: sr.CompatNone, Alias: was.Alias, Normalize: was.Normalize, Group: was.Group,
		DefaultMetadata: was.DefaultMetadata, OverrideMetadata: was.OverrideMetadata,
		DefaultRuleSet: was.DefaultRuleSet, OverrideRuleSet: was.OverrideRuleSet,
	}
	if err := c.patiently(ctx, func() error { return c.sr.SetCompatibility(ctx, none, subject)[0].Err }); err != nil {
		return nil, "", c.fault(fmt.Sprintf("subject %q", subject), "its compatibility cannot be changed at "+c.url, err)
	}
	return restore, undo, nil
}
