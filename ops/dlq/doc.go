// Package dlq reads the dead letter topics and brings dead letters back.
//
//	stream/process ─ parked ─► dlq.stream.<entity> ─ Replay ─► retry.stream.<entity> ─► stream/process
//	sinks/deliver  ─ parked ─► dlq.sink.<sink>     ─ Replay ─► retry.sink.<sink>     ─► sinks/deliver
//
// A dead letter is never changed or removed. It is "replayed" once a record of
// its retry topic carries its id, "<dlq topic>/<partition>/<offset>"; if it
// fails again, that is a new dead letter.
package dlq
