package localtest

import (
	"context"
	"os"
	"testing"

	"sluice/ops/local"
	"sluice/stream/kafka"
)

var (
	broker = counted[*local.Broker]{close: (*local.Broker).Close}
	apache once[*local.Kafka]
)

// Kafka returns the settings of a Kafka that this test may use: the embedded
// broker, or, where SLUICE_TEST_KAFKA=apache, a private Apache Kafka. Tests of
// one binary may share it, so name topics and groups with Prefix.
func Kafka(t testing.TB) kafka.Config {
	t.Helper()
	var addr string
	if os.Getenv("SLUICE_TEST_KAFKA") == "apache" {
		addr = Apache(t).Addr()
	} else {
		addr = Broker(t).Addr()
	}
	return kafka.Config{
		Brokers: []string{addr},
		Topics:  kafka.Topics{Partitions: 4, ReplicationFactor: 1},
	}
}

// Broker returns the embedded broker that the tests share, for tests that
// inject faults into it.
func Broker(t testing.TB) *local.Broker {
	t.Helper()
	return broker.get(t, func(ctx context.Context) (*local.Broker, error) {
		return local.StartBroker(ctx, local.BrokerOptions{})
	})
}

// Apache returns the private Apache Kafka of this test binary, whatever
// SLUICE_TEST_KAFKA says.
func Apache(t testing.TB) *local.Kafka {
	t.Helper()
	return apache.get(t, local.PartKafka, func(ctx context.Context) (*local.Kafka, error) {
		return local.StartKafka(ctx, local.KafkaOptions{})
	})
}
