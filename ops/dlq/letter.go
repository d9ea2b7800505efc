package dlq

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/stream/kafka"
)

// The states of a dead letter.
const (
	Parked   = "parked"
	Replayed = "replayed"
)

// Prefixes of the topics.
const (
	streamPrefix = "dlq.stream."
	sinkPrefix   = "dlq.sink."
)

// Letter is one dead letter.
type Letter struct {
	// Topic, Partition and Offset are where it lies.
	Topic     string
	Partition int32
	Offset    int64
	// Parked is when it was parked.
	Parked time.Time
	// Key, Value and Headers are the original record's, byte for byte.
	Key, Value []byte
	Headers    []kgo.RecordHeader
	// Reason is short and countable, Error the whole story. Attempts, Status
	// and Answer tell of the tries at a target, where there were any.
	Reason, Error, Status, Answer string
	Attempts                      int
	// SourceTopic, SourcePartition and SourceOffset are where the original
	// record was read.
	SourceTopic     string
	SourcePartition int32
	SourceOffset    int64
	// Replay is the id of the dead letter whose replay this one is; empty for
	// most.
	Replay string
	// State is Parked or Replayed.
	State string
}

// ID is "<dlq topic>/<partition>/<offset>".
func (l *Letter) ID() string { return fmt.Sprintf("%s/%d/%d", l.Topic, l.Partition, l.Offset) }

// retryTopic is where a dead letter of that topic is replayed to.
func retryTopic(topic string) string { return "retry." + strings.TrimPrefix(topic, "dlq.") }

// Topics lists the dead letter topics that exist, sorted. Names choose among
// them: "crm", "sink.crm" or "dlq.sink.crm". A name that chooses none is a
// *schemas.Fault.
func Topics(ctx context.Context, cl *kgo.Client, names ...string) ([]string, error) {
	all, err := kadm.NewClient(cl).ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	var found []string
	for _, t := range all.Names() {
		if strings.HasPrefix(t, streamPrefix) || strings.HasPrefix(t, sinkPrefix) {
			found = append(found, t)
		}
	}
	slices.Sort(found)
	if len(names) == 0 {
		return found, nil
	}
	var chosen []string
	for _, name := range names {
		before := len(chosen)
		for _, t := range found {
			if t == name || t == "dlq."+name || t == streamPrefix+name || t == sinkPrefix+name {
				chosen = append(chosen, t)
			}
		}
		if len(chosen) == before {
			cure := "nothing was ever parked"
			if len(found) > 0 {
				cure = "there are: " + strings.Join(found, ", ")
			}
			return nil, &schemas.Fault{Where: "dlq " + name, What: "there is no such dead letter topic", Cure: cure}
		}
	}
	slices.Sort(chosen)
	return slices.Compact(chosen), nil
}

// List returns the dead letters of the topics, oldest first.
func List(ctx context.Context, c kafka.Config, log *slog.Logger, topics []string) ([]*Letter, error) {
	var letters []*Letter
	err := c.ReadToEnd(ctx, log, func(r *kgo.Record) error {
		letters = append(letters, read(r))
		return nil
	}, topics...)
	if err != nil {
		return nil, err
	}
	var retries []string
	for _, t := range topics {
		retries = append(retries, retryTopic(t))
	}
	replayed := map[string]bool{}
	err = c.ReadToEnd(ctx, log, func(r *kgo.Record) error {
		replayed[header(r.Headers, schemas.HeaderDLQID)] = true
		return nil
	}, retries...)
	if err != nil {
		return nil, err
	}
	byID := map[string]*Letter{}
	for _, l := range letters {
		byID[l.ID()] = l
	}
	for _, l := range letters {
		if replayed[l.ID()] {
			l.State = Replayed
		}
		l.comeFrom(byID)
	}
	slices.SortFunc(letters, func(a, b *Letter) int {
		return cmp.Or(a.Parked.Compare(b.Parked), cmp.Compare(a.Topic, b.Topic),
			cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return letters, nil
}

// comeFrom gives a letter that failed again after a replay the source of the
// first: the retry topic's offsets compare with nothing.
func (l *Letter) comeFrom(letters map[string]*Letter) {
	for first := letters[l.Replay]; first != nil && l.SourceTopic == retryTopic(l.Topic); first = letters[first.Replay] {
		l.SourceTopic, l.SourcePartition, l.SourceOffset = first.SourceTopic, first.SourcePartition, first.SourceOffset
	}
}

// ParseID reads an id into its parts.
func ParseID(id string) (topic string, partition int32, offset int64, err error) {
	parts := strings.Split(id, "/")
	if len(parts) == 3 && (strings.HasPrefix(parts[0], streamPrefix) || strings.HasPrefix(parts[0], sinkPrefix)) {
		p, perr := strconv.ParseInt(parts[1], 10, 32)
		o, oerr := strconv.ParseInt(parts[2], 10, 64)
		if perr == nil && oerr == nil && p >= 0 && o >= 0 {
			return parts[0], int32(p), o, nil
		}
	}
	return "", 0, 0, &schemas.Fault{
		Where: "dlq " + id, What: "is no id of a dead letter",
		Cure: "write <topic>/<partition>/<offset> as `sluice dlq list` shows it, such as dlq.sink.crm/0/12",
	}
}

// read takes the dead letter's own headers off the record.
func read(r *kgo.Record) *Letter {
	l := &Letter{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Parked: r.Timestamp,
		Key: r.Key, Value: r.Value, State: Parked,
		Reason: header(r.Headers, schemas.HeaderDLQReason), Error: header(r.Headers, schemas.HeaderDLQError),
		Status: header(r.Headers, schemas.HeaderDLQStatus), Answer: header(r.Headers, schemas.HeaderDLQAnswer),
		SourceTopic: header(r.Headers, schemas.HeaderDLQTopic), Replay: header(r.Headers, schemas.HeaderDLQID),
	}
	if t, err := time.Parse(time.RFC3339, header(r.Headers, schemas.HeaderDLQTime)); err == nil {
		l.Parked = t
	}
	// A header that is missing or no number stays 0: it is shown to a person.
	l.Attempts, _ = strconv.Atoi(header(r.Headers, schemas.HeaderDLQAttempts))
	p, _ := strconv.ParseInt(header(r.Headers, schemas.HeaderDLQPartition), 10, 32)
	l.SourcePartition = int32(p)
	l.SourceOffset, _ = strconv.ParseInt(header(r.Headers, schemas.HeaderDLQOffset), 10, 64)
	for _, h := range r.Headers {
		if !strings.HasPrefix(h.Key, "sluice.dlq.") {
			l.Headers = append(l.Headers, h)
		}
	}
	return l
}

func header(headers []kgo.RecordHeader, name string) string {
	for i := len(headers) - 1; i >= 0; i-- {
		if headers[i].Key == name {
			return string(headers[i].Value)
		}
	}
	return ""
}
