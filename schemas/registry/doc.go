// Package registry is the client of a schema registry with Confluent's REST
// API: Confluent's own, Karapace, Apicurio, Redpanda, or the small one of the
// package server beneath it.
//
// A [Client] answers what it knows from memory, in both directions, asks once
// for what many goroutines want at the same time, and waits for a registry that
// is away. A refusal is a *schemas.Fault: where the schema breaks the subject's
// compatibility it names the field, the reason and the choices.
//
// [AppendHeader] and [SplitHeader] are the wire header that ties a record to
// its schema.
package registry
