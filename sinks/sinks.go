package sinks

import (
	"context"

	"sluice/schemas"
)

// Sink writes to one target. It is safe for concurrent use; the engine never
// has two deliveries of one key under way.
type Sink interface {
	// Write brings the deliveries to the target, in their order. Nil: the
	// target has taken all of them. *BatchError: those it names failed, the
	// others were taken. Any other error is about all of them, and classified
	// by Classify. On success the sink fills Delivery.Receipt.
	Write(ctx context.Context, batch []*Delivery) error
	// Close frees the connections.
	Close(ctx context.Context) error
}

// Delivery is the newest state of one key, or its deletion.
type Delivery struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       []byte
	// Table and Row are the entity; Row is nil for a deletion.
	Table *schemas.Table
	Row   schemas.Row
	// Position, Source, Rules and Time are the record's headers of those names
	// (schemas.HeaderPosition and so on); empty where it has none.
	Position, Source, Rules, Time string
	// IdempotencyKey is the same on every retry, restart and replay of this
	// delivery, and different for every other.
	IdempotencyKey string
	// Attempt counts from 1.
	Attempt int
	// Receipt is what the target answered; set by the sink.
	Receipt Receipt
}

// Deletion reports whether the key is to be deleted.
func (d *Delivery) Deletion() bool { return d.Row == nil }

// Receipt is the trace that a delivery left at the target.
type Receipt struct {
	// Action is what was done: created, updated, deleted, or unchanged.
	Action string
	// DestinationID is the target's own id of the record, where it told one.
	DestinationID string
	// Status is the target's code for the answer (HTTP status, SQLSTATE).
	Status string
}
