package local

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
)

// BrokerOptions say how the embedded broker differs from the default one.
type BrokerOptions struct {
	// Dir holds the log; a temporary directory, removed by Close, if empty.
	// Opened again, the broker has its topics, records, groups and open
	// transactions as they were.
	Dir string
	// Addr is where it listens, "host:port"; a free loopback port if empty.
	// Clients are told the same host, so it must be one that they can reach.
	Addr string
	// Sync writes every batch through to the disk. Off by default: the broker
	// survives kill -9, not the loss of power.
	Sync bool
	// Configs are added to the broker's configs and win over the defaults.
	Configs map[string]string
	// Log hears of what the broker could not do; nil for silence.
	Log *slog.Logger
}

// Broker is one embedded Kafka broker that runs inside this process: franz-go's
// kfake with a data directory. Records are on disk, their index in memory.
type Broker struct {
	addr    string
	slot    *slot
	temp    string // removed by Close
	cluster *kfake.Cluster
	members *members
}

// StartBroker starts the embedded broker, or opens the one that Dir holds.
// Topics are not created by asking for them, as in a well-kept cluster.
func StartBroker(ctx context.Context, o BrokerOptions) (*Broker, error) {
	b := &Broker{}
	if o.Dir == "" {
		dir, err := place("", "broker")
		if err != nil {
			return nil, err
		}
		b.temp, o.Dir = dir, dir
	}
	configs := map[string]string{
		// Records of tests and demos stay until their directory goes.
		"log.retention.ms": "-1",
		// A client that died is noticed within seconds, not minutes.
		"group.consumer.session.timeout.ms":    "6000",
		"group.consumer.heartbeat.interval.ms": "1000",
	}
	for k, v := range o.Configs {
		configs[k] = v
	}
	opts := []kfake.Opt{
		kfake.DataDir(o.Dir), kfake.ClusterID("sluice-local"), kfake.DefaultNumPartitions(4),
		kfake.GroupMinSessionTimeout(1), kfake.BrokerConfigs(configs),
	}
	if o.Sync {
		opts = append(opts, kfake.SyncWrites())
	}
	if o.Log != nil {
		opts = append(opts, kfake.WithLogger(brokerLog{o.Log}))
	}
	if killed(o.Dir) {
		if err := mend(ctx, o.Dir, opts); err != nil {
			return nil, fmt.Errorf("mending the embedded broker in %s, which was killed: %w", o.Dir, err)
		}
	}
	if o.Addr == "" {
		opts = append(opts, kfake.NumBrokers(1))
	} else {
		_, port, err := net.SplitHostPort(o.Addr)
		if err != nil {
			return nil, fmt.Errorf("reading the broker's address %q: %w", o.Addr, err)
		}
		n, err := strconv.Atoi(port)
		if err != nil {
			return nil, fmt.Errorf("reading the broker's address %q: %w", o.Addr, err)
		}
		opts = append(opts, kfake.Ports(n), kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			return net.Listen(network, o.Addr)
		}))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		if b.temp != "" {
			_ = os.RemoveAll(b.temp)
		}
		return nil, fmt.Errorf("starting the embedded broker in %s: %w", o.Dir, err)
	}
	if b.slot, err = openSlot(o.Dir, cluster); err != nil {
		cluster.Close()
		return nil, err
	}
	b.cluster, b.members = cluster, watchMembers(cluster)
	b.addr = cluster.ListenAddrs()[0]
	return b, nil
}

// Addr is "host:port" of the broker.
func (b *Broker) Addr() string { return b.addr }

// Cluster is the broker itself, for tests that inject faults.
func (b *Broker) Cluster() *kfake.Cluster { return b.cluster }

// Close writes down what it holds and ends the broker. It may be called more
// than once.
func (b *Broker) Close() {
	b.members.close()
	b.cluster.Close()
	b.slot.remove()
	if b.temp != "" {
		_ = os.RemoveAll(b.temp)
	}
}

// brokerLog passes on errors and warnings; kfake's other levels are a line a
// request.
type brokerLog struct{ log *slog.Logger }

func (l brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.log.Error("embedded broker: " + fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		l.log.Warn("embedded broker: " + fmt.Sprintf(format, args...))
	}
}
