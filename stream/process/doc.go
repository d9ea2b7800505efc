// Package process runs the stages of a stream: it consumes raw topics, hands
// batches to a list of [stream.Processor]s, and produces what they made, all in
// one Kafka transaction a batch.
//
//	            ┌────────────────── Poll ◄─────────────────────────────┐
//	            ▼                                                      │
//	decode ► stages ► encode ──► Begin ► produce ► offsets ► End ──► count
//	   │        │        │                              │
//	   └────────┴────────┴─ wait, the same              └─ aborted (rebalance,
//	      records again (registry away, a stage           error): back to the
//	      that failed); a *schemas.Fault stops            committed offsets
//
// Exactly once, Kafka to Kafka: the outputs, the dead letters and the consumed
// offsets of a batch become visible together or not at all, to readers of
// committed records. Nothing but Kafka is written, and the stages have no side
// effects that a second run of the same records would double.
//
// A record that cannot be decoded or that a stage parks goes to
// dlq.stream.<name> with its original key, value and headers, inside the same
// transaction. A replayed dead letter comes back through retry.stream.<name>,
// which is consumed beside the inputs.
//
// consumed = delivered + filtered + parked holds for every batch, and is counted
// in sluice_stream_records_total after the commit.
//
// Each process has an instance name; its transactional id is
// sluice.stream.<name>.<instance>. Started again under the same name it settles
// its predecessor's open transaction at once; under another name that happens
// when the transaction times out.
package process
