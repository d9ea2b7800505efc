// Package debezium compares raw topics with those of a real Debezium. A test
// runs one SQL script against one database while two connectors read it, each
// through a slot of its own: a capture of ours, and Debezium's PostgreSQL
// connector in its embedded engine. Their records must then be the same: topic
// by topic in order, key and value, header by header, the Avro schemas' names,
// defaults, parameters and order of fields as well as every value.
//
//	testdata/before.sql ─┐               ┌─ sluice ─ Kafka, registry ─┐
//	testdata/after.sql ──┴─ PostgreSQL ──┤                            ├─ compare
//	                                     └─ Debezium ─ lines of JSON ─┘
//
// What may differ stands, with the reason, in accepted_test.go and nowhere else.
package debezium
