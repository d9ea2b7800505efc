package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"sluice/schemas"
)

// Config is the registry block of the configuration.
type Config struct {
	// URL is http(s)://host:port of the registry, or several, separated by
	// commas, of which the next is asked where one is away.
	URL string `yaml:"url"`
	// Username and Password are sent as HTTP basic authentication.
	Username string `yaml:"username"`
	Password string `yaml:"password"`
	TLS      *TLS   `yaml:"tls"`
}

// TLS names the files of a TLS connection.
type TLS struct {
	// CA is a PEM file of the authorities to trust; empty: the system's.
	CA string `yaml:"ca"`
	// Cert and Key are PEM files of the client's certificate, both or neither.
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Defaults fills in what the file left out: nothing so far, a registry has no
// place where it usually is.
func (c *Config) Defaults() {}

// Validate returns every mistake as a *schemas.Fault, joined. It opens neither
// files nor connections.
func (c *Config) Validate() error {
	var errs []error
	fault := func(where, what, cure string) {
		errs = append(errs, &schemas.Fault{Where: where, What: what, Cure: cure})
	}
	const example = "write url: http://127.0.0.1:8081"
	if c.URL == "" {
		fault("url", "is empty", example)
	}
	for _, u := range c.urls() {
		switch parsed, err := url.Parse(u); {
		case err != nil: // its text may hold a password
			fault("url", "is no URL", example)
		case parsed.Scheme != "http" && parsed.Scheme != "https", parsed.Host == "":
			fault("url", fmt.Sprintf("%q is no http or https URL", parsed.Redacted()), example)
		case parsed.User != nil:
			fault("url", "holds a user name", "use username and password beside it")
		case c.TLS != nil && parsed.Scheme != "https":
			fault("tls", "is set, and url is not https", "write https, or take tls out")
		}
	}
	if (c.Username == "") != (c.Password == "") {
		fault("username", "goes together with password, only one of them is set", "set both, or neither")
	}
	if t := c.TLS; t != nil && (t.Cert == "") != (t.Key == "") {
		fault("tls", "cert and key go together, only one of them is set", "set both, or neither")
	}
	return errors.Join(errs...)
}

func (c *Config) urls() []string {
	var urls []string
	for u := range strings.SplitSeq(c.URL, ",") {
		if u = strings.TrimRight(strings.TrimSpace(u), "/"); u != "" {
			urls = append(urls, u)
		}
	}
	return urls
}

// load reads the files into a TLS configuration.
func (t *TLS) load() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, &schemas.Fault{Where: "registry.tls.ca", What: "the file cannot be read", Err: err, Cure: "name a PEM file that sluice may read"}
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &schemas.Fault{Where: "registry.tls.ca", What: t.CA + " holds no certificate", Cure: "name a PEM file with BEGIN CERTIFICATE blocks"}
		}
	}
	if t.Cert != "" || t.Key != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, &schemas.Fault{Where: "registry.tls.cert", What: "the certificate and its key cannot be loaded", Err: err, Cure: "name the PEM files of a certificate and the key that belongs to it"}
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}
