// Package avro turns rows into Avro bytes and back, by way of encoders and
// decoders that are compiled once for each Table.
//
//	schemas.Table ─ describe ─► node ─ text ──► schema JSON, for the registry
//	                             │ ▲
//	                             │ └─ parse ─── schema JSON, from the registry
//	                             └─ compile ──► []op ─► Append, Decode
//
// A node is a schema as a tree, an op is how one column is written and read.
// There are two profiles:
//
//   - [Envelope] and [EnvelopeDecoder]: the raw topics' envelope, version 2, as
//     Debezium's connectors write it through Confluent's AvroConverter. What a
//     column means is in connect.name; its Avro type is the plain one below it.
//   - [Record]: flat records with Avro's own logicalTypes, for entity topics.
//     A meaning that Avro has no logicalType for is in connect.name here too.
//
// Encoding and decoding allocate nothing (a decoder: nothing but blocks of the
// Arena), look nothing up by name, and write a value of the wrong Kind or out of
// its column's range never: that is an [Error] naming the table and the column.
//
// What is missing from a row is written so:
//
//	Null       null; an error in a required column
//	Absent     null; in a required column of an envelope its default, else the
//	           zero of its type; an error in a key and in a flat record
//	Unchanged  schemas.UnavailableValue, in the types that have a form of it (see
//	           schemas.Type.HasPlaceholder); else as Absent
//
// The fields of a struct and the columns of a flat table are never missing.
//
// Names that Avro does not allow are adjusted as Debezium does, each bad
// character to "_" (see [FieldName]); the field then carries the column's own
// name in the property sluice.name, which a decoder restores.
package avro
