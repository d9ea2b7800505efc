package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	topic = "_schemas"
	// transactionalID is shared by all servers of a cluster: who opens it last
	// is the only one who can commit.
	transactionalID = "sluice.registry"
)

// journal is the topic: it keeps the store in step with it, and appends to it.
type journal struct {
	opts []kgo.Opt
	log  *slog.Logger

	reader *kgo.Client
	adm    *kadm.Client

	writing sync.Mutex  // held by a writer from its claim to its commit
	writer  *kgo.Client // nil: the transactional id is not ours

	reading sync.Mutex // held while the store follows the topic
	next    int64      // offset of the first record that the store lacks

	mu    sync.RWMutex // guards store
	store *store
}

// openJournal creates the topic if it does not exist, and reads it.
func openJournal(ctx context.Context, opts []kgo.Opt, log *slog.Logger) (*journal, error) {
	j := &journal{opts: opts, log: log, store: newStore()}
	reader, err := kgo.NewClient(j.with(
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // or the end could not be told from a marker
	)...)
	if err != nil {
		return nil, fmt.Errorf("opening a client of kafka: %w", err)
	}
	j.reader, j.adm = reader, kadm.NewClient(reader)
	if err := j.ensure(ctx); err != nil {
		reader.Close()
		return nil, err
	}
	// Only now: a client that looks for a topic in vain pauses for a second.
	reader.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}})
	if err := j.catchUp(ctx); err != nil {
		reader.Close()
		return nil, err
	}
	return j, nil
}

func (j *journal) with(more ...kgo.Opt) []kgo.Opt { return append(slices.Clone(j.opts), more...) }

func (j *journal) close() {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.drop()
	j.reader.Close()
}

// ensure creates the topic and waits until its partition has a leader.
func (j *journal) ensure(ctx context.Context) error {
	config := map[string]*string{"cleanup.policy": kadm.StringPtr("compact")}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req := kmsg.NewPtrMetadataRequest()
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, t)
		resp, err := req.RequestWith(ctx, j.reader)
		if err != nil {
			return fmt.Errorf("looking up topic %s: %w", topic, err)
		}
		if len(resp.Topics) == 1 {
			switch found := resp.Topics[0]; {
			case len(found.Partitions) > 1:
				return fmt.Errorf("topic %s has %d partitions; a registry's topic has one", topic, len(found.Partitions))
			case len(found.Partitions) == 1 && found.Partitions[0].Leader >= 0:
				return nil
			case found.ErrorCode == kerr.UnknownTopicOrPartition.Code:
				_, err := j.adm.CreateTopic(ctx, 1, -1, config, topic)
				if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
					return fmt.Errorf("creating topic %s: %w", topic, err)
				}
			case found.ErrorCode != 0 && !kerr.IsRetriable(kerr.ErrorForCode(found.ErrorCode)):
				return fmt.Errorf("looking up topic %s: %w", topic, kerr.ErrorForCode(found.ErrorCode))
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for topic %s: %w", topic, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// catchUp brings the store to where the topic ended when it was called.
func (j *journal) catchUp(ctx context.Context) error {
	ends, err := j.adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return fmt.Errorf("listing the end of %s: %w", topic, err)
	}
	end, ok := ends.Lookup(topic, 0)
	if err := end.Err; err != nil || !ok {
		return fmt.Errorf("listing the end of %s: %w", topic, errors.Join(err, unless(ok, kerr.UnknownTopicOrPartition)))
	}

	j.reading.Lock()
	defer j.reading.Unlock()
	for j.next < end.Offset {
		fetches := j.reader.PollFetches(ctx)
		// First of all, even if ctx has ended meanwhile: what was polled is not
		// given out twice.
		j.take(fetches.Records())
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("reading %s to its end: %w", topic, context.Cause(ctx))
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("reading %s: %w", topic, err)
		}
	}
	return nil
}

// take applies records to the store.
func (j *journal) take(records []*kgo.Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range records {
		j.next = r.Offset + 1
		if r.Attrs.IsControl() {
			continue
		}
		if err := j.store.apply(r.Key, r.Value); err != nil {
			// One bad record must not take the registry of everybody down.
			j.log.Error("a record of the topic is no registry record; it is passed over", "topic", topic, "offset", r.Offset, "err", err)
		}
	}
}

// view calls fn with the store, which fn may only read.
func (j *journal) view(fn func(*store)) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	fn(j.store)
}

// update lets decide look at everything that was ever written and appends what
// it returns, unless another server wrote in between: then decide is asked
// again. When update returns nil, the store holds the entries. An error of
// decide ends it.
func (j *journal) update(ctx context.Context, decide func(*store) ([]entry, error)) error {
	j.writing.Lock()
	defer j.writing.Unlock()
	pause := 20 * time.Millisecond
	for {
		var refusal error
		err := j.attempt(ctx, func(s *store) (entries []entry, err error) {
			entries, refusal = decide(s)
			return entries, refusal
		})
		if err == nil || refusal != nil {
			return err
		}
		// Fenced by another server, or unknown whether the commit arrived:
		// either way claim the id anew and look.
		j.drop()
		j.log.Debug("writing to the topic again", "topic", topic, "err", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
			pause = min(2*pause, time.Second)
		}
	}
}

func (j *journal) attempt(ctx context.Context, decide func(*store) ([]entry, error)) error {
	if err := j.claim(ctx); err != nil {
		return err
	}
	if err := j.catchUp(ctx); err != nil {
		return err
	}
	var entries []entry
	var err error
	j.view(func(s *store) { entries, err = decide(s) })
	if err != nil || len(entries) == 0 {
		return err
	}
	records := make([]*kgo.Record, 0, len(entries))
	for _, e := range entries {
		r := &kgo.Record{Topic: topic, Partition: 0}
		if r.Key, err = json.Marshal(e.key); err != nil {
			return err
		}
		if e.value != nil {
			if r.Value, err = json.Marshal(e.value); err != nil {
				return err
			}
		}
		records = append(records, r)
	}

	if err := j.writer.BeginTransaction(); err != nil {
		return err
	}
	if err := j.writer.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("writing to %s: %w", topic, err)
	}
	if err := j.writer.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("committing to %s: %w", topic, err)
	}
	return j.catchUp(ctx)
}

// claim makes the transactional id ours. Whatever another server left open is
// ended by the broker before claim returns.
func (j *journal) claim(ctx context.Context) error {
	if j.writer != nil {
		return nil
	}
	writer, err := kgo.NewClient(j.with(
		kgo.TransactionalID(transactionalID),
		kgo.TransactionTimeout(10*time.Second),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0), // one record at a time, and somebody waits
	)...)
	if err != nil {
		return fmt.Errorf("opening a client of kafka: %w", err)
	}
	if _, _, err := writer.ProducerID(ctx); err != nil {
		writer.Close()
		return fmt.Errorf("claiming the transactional id %s: %w", transactionalID, err)
	}
	j.writer = writer
	return nil
}

func (j *journal) drop() {
	if j.writer != nil {
		j.writer.Close()
		j.writer = nil
	}
}

func unless(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}
