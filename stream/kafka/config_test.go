package kafka

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestValidateNamesEveryMistake(t *testing.T) {
	c := Config{
		Brokers:     []string{"kafka:9092", "kafka", ":9092", "kafka:port"},
		TLS:         &TLS{Cert: "client.pem"},
		SASL:        &SASL{Mechanism: "gssapi"},
		Compression: "brotli",
		Topics:      Topics{Partitions: -3, ReplicationFactor: -2},
	}
	err := c.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		`brokers[1]: "kafka" is not host:port; write host:port`,
		`brokers[2]: ":9092" has no host; write host:port`,
		`brokers[3]: "kafka:port" has no port from 1 to 65535; write host:port`,
		`tls: cert and key go together, only one of them is set; set both, or neither`,
		`sasl.mechanism: "gssapi" is not known; write plain, scram-sha-256 or scram-sha-512`,
		`sasl.username: is empty; write the user's name, or take sasl out`,
		`sasl.password: is empty; write password: ${KAFKA_PASSWORD} and set the variable`,
		`compression: "brotli" is not known; write none, lz4, zstd, snappy or gzip`,
		`topics.partitions: -3 is no number of partitions; write 1 or more`,
		`topics.replication_factor: -2 is no number of replicas; write 1 or more, or -1 for the broker's default`,
	}
	if got := err.Error(); got != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

func TestDefaultsAreValidAndIdempotent(t *testing.T) {
	c := Config{Brokers: []string{"127.0.0.1:9092"}}
	c.Defaults()
	once := c.Topics.Partitions
	c.Defaults()
	if err := c.Validate(); err != nil || c.Topics.Partitions != once || once != 4 || c.Compression != "none" || c.Topics.ReplicationFactor != -1 {
		t.Errorf("%+v: %v", c, err)
	}
	if err := (&Config{}).Validate(); err == nil || !strings.Contains(err.Error(), "no broker is named") {
		t.Errorf("no brokers: %v", err)
	}
}

func TestOptionsNameTheFileThatIsWrong(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		conf Config
		want string
	}{
		"missing ca":   {Config{TLS: &TLS{CA: "/none/ca.pem"}}, "kafka.tls.ca: the file cannot be read: open /none/ca.pem: no such file or directory; name a PEM file"},
		"empty ca":     {Config{TLS: &TLS{CA: empty}}, "kafka.tls.ca: " + empty + " holds no certificate"},
		"missing cert": {Config{TLS: &TLS{Cert: "/none/c.pem", Key: "/none/k.pem"}}, "kafka.tls.cert: the certificate and its key cannot be loaded: open /none/c.pem"},
		"mechanism":    {Config{SASL: &SASL{Mechanism: "x", Password: "hush"}}, `kafka.sasl.mechanism: "x" is not known`},
		"codec":        {Config{Compression: "x"}, `kafka.compression: "x" is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.conf.Options("test", nil)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v, want %s...", err, tc.want)
			}
		})
	}
}
