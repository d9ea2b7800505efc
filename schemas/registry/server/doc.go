// Package server is a small schema registry with the REST API of Confluent's,
// for Avro schemas: what a laptop, a test or a small installation needs. All of
// its state is the compacted topic _schemas, written in the records that
// Confluent's registry writes, so either may take over from the other.
//
//	request ──► read the topic to its end ──► answer from memory
//	write   ──► claim the transactional id ──► read to the end ──► decide ──► append in a transaction
//
// Any number of servers may run over one topic. A write is decided only after
// everything before it has been read, and is committed under a transactional id
// that all servers share: a server that decided on old state has been fenced by
// the one that wrote in between, and decides again. No id is given twice.
//
// What it does not have: other schema types, references, modes, contexts,
// authentication (put it behind a proxy, or on the loopback), and memory of
// schemas that were deleted for good: after compaction their ids may be given
// again.
package server
