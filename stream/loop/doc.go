// Package loop keeps changes from going round: a sink writes to a system that is
// itself captured, and what it wrote comes back as a change. Four layers, the
// cheapest first:
//
//	raw topic ─► tag? ──yes──► loop_origin    the source block names one of our sinks
//	              │no
//	              ▼
//	            mark? ──yes──► loop_echo      a sink said that it would write this
//	              │no
//	              ▼
//	            round? ─yes──► loop_bounce    parked: it crossed too often
//	              │no
//	              ▼
//	            rules ─► entity ─► sink ─► has it? ─yes──► converged
//	                                         │no
//	                                         ▼
//	                                  mark, then write
//
// [Guard] is the stream's side, before the rules; [Marks] the sink's. Both speak
// to Redis in batches, one script a change or write, and forget after Config.Keep;
// a Redis that lost everything lets echoes pass, which costs a round and no data.
// [Cycles] finds before the start which fields go round without an owner.
//
// In doubt a change passes: an echo that passes is a needless round, a change of
// a person that is dropped is lost. So a mark is used up once, by the offset that
// fits it, and a replay decides as before; it fits no change of other columns
// that the rules read; and it is void when a later change shows that its echo
// never came. What is left: within five seconds of a write that changed nothing
// at the target, a change to something else and back is taken for its echo.
//
// A record is named at the target by the entity's key, where the target keeps
// that (key), or by its own id, which the sink learns from the answers (id).
// Before the first answer there is no id: then the mark is of the content alone,
// fits a creation only, and moves to the id with the answer.
//
// A record counts as going round when, each time after a write of ours, the same
// content passes more than Bounces times within Window, or as many writes come
// back as something else, or ten times as many changes pass within ten windows.
// Times are those of the commits, so that a replay counts the same.
//
// What the target has is known by a record's changes. A TRUNCATE, and a deletion
// that does not tell the column by which the record is named, may be of any
// record: what was known before is then written anew.
//
// Where a sink says which system it writes to and not where its writes come back,
// no mark is left: there the same content of a row is counted, up to four times
// Bounces.
package loop
