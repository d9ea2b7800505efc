package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// running is a file in the broker's directory while the broker runs. Found at
// the start, it says that the broker was killed.
const running = "sluice-running"

// mend ends the transactions that a killed broker left open in dir. When it
// loads such a directory, kfake takes them for aborted but writes no end marker
// into the log. A consumer would then drop the producer's next transaction with
// the open one, and at the next start the open one would count as part of it.
// So the directory is opened once beside the real address, where no client
// knows it, and each producer gets an abort marker in each partition. A marker
// with no open transaction before it means nothing to anyone.
func mend(ctx context.Context, opts []kfake.Opt) error {
	cluster, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	if err != nil {
		return err
	}
	defer cluster.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	producers, err := admin.ListTransactions(ctx, nil, nil)
	if err != nil {
		return fmt.Errorf("listing the transactions: %w", err)
	}
	topics, err := admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return fmt.Errorf("listing the topics: %w", err)
	}
	if len(producers) == 0 || len(topics) == 0 {
		return nil
	}
	described, err := admin.DescribeTransactions(ctx, producers.TransactionalIDs()...)
	if err != nil {
		return fmt.Errorf("describing the transactions: %w", err)
	}
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	for _, p := range described {
		m := kmsg.NewWriteTxnMarkersRequestMarker()
		m.ProducerID, m.ProducerEpoch = p.ProducerID, p.ProducerEpoch
		for _, t := range topics {
			mt := kmsg.NewWriteTxnMarkersRequestMarkerTopic()
			mt.Topic, mt.Partitions = t.Topic, t.Partitions.Numbers()
			m.Topics = append(m.Topics, mt)
		}
		req.Markers = append(req.Markers, m)
	}
	answer, err := cl.Broker(0).Request(ctx, req)
	if err != nil {
		return fmt.Errorf("writing the end markers: %w", err)
	}
	for _, m := range answer.(*kmsg.WriteTxnMarkersResponse).Markers {
		for _, t := range m.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode != 0 {
					err = errors.Join(err, fmt.Errorf("writing the end marker of %s, partition %d: error %d", t.Topic, p.Partition, p.ErrorCode))
				}
			}
		}
	}
	return err
}

// killed reports whether the broker of dir was not closed.
func killed(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, running))
	return err == nil
}

func setRunning(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, running), nil, 0o644); err != nil {
		return fmt.Errorf("writing into the broker's directory: %w", err)
	}
	return nil
}
