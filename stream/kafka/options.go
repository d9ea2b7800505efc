package kafka

import (
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"sluice/schemas"
)

var codecs = map[string]kgo.CompressionCodec{
	"":       kgo.NoCompression(),
	"none":   kgo.NoCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
	"snappy": kgo.SnappyCompression(),
	"gzip":   kgo.GzipCompression(),
}

var mechanisms = map[string]func(user, password string) sasl.Mechanism{
	"plain": func(user, password string) sasl.Mechanism {
		return plain.Auth{User: user, Pass: password}.AsMechanism()
	},
	"scram-sha-256": func(user, password string) sasl.Mechanism {
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	},
	"scram-sha-512": func(user, password string) sasl.Mechanism {
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism()
	},
}

// Options returns the client options that every client of sluice shares:
// brokers, TLS, SASL, client id, compression, logging (warnings and errors
// only; nil log: none), and patience with a broker that is away (see the
// package's comment). Linger, groups, transactions and isolation are the
// caller's to add; options added later win.
//
// Whoever lowers kgo.FetchMaxBytes keeps it above kgo.FetchMaxPartitionBytes
// times the partitions read: where an answer is cut by the former, the embedded
// broker leaves out which transactions were aborted, and their records appear.
//
// The error is a *schemas.Fault about a file of the TLS block or an unknown
// mechanism or codec. No connection is made.
func (c Config) Options(clientID string, log *slog.Logger) ([]kgo.Opt, error) {
	codec, ok := codecs[c.Compression]
	if !ok {
		return nil, &schemas.Fault{Where: "kafka.compression", What: fmt.Sprintf("%q is not known", c.Compression), Cure: "write none, lz4, zstd, snappy or gzip"}
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(clientID),
		kgo.DisableClientMetrics(),
		kgo.ProducerBatchCompression(codec),

		// Records are tried without end already (RecordRetries and
		// RecordDeliveryTimeout are unlimited by default). These do the same
		// for the requests around them.
		kgo.RequestRetries(math.MaxInt32),
		kgo.RetryTimeoutFn(retryTimeout),
		// A broker that has just come back may not know its topics for some
		// seconds; the default of 4 would fail the records then. Not without
		// end: a topic that somebody deleted must become an error.
		kgo.UnknownTopicRetries(60),
	}
	if log != nil {
		opts = append(opts, kgo.WithLogger(newLogger(log)))
	}
	if c.TLS != nil {
		conf, err := c.TLS.Load("kafka.tls")
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(conf))
	}
	if s := c.SASL; s != nil {
		mechanism, ok := mechanisms[s.Mechanism]
		if !ok {
			return nil, &schemas.Fault{Where: "kafka.sasl.mechanism", What: fmt.Sprintf("%q is not known", s.Mechanism), Cure: "write plain, scram-sha-256 or scram-sha-512"}
		}
		opts = append(opts, kgo.SASL(mechanism(s.Username, s.Password)))
	}
	return opts, nil
}

// retryTimeout bounds how long one request is tried again. Zero: until its
// context ends, for what commits work that is done already. The group requests
// keep the bound of a session, since a member that is away that long has lost
// its place and must join anew.
func retryTimeout(key int16) time.Duration {
	switch kmsg.Key(key) {
	case kmsg.InitProducerID, kmsg.FindCoordinator,
		kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn,
		kmsg.OffsetCommit, kmsg.OffsetFetch:
		return 0
	case kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat:
		return 45 * time.Second
	}
	return 30 * time.Second
}

// open returns a client with the shared options and more.
func (c Config) open(clientID string, log *slog.Logger, more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := c.Options(clientID, log)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, fmt.Errorf("opening a client of kafka: %w", err)
	}
	return cl, nil
}
