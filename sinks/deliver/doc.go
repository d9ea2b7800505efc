// Package deliver is the engine that brings entity records from Kafka to a
// [sinks.Sink].
//
// It consumes the entity topics and retry.sink.<name>, in the consumer group
// sluice.sink.<name>. Each key of a topic has a lane: its deliveries go one
// after another, those of different keys beside each other. What Write says of
// a delivery, by [sinks.Classify], decides what comes next:
//
//	             ┌────────────── again, after a backoff ◄── retry, throttled
//	             ▼                                             │
//	record ──► lane ──► decode ──► breaker ──► Sink.Write ─────┤
//	                      │                                    ├── nil ───────► receipts.<name>
//	                      └── undecodable ─────────────────────┼── permanent ─► dlq.sink.<name>
//	                                                           └── stop: the engine ends, nothing is parked
//
// The fate of a record is final when the broker has acknowledged its receipt or
// dead letter; only then may its offset be committed, and only up to the first
// record of the partition that is not final; what is final beyond that goes
// along as the offset's metadata, so that one stuck key does not make all others
// come again after a restart. So a crash at any moment repeats
// deliveries, under the same idempotency key, and loses none:
//
//	consumed = delivered + filtered + parked
//
// The breaker counts failures of the target. While it is open no partition is
// fetched, the deliveries in hand wait, and none of them is parked however long
// it takes.
package deliver
