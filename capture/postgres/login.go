package postgres

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/schemas"
)

// refusedLogin says why the server did not let the user in: one SQLSTATE stands
// for a wrong password, a role that may not log in and a line of pg_hba.conf.
func refusedLogin(cfg *pgconn.Config, pe *pgconn.PgError, at string) (what, cure string) {
	what = fmt.Sprintf("PostgreSQL at %s refuses user %s", at, cfg.User)
	text := strings.ToLower(pe.Message)
	encrypted := "off"
	if cfg.TLSConfig != nil {
		encrypted = "on"
	}
	switch {
	case pe.Code == "28P01":
		return what, "check the password: in the dsn, in PGPASSWORD, or in the file that passfile or PGPASSFILE names"
	case strings.Contains(text, "not permitted to log in"):
		return what, fmt.Sprintf("as a superuser: ALTER ROLE %s LOGIN;", quote(cfg.User))
	case strings.Contains(text, "does not exist"):
		return what, "make the role: sluice grants prints the SQL"
	case strings.Contains(text, "valid client certificate"), strings.Contains(text, "certificate authentication failed"):
		return what, fmt.Sprintf("name in the dsn a certificate of user %s that the server's ssl_ca_file has signed: sslcert=FILE&sslkey=FILE", cfg.User)
	case strings.Contains(text, "pg_hba.conf"):
		return what, fmt.Sprintf("add a line for user %s, this host and encryption %s to the server's pg_hba.conf, or choose another sslmode", cfg.User, encrypted)
	}
	return what, "check user and password in the dsn, and pg_hba.conf"
}

// tlsFault says what is wrong with an encrypted connection; "" where something
// else is.
func tlsFault(cfg *pgconn.Config, err error) (what, cure string) {
	at := fmt.Sprintf("%s:%d", cfg.Host, cfg.Port)
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var alert tls.AlertError
	switch {
	case errors.As(err, &name):
		return fmt.Sprintf("the certificate of PostgreSQL at %s is of another host", at),
			"use in the dsn the host name that the certificate has, or sslmode=verify-ca"
	case errors.As(err, &unknown):
		return fmt.Sprintf("the certificate of PostgreSQL at %s is of an authority that is not trusted", at),
			"name the authority's certificate in the dsn: sslrootcert=FILE"
	case errors.As(err, &invalid), errors.As(err, &verify):
		return fmt.Sprintf("the certificate of PostgreSQL at %s is not valid", at), "renew it, or check this host's clock"
	case errors.As(err, &alert), strings.Contains(err.Error(), "tls: "):
		return fmt.Sprintf("PostgreSQL at %s does not agree to an encrypted connection", at),
			"check sslcert and sslkey in the dsn, and the server's ssl_ca_file and ssl_min_protocol_version"
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return fmt.Sprintf("PostgreSQL at %s has no encryption (ssl = off)", at),
			"as a superuser: ALTER SYSTEM SET ssl = on; with ssl_cert_file and ssl_key_file, or sslmode=disable in the dsn where the network is trusted"
	}
	return "", ""
}

// dsnFault says why a connection string cannot be read, and shows none of it:
// it may hold a password.
func dsnFault(err error) *schemas.Fault {
	f := badDSN()
	if what, cure := badSetting(err); what != "" {
		f.What, f.Cure = what, cure
	}
	return f
}

// badSetting says which part of a connection string is wrong, without showing
// any of it; "" where it is the form as a whole.
func badSetting(err error) (what, cure string) {
	if whole, ok := errors.AsType[*pgconn.ParseConfigError](err); ok {
		err = whole.Unwrap() // the rest of its text is the string itself
	}
	if err == nil {
		return "", ""
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "sslmode"):
		return "has an unknown sslmode", "write disable, allow, prefer, require, verify-ca or verify-full"
	case strings.Contains(text, "sslrootcert"), strings.Contains(text, "CA file"), strings.Contains(text, "root CA"), strings.Contains(text, "CA to cert pool"):
		return "names an sslrootcert that cannot be read", "name a readable PEM file of the authority's certificate"
	case strings.Contains(text, "sslkey"), strings.Contains(text, "sslcert"), strings.Contains(text, "unable to read cert"),
		strings.Contains(text, "load cert"), strings.Contains(text, "private key"), strings.Contains(text, "decrypt"):
		return "names an sslcert or sslkey that cannot be read", "name readable PEM files that belong together, and sslpassword where the key is encrypted"
	}
	return "", ""
}
