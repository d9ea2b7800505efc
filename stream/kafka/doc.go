// Package kafka is the one place where sluice sets up its Kafka clients:
// brokers, TLS, SASL, logging and patience ([Config.Options]), the topics that
// sluice owns ([Config.Ensure]), whether a broker answers ([Config.Check]),
// reading a compacted topic into memory ([Config.ReadToEnd]) and how far a
// consumer group is behind ([Lag]).
//
// A broker that is away pauses sluice and loses nothing: produced records and
// the requests of transactions and offsets are tried until the caller's context
// ends. Whatever must not wait takes a context with a deadline.
//
// The engines (capture/pump, stream/process, sinks/deliver) own their
// transactions and groups; [IsFenced] tells them when another process took
// theirs over.
package kafka
