package registry

import (
	"context"
	"fmt"
)

// Latest returns the text of the newest schema of the subject. It asks once: a
// registry that is away, or has no such subject, is an error.
func (c *Client) Latest(ctx context.Context, subject string) (string, error) {
	s, err := c.sr.SchemaByVersion(ctx, subject, -1)
	if err != nil {
		return "", fmt.Errorf("asking the registry for the newest schema of %s: %w", subject, err)
	}
	return s.Schema.Schema, nil
}
