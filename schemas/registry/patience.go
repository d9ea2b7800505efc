package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

const (
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
	// serverErrors is how often an answer of 500 is believed to pass. Registries
	// use it for a broker that is away as well as for their own bugs.
	serverErrors = 5
)

// patiently calls try until it succeeds, is refused, or ctx ends; then it
// returns try's last error.
func (c *Client) patiently(ctx context.Context, try func() error) error {
	pause := firstPause
	for tries := 1; ; tries++ {
		err := try()
		if err == nil || !passing(err, tries) || ctx.Err() != nil {
			return err
		}
		if tries == 3 || tries%20 == 0 {
			c.log.Warn("waiting for the schema registry", "url", c.url, "tries", tries, "err", err)
		}
		timer := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
		pause = min(2*pause, maxPause)
	}
}

// passing reports whether the same request may succeed later by itself.
func passing(err error, tries int) bool {
	var answer *sr.ResponseError
	if errors.As(err, &answer) {
		switch answer.StatusCode {
		case http.StatusInternalServerError:
			return tries < serverErrors
		case http.StatusRequestTimeout, http.StatusTooManyRequests,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false // it has understood, and says no
	}
	var untrusted *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	if errors.As(err, &untrusted) || errors.As(err, &plain) {
		return false // only the configuration can change that
	}
	return true // the way to the registry: refused, reset, timed out
}
