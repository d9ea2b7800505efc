// Package cases tests rules without a database or Kafka.
//
//	suite (YAML beside the rules) ─► rows of a table ─► rules.Rules ─► what is expected?
//	battery (built in)            ─► hazardous rows  ─► rules.Rules ─► what would be parked, never a crash
//
// A case gives a row of one of the tables that an entity is made from and says
// what becomes of it: an entity (some of its fields, or all), a tombstone, a
// filter's reason, or the text of the error that parks it. The columns of a table
// stand in the suite as SQL declares them, or come from the registry.
package cases
