package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// mend brings the directory of a killed broker to where a broker that writes
// ahead would have left it. When kfake loads such a directory by itself, four
// things are wrong:
//
//   - A batch whose entry in the index was not written any more counts as
//     outside of any transaction, and so as committed. It was not acknowledged:
//     it is cut off.
//   - An open transaction counts as aborted, but no end marker is in the log. A
//     consumer drops the producer's next transaction with it, and at the next
//     start it counts as part of that one. So each producer gets an abort
//     marker in each partition; one with no open transaction before it means
//     nothing to anyone.
//   - A commit that the kill cut in two is there in some partitions and not in
//     the others. The slot has it whole: it is finished.
//   - A producer that outlived the broker and asks again for the commit of a
//     transaction that is now aborted is told that it was committed. So the
//     producers' epochs are raised, and it is told that it is fenced.
//
// All this happens beside the real address, where no client knows the broker.
func mend(ctx context.Context, dir string, opts []kfake.Opt) error {
	if err := trim(dir); err != nil {
		return err
	}
	cut, err := interrupted(dir)
	if err != nil {
		return err
	}
	cluster, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	if err != nil {
		return err
	}
	err = endTransactions(ctx, cluster, cut)
	cluster.Close()
	if err != nil || cut == nil {
		return err
	}
	// The snapshots that Close has written still call the finished commit an
	// aborted one; without them, the log itself is read.
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == "snapshot.json" {
			err = os.Remove(path)
		}
		return err
	})
}

// endTransactions commits the transaction that was cut, if one was, and aborts
// all others.
func endTransactions(ctx context.Context, cluster *kfake.Cluster, cut *commit) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	listed, err := admin.ListTransactions(ctx, nil, nil)
	if err != nil {
		return fmt.Errorf("listing the transactions: %w", err)
	}
	if len(listed) == 0 {
		return nil
	}
	producers, err := admin.DescribeTransactions(ctx, listed.TransactionalIDs()...)
	if err != nil {
		return fmt.Errorf("describing the transactions: %w", err)
	}
	topics, err := admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return fmt.Errorf("listing the topics: %w", err)
	}
	if err := writeMarkers(ctx, cl, producers, topics, cut); err != nil {
		return err
	}
	for _, p := range producers {
		if cut != nil && p.ProducerID == cut.Producer {
			continue
		}
		req := kmsg.NewPtrEndTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch = p.TxnID, p.ProducerID, p.ProducerEpoch
		answer, err := req.RequestWith(ctx, cl)
		if err == nil {
			err = kerr.ErrorForCode(answer.ErrorCode)
		}
		if err != nil {
			return fmt.Errorf("fencing %s: %w", p.TxnID, err)
		}
	}
	if cut == nil {
		return nil
	}
	for group, offsets := range cut.Offsets {
		commit := make(kadm.Offsets)
		for _, o := range offsets {
			commit.Add(kadm.Offset{Topic: o.Topic, Partition: o.Partition, At: o.Offset, LeaderEpoch: o.Epoch, Metadata: o.Metadata})
		}
		if err := admin.CommitAllOffsets(ctx, group, commit); err != nil {
			return fmt.Errorf("finishing the commit of group %s: %w", group, err)
		}
	}
	return nil
}

func writeMarkers(ctx context.Context, cl *kgo.Client, producers kadm.DescribedTransactions, topics kadm.TopicDetails, cut *commit) error {
	if len(topics) == 0 {
		return nil
	}
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	for _, p := range producers {
		m := kmsg.NewWriteTxnMarkersRequestMarker()
		m.ProducerID, m.ProducerEpoch = p.ProducerID, p.ProducerEpoch
		m.Committed = cut != nil && p.ProducerID == cut.Producer
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
				if e := kerr.ErrorForCode(p.ErrorCode); e != nil {
					err = errors.Join(err, fmt.Errorf("writing the end marker of %s, partition %d: %w", t.Topic, p.Partition, e))
				}
			}
		}
	}
	return err
}
