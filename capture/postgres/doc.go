// Package postgres reads PostgreSQL 13 and later by logical replication: a slot
// with the plug-in pgoutput, protocol version 2, or 1 on PostgreSQL 13 (PostgreSQL
// docs, 55.4 and 55.9). It implements capture.Source.
//
//	Open ─ zero position ──► slot ─┬─► stream ─────────────────────────┐
//	     ─ saved position ─────────┤     │ Begin, Observe               ├─► Next
//	                               └─► snapshot.Engine: workers ─ Ready ─┘
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
// A table is copied beside the stream when it is first captured, and again when
// a signal asks; see capture/snapshot for the rule by which rows and events meet
// without gap, double or regress. Each chunk is read in a read-only transaction
// of its own, with ACCESS SHARE on one table for its length. Its view is
// pg_current_snapshot(), its mark the insert position of the log. A restart goes
// on behind the last saved key of each range; what changed meanwhile may then come
// twice, as a row read and before that as its event. A table without a key is read
// whole and, if interrupted, whole again.
//
// Until a transaction is visible, its session's id stands in pg_stat_activity; so
// the engine learns of commits that are in the log and not visible yet. Membership
// in pg_read_all_stats lets it see, too, that a long transaction has not begun to
// commit, and not wait for its end.
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
