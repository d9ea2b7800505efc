// Package state keeps what a stage remembers of each key: in Redis, to be read and
// written in batches, and in a compacted topic, from which Redis is restored.
//
// A [Table] is partitioned as the stage's input is: each partition has one Redis
// hash (key -> value) and one partition of the changelog topic. The process that
// consumes a partition is the only writer of both.
//
//	sluice:state:{customer/3}     the hash of partition 3; field "" is the marker
//	sluice.state.customer         the changelog; header sluice.next
//
// The marker says up to which offset of the input the hash has seen all; so does
// the header of each record of the changelog. A batch is read with one HMGET a
// partition, and written with one script that sets the values and the marker, if
// the marker is still the one that was read. So:
//
//   - a hash that is missing, or behind the changelog (Redis was emptied, or lost
//     the last seconds before a crash), is noticed with the next batch, and restored
//     from the changelog beside the old one before any answer is given;
//   - two processes that both believe that they own a partition cannot overwrite
//     each other: the second reads again;
//   - the hash may be ahead of the changelog, after a transaction of Kafka that was
//     aborted: the same records come again, and must lead to the same values.
//
// A golden record of ten fields with two contributions takes about 820 bytes of
// Redis (658 of them its state; measured with 100,000 in Redis 7).
package state
