// Package sinktest proves that a sink keeps its promises. [Run] is the suite
// that every sinks.Sink passes against a [Harness]: order per key, no loss, the
// same delivery repeated without effect, refusals told apart from trouble that
// passes, part of a batch refused, deletions of what is not there.
//
// [Server] is a REST API that misbehaves on purpose: slow answers, connections
// reset before or after the write, 429 with Retry-After, 500, 4xx for chosen
// keys, truncated answers, outages. It remembers every version of every key that
// it applied, so that a test can say what was lost, doubled or out of order.
package sinktest
