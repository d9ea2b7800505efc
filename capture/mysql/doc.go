// Package mysql reads MySQL 8.0 and later and MariaDB 10.6 and later from the
// binary log, as a replica does, over the package replication of go-mysql. It
// implements capture.Source.
//
//	Open ─ zero position ──► GTIDs or place ─┬─► stream ─────────────────────────┐
//	     ─ saved position ─► checks ─────────┤     │ Begin, Observe               ├─► Next
//	                                         └─► snapshot.Engine: workers ─ Ready ─┘
//
// One goroutine, go-mysql's, reads and decodes into batches of a bounded pool.
// go-mysql hands it the events raw: rows are decoded here, from the event's bytes
// into the batch's arena, without a value of type any and without an allocation
// for each column. Next takes what is there: small batches when idle, large ones
// when the consumer is the slower side. A server keeps its log by its own settings
// and never waits for us; so Ack has nothing to tell it.
//
// # Position
//
// A position names a row: the set of transactions that lie wholly before it, the
// name of the transaction in hand, and how many of its rows, of all tables, came
// before. Where the server has no GTIDs, the place in the log at which the
// transaction in hand begins stands for both. After a restart the server sends the
// transaction in hand again, and the rows before the position are passed over.
//
// Rows are counted through the whole transaction, not within an event: how rows
// are cut into events, whether they are compressed, and the events in between
// differ between a primary and its replicas; the order of the rows does not, where
// the table has a primary key. So a position inside of a transaction, compressed
// or not, holds on a replica, too. (A replica that finds rows of a table without a
// key by a hash may log them in another order.)
//
// A transaction in the log has been committed. However large it is, its rows are
// handed out as they are read, and nothing of it needs to be kept: the position
// can lie at each of them.
//
// With "transactions: true" the END of a transaction counts as one row more.
//
// # Which server it is
//
// MySQL's transactions carry the UUID of the server that first ran them. A
// position fits a server that has all of its transactions and has not purged any
// others; that is why a failover goes on by itself, and why another server, one
// restored from a backup or one whose log was begun anew is refused. MariaDB looks
// up the position's transactions itself; two servers with the same server_id are
// told apart by what else they say of themselves. Without GTIDs a position holds
// for one server, and one file of its log: when the file was begun is part of it.
//
// # XA transactions
//
// The log has the rows of an XA transaction when it is prepared, before it is
// known whether it commits. One that wrote a captured table is refused: the capture
// stops, and its tables are to be copied anew. Others are followed by their names
// from prepare to commit, also over a restart, and one whose rows came before the
// capture began stops it when it commits: it may have written anything.
//
// # Table layouts
//
// Columns are read by the names that the log has for them, which it does with
// binlog_row_metadata=FULL: that is required, and an event without names stops the
// capture. So an event is always read in the layout of its time, whatever the table
// looks like by now, and however long the capture was away. The catalogue is only
// asked for what the log does not tell: defaults, a unique key that stands in for a
// primary one, and which of MariaDB's strings are UUIDs and addresses; by name, and
// only for a column of the same type. A parser of DDL is not needed for any of
// this, and none of those that there are (TiDB's among them) reads all that
// MariaDB's servers accept. Statements of the log are only cut into words: to find
// what was truncated, and which tables to ask the catalogue about again.
//
// # Snapshot
//
// A table is copied beside the stream when it is first captured, and again when a
// signal asks; see capture/snapshot for the rule by which rows and events meet
// without gap, double or regress. No table is locked, but for a moment where the
// server has neither GTIDs nor MariaDB's snapshots. Each chunk is read in a
// consistent snapshot of its own, in key order. What a view sees, and why that
// holds:
//
//   - MySQL with GTIDs reads gtid_executed before it opens the snapshot. A
//     transaction enters that set after the engine has committed it: all of the set
//     is visible. What else is visible is in the log already when the snapshot is
//     open, so that the end of the log, read then, is the mark. A transaction
//     between the two bounds is not known to be visible; for a table with a key
//     that is all the rule needs, since a row that any transaction touched is left
//     to its event. A table without a key is copied when the stream has come to the
//     mark and none of the changes that it left out by then lies between the
//     bounds; otherwise another view is taken. A table without a key that is
//     written without a pause is therefore not copied before there is one.
//   - MariaDB takes a snapshot between two commits in the order of the log, and
//     says where (binlog_snapshot_file, _position). The view is exact.
//   - MySQL without GTIDs has no such thing. The table is locked against writes for
//     the moment in which the end of the log is read: what wrote it before has
//     ended by then. A lock that is not had within two seconds is tried again
//     later, so that writers never queue for longer.
//
// The stream of a server whose commits wait for a replica may bring transactions
// that are not visible yet: what the stream has and gtid_executed has not is shown
// to the engine as suspects. On MariaDB that is all up to the end of the log.
//
// # A silent server
//
// An idle server is told to give a sign of life a few times a second. It says how
// far its log has come, so that chunks need not wait for a change. One that says
// nothing for a minute is lost.
//
// # Rows
//
// A row of the snapshot and a row of the stream make the same values; see
// TYPES.md. Texts come from the server as the table holds them, and both ways turn
// them into UTF-8 by the same tables. Foreign keys with ON DELETE CASCADE or SET
// NULL change rows of which the log has no event (MySQL before 9.6, MariaDB): a
// capture of the referring table does not see that.
package mysql
