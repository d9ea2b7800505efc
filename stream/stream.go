package stream

import (
	"context"
	"time"

	"sluice/schemas"
)

// Processor is one stage. Stages see the same items one after another; each
// works on those that are still Pending.
type Processor interface {
	// Process decides over the items of a batch, in their order. What is wrong
	// with one record is said with Item.Park. An error means that the batch
	// could not be processed at all: the engine aborts the transaction and
	// tries the same records again, or stops if the error is a
	// *schemas.Fault.
	Process(ctx context.Context, items []*Item) error
}

// Fate is what became of an item.
type Fate uint8

const (
	// Pending items go on to the next stage; at the end they are delivered.
	Pending Fate = iota
	// Filtered items end here, for the reason in Item.Reason.
	Filtered
	// Parked items go to the dead letter topic with their original bytes.
	Parked
)

// Item is one consumed record on its way through the stages.
type Item struct {
	Input
	// Change is the decoded record. Its Table is nil for a Kafka tombstone.
	Change schemas.Change
	// Out is what the item becomes; stages append to it and change it.
	Out []Output
	// Fate, Reason and Err are set by Filter and Park.
	Fate   Fate
	Reason string
	Err    error
}

// Input is a record as it came from Kafka.
type Input struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      time.Time
	Key       []byte
	Value     []byte
	Headers   []Header
}

// Header is a Kafka record header.
type Header struct {
	Key   string
	Value []byte
}

// Header returns the last header of that name, or nil.
func (in *Input) Header(name string) []byte {
	for i := len(in.Headers) - 1; i >= 0; i-- {
		if in.Headers[i].Key == name {
			return in.Headers[i].Value
		}
	}
	return nil
}

// Output is a record to produce. The engine encodes Row as flat Avro of Table
// under the subject "<Topic>-value".
type Output struct {
	Topic string
	// Key decides the partition and, in a compacted topic, the identity.
	Key   []byte
	Table *schemas.Table
	// Row nil is a tombstone.
	Row     schemas.Row
	Headers []Header
	// Value is what is written where Table is nil: a form of the stage's own. nil
	// is a tombstone.
	Value []byte
	// Partition is where the record goes in a topic that the engine was told to
	// partition as its input; else it does not count.
	Partition int32
}

// Filter ends the item for a short, countable reason ("tombstone", "when").
func (it *Item) Filter(reason string) { it.Fate, it.Reason, it.Out = Filtered, reason, nil }

// Park sends the item to the dead letter topic. reason is short and countable;
// err names the rule, the field and the value.
func (it *Item) Park(reason string, err error) {
	it.Fate, it.Reason, it.Err, it.Out = Parked, reason, err, nil
}
