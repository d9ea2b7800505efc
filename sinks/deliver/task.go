package deliver

import (
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/sinks"
)

// task is one record on its way to the target. It owns its memory.
type task struct {
	// record is a copy of what was read.
	record *kgo.Record
	part   *part
	mark   *mark
	lane   string
	// size is what it counts for in max_buffered.
	size int64
	// delivery is nil until the value is decoded.
	delivery *sinks.Delivery

	// tries counts those at the registry or the target since the last good
	// word, for the backoff; charged those that count towards max_attempts.
	tries, charged int
	// unproven is a failed attempt that counts only if the target answers
	// another delivery before the breaker opens: proof is what the breaker
	// said when it failed, epoch when it began.
	unproven     bool
	proof, epoch int64
	// last is the last failure.
	last *sinks.Error
}

const (
	// overhead is what a task costs beside its bytes: the structs of task,
	// record, delivery and lane.
	overhead = 768
	// entityPrefix begins the name of every entity topic.
	entityPrefix = "entity."
	// retryPrefix begins the name of every topic of replayed dead letters.
	retryPrefix = "retry.sink."
)

// newTask copies a record out of the fetched batch: a record kept for long
// must not hold the memory of the whole batch. home is as for origin.
func newTask(r *kgo.Record, p *part, home string) *task {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Value)
	}
	buf := make([]byte, 0, n)
	own := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		from := len(buf)
		buf = append(buf, b...)
		return buf[from:len(buf):len(buf)]
	}
	c := &kgo.Record{
		Key: own(r.Key), Value: own(r.Value), Headers: make([]kgo.RecordHeader, len(r.Headers)),
		Timestamp: r.Timestamp, Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, LeaderEpoch: r.LeaderEpoch,
	}
	for i, h := range r.Headers {
		c.Headers[i] = kgo.RecordHeader{Key: strings.Clone(h.Key), Value: own(h.Value)}
	}
	t := &task{record: c, part: p}
	// Twice the value: the decoded row is about as large again.
	t.size = int64(overhead + n + len(r.Value) + 48*len(r.Headers))
	topic, _, _ := t.origin(home)
	t.lane = topic + "\x00" + string(c.Key)
	return t
}

// header returns the last header of that name, or "".
func (t *task) header(name string) string {
	for i := len(t.record.Headers) - 1; i >= 0; i-- {
		if t.record.Headers[i].Key == name {
			return string(t.record.Headers[i].Value)
		}
	}
	return ""
}

// origin is where the record was first read. For a replayed dead letter that is
// what its headers say. One that has none of them is of the topic home, if the
// sink has but one ("" otherwise).
func (t *task) origin(home string) (topic string, partition int32, offset int64) {
	r := t.record
	topic = t.header(schemas.HeaderDLQTopic)
	if topic == "" {
		if strings.HasPrefix(r.Topic, retryPrefix) && home != "" {
			return home, r.Partition, r.Offset
		}
		return r.Topic, r.Partition, r.Offset
	}
	p, err1 := strconv.ParseInt(t.header(schemas.HeaderDLQPartition), 10, 32)
	o, err2 := strconv.ParseInt(t.header(schemas.HeaderDLQOffset), 10, 64)
	if err1 != nil || err2 != nil {
		return topic, r.Partition, r.Offset
	}
	return topic, int32(p), o
}
