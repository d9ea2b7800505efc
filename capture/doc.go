// Package capture is the contract of a reader. A [Source] reads one database in
// the order of its log and hands out [Batch]es; capture/pump writes them to
// Kafka together with the position, and only then tells the source that it may
// forget.
//
//	zero Position ──► Open ──► Next, Next, ... ──► Close
//	saved Position ─┘           │        ▲
//	                            └─ Ack ──┘  (any time after the batch is durable)
package capture
