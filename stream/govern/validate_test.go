package govern_test

import (
	"errors"
	"strings"
	"testing"

	"sluice/schemas"
	"sluice/stream/govern"
)

// faults are blocks with what is wrong with them: where, what, and the cure, as
// far as it is written here.
var faults = []struct{ name, block, where, what, cure string }{
	{"an unknown owner", `owners: [erp, sap]`, "owners[1]", `"sap" is no system`, "known here: erp, crm, shop"},
	{"an owner twice", `owners: [erp, erp]`, "owners[1]", "erp stands twice", ""},
	{"trust in an unknown system", `trust: {sap: 1}`, "trust.sap", `"sap" is no system`, "known here"},
	{"trust that is no number", `trust: {erp: .nan}`, "trust.erp", "is no number", ""},
	{"an unknown survivorship", `survivorship: newest`, "survivorship", `"newest" is unknown`, "owner, most_recent, first"},
	{"an unknown policy of deletion", `deletes: never`, "deletes", `"never" is unknown`, "last, any, owner, review"},
	{"deletion by owners that are not there", `deletes: owner`, "deletes", "the block has no owners", "deletes: last"},
	{"an unknown field", `fields: {mail: {review: true}}`, "fields.mail", "no such field", "known here: email, limit"},
	{"an unknown owner of a field", `fields: {email: {owners: [sap]}}`, "fields.email.owners[0]", `"sap" is no system`, "known here"},
	{"an unknown way with nulls", `fields: {email: {nulls: drop}}`, "fields.email.nulls", `"drop" is unknown`, "skip, count"},
	{"owner without owners", `fields: {email: {survivorship: owner}}`, "fields.email.survivorship", "email has no owners", "owners: [erp, crm, shop]"},
	{"owner by default without owners", `survivorship: owner`, "survivorship", "has no owners to choose by", "list them"},
	{"strict", `{strict: true, fields: {email: {owners: [erp]}}}`, "fields.name", "has no owner, and strict demands one", "owners: [erp, crm, shop]"},
	{"a lock without owners", `fields: {email: {lock: 10m}}`, "fields.email.lock", "needs owners", ""},
	{"a lock where the owner decides", `{owners: [erp], fields: {email: {lock: 10m}}}`, "fields.email.lock", "a lock changes nothing", "survivorship: most_recent"},
	{"a lock of no time", `{owners: [erp], fields: {email: {survivorship: first, lock: -1m}}}`, "fields.email.lock", "-1m0s is no time", ""},
	{"the sum of texts", `fields: {email: {survivorship: sum}}`, "fields.email.survivorship", "email, which is string", "owner, most_recent, first, longest"},
	{"the greatest list", `fields: {tags: {survivorship: max}}`, "fields.tags.survivorship", "tags, which is list(string)", ""},
	{"the longest number", `fields: {limit: {survivorship: longest}}`, "fields.limit.survivorship", "limit, which is decimal(8,2)", ""},
	{"the sum of dates", `fields: {since: {survivorship: sum}}`, "fields.since.survivorship", "since, which is date", "min, max"},
	{"the sum of all fields", `survivorship: sum`, "survivorship", "sum cannot choose among values of the field email", ""},
	{"no trust at all", `fields: {email: {survivorship: highest_trust}}`, "fields.email.survivorship", "no system has a trust", "trust:"},
	{"no trust in one", `{trust: {erp: 1, shop: 2}, fields: {email: {survivorship: highest_trust}}}`, "fields.email.survivorship", "not said of: crm", ""},
	{"a rule and a list of rules", `fields: {email: {review: true, rules: [{from: 2026-01-01}]}}`, "fields.email", "both a rule and a list", ""},
	{"a date that is none", `fields: {email: {rules: [{from: 1.7.2026}]}}`, "fields.email.rules[0].from", `"1.7.2026" is neither a date nor a time`, "2026-01-01"},
	{"an end that is none", `fields: {email: {rules: [{until: soon}]}}`, "fields.email.rules[0].until", `"soon" is neither`, ""},
	{"an end before the beginning", `fields: {email: {rules: [{from: 2026-07-01, until: 2026-01-01}]}}`, "fields.email.rules[0]", "before it begins", ""},
	{"an overlap", `fields: {email: {rules: [{until: 2026-07-01}, {from: 2026-06-30T23:00:00Z}]}}`, "fields.email.rules[1]", "at the same time as fields.email.rules[0]", ""},
	{"a fault in a dated rule", `fields: {email: {rules: [{from: 2026-01-01, owners: [sap]}]}}`, "fields.email.rules[0].owners[0]", `"sap"`, ""},
}

func TestFaultsSayWhereAndWhatToDo(t *testing.T) {
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			all := each(authority(t, c.block).Validate(customer(), systems))
			if c.name != "strict" && len(all) != 1 {
				t.Errorf("%d faults, want one: %v", len(all), all)
			}
			for _, f := range all {
				if f.Where == c.where && strings.Contains(f.What, c.what) && strings.Contains(f.Cure, c.cure) && f.Cure != "" {
					return
				}
			}
			t.Errorf("none of %v", all)
		})
	}
}

func each(err error) (out []*schemas.Fault) {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, e := range joined.Unwrap() {
			var f *schemas.Fault
			errors.As(e, &f)
			out = append(out, f)
		}
	}
	return out
}

func TestGoodBlocks(t *testing.T) {
	for _, block := range []string{
		``,
		`{owners: [erp, crm], strict: true}`,
		`{owners: [erp], fields: {email: {}, limit: {survivorship: sum}, since: {survivorship: min}, tags: {survivorship: longest}}}`,
		`{owners: [erp, crm], fields: {email: {survivorship: most_recent, lock: 10m, nulls: count, review: true}}}`,
		`fields: {email: {rules: [{until: 2026-07-01}, {from: 2026-07-01, until: 2026-08-01T00:00:00+02:00}, {from: 2027-01-01}]}}`,
		`{survivorship: highest_trust, trust: {erp: 1, crm: 0.5, shop: -1}}`,
	} {
		if err := authority(t, block).Validate(customer(), systems); err != nil {
			t.Errorf("%s: %v", block, err)
		}
	}
}

func TestAFieldThatLooksLikeProvenanceIsRefused(t *testing.T) {
	table := customer()
	table.Columns[0].Name = "_email"
	if err := authority(t, ``).Validate(table, systems); err == nil || !strings.Contains(err.Error(), "_email") {
		t.Errorf("err = %v", err)
	}
}

func TestCompileRefusesWhatValidateDoes(t *testing.T) {
	if _, err := govern.Compile(authority(t, `deletes: owner`), customer()); err == nil {
		t.Error("it was compiled")
	}
}
