package process

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
)

// ensure creates the topics that are missing. Dead letters and their replays stay
// until a person removes them.
func (p *Process) ensure(ctx context.Context, admin *kgo.Client) error {
	if err := p.kafka.Ensure(ctx, admin, false, p.topics.Inputs...); err != nil {
		return err
	}
	if err := p.ensureBeside(ctx, admin); err != nil {
		return err
	}
	kept := p.kafka
	kept.Topics.Config = map[string]string{"retention.ms": "-1"}
	maps.Copy(kept.Topics.Config, p.kafka.Topics.Config)
	return kept.Ensure(ctx, admin, false, p.retry, p.dlq)
}

// ensureBeside creates the topics with as many partitions as the input has, and
// refuses those that have another number.
func (p *Process) ensureBeside(ctx context.Context, admin *kgo.Client) error {
	if len(p.topics.Beside) == 0 {
		return nil
	}
	input := p.topics.Inputs[0]
	count := func(topic string) (int, error) {
		details, err := kadm.NewClient(admin).ListTopics(ctx, topic)
		if err != nil {
			return 0, fmt.Errorf("counting the partitions of %s: %w", topic, err)
		}
		return len(details[topic].Partitions), details[topic].Err
	}
	want, err := count(input)
	if err != nil {
		return err
	}
	same := p.kafka
	same.Topics.Partitions = int32(want)
	if err := same.Ensure(ctx, admin, true, p.topics.Beside...); err != nil {
		return err
	}
	for _, topic := range p.topics.Beside {
		got, err := count(topic)
		if err != nil {
			return err
		}
		if got != want {
			return &schemas.Fault{
				Where: "topic " + topic, What: fmt.Sprintf("has %d partitions, and %s has %d", got, input, want),
				Cure: "let both have the same number: what is of one key is in one partition of both",
			}
		}
	}
	return nil
}

// partitioner is that of all clients of Kafka, by the key's hash; but records of
// topics beside the input go where they say.
func (t *Topics) partitioner() kgo.Partitioner {
	return partitioner{kgo.StickyKeyPartitioner(nil), t.Beside}
}

type partitioner struct {
	kgo.Partitioner
	beside []string
}

// ForTopic implements kgo.Partitioner.
func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	if slices.Contains(p.beside, topic) {
		return kgo.ManualPartitioner().ForTopic(topic)
	}
	return p.Partitioner.ForTopic(topic)
}
