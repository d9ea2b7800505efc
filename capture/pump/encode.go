package pump

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/capture"
	"sluice/schemas"
	"sluice/schemas/avro"
)

// encoder turns changes into Kafka records. Its routes are those of one Open of
// the source: a Table that changes is a new *Table and gets a new route.
type encoder struct {
	pump   *Pump
	client *kgo.Client
	routes map[*schemas.Table]*route
	last   *route
	now    time.Time
	// memo is for the rows of a snapshot, which share their source block; nil
	// while changes of the stream are encoded.
	memo     *avro.Memo
	snapshot avro.Memo
	// tombstones: a delete is followed by one.
	tombstones bool
}

// prepare makes the routes that a batch needs, so that encoding it waits for
// nobody. What the registry or Kafka cannot answer now is tried again until ctx
// is done.
func (e *encoder) prepare(ctx context.Context, b *capture.Batch) error {
	e.memo = nil
	if b.Snapshot {
		e.snapshot.Forget()
		e.memo = &e.snapshot
	}
	var last *schemas.Table
	for i := range b.Changes {
		t := b.Changes[i].Table
		if t == last && t != nil {
			continue
		}
		if t == nil {
			return &schemas.Fault{
				Where: "event " + string(b.Changes[i].ID), What: "the source gave a change without a table",
				Cure: "this is an error in the source; report it with the event's name",
			}
		}
		if last = t; e.routes[t] != nil {
			continue
		}
		e.pump.notReady("waiting for Kafka and the schema registry to take table " + t.FullName())
		var wait backoff
		for {
			r, err := e.pump.open(ctx, e.client, t)
			if err == nil {
				e.routes[t] = r
				break
			}
			if isFault(err) || ctx.Err() != nil {
				return err
			}
			e.pump.log.Warn("waiting before the first record of a table", "table", t.FullName(), "error", err)
			if !wait.sleep(ctx) {
				return ctx.Err()
			}
		}
		e.pump.notReady("")
	}
	return nil
}

// encode appends the records of one change: its own and, behind a delete, the
// tombstone, where the capture writes them.
func (e *encoder) encode(c *chunk, ch *schemas.Change, batch mark) error {
	r := e.last
	if r == nil || r.table != ch.Table {
		r = e.routes[ch.Table]
		e.last = r
	}
	var err error
	begin := len(c.bytes)
	buf := c.bytes
	keyed := len(r.key) > 0 && (ch.Table.Flat || ch.Op != schemas.Truncate && ch.Op != schemas.Message)
	if keyed {
		buf = append(buf, r.key...)
		if buf, err = r.envelope.AppendKey(buf, ch.KeyRow()); err != nil {
			return encodeFault(ch, "key", err)
		}
	}
	keyEnd := len(buf)
	buf = append(buf, r.value...)
	if buf, err = r.envelope.AppendShared(buf, ch, e.now, e.memo); err != nil {
		return encodeFault(ch, "envelope", err)
	}
	valueEnd := len(buf)
	buf = append(buf, ch.ID...)
	idEnd := len(buf)
	if ch.OtherKey != nil {
		buf = append(buf, r.key...)
		if buf, err = r.envelope.AppendOtherKey(buf, ch.OtherKey); err != nil {
			return encodeFault(ch, "other key", err)
		}
	}
	c.bytes = buf

	h := len(c.headers)
	c.headers = append(c.headers, kgo.RecordHeader{Key: schemas.HeaderPosition, Value: buf[valueEnd:idEnd:idEnd]})
	if ch.OtherKey != nil {
		name := schemas.HeaderOldKey
		if ch.Op == schemas.Delete {
			name = schemas.HeaderNewKey
		}
		c.headers = append(c.headers, kgo.RecordHeader{Key: name, Value: buf[idEnd:len(buf):len(buf)]})
	}
	var key []byte
	if keyed {
		key = buf[begin:keyEnd:keyEnd]
	}
	n := len(c.headers)
	c.records = append(c.records, kgo.Record{
		Topic: r.topic, Timestamp: e.now, Key: key, Value: buf[keyEnd:valueEnd:valueEnd], Headers: c.headers[h:n:n],
	})
	if keyed && ch.Op == schemas.Delete && !ch.Table.Flat && e.tombstones {
		c.records = append(c.records, kgo.Record{
			Topic: r.topic, Timestamp: e.now, Key: key, Headers: c.headers[h:n:n],
		})
	}
	c.count(r, ch.Op, batch)
	return nil
}

func encodeFault(ch *schemas.Change, part string, err error) error {
	return &schemas.Fault{
		Where: fmt.Sprintf("table %s, event %s", ch.Table.FullName(), ch.ID),
		What:  "encoding the " + part,
		Err:   err,
		Cure:  "nothing was written behind the change before it; mend the value in the source or leave the table out of the capture's tables",
	}
}
