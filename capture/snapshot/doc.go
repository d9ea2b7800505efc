// Package snapshot copies tables beside the running stream, without locks or
// writes, so that whoever applies copy and events in the order they are handed
// out ends with the source's state. It knows no database: a [Database] reads.
//
//	         workers                                     consumer (Source.Next)
//	Run ──►  Split ─► Read, Read, ... ─► chunks ────────► Ready ─► batch, Progress
//	                    │  view, mark     wait for         ▲
//	                    ▼                 their mark       │ rows without those
//	                  usable?                              │ whose key was touched
//	stream's reader ─► Begin, Observe ─► memory: key ─► last transaction
//
// # The rule
//
// The order of the log and the moment a commit becomes visible differ. So each
// chunk is read in a database snapshot of its own and carries its [View], which
// says of each transaction whether it was visible, and a mark: a place in the log
// behind the commits of all that were. The stream is observed from before the
// first read. When it has passed the mark, the chunk's rows are handed out, but
// not those whose key an observed transaction touched. If the view sees that
// transaction, its event has brought the row already; if not, its event is newer
// than the row.
//
// Transactions whose events came before observing began and that are not visible
// yet are suspects: a view that does not see one is not used. The memory is
// bounded. At its limit it forgets transactions that all views see, whose rows
// may then come again, and next marks transactions as unknown: a chunk whose view
// does not see one is read again.
//
// # Tables without a key
//
// Such a table is read whole in one view, and the stream hands out only what the
// view does not see, behind the table's last row. Until there is a view, its
// changes are left out, and the view must see them all. Interrupted, the table is
// read whole again.
//
//	open ──► shut ──► held ──► done (a filter, until the mark is passed)
//	          ▲  │ a view that misses what was left out
//	          └──┘
package snapshot
