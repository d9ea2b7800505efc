package kafka

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestCheckNamesTheMissingBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close() // nobody listens there now

	c := Config{Brokers: []string{addr}}
	err = c.Check(timeout(t), client(t, c))
	if err == nil {
		t.Fatal("a broker that is not there was reached")
	}
	got := strings.ReplaceAll(err.Error(), addr, "ADDR")
	for _, part := range []string{"kafka.brokers: cannot reach any of [ADDR]: ", "connection refused", "; start it or mend kafka.brokers"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q lacks %q", got, part)
		}
	}
}

func TestCheckSASL(t *testing.T) {
	_, c := broker(t, kfake.EnableSASL(),
		kfake.User("PLAIN", "ann", "a-secret"),
		kfake.User("SCRAM-SHA-256", "bob", "b-secret"),
		kfake.User("SCRAM-SHA-512", "cid", "c-secret"))
	for _, s := range []SASL{
		{"plain", "ann", "a-secret"},
		{"scram-sha-256", "bob", "b-secret"},
		{"scram-sha-512", "cid", "c-secret"},
	} {
		t.Run(s.Mechanism, func(t *testing.T) {
			c := c
			c.SASL = &s
			if err := c.Check(timeout(t), client(t, c)); err != nil {
				t.Fatal(err)
			}

			s.Password = "wr0ng"
			err := c.Check(timeout(t), client(t, c))
			if err == nil {
				t.Fatal("a wrong password was taken")
			}
			if got := err.Error(); !strings.HasPrefix(got, "kafka.sasl: the broker ") || strings.Contains(got, s.Password) {
				t.Error(got)
			}
		})
	}
}

func TestCheckTLS(t *testing.T) {
	cert, ca := certificate(t)
	_, c := broker(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}))

	for name, tc := range map[string]struct {
		tls  *TLS
		want string // empty: reached
	}{
		"trusted":     {&TLS{CA: ca, ServerName: "broker.test"}, ""},
		"unverified":  {&TLS{InsecureSkipVerify: true}, ""},
		"unknown ca":  {&TLS{ServerName: "broker.test"}, "kafka.tls: the broker's certificate is not trusted: "},
		"other name":  {&TLS{CA: ca, ServerName: "other.test"}, "kafka.tls: the broker's certificate is not trusted: "},
		"without TLS": {nil, "kafka.brokers: "},
	} {
		t.Run(name, func(t *testing.T) {
			c := c
			c.TLS = tc.tls
			err := c.Check(timeout(t), client(t, c))
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) || !strings.Contains(err.Error(), "kafka.tls") {
				t.Errorf("got %v, want %s...", err, tc.want)
			}
		})
	}

	t.Run("broker without TLS", func(t *testing.T) {
		_, c := broker(t)
		c.TLS = &TLS{}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		err := c.Check(ctx, client(t, c))
		if err == nil || !strings.Contains(err.Error(), "kafka.tls") {
			t.Errorf("a broker without TLS, asked over TLS: %v", err)
		}
	})
}

// certificate makes a self-signed certificate of broker.test, and its file.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"broker.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestFenced(t *testing.T) {
	_, c := broker(t)
	if err := c.Ensure(timeout(t), client(t, c), false, "orders"); err != nil {
		t.Fatal(err)
	}
	first := client(t, c, kgo.TransactionalID("one"))
	transact(t, first, kgo.TryCommit, "orders", "a")
	second := client(t, c, kgo.TransactionalID("one"))
	transact(t, second, kgo.TryCommit, "orders", "b")

	if err := first.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	err := first.ProduceSync(timeout(t), &kgo.Record{Topic: "orders"}).FirstErr()
	if err == nil {
		err = first.EndTransaction(timeout(t), kgo.TryCommit)
	}
	if !IsFenced(err) {
		t.Errorf("the first producer got %v, which is not taken for fenced", err)
	}
	if IsFenced(nil) || IsFenced(kgo.ErrClientClosed) {
		t.Error("what is not fenced was taken for fenced")
	}
}
