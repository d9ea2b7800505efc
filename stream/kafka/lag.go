package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// PartitionLag is how far a consumer group is behind in one partition.
type PartitionLag struct {
	Topic     string
	Partition int32
	// Committed is the offset from which the group goes on; -1 if it has
	// committed none, which counts as the partition's start.
	Committed int64
	// End is the high watermark.
	End int64
	// Lag is 0 exactly if nothing is left to read: neither a committed record
	// nor an open transaction. Else it is End less the first offset that
	// matters, so that markers of transactions between records count as well.
	Lag int64
}

// Lag returns the lag of the group in the topics, sorted by topic and
// partition; no topics: those of which it has committed offsets. Topics that do
// not exist are left out, and a group that does not exist has committed
// nothing. The client needs neither to be in the group nor to consume.
//
// The difference of two offsets never becomes 0 behind a transactional
// producer, since its last offset is a marker that no consumer is shown.
// Therefore Lag fetches what is left of each partition that seems to be behind,
// until it meets a record.
func Lag(ctx context.Context, cl *kgo.Client, group string, topics ...string) ([]PartitionLag, error) {
	adm := kadm.NewClient(cl)
	commits, err := adm.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("fetching the offsets of group %q: %w", group, err)
	}
	if len(topics) == 0 {
		for topic := range commits {
			topics = append(topics, topic)
		}
	}
	if len(topics) == 0 {
		return nil, nil // an empty list would ask for every topic
	}
	starts, err := adm.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("listing the starts of %q: %w", topics, err)
	}
	ends, err := adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("listing the ends of %q: %w", topics, err)
	}
	details, err := adm.ListTopics(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}

	var lags []PartitionLag
	for topic, ps := range ends {
		for p, end := range ps {
			if p < 0 {
				continue // stands for a topic that does not exist
			}
			if end.Err != nil {
				return nil, fmt.Errorf("listing the end of %s/%d: %w", topic, p, end.Err)
			}
			lag := PartitionLag{Topic: topic, Partition: p, Committed: -1, End: end.Offset}
			if c, ok := commits.Lookup(topic, p); ok && c.Err == nil {
				lag.Committed = c.At
			}
			from := lag.Committed
			if from > lag.End {
				from = -1 // the topic was made anew: consumers begin at its start
			}
			if start, ok := starts.Lookup(topic, p); ok && start.Err == nil {
				from = max(from, start.Offset)
			}
			first, err := firstRecord(ctx, cl, details[topic], p, max(from, 0), end.Offset)
			if err != nil {
				return nil, fmt.Errorf("looking for what is left of %s/%d: %w", topic, p, err)
			}
			lag.Lag = end.Offset - first
			lags = append(lags, lag)
		}
	}
	slices.SortFunc(lags, func(a, b PartitionLag) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return lags, nil
}

// firstRecord returns the offset of the first record from `from` on that a
// reader of committed records is or may yet be shown, or end if there is none.
func firstRecord(ctx context.Context, cl *kgo.Client, topic kadm.TopicDetail, partition int32, from, end int64) (int64, error) {
	// A broker sends at least one batch however small the limit is; one batch
	// is enough unless it is a marker or part of an aborted transaction.
	limit := int32(1)
	for from < end {
		p, next, err := fetch(ctx, cl, topic, partition, from, limit)
		if err != nil {
			return 0, err
		}
		switch {
		case len(p.Records) > 0:
			return p.Records[0].Offset, nil
		case next <= from: // the last stable offset: an open transaction
			return from, nil
		}
		from, limit = next, min(limit*16, 1<<20)
	}
	return end, nil
}

// fetch issues one fetch of committed records and returns also the offset that
// follows what the broker sent, which kgo's own consumer does not tell.
func fetch(ctx context.Context, cl *kgo.Client, topic kadm.TopicDetail, partition int32, from int64, limit int32) (kgo.FetchPartition, int64, error) {
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition = partition
	part.FetchOffset = from
	part.PartitionMaxBytes = limit
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic.Topic
	t.TopicID = topic.ID
	t.Partitions = append(t.Partitions, part)
	req := kmsg.NewPtrFetchRequest()
	req.IsolationLevel = 1 // committed
	req.Topics = append(req.Topics, t)

	broker := cl.Broker(int(topic.Partitions[partition].Leader))
	answer, err := broker.RetriableRequest(ctx, req)
	if err != nil {
		return kgo.FetchPartition{}, 0, err
	}
	resp := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return kgo.FetchPartition{}, 0, err
	}
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			rp := &resp.Topics[i].Partitions[j]
			if rp.Partition != partition {
				continue
			}
			p, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
				Offset:         from,
				IsolationLevel: kgo.ReadCommitted(),
				Topic:          topic.Topic,
				Partition:      partition,
			}, rp, kgo.DefaultDecompressor(), nil)
			return p, next, p.Err
		}
	}
	return kgo.FetchPartition{}, 0, fmt.Errorf("the broker's answer lacks the partition")
}
