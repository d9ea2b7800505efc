// Package api writes entities to a REST API: create, update and delete, each
// with a method, a path and a JSON body from text/template.
//
// A sink does not know what the target has, so it asks the target:
//
//	state of an entity ─► update ──2xx──► updated
//	                        │404
//	                        ▼
//	                      create ──2xx──► created
//	                        │409 (made meanwhile)
//	                        ▼
//	                      update, once more
//	deletion ───────────► delete ──2xx──► deleted
//	                        └─404─► unchanged
//
// or, where the target has one request for both, upsert. Each request carries an
// Idempotency-Key that is the same on every retry of its delivery and differs
// between the requests of one delivery. What an answer means stands in one
// table, in outcome.go.
package api
