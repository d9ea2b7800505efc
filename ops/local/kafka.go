package local

import (
	"context"
	"os/exec"

	"sluice/schemas"
)

// KafkaOptions say how a private Apache Kafka differs from the default one.
type KafkaOptions struct{}

// Kafka is a private Apache Kafka.
type Kafka struct{}

// Addr is where it listens.
func (k *Kafka) Addr() string { return "" }

// StartKafka starts it.
func StartKafka(context.Context, KafkaOptions) (*Kafka, error) {
	return nil, ErrMissing
}

// findJava looks for Java and Maven.
func findJava() error {
	for _, name := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(name); err != nil {
			return &schemas.Fault{
				Where: "kafka", What: "no " + name + " in the PATH", Err: ErrMissing,
				Cure: "install them: apt-get install openjdk-17-jre-headless maven",
			}
		}
	}
	return nil
}
