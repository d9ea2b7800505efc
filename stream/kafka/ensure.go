package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/schemas"
)

// Ensure creates the topics that do not exist yet, with the defaults of
// c.Topics, and cleanup.policy=compact where compacted, and waits until every
// partition has a leader. An existing topic is left as it is, and two processes
// may ensure the same topic at once. For another number of partitions, call it
// on a copy of the Config with Topics.Partitions changed.
//
// A topic that the broker refuses is a *schemas.Fault.
func (c Config) Ensure(ctx context.Context, cl *kgo.Client, compacted bool, topics ...string) error {
	c.Defaults()
	if len(topics) == 0 {
		return nil // an empty list would ask for every topic
	}
	missing, err := absent(ctx, cl, topics)
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		return nil
	}
	created, err := kadm.NewClient(cl).CreateTopics(ctx, c.Topics.Partitions, c.Topics.ReplicationFactor, c.topicConfig(compacted), missing...)
	if err != nil {
		return fmt.Errorf("creating topics %q: %w", missing, err)
	}
	for _, r := range created.Sorted() {
		if r.Err != nil && !errors.Is(r.Err, kerr.TopicAlreadyExists) {
			return c.refused(r)
		}
	}

	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		missing, err = absent(ctx, cl, topics)
		if err != nil || len(missing) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for topics %q to appear: %w", missing, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

func (c Config) topicConfig(compacted bool) map[string]*string {
	conf := make(map[string]*string, len(c.Topics.Config)+1)
	for k, v := range c.Topics.Config {
		conf[k] = kadm.StringPtr(v)
	}
	if compacted {
		conf["cleanup.policy"] = kadm.StringPtr("compact")
	}
	return conf
}

// absent returns those of the topics that a broker does not know, or of which a
// partition has no leader yet. It asks a broker each time; kadm would answer
// from a cache of several seconds.
func absent(ctx context.Context, cl *kgo.Client, topics []string) ([]string, error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, topic := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("looking up topics %q: %w", topics, err)
	}

	there := make(map[string]bool, len(topics))
	for _, t := range resp.Topics {
		if t.Topic == nil {
			continue
		}
		err := kerr.ErrorForCode(t.ErrorCode)
		if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) && !kerr.IsRetriable(err) {
			return nil, &schemas.Fault{Where: "topic " + *t.Topic, What: "cannot be looked up", Err: err, Cure: "allow sluice's Kafka user to describe it, or mend the name"}
		}
		there[*t.Topic] = err == nil && led(t.Partitions)
	}
	var missing []string
	for _, topic := range slices.Compact(slices.Sorted(slices.Values(topics))) {
		if !there[topic] {
			missing = append(missing, topic)
		}
	}
	return missing, nil
}

func led(partitions []kmsg.MetadataResponseTopicPartition) bool {
	for _, p := range partitions {
		if p.Leader < 0 {
			return false
		}
	}
	return len(partitions) > 0
}

// refused says why the broker did not create a topic.
func (c Config) refused(r kadm.CreateTopicResponse) error {
	f := &schemas.Fault{Where: "topic " + r.Topic, What: "the broker refused to create it", Err: r.Err}
	if r.ErrMessage != "" {
		f.What += " (" + r.ErrMessage + ")"
	}
	switch {
	case errors.Is(r.Err, kerr.InvalidReplicationFactor):
		f.Cure = fmt.Sprintf("mend kafka.topics.replication_factor (%d) or start more brokers", c.Topics.ReplicationFactor)
	case errors.Is(r.Err, kerr.InvalidPartitions):
		f.Cure = fmt.Sprintf("mend kafka.topics.partitions (%d)", c.Topics.Partitions)
	case errors.Is(r.Err, kerr.InvalidConfig):
		f.Cure = "mend kafka.topics.config"
	case errors.Is(r.Err, kerr.TopicAuthorizationFailed), errors.Is(r.Err, kerr.ClusterAuthorizationFailed):
		f.Cure = "create it yourself, or allow sluice's Kafka user to create topics"
	case errors.Is(r.Err, kerr.InvalidTopicException):
		f.Cure = "a topic's name has at most 249 of the characters a-z A-Z 0-9 . _ -; rename the capture, entity or table"
	default:
		f.Cure = "create the topic yourself, or ask who runs the brokers"
	}
	return f
}
