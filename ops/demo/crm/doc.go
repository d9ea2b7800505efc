// Package crm is the demo's CRM: a small HTTP API with a store of its own, a
// rate limit, and faults on purpose. It is as careless as real ones: a POST
// makes a new record however often it comes, unless it carries an
// Idempotency-Key that was seen before. What it did to each record is kept, so
// that an audit can tell lost from doubled.
//
//	POST   /{kind}         creates; 201 {"id": ...}
//	PUT    /{kind}/{key}   replaces the record of that key; 404 where there is none
//	DELETE /{kind}/{key}   deletes it; 404 where there is none
package crm
