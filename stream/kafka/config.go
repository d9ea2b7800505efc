package kafka

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"sluice/schemas"
)

// Config is the kafka block of the configuration.
type Config struct {
	// Brokers are host:port of one or more brokers; the rest of the cluster is
	// learnt from them.
	Brokers []string `yaml:"brokers"`
	// TLS turns TLS on if it is present, even when empty.
	TLS  *TLS  `yaml:"tls"`
	SASL *SASL `yaml:"sasl"`
	// Compression of what sluice produces: none (default), lz4, zstd, snappy,
	// gzip.
	Compression string `yaml:"compression"`
	Topics      Topics `yaml:"topics"`
}

// TLS names the files of a TLS connection.
type TLS struct {
	// CA is a PEM file of the authorities to trust; empty: the system's.
	CA string `yaml:"ca"`
	// Cert and Key are PEM files of the client's certificate, both or neither.
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// ServerName is checked in the broker's certificate instead of its host.
	ServerName         string `yaml:"server_name"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
}

// SASL names the mechanism and the credentials.
type SASL struct {
	Mechanism string `yaml:"mechanism"` // plain, scram-sha-256, scram-sha-512
	Username  string `yaml:"username"`
	Password  string `yaml:"password"`
}

// Topics are the defaults for topics that sluice creates.
type Topics struct {
	// Partitions of a topic, 4 by default.
	Partitions int32 `yaml:"partitions"`
	// ReplicationFactor of a topic; -1, the default, leaves it to the broker's
	// default.replication.factor.
	ReplicationFactor int16 `yaml:"replication_factor"`
	// Config is passed to the broker as it is: retention.ms and the like.
	Config map[string]string `yaml:"config"`
}

// Defaults fills in what the file left out. It is idempotent.
func (c *Config) Defaults() {
	if c.Compression == "" {
		c.Compression = "none"
	}
	if c.Topics.Partitions == 0 {
		c.Topics.Partitions = 4
	}
	if c.Topics.ReplicationFactor == 0 {
		c.Topics.ReplicationFactor = -1
	}
}

// Validate returns every mistake as a *schemas.Fault, joined. It opens neither
// files nor connections.
func (c *Config) Validate() error {
	var errs []error
	fault := func(where, what, cure string) {
		errs = append(errs, &schemas.Fault{Where: where, What: what, Cure: cure})
	}

	if len(c.Brokers) == 0 {
		fault("brokers", "no broker is named", "write at least one, such as brokers: [127.0.0.1:9092]")
	}
	for i, b := range c.Brokers {
		if why := badAddress(b); why != "" {
			fault(fmt.Sprintf("brokers[%d]", i), fmt.Sprintf("%q %s", b, why), "write host:port")
		}
	}
	if t := c.TLS; t != nil && (t.Cert == "") != (t.Key == "") {
		fault("tls", "cert and key go together, only one of them is set", "set both, or neither")
	}
	if s := c.SASL; s != nil {
		if _, ok := mechanisms[s.Mechanism]; !ok {
			fault("sasl.mechanism", fmt.Sprintf("%q is not known", s.Mechanism), "write plain, scram-sha-256 or scram-sha-512")
		}
		if s.Username == "" {
			fault("sasl.username", "is empty", "write the user's name, or take sasl out")
		}
		if s.Password == "" {
			fault("sasl.password", "is empty", "write password: ${KAFKA_PASSWORD} and set the variable")
		}
	}
	if _, ok := codecs[c.Compression]; !ok {
		fault("compression", fmt.Sprintf("%q is not known", c.Compression), "write none, lz4, zstd, snappy or gzip")
	}
	if n := c.Topics.Partitions; n < 0 {
		fault("topics.partitions", fmt.Sprintf("%d is no number of partitions", n), "write 1 or more")
	}
	if n := c.Topics.ReplicationFactor; n < -1 {
		fault("topics.replication_factor", fmt.Sprintf("%d is no number of replicas", n), "write 1 or more, or -1 for the broker's default")
	}
	return errors.Join(errs...)
}

func badAddress(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "is not host:port"
	}
	if host == "" {
		return "has no host"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "has no port from 1 to 65535"
	}
	return ""
}
