package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
)

// checkTimeout bounds Check when the context has no deadline of its own.
const checkTimeout = 10 * time.Second

// Check asks any broker for an answer and returns nil if one gives it. It does
// not wait for a broker to come up. The error is a *schemas.Fault that names
// the brokers, the cause, and what to mend.
func (c Config) Check(ctx context.Context, cl *kgo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := cl.Ping(ctx)
	if err == nil {
		return nil
	}

	f := &schemas.Fault{
		Where: "kafka.brokers",
		What:  fmt.Sprintf("cannot reach any of [%s]", strings.Join(c.Brokers, ", ")),
		Cure:  "start it or mend kafka.brokers",
		Err:   err,
	}
	var (
		unknownCA *tls.CertificateVerificationError
		hostname  x509.HostnameError
		firstEOF  *kgo.ErrFirstReadEOF
		noTLS     tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed), errors.Is(err, kerr.UnsupportedSaslMechanism), errors.Is(err, kerr.IllegalSaslState):
		f.Where, f.What = "kafka.sasl", "the broker refused the login"
		f.Cure = "mend kafka.sasl (mechanism, username, password) or create the user on the broker"
	case errors.As(err, &unknownCA), errors.As(err, &hostname):
		f.Where, f.What = "kafka.tls", "the broker's certificate is not trusted"
		f.Cure = "name the authority's file in kafka.tls.ca, or the certificate's host in kafka.tls.server_name"
	case errors.As(err, &noTLS):
		f.Where, f.What = "kafka.tls", "the broker does not speak TLS"
		f.Cure = "take kafka.tls out, or name the broker's TLS port in kafka.brokers"
	case errors.Is(err, context.DeadlineExceeded):
		f.What = fmt.Sprintf("none of [%s] answers", strings.Join(c.Brokers, ", "))
		f.Cure = "start it or mend kafka.brokers; a broker without TLS is silent too when kafka.tls is set"
	case errors.Is(err, io.EOF) && c.SASL != nil && !errors.As(err, &firstEOF):
		f.Where, f.What = "kafka.sasl", "the broker hung up during the login"
		f.Cure = "mend kafka.sasl (mechanism, username, password) or create the user on the broker"
	case errors.Is(err, io.EOF):
		f.What = fmt.Sprintf("[%s] hung up at once", strings.Join(c.Brokers, ", "))
		f.Cure = "the broker expects TLS or a login, or does not expect TLS: set or take out kafka.tls and kafka.sasl"
	}
	return f
}
