package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"sluice/schemas"
)

// Load reads the files into a TLS configuration. A *schemas.Fault says which file
// is wrong; where is the path of the block.
func (t *TLS) Load(where string) (*tls.Config, error) {
	conf := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         t.ServerName,
		InsecureSkipVerify: t.InsecureSkipVerify,
	}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, &schemas.Fault{Where: where + ".ca", What: "the file cannot be read", Err: err, Cure: "name a PEM file that sluice may read"}
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &schemas.Fault{Where: where + ".ca", What: t.CA + " holds no certificate", Cure: "name a PEM file with BEGIN CERTIFICATE blocks"}
		}
	}
	if t.Cert != "" || t.Key != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, &schemas.Fault{Where: where + ".cert", What: "the certificate and its key cannot be loaded", Err: err, Cure: "name the PEM files of a certificate and the key that belongs to it"}
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}
