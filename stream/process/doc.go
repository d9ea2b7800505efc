// Package process is the engine between raw topics and entity topics: it
// consumes records, hands them to the stages in batches, and produces what they
// became, in one Kafka transaction that also commits the consumed offsets.
//
//	poll ──► decode ──► stages ──► produce ──► commit offsets and records ──► count
//	  ▲                                                │
//	  └──────────── rewound to the last commit ◄───────┘ aborted: a rebalance, an error
//
// A record is therefore processed exactly once, however often a process dies:
// what an aborted transaction produced is never seen by a read_committed
// consumer, and its records are consumed again. Stages must have no effects but
// their outputs.
//
// A record that cannot be decoded, or that a stage parks, goes to
// dlq.stream.<name> in the same transaction, with its original key, value and
// headers. Replayed dead letters come back through retry.stream.<name>.
//
//	consumed = delivered + filtered + parked, counted when the transaction committed
package process
