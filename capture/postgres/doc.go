// Package postgres reads PostgreSQL 13 and later by logical replication: a slot
// with the plug-in pgoutput, protocol version 2, or 1 on PostgreSQL 13 (PostgreSQL
// docs, 55.4 and 55.9). It implements capture.Source.
//
//	Open ─ zero position ──► slot, exported snapshot ──► snapshot ─┐
//	     ─ in a snapshot ──► new database snapshot ────► the rest ─┤
//	     ─ in the stream ──────────────────────────────────────────┴► stream
//
// One goroutine reads and decodes into batches of a bounded pool; a second one
// reports to the server, so that a consumer that pauses for hours keeps its
// connection. Next takes what is there: small batches when idle, large ones
// when the consumer is the slower side.
//
// # Position
//
// A position names an event: the LSN of its transaction's commit record and the
// index of its row message in that transaction. Beside it stands the LSN that
// may be confirmed when the position is durable: the end of the last
// transaction that lies wholly before it. After a restart the server sends
// again from there and what the position covers is skipped. An idle database
// still moves: batches without changes carry on the server's log position, at
// most every heartbeat. Logical decoding messages are counted apart from rows, so
// that it does not matter to a position whether they are captured.
//
// # Large transactions
//
// From PostgreSQL 14 on, the server sends a transaction that outgrows its
// logical_decoding_work_mem while it is in progress. Its messages wait as they
// came, in memory and past a limit in a file; what is rolled back is cut off, and
// the commit replays the rest as if it had come whole, with the same positions.
// One thing is not known that early: the place in an origin's log
// (source.origin_lsn) of a transaction that was itself replicated. A killed
// process leaves files behind, which the next one removes; the server sends every
// transaction again that is not yet durable.
//
// # A silent server
//
// A server that says nothing for half of its wal_sender_timeout is asked for a
// sign of life, and at its end the connection is lost (two minutes where it has no
// timeout). No TCP keepalive tells that through a proxy.
//
// # Topics of its own
//
// Beside the tables' topics there are, as Debezium has them:
// "__debezium-heartbeat.<capture>" (on by default), "<capture>.message" with
// logical decoding messages and "<capture>.transaction" with the ends of
// transactions (both off). A transaction of which nothing is captured has no ends.
//
// # Snapshot
//
// The initial snapshot reads table by table in the database snapshot that
// belongs to the slot's creation, so rows and stream meet without gap and
// without double. Tables with a primary key are read in its order, and a
// restart goes on after the last saved key, in a new database snapshot, while
// the stream still starts where the slot was created. What is promised then is
// convergence: changes made between the slot's creation and the new snapshot
// come twice, as part of a row read and again as the events themselves; whoever
// applies the events in order by key ends with the source's state. A table
// without a primary key is read whole and, if interrupted, whole again. While a
// snapshot runs it holds, as any reader does, ACCESS SHARE on what it has read:
// writers go on, ALTER TABLE waits.
//
// # Publication
//
// What the publication leaves out, rows by a condition or columns by a list, the
// snapshot does not read either. To a publication that a capture made (its
// comment says so) tables are added that the configuration names and that are
// created, renamed or made anew later; of another's, a warning names the ALTER
// PUBLICATION. Partitioned tables come as one table (partitions: root) or as
// their partitions (leaf), of inheriting tables each as itself.
//
// # Large values
//
// A large value that an update did not change is not in the log. It arrives as
// schemas.Unchanged, which Avro writes as Debezium's placeholder; with toast:
// reselect, and in a type that has no placeholder, it is read from the table by
// the row's key, many at once, and is then as new as the table.
//
// # Rows
//
// A row of the snapshot and a row of the stream go through the same decoders,
// from the same text form; see TYPES.md. Both sessions fix the settings that
// the text depends on.
package postgres
