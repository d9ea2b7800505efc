// Package compat decides whether Avro data written with one schema can be read
// with another, and says where and why if it cannot. It is pure: [Parse] reads
// and validates a schema's text, [Read] resolves a reader against a writer after
// the Avro specification 1.12, "Schema Resolution", and [Level.Check] applies
// the compatibility levels of a schema registry to them.
//
//	level      reader            writer
//	BACKWARD   new schema        the newest old one    (consumers are upgraded first)
//	FORWARD    newest old one    the new schema        (producers are upgraded first)
//	FULL       both of the above
//	..._TRANSITIVE               the same, with every old one
//	NONE       nothing is checked
package compat
