package schemas

// Headers of a dead letter, beside those that the record came with. Each is
// UTF-8 text.
const (
	// HeaderDLQReason is short and countable.
	HeaderDLQReason = "sluice.dlq.reason"
	// HeaderDLQError is the whole error: rule, field and value, or the answer.
	HeaderDLQError = "sluice.dlq.error"
	// HeaderDLQTopic, -Partition and -Offset are where the record was read.
	HeaderDLQTopic     = "sluice.dlq.topic"
	HeaderDLQPartition = "sluice.dlq.partition"
	HeaderDLQOffset    = "sluice.dlq.offset"
	// HeaderDLQTime is when it was parked, RFC 3339.
	HeaderDLQTime = "sluice.dlq.time"
	// HeaderDLQAttempts, -Status and -Answer tell of the tries at a target.
	HeaderDLQAttempts = "sluice.dlq.attempts"
	HeaderDLQStatus   = "sluice.dlq.status"
	HeaderDLQAnswer   = "sluice.dlq.answer"
	// HeaderDLQID is on a replayed record: the dead letter it came from, as
	// "<topic>/<partition>/<offset>".
	HeaderDLQID = "sluice.dlq.id"
)
