package deliver

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/schemas"
	"sluice/sinks"
)

// Fates of a record.
const (
	fateConsumed  = "consumed"
	fateFiltered  = "filtered"
	fateDelivered = "delivered"
	fateParked    = "parked"
)

// park sends a task to the dead letter topic and settles it when the broker
// has it.
func (d *Deliver) park(life context.Context, t *task, reason string, e *sinks.Error) {
	d.logger(t).Warn("parked", "reason", reason, "error", e, "status", e.Status)
	d.produce(life, t, deadLetter(d.dlq, t, reason, e, time.Now()), fateParked, reason)
}

const dlqPrefix = "sluice.dlq."

// deadLetter is the record of a task for the dead letter topic: its key, value
// and headers as they came, and why it is there.
func deadLetter(topic string, t *task, reason string, e *sinks.Error, now time.Time) *kgo.Record {
	r := &kgo.Record{Topic: topic, Key: t.record.Key, Value: t.record.Value}
	for _, h := range t.record.Headers {
		// A replayed one is parked anew, with its present reason.
		if !strings.HasPrefix(h.Key, dlqPrefix) {
			r.Headers = append(r.Headers, h)
		}
	}
	add := func(key, value string) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	from, partition, offset := t.record.Topic, t.record.Partition, t.record.Offset
	attempts := 0
	if t.delivery != nil {
		from, partition, offset = t.delivery.Topic, t.delivery.Partition, t.delivery.Offset
		attempts = t.delivery.Attempt
	} else if t.header(schemas.HeaderDLQTopic) != "" {
		from, partition, offset = t.origin("")
	}
	add(schemas.HeaderDLQReason, reason)
	add(schemas.HeaderDLQError, e.Err.Error())
	add(schemas.HeaderDLQTopic, from)
	add(schemas.HeaderDLQPartition, strconv.Itoa(int(partition)))
	add(schemas.HeaderDLQOffset, strconv.FormatInt(offset, 10))
	add(schemas.HeaderDLQTime, now.UTC().Format(time.RFC3339))
	add(schemas.HeaderDLQAttempts, strconv.Itoa(attempts))
	if e.Status != "" {
		add(schemas.HeaderDLQStatus, e.Status)
	}
	if e.Answer != "" {
		add(schemas.HeaderDLQAnswer, e.Answer)
	}
	return r
}

// receiptValue is the value of a record of receipts.<name>: what a delivery
// left at the target.
type receiptValue struct {
	Entity string `json:"entity"`
	// Key is the entity's key; KeyBase64 stands for one that is no UTF-8.
	Key            string `json:"key"`
	KeyBase64      []byte `json:"key_base64,omitempty"`
	Action         string `json:"action"`
	DestinationID  string `json:"destination_id"`
	Status         string `json:"status"`
	Topic          string `json:"topic"`
	Partition      int32  `json:"partition"`
	Offset         int64  `json:"offset"`
	Position       string `json:"position"`
	Rules          string `json:"rules"`
	IdempotencyKey string `json:"idempotency_key"`
	At             string `json:"at"`
}

// receipt notes what the target answered and settles the task when the broker
// has it.
func (d *Deliver) receipt(life context.Context, t *task) {
	d.produce(life, t, receiptRecord(d.receipts, t.delivery, time.Now()), fateDelivered, t.delivery.Receipt.Action)
}

func receiptRecord(topic string, del *sinks.Delivery, now time.Time) *kgo.Record {
	v := receiptValue{
		Entity: entity(del.Topic), Key: string(del.Key),
		Action: del.Receipt.Action, DestinationID: del.Receipt.DestinationID, Status: del.Receipt.Status,
		Topic: del.Topic, Partition: del.Partition, Offset: del.Offset,
		Position: del.Position, Rules: del.Rules, IdempotencyKey: del.IdempotencyKey,
		At: now.UTC().Format(time.RFC3339Nano),
	}
	if !utf8.Valid(del.Key) {
		v.Key, v.KeyBase64 = "", del.Key
	}
	value, err := json.Marshal(v)
	if err != nil {
		panic("deliver: a receipt has no JSON form: " + err.Error()) // strings and numbers only
	}
	return &kgo.Record{Topic: topic, Key: append([]byte(v.Entity+"/"), del.Key...), Value: value}
}

// produce sends the record that makes a task's fate final.
func (d *Deliver) produce(life context.Context, t *task, r *kgo.Record, fate, reason string) {
	d.out.Produce(life, r, func(r *kgo.Record, err error) {
		if err == nil {
			d.settle(t, fate, reason)
			return
		}
		// Not final: its offset is not committed, and it comes again.
		t.part.end()
		d.release(t)
		if life.Err() == nil {
			d.fail(&schemas.Fault{
				Where: "topic " + r.Topic, What: "the broker does not take a record of " + strconv.Itoa(len(r.Key)+len(r.Value)) + " bytes", Err: err,
				Cure: "mend the topic (max.message.bytes, rights, existence) and start the sink again; no offset passed",
			})
		}
	})
}

// settle notes that a task's fate is final.
func (d *Deliver) settle(t *task, fate, reason string) {
	t.part.finish(t.mark)
	d.metrics.settled(fate, reason)
	t.part.end()
	d.release(t)
}
