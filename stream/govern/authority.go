package govern

import (
	"fmt"
	"slices"
	"time"
)

// Authority is the authority block of an entity: which source is right about
// which field.
type Authority struct {
	// Owners are systems, the most trusted first. They are the order of every
	// field that has none of its own.
	Owners []string `yaml:"owners"`
	// Trust is a number for each system, for highest_trust; more is better.
	Trust map[string]float64 `yaml:"trust"`
	// Survivorship is that of the fields that say none and have no owners of
	// their own. Default: owner where Owners are known, else most_recent.
	Survivorship Survivorship `yaml:"survivorship"`
	// Deletes says what the deletion of one source record does to the golden
	// record. Default: last.
	Deletes Deletes `yaml:"deletes"`
	// Strict demands owners for every field.
	Strict bool `yaml:"strict"`
	// Fields are the fields that have rules of their own.
	Fields map[string]FieldRules `yaml:"fields"`

	// defaulted: Survivorship is the default, not the file's.
	defaulted bool
}

// FieldRules are the rules of one field: one for ever, or several that are in
// force one after another.
type FieldRules struct {
	FieldRule `yaml:",inline"`
	// Rules are in force from and until a date. The one that counts is chosen by
	// the newest change of the golden record, so that the past is merged as it
	// was then; where none is in force, the block's defaults are.
	Rules []DatedRule `yaml:"rules"`
}

// DatedRule is a rule with the time in which it is in force.
type DatedRule struct {
	// From is the first moment and Until the first one after: dates (midnight,
	// UTC) or times of RFC 3339. Empty: for ever.
	From      string `yaml:"from"`
	Until     string `yaml:"until"`
	FieldRule `yaml:",inline"`
}

// FieldRule says which source's value a field has.
type FieldRule struct {
	// Owners are systems, the most trusted first; default: the block's.
	Owners []string `yaml:"owners"`
	// Survivorship chooses among the values. Default: owner if the field has
	// Owners of its own, else the block's.
	Survivorship Survivorship `yaml:"survivorship"`
	// Lock is the time after a change by a better ranked source in which a
	// change by a lower ranked one does not count. It is decided by the times
	// of the changes alone, never by a clock.
	Lock time.Duration `yaml:"lock"`
	// Nulls are skipped, so that a null never beats a value, or count as any
	// other value. Default: skip.
	Nulls Nulls `yaml:"nulls"`
	// Review escalates the golden records whose sources disagree about the field.
	Review bool `yaml:"review"`
}

// Survivorship is how one value is chosen of many. Whatever it leaves equal is
// settled by the order of the owners, then by the newest change of the field,
// then by the name of the record.
type Survivorship string

// The ways to choose a value.
const (
	// Owner takes the value of the first owner that has one; where no owner has
	// one, the most recent.
	Owner Survivorship = "owner"
	// MostRecent takes the value that changed last.
	MostRecent Survivorship = "most_recent"
	// First takes the value that has stood for the longest time.
	First Survivorship = "first"
	// Longest takes the text with the most characters, the list with the most
	// elements.
	Longest Survivorship = "longest"
	// MostFrequent takes the value that the most records have.
	MostFrequent Survivorship = "most_frequent"
	// HighestTrust takes the value of the system with the greatest Trust.
	HighestTrust Survivorship = "highest_trust"
	// Sum adds the values of all records; no record is its source.
	Sum Survivorship = "sum"
	// Min and Max take the least and the greatest value, the earliest and the
	// latest date.
	Min Survivorship = "min"
	Max Survivorship = "max"
)

var survivorships = []Survivorship{Owner, MostRecent, First, Longest, MostFrequent, HighestTrust, Sum, Min, Max}

// Nulls is what a null counts for. Of sum, min and max no null is part.
type Nulls string

// The ways to take nulls.
const (
	Skip  Nulls = "skip"
	Count Nulls = "count"
)

// Deletes is what becomes of a golden record when a source deletes one of its
// records. A record that moved to another golden record (Event.Moved) was not
// deleted; it only is no longer here. Whatever the policy, a golden record
// without a living source record is deleted.
type Deletes string

// The policies of deletion.
const (
	// DeleteLast keeps the golden record until the last source record is gone.
	DeleteLast Deletes = "last"
	// DeleteAny: a deletion deletes the golden record for as long as no living
	// source record, the same or another, has a field that changed at the time
	// of the deletion or later. A later reading that changes nothing does not
	// bring it back.
	DeleteAny Deletes = "any"
	// DeleteOwner: of the block's owners, the first that has or had a record
	// here decides: the golden record is deleted while all of its records are.
	// Where none of them had one, as DeleteLast.
	DeleteOwner Deletes = "owner"
	// DeleteReview is DeleteLast, and escalates golden records of which some
	// sources deleted their record and others did not.
	DeleteReview Deletes = "review"
)

var deletePolicies = []Deletes{DeleteLast, DeleteAny, DeleteOwner, DeleteReview}

// Defaults sets what was left out.
func (a *Authority) Defaults() {
	if a.Deletes == "" {
		a.Deletes = DeleteLast
	}
	if a.Survivorship == "" {
		a.defaulted = true
		a.Survivorship = MostRecent
		if len(a.Owners) > 0 {
			a.Survivorship = Owner
		}
	}
}

// whole is the rule with what it takes over from the block, whose Defaults are
// set.
func (a *Authority) whole(r FieldRule) FieldRule {
	if r.Survivorship == "" {
		r.Survivorship = a.Survivorship
		if len(r.Owners) > 0 {
			r.Survivorship = Owner
		}
	}
	if len(r.Owners) == 0 {
		r.Owners = a.Owners
	}
	if r.Nulls == "" {
		r.Nulls = Skip
	}
	return r
}

// Decides reports whether something is said of the field beside the default: then
// the golden record's value is decided, whatever the sources write, and it does not
// go to and fro between them. A nil Authority says nothing.
func (a *Authority) Decides(field string) bool {
	if a == nil {
		return false
	}
	if len(a.Owners) > 0 || a.Survivorship != "" && !a.defaulted {
		return true
	}
	f := a.Fields[field]
	says := func(r FieldRule) bool { return len(r.Owners) > 0 || r.Survivorship != "" }
	return says(f.FieldRule) || len(f.Rules) > 0 && !slices.ContainsFunc(f.Rules, func(r DatedRule) bool { return !says(r.FieldRule) })
}

// moment reads From or Until; empty is the far end.
func moment(text string, far int64) (int64, error) {
	if text == "" {
		return far, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMicro(), nil
		}
	}
	return 0, fmt.Errorf("%q is neither a date nor a time", text)
}
