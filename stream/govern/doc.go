// Package govern makes one golden record of what several source records say: per
// field, whose value it is, and why. It does no I/O and asks no clock.
//
//	Event ─Apply─► State ─Merge─► Golden ─Row─► row of the GoldenTable
//	                 │               ▲
//	            Codec ▼ ▲            │
//	               bytes          Policy ◄─Compile─ Authority ◄─ sluice.yaml
//
// [State] keeps what each source record last said and when each of its fields
// last changed there; a deletion stays as a marker. Which fields a change touched
// decides, not when the row was last written: an update of the e-mail in the CRM
// does not make the CRM's old phone the most recent one. Neither the order in
// which the events come nor their number matters to it; see there for what must
// be known of an event.
//
// [Policy.Merge] is a function of the state alone. For each field:
//
//  1. the rule is that which is in force at the time of the newest event of the
//     golden record;
//  2. candidates are the living source records with a value; nulls are skipped,
//     unless the rule counts them;
//  3. within the lock of a better ranked source, changes of lower ranked ones do
//     not count;
//  4. the survivorship chooses; what it leaves equal is settled by the order of
//     the owners, then by the newest change, then by the record's name.
//
// [Explain] says for each candidate why it won or lost.
//
// The package oracle has the same in a slow and plain form, from the whole list of
// events, for tests.
package govern
