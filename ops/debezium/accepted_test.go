package debezium

import (
	"regexp"
	"strings"
)

// acceptance is a difference that is meant. Its patterns are anchored regular
// expressions; an empty one matches everything.
type acceptance struct {
	topic, part, path string
	// only narrows it further, where there is more to say than the place.
	only func(d *difference) bool
	why  string
}

func (a *acceptance) covers(d *difference) bool {
	return matches(a.topic, d.topic) && matches(a.part, d.part) && matches(a.path, d.path) && (a.only == nil || a.only(d))
}

func matches(pattern, s string) bool {
	return pattern == "" || regexp.MustCompile("^(?:"+pattern+")$").MatchString(s)
}

// keylessTombstone: Debezium writes a tombstone behind a delete even where there
// is no key that it could be the tombstone of.
func keylessTombstone(r *Record) bool { return r.Key == nil && r.Value == nil }

// accepted is all that may differ, each with the reason.
var accepted = []acceptance{
	// What differs between any two connectors.
	{part: "value", path: `\.source\.version`, why: "each says its own version"},
	{part: "value", path: `\.ts_(ms|us|ns)`, why: "when the connector handled the event"},
	{part: "value", path: `\.source\.(ts_(ms|us|ns)|lsn|txId|sequence)`, only: ofSnapshot, why: "each reads a snapshot of its own"},
	{part: "value", path: `\.source\.snapshot`, only: sameEnd, why: "which table comes first and last: Debezium reads them in the order of its configuration"},

	// What is ours on purpose.
	{path: `\.(transaction\.)?id`, only: sameTransaction, why: "ours names a transaction by its end, the same in BEGIN, END and every event; Debezium by the event's own place"},
	{topic: `erp\.message`, part: "value", path: `\.source\.ts_(ms|us|ns)`, why: "a message outside of transactions has no time: ours is when it was read, Debezium's the last commit's"},
	{part: "value schema", path: `.*:field sluice\.name`, why: "ours says the name of a column that Avro does not allow"},
	{topic: `erp\.public\.by_index`, why: "REPLICA IDENTITY USING INDEX: the log has no primary key of a deleted row, and Debezium writes 0 in its place; ours is keyed by that index"},
	{topic: `erp\.public\.generated`, path: `.*twice.*|.*:fields`, why: "Debezium reads stored generated columns in the snapshot and lacks them in the stream; ours lacks them in both"},
	{topic: `erp\.public\.(arrays|required|others)`, part: "value schema", path: `.*\.mood(s|less)(\|1)?\[\].*`, why: "an element of an enum array may be NULL, which Debezium's schema rules out"},
	{topic: `erp\.public\.texts`, part: "value schema", path: `.*\.m\|1:connect\.parameters`, why: "a label added to an enum is in ours with the first row that has it, in Debezium's with the next change of the table"},
	{topic: `erp\.public\.(arrays|numbers)`, path: `\.after\.bares?.*\.(scale|value)`, why: "the scale of a bare numeric is what the database shows, 0.00500; Debezium cuts zeros off"},
	{topic: `erp\.public\.numbers`, path: `.*\.(negative_scale|above)\b.*`, why: "Avro knows no scale below zero or above the precision; Debezium writes one, and a wrong number"},

	{topic: `erp\.public\.toasted`, path: `\.after\.(smalls|stamps|uuids)\b.*`, why: "an unchanged array of these says so in ours; Debezium writes null, or a UUID that might be any other"},
	{topic: `erp\.transaction`, path: `\.data_collections\[(LOGICAL_DECODING_MESSAGE|io\.debezium\..*)\].*`, why: "what counts the messages: Debezium writes the name of a class in its memory"},

	// Where Debezium loses or spoils a value.
	{part: "value", path: `\.(before|after)\..*`, only: oursNull, topic: `erp\.public\.(changing|defaults|computed_defaults)`, why: "a NULL in a column with a default: Debezium's converters write the default"},
	{topic: `erp\.public\.(texts|computed_defaults)`, path: `\.after\.na?`, why: "type name: Debezium loses the value in the stream"},
	{topic: `erp\.public\.(times|computed_defaults)`, path: `\.after\.(d|d_inf)`, why: "dates before Christ and infinite ones: Debezium gives other days"},
	{topic: `erp\.public\.arrays`, path: `\.after\.times\[.*`, why: "time[]: Debezium cuts microseconds off"},
	{topic: `erp\.public\.arrays`, path: `.*(names|intervals).*|.*:fields`, why: "name[] and interval[]: Debezium leaves the column out"},
	{topic: `erp\.public\.others`, path: `.*\.(l|ls|bx|pa|po|ci|lsn|tid_|x32|x64|rc|rt|mr|mz|tq)\b.*|.*:fields`, why: "Debezium leaves columns of these types out; ours has their text"},
	{topic: `erp\.public\.others`, path: `.*\.dims\b.*`, why: "an array of two dimensions: Debezium writes one, of nulls"},

	// Defaults that Debezium misreads: it takes the first text in quotes for
	// the whole, and cannot read NaN and infinities.
	{topic: `erp\.public\.defaults`, part: "value schema", path: `.*\.(t|t_user|f_nan)\b.*`, why: "an apostrophe, a keyword, NaN as a default"},
	{topic: `erp\.public\.computed_defaults`, path: `.*\.(j_q|t_case|t_concat|t_escape|d_inf|ts_inf|z_inf)\b.*`, why: "an apostrophe, an expression, a backslash, infinities as a default"},
}

// ofSnapshot: the record is a row of the snapshot.
func ofSnapshot(d *difference) bool { return d.snapshot }

func oursNull(d *difference) bool { return d.ours == "null" }

// sameTransaction: both are "transaction:place" of the same transaction.
func sameTransaction(d *difference) bool {
	ours, _, ok := strings.Cut(d.ours, ":")
	theirs, _, ok2 := strings.Cut(d.theirs, ":")
	return ok && ok2 && ours == theirs
}

// sameEnd: both say that the row is the first, or the last, of its table.
func sameEnd(d *difference) bool {
	of := func(s string) string { return strings.TrimSuffix(strings.Trim(s, `"`), "_in_data_collection") }
	return of(d.ours) == of(d.theirs)
}
