// Package sinks is the contract of a writer. A [Sink] writes [Delivery]s to one
// target and says of each that failed whether to try again. sinks/deliver brings
// them: in order per key, with retry, breaker, dead letters and receipts.
package sinks
