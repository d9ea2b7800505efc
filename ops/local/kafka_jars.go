package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"sluice/schemas"
)

// KafkaVersion is the Apache Kafka that StartKafka runs. It needs Java 17.
const KafkaVersion = "4.2.0"

// findJava returns the path of java. Maven, which fetches the jars, has to be
// there too.
func findJava() (string, error) {
	java, err := exec.LookPath("java")
	if err == nil {
		_, err = exec.LookPath("mvn")
	}
	if err != nil {
		return "", &schemas.Fault{
			Where: "kafka", What: "Apache Kafka needs java (17 or later) and mvn in the PATH", Err: ErrMissing,
			Cure: "install them: apt-get install default-jre-headless maven (Debian), brew install openjdk@17 maven",
		}
	}
	return java, nil
}

// kafkaArtifacts are what a broker and its command line tools need, with what
// they depend on.
var kafkaArtifacts = []artifact{
	{"org.apache.kafka", "kafka_2.13", KafkaVersion},
	{"org.apache.kafka", "kafka-tools", KafkaVersion},
	{"org.apache.logging.log4j", "log4j-slf4j-impl", "2.24.3"},
}

// quiet has Kafka log warnings and errors alone, to stderr.
const quiet = `status = error
appender.err.type = Console
appender.err.name = err
appender.err.target = SYSTEM_ERR
appender.err.layout.type = PatternLayout
appender.err.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.err.ref = err
`

// kafkaJars returns the directory of Kafka's jars. The first call on a machine
// has Maven fetch them, some 45 MB. Two processes may do so at the same time:
// the directory appears with one rename.
func kafkaJars(ctx context.Context) (string, error) {
	cache, err := cacheDir("kafka")
	if err != nil {
		return "", err
	}
	jars := filepath.Join(cache, KafkaVersion)
	if _, err := os.Stat(jars); err == nil {
		return jars, nil
	}
	part, err := os.MkdirTemp(cache, "part-")
	if err != nil {
		return "", fmt.Errorf("making the cache directory: %w", err)
	}
	defer os.RemoveAll(part)
	lib := filepath.Join(part, "lib")
	if err := fetch(ctx, part, lib, kafkaArtifacts...); err != nil {
		return "", &schemas.Fault{
			Where: "kafka", What: "fetching Apache Kafka " + KafkaVersion + " from Maven Central", Err: err,
			Cure: "check that mvn reaches Maven Central",
		}
	}
	if err := os.WriteFile(filepath.Join(lib, "log4j2.properties"), []byte(quiet), 0o644); err != nil {
		return "", fmt.Errorf("writing the log settings of kafka: %w", err)
	}
	if err := os.Rename(lib, jars); err != nil {
		if _, err2 := os.Stat(jars); err2 != nil {
			return "", fmt.Errorf("keeping the jars of kafka: %w", err)
		}
	}
	return jars, nil
}
