// Package rules maps rows to business entities, as declared in YAML: typed
// fields, and for each raw topic a key, a condition and one expression a field.
//
//	Entity ── Compile ──► Rules, a stream.Processor
//	                        │ first record of a schema of a topic
//	                        └─► binding: one step a field
//	                              a lone column  ► copied by index, exactly
//	                              an expression  ► CEL, result converted with checks
//
// What a change becomes:
//
//	create, read       the entity, or filtered ("when")
//	update             the entity, or a tombstone where the condition fails:
//	                   the row may have met it before
//	delete             a tombstone; its key is computed from the old key columns
//	Kafka tombstone    filtered ("tombstone"): the delete before it said all
//	message            filtered ("message")
//	truncate           parked ("truncate"): which entities it deletes is not known
//
// A record that breaks a rule of validate, a condition over the entity's fields,
// is parked ("validation"); so is one whose expressions cannot be evaluated or
// do not give what the field takes. The error is a *Broken, with the rule, the
// field and the value.
//
// Expressions are CEL (https://cel.dev) over the columns of the row by name, with
// the strings and math extensions and functions of our own, see [Functions] and
// FUNCTIONS.md. NULL is null. A column whose name is no identifier is written in
// backquotes, alone: `first name`.
//
//	column                              in an expression
//	bool                                bool
//	integers                            int
//	floats, decimals                    double (decimals: the nearest; see below)
//	text, uuid, json, xml, enum         string
//	date, timestamps                    timestamp in UTC
//	time of day, interval               duration
//	bytes, bits                         bytes
//	array                               list
//
// Nothing is coerced silently. A plain column must fit its field by type; a
// result must have the field's type; a value that would change on its way (an
// overflow, a rounding, a word that the enum lacks) parks the record. Decimals
// are exact when copied. In expressions they are doubles, which hold 15 digits:
// a result becomes a decimal only if its shortest decimal form fits the field's
// scale and those 15 digits; round(x, 2) makes it fit.
package rules
