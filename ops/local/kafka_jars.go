package local

import "context"

// KafkaVersion is the Apache Kafka that StartKafka runs. It needs Java 17.
const KafkaVersion = "4.2.0"

// kafkaArtifacts are what a broker and its command line tools need.
var kafkaArtifacts = []Artifact{
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

// kafkaJars returns the directory of Kafka's jars, some 45 MB.
func kafkaJars(ctx context.Context) (string, error) {
	return Jars(ctx, "kafka", KafkaVersion, map[string]string{"log4j2.properties": quiet}, kafkaArtifacts...)
}
