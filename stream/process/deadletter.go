package process

import (
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/stream"
)

const deadLetterPrefix = "sluice.dlq."

// deadLetter is the item's record as it came, with headers that say why it is
// parked. Those of an earlier parking are replaced: a replayed record that fails
// again is a new dead letter of the same origin.
func (p *Process) deadLetter(it *stream.Item, now time.Time) kgo.Record {
	headers := make([]kgo.RecordHeader, 0, len(it.Headers)+6)
	for _, h := range it.Headers {
		if !strings.HasPrefix(h.Key, deadLetterPrefix) {
			headers = append(headers, kgo.RecordHeader(h))
		}
	}
	topic, partition, offset := it.Topic, strconv.Itoa(int(it.Partition)), strconv.FormatInt(it.Offset, 10)
	if at, of := it.Header(schemas.HeaderDLQPartition), it.Header(schemas.HeaderDLQOffset); at != nil && of != nil {
		partition, offset = string(at), string(of)
	}
	text := "no error was told"
	if it.Err != nil {
		text = it.Err.Error()
	}
	add := func(key, value string) {
		headers = append(headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	add(schemas.HeaderDLQReason, it.Reason)
	add(schemas.HeaderDLQError, text)
	add(schemas.HeaderDLQTopic, topic)
	add(schemas.HeaderDLQPartition, partition)
	add(schemas.HeaderDLQOffset, offset)
	add(schemas.HeaderDLQTime, now.UTC().Format(time.RFC3339))
	return kgo.Record{Topic: p.dlq, Key: it.Key, Value: it.Value, Headers: headers}
}
