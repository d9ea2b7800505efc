// Package stream is the contract of a step between raw topics and entity topics.
// A [Processor] takes a batch of [Item]s and says of each what becomes of it:
// outputs, filtered with a reason, or parked with an error. stream/process reads
// the items from Kafka and commits what they became in one transaction.
//
//	consumed = delivered + filtered + parked
package stream
