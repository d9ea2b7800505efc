package kafka

import (
	"context"
	"errors"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Config is the kafka block of the configuration.
type Config struct {
	Brokers []string `yaml:"brokers"`
	TLS     *TLS     `yaml:"tls"`
	SASL    *SASL    `yaml:"sasl"`
	Topics  Topics   `yaml:"topics"`
}

// TLS names the files of a TLS connection.
type TLS struct {
	CA                 string `yaml:"ca"`
	Cert               string `yaml:"cert"`
	Key                string `yaml:"key"`
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
	Partitions        int32             `yaml:"partitions"`
	ReplicationFactor int16             `yaml:"replication_factor"`
	Config            map[string]string `yaml:"config"`
}

var errNotBuilt = errors.New("not built")

// Options returns the client options that every client of sluice shares:
// brokers, TLS, SASL, client id, logging, retries without end on a broker that
// is away.
func (c Config) Options(clientID string, log *slog.Logger) ([]kgo.Opt, error) {
	return nil, errNotBuilt
}

// Ensure creates the topics that do not exist yet, with the defaults, and
// cleanup.policy=compact where compacted. An existing topic is left as it is.
func (c Config) Ensure(ctx context.Context, cl *kgo.Client, compacted bool, topics ...string) error {
	return errNotBuilt
}
