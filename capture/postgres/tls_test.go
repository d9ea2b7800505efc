package postgres

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/capture"
	"sluice/capture/capturetest"
	"sluice/ops/local"
	"sluice/schemas"
)

// authority signs certificates that live as long as a test.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority writes its certificate to <dir>/<name>.crt.
func newAuthority(t *testing.T, dir, name string) *authority {
	a := &authority{dir: dir}
	a.cert, a.key = a.issue(t, name, &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: name},
	})
	return a
}

// issue signs a certificate and writes <name>.crt and <name>.key.
func (a *authority) issue(t *testing.T, name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore = time.Now().Add(-time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for ext, block := range map[string]*pem.Block{".crt": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(a.dir, name+ext), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// guarded is a server that asks for encryption, passwords and certificates: each
// role in its own way.
type guarded struct {
	*bed
	server *local.Postgres
	dir    string // of the certificates
}

func newGuarded(t *testing.T) *guarded {
	p := serverOf(t, 0, nil)
	g := &guarded{server: p, dir: t.TempDir()}
	ca := newAuthority(t, g.dir, "ca")
	newAuthority(t, g.dir, "stranger")
	ca.issue(t, "server", &x509.Certificate{
		DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		Subject: pkix.Name{CommonName: "localhost"},
	})
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	ca.issue(t, "certified", &x509.Certificate{ExtKeyUsage: client, Subject: pkix.Name{CommonName: "certified"}})
	ca.issue(t, "other", &x509.Certificate{ExtKeyUsage: client, Subject: pkix.Name{CommonName: "other"}})

	data := filepath.Join(p.Dir(), "data")
	about, err := os.Stat(filepath.Join(data, "PG_VERSION"))
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"server.crt": "server.crt", "server.key": "server.key", "ca.crt": "root.crt"} {
		b, err := os.ReadFile(filepath.Join(g.dir, from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, to), b, 0o600); err != nil {
			t.Fatal(err)
		}
		chownAs(t, filepath.Join(data, to), about)
	}
	rules := `host    all postgres  127.0.0.1/32 trust
hostnossl all clear     127.0.0.1/32 scram-sha-256
hostssl all secret    127.0.0.1/32 scram-sha-256
hostssl all certified 127.0.0.1/32 cert
`
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	g.bed = bedOn(t, p)
	g.exec(t, `CREATE TABLE items (id int PRIMARY KEY); CREATE PUBLICATION sluice_erp FOR TABLE items; SET password_encryption = 'scram-sha-256';
		CREATE ROLE clear LOGIN REPLICATION PASSWORD 'hunter22'; CREATE ROLE secret LOGIN REPLICATION PASSWORD 'hunter22'; CREATE ROLE certified LOGIN REPLICATION;
		GRANT SELECT ON items TO clear, secret, certified`)
	for _, set := range []string{"ssl = on", "ssl_ca_file = 'root.crt'"} {
		g.exec(t, "ALTER SYSTEM SET "+set)
	}
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.bed.conn = bedOn(t, p).conn
	return g
}

// dsn is of the role, with settings such as "sslmode=require".
func (g *guarded) as(t *testing.T, host, user, password string, settings ...string) string {
	t.Helper()
	u, err := url.Parse(g.dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = net.JoinHostPort(host, u.Port())
	u.User = url.User(user)
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	q := url.Values{}
	for _, s := range settings {
		k, v, _ := strings.Cut(s, "=")
		if strings.HasSuffix(v, ".crt") || strings.HasSuffix(v, ".key") {
			v = filepath.Join(g.dir, v)
		}
		q.Set(k, v)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// TestConnectionsAsLibpqMakesThem captures over each kind of connection, so the
// replication connection is made too, and asks the server how it was encrypted.
func TestConnectionsAsLibpqMakesThem(t *testing.T) {
	g := newGuarded(t)
	passfile := filepath.Join(g.dir, "pgpass")
	if err := os.WriteFile(passfile, []byte("*:*:*:secret:hunter22\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := 0
	for _, test := range []struct {
		name, dsn string
		encrypted string // of both connections, as pg_stat_ssl says
		env       string
	}{
		{name: "disable", dsn: g.as(t, "127.0.0.1", "clear", "hunter22", "sslmode=disable"), encrypted: "f"},
		{name: "allow falls back to encryption", dsn: g.as(t, "127.0.0.1", "secret", "hunter22", "sslmode=allow"), encrypted: "t"},
		{name: "prefer falls back to none", dsn: g.as(t, "127.0.0.1", "clear", "hunter22", "sslmode=prefer"), encrypted: "f"},
		{name: "prefer", dsn: g.as(t, "127.0.0.1", "secret", "hunter22", "sslmode=prefer"), encrypted: "t"},
		{name: "require", dsn: g.as(t, "127.0.0.1", "secret", "hunter22", "sslmode=require"), encrypted: "t"},
		{name: "verify-ca", dsn: g.as(t, "127.0.0.1", "secret", "hunter22", "sslmode=verify-ca", "sslrootcert=ca.crt"), encrypted: "t"},
		{name: "verify-full", dsn: g.as(t, "localhost", "secret", "hunter22", "sslmode=verify-full", "sslrootcert=ca.crt"), encrypted: "t"},
		{name: "client certificate", dsn: g.as(t, "localhost", "certified", "", "sslmode=verify-full", "sslrootcert=ca.crt", "sslcert=certified.crt", "sslkey=certified.key"), encrypted: "t"},
		{name: "passfile", dsn: g.as(t, "127.0.0.1", "secret", "", "sslmode=require", "passfile="+passfile), encrypted: "t"},
		{name: "PGPASSFILE", dsn: g.as(t, "127.0.0.1", "secret", "", "sslmode=require"), encrypted: "t", env: passfile},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.env != "" {
				t.Setenv("PGPASSFILE", test.env)
			}
			c := g.config("public.items")
			c.DSN, c.Snapshot.Mode = test.dsn, Never
			r := capturetest.Open(t, g.source(t, c), "")
			id++
			g.exec(t, fmt.Sprintf("INSERT INTO items VALUES (%d)", id))
			r.Until(fmt.Sprintf("c items => {id: %d}", id))
			got := g.ask(t, `SELECT string_agg(DISTINCT s.ssl::text, ',') FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
				WHERE a.application_name = 'sluice erp' AND a.backend_type IN ('walsender', 'client backend')`)
			if want := map[string]string{"t": "true", "f": "false"}[test.encrypted]; got != want {
				t.Errorf("encrypted: %s, want %s", got, want)
			}
			r.Close()
			g.idle(t)
		})
	}
}

// TestRefusedConnectionsNameTheCure shows no password in any of them.
func TestRefusedConnectionsNameTheCure(t *testing.T) {
	g := newGuarded(t)
	for _, test := range []struct {
		name, dsn, says, cure string
	}{
		{"wrong password", g.as(t, "127.0.0.1", "secret", "wrong22", "sslmode=require"), "refuses user secret", "passfile"},
		{"no password", g.as(t, "127.0.0.1", "secret", "", "sslmode=require"), "refuses user secret", "password"},
		{"no such role", g.as(t, "127.0.0.1", "stranger", "hunter22", "sslmode=require"), "refuses user stranger", "pg_hba.conf"},
		{"not encrypted", g.as(t, "127.0.0.1", "secret", "hunter22", "sslmode=disable"), "refuses user secret", "encryption off"},
		{"encrypted", g.as(t, "127.0.0.1", "clear", "hunter22", "sslmode=require"), "refuses user clear", "encryption on"},
		{"another authority", g.as(t, "127.0.0.1", "secret", "hunter22", "sslmode=verify-ca", "sslrootcert=stranger.crt"), "not trusted", "sslrootcert"},
		{"unknown authority", g.as(t, "localhost", "secret", "hunter22", "sslmode=verify-full"), "not trusted", "sslrootcert"},
		{"another host", g.as(t, "127.0.0.1", "secret", "hunter22", "sslmode=verify-full", "sslrootcert=ca.crt"), "another host", "verify-ca"},
		{"no client certificate", g.as(t, "127.0.0.1", "certified", "", "sslmode=require"), "refuses user certified", "sslcert"},
		{"another's client certificate", g.as(t, "127.0.0.1", "certified", "", "sslmode=require", "sslcert=other.crt", "sslkey=other.key"), "refuses user certified", "sslcert"},
		{"client certificate of a stranger", g.as(t, "127.0.0.1", "certified", "", "sslmode=require", "sslcert=stranger.crt", "sslkey=stranger.key"), "refuses user certified", "ssl_ca_file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := g.config("public.items")
			c.DSN = test.dsn
			err := g.source(t, c).Open(t.Context(), "")
			var f *schemas.Fault
			if !errors.As(err, &f) || f.Where != "captures.erp.postgres.dsn" || !strings.Contains(err.Error(), test.says) || !strings.Contains(f.Cure, test.cure) {
				t.Errorf("the fault is %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter22") || strings.Contains(err.Error(), "wrong22")) {
				t.Errorf("it shows the password: %v", err)
			}
			if errors.Is(err, capture.ErrLost) {
				t.Errorf("it would be tried again without end: %v", err)
			}
		})
	}
	t.Run("no encryption at all", func(t *testing.T) {
		plain := serverOf(t, 0, nil)
		c := g.config("public.items")
		c.DSN = strings.Replace(plain.DSN("postgres"), "sslmode=disable", "sslmode=require", 1)
		wantFault(t, g.source(t, c), "", "has no encryption", "ssl = on")
	})
}

// TestUnreadableSettingsOfADSN are told at the check of the configuration.
func TestUnreadableSettingsOfADSN(t *testing.T) {
	for settings, says := range map[string]string{
		"sslmode=always":                          "unknown sslmode",
		"sslmode=verify-ca&sslrootcert=/no/such":  "sslrootcert that cannot be read",
		"sslmode=require&sslcert=/no/s&sslkey=/n": "sslcert or sslkey that cannot be read",
		"sslmode=require&sslcert=/no/such":        "sslcert or sslkey",
		"connect_timeout=soon":                    "no PostgreSQL connection string",
	} {
		c := Config{DSN: "postgres://erp:hunter22@localhost/erp?" + settings, Tables: []string{"public.items"}}
		_, err := c.New("erp", slog.New(slog.DiscardHandler))
		var f *schemas.Fault
		if !errors.As(err, &f) || f.Cure == "" || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: %v", settings, err)
		}
	}
}
