package govern_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sluice/stream/govern"
)

// cases are for data stewards to read. Each has the authority block, then what
// the sources said, then what comes of it.
//
// What the sources said, a line each: the time, the record (system/id), and the
// fields that it changed: "-" is null, "_" a space. "deleted": the source deleted
// the record. "moved": the record belongs to another golden record now. "read":
// the row was read by a snapshot, which does not say what changed.
//
// What comes of it, a line each: "field=value <- system: rule", "deleted",
// "conflict: fields", "review".
var cases = []struct{ name, rules, said, golden string }{
	// Owners.
	{
		"the first owner wins, whoever changed last", `owners: [erp, crm]`, `
		10:00 erp/1 email=anna@erp
		11:00 crm/7 email=anna@crm`, `
		email=anna@erp <- erp: owner erp
		conflict: email`,
	},
	{
		"the next owner speaks where the first has no value", `owners: [erp, crm]`, `
		10:00 erp/1 email=-
		10:05 crm/7 email=anna@crm`, `email=anna@crm <- crm: owner crm`,
	},
	{
		"the next owner speaks when the first takes its value back", `owners: [erp, crm]`, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm
		10:10 erp/1 email=-`, `email=anna@crm <- crm: owner crm`,
	},
	{
		"a system that is no owner comes after all owners", `owners: [erp]`, `
		10:00 erp/1 email=anna@erp
		10:05 shop/3 email=anna@shop`, `email=anna@erp <- erp: owner erp`,
	},
	{
		"where no owner has a value the last change counts", `owners: [erp]`, `
		10:00 erp/1 name=Anna
		10:05 shop/3 email=anna@shop
		10:06 crm/7 email=anna@crm`, `email=anna@crm <- crm: no owner, most_recent`,
	},
	{
		"a field has its own owners", `
owners: [erp, crm]
fields: {phone: {owners: [crm, erp]}}`, `
		10:00 erp/1 email=anna@erp phone=1
		10:05 crm/7 email=anna@crm phone=2`, `
		email=anna@erp <- erp: owner erp
		phone=2 <- crm: owner crm
		conflict: email phone`,
	},
	{
		"of two records of the owner the one counts that changed the field last", `owners: [crm]`, `
		10:00 crm/7 phone=1
		10:05 crm/8 phone=2`, `phone=2 <- crm: owner crm`,
	},
	{
		"sources that agree are no conflict", `owners: [erp, crm]`, `
		10:00 erp/1 email=anna@x
		10:05 crm/7 email=anna@x`, `
		email=anna@x <- erp: owner erp
		conflict:`,
	},

	// The last change.
	{
		"without owners the last change counts", ``, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm`, `email=anna@crm <- crm: most_recent`,
	},
	{
		"a change of one field does not make the others new", ``, `
		10:00 crm/7 phone=old email=a@crm
		10:05 erp/1 phone=new
		10:10 crm/7 email=b@crm`, `
		phone=new <- erp: most_recent
		email=b@crm <- crm: most_recent`,
	},
	{
		"a reading that says what was said before is no change", ``, `
		10:00 crm/7 phone=old
		10:05 erp/1 phone=new
		10:10 crm/7 phone=old read`, `phone=new <- erp: most_recent`,
	},
	{
		"a reading that says something else is a change", ``, `
		10:00 crm/7 phone=old
		10:05 erp/1 phone=new
		10:10 crm/7 phone=newer read`, `phone=newer <- crm: most_recent`,
	},
	{
		"the block's survivorship is the fields' where they say nothing", `
survivorship: first`, `
		10:00 erp/1 name=Anna
		10:05 crm/7 name=Anna_B.`, `name=Anna <- erp: first`,
	},
	{
		"the block's survivorship goes before its owners", `
owners: [erp, crm]
survivorship: most_recent`, `
		10:00 erp/1 name=Anna
		10:05 crm/7 name=Bea`, `name=Bea <- crm: most_recent`,
	},
	{
		"a field with owners of its own goes by them", `
survivorship: most_recent
fields: {name: {owners: [erp]}}`, `
		10:00 erp/1 name=Anna
		10:05 crm/7 name=Bea`, `name=Anna <- erp: owner erp`,
	},

	// Nulls.
	{
		"a null never beats a value", ``, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=-`, `
		email=anna@erp <- erp: most_recent
		conflict:`,
	},
	{
		"a null that counts takes the value away", `fields: {email: {nulls: count}}`, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=-`, `
		email=- <- crm: most_recent
		conflict: email`,
	},
	{
		"an owner's null counts", `
owners: [erp, crm]
fields: {email: {nulls: count}}`, `
		10:00 erp/1 email=-
		10:05 crm/7 email=anna@crm`, `email=- <- erp: owner erp`,
	},
	{
		"where nobody has a value there is none, from nowhere", `owners: [erp]`, `
		10:00 erp/1 name=Anna
		10:05 crm/7 name=Anna`, `email=- <- :`,
	},

	// Locks.
	{
		"within the lock a lower ranked change does not count", `
owners: [erp, crm]
fields: {email: {survivorship: most_recent, lock: 10m}}`, `
		10:00 erp/1 email=anna@erp
		10:09 crm/7 email=anna@crm`, `
		email=anna@erp <- erp: lock erp until 2026-03-01T10:10:00Z
		conflict: email`,
	},
	{
		"when the lock ends a lower ranked change counts", `
owners: [erp, crm]
fields: {email: {survivorship: most_recent, lock: 10m}}`, `
		10:00 erp/1 email=anna@erp
		10:10 crm/7 email=anna@crm`, `email=anna@crm <- crm: most_recent`,
	},
	{
		"a better ranked change is never locked", `
owners: [erp, crm]
fields: {email: {survivorship: most_recent, lock: 10m}}`, `
		10:00 crm/7 email=anna@crm
		10:01 erp/1 email=anna@erp`, `email=anna@erp <- erp: most_recent`,
	},
	{
		"an owner's change of another field locks nothing", `
owners: [erp, crm]
fields: {email: {survivorship: most_recent, lock: 10m}}`, `
		09:00 erp/1 email=anna@erp name=Anna
		10:00 erp/1 name=Ann
		10:05 crm/7 email=anna@crm`, `email=anna@crm <- crm: most_recent`,
	},
	{
		"the same change made again after the lock counts", `
owners: [erp, crm]
fields: {email: {survivorship: most_recent, lock: 10m}}`, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm
		10:20 crm/7 email=anna@crm`, `email=anna@crm <- crm: most_recent`,
	},
	{
		"a change that does not count locks nothing", `
owners: [erp, crm, shop]
fields: {email: {survivorship: most_recent, lock: 10m}}`, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm
		10:12 shop/3 email=anna@shop`, `email=anna@shop <- shop: most_recent`,
	},
	{
		"a null locks nothing", `
owners: [erp, crm]
fields: {email: {survivorship: most_recent, lock: 10m}}`, `
		10:00 erp/1 email=-
		10:05 crm/7 email=anna@crm`, `email=anna@crm <- crm: most_recent`,
	},
	{
		"systems that are no owners are locked too", `
owners: [erp]
fields: {email: {survivorship: longest, lock: 1h}}`, `
		10:00 erp/1 email=anna@erp
		10:30 shop/3 email=anna.longer@shop`, `email=anna@erp <- erp: lock erp until 2026-03-01T11:00:00Z`,
	},
	{
		"what is locked has no vote", `
owners: [erp, crm]
fields: {email: {survivorship: most_frequent, lock: 1h}}`, `
		10:00 erp/1 email=a
		10:30 crm/7 email=b
		10:30 crm/8 email=b`, `email=a <- erp: lock erp until 2026-03-01T11:00:00Z`,
	},

	// Other ways to choose.
	{
		"the longest text", `fields: {name: {survivorship: longest}}`, `
		10:00 erp/1 name=Anna_Bauer
		10:05 crm/7 name=Anna`, `name=Anna Bauer <- erp: longest`,
	},
	{
		"length is counted in characters, not bytes", `fields: {name: {survivorship: longest}}`, `
		10:00 erp/1 name=Müüü
		10:05 crm/7 name=Muell`, `name=Muell <- crm: longest`,
	},
	{
		"the longest list", `fields: {tags: {survivorship: longest}}`, `
		10:00 erp/1 tags=a,b,c
		10:05 crm/7 tags=abcdef`, `tags=a,b,c <- erp: longest`,
	},
	{
		"what most records say", `fields: {name: {survivorship: most_frequent}}`, `
		10:00 erp/1 name=Anna
		10:05 crm/7 name=Anne
		10:01 shop/3 name=Anna`, `name=Anna <- shop: most_frequent`,
	},
	{
		"as many say the one as the other: the owners' order settles it", `
owners: [erp, crm]
fields: {name: {survivorship: most_frequent}}`, `
		10:00 erp/1 name=Anna
		10:05 crm/7 name=Anne`, `name=Anna <- erp: most_frequent`,
	},
	{
		"the most trusted system", `
trust: {erp: 0.5, crm: 0.9, shop: 0}
fields: {name: {survivorship: highest_trust}}`, `
		10:05 erp/1 name=Anna
		10:00 crm/7 name=Anne`, `name=Anne <- crm: highest_trust`,
	},
	{
		"equal trust: the last change", `
trust: {erp: 1, crm: 1, shop: 0}
fields: {name: {survivorship: highest_trust}}`, `
		10:05 erp/1 name=Anna
		10:00 crm/7 name=Anne`, `name=Anna <- erp: highest_trust`,
	},
	{
		"the value that has stood for the longest time", `fields: {since: {survivorship: first}}`, `
		10:00 erp/1 since=2020-01-01
		10:05 crm/7 since=2019-01-01`, `since=2020-01-01 <- erp: first`,
	},

	// Aggregates.
	{
		"the sum of all records", `fields: {orders: {survivorship: sum}}`, `
		10:00 erp/1 orders=3
		10:05 crm/7 orders=4
		10:06 crm/8 orders=-`, `
		orders=7 <- : sum of 2
		conflict:`,
	},
	{
		"the sum of decimals", `fields: {limit: {survivorship: sum}}`, `
		10:00 erp/1 limit=100.50
		10:05 crm/7 limit=-0.75`, `limit=99.75 <- : sum of 2`,
	},
	{
		"a sum that does not fit is told by nobody, and reviewed", `fields: {limit: {survivorship: sum}}`, `
		10:00 erp/1 limit=999999.99
		10:05 crm/7 limit=0.01`, `
		limit=- <- : sum of 2 is too large
		review`,
	},
	{
		"the least of all records", `fields: {limit: {survivorship: min}}`, `
		10:00 erp/1 limit=500.00
		10:05 crm/7 limit=-20.00`, `limit=-20.00 <- crm: min`,
	},
	{
		"the latest date", `fields: {since: {survivorship: max}}`, `
		10:00 erp/1 since=2020-01-01
		10:05 crm/7 since=2019-01-01`, `since=2020-01-01 <- erp: max`,
	},
	{
		"the greatest number, of which there are two: the better owner's", `
owners: [erp, crm]
fields: {score: {survivorship: max}}`, `
		10:00 erp/1 score=1.5
		10:05 crm/7 score=1.5`, `score=1.5 <- erp: max`,
	},
	{
		"what is no number is never the greatest", `fields: {score: {survivorship: max}}`, `
		10:00 erp/1 score=NaN
		10:05 crm/7 score=-3`, `score=-3 <- crm: max`,
	},

	// Ties.
	{
		"changed at the same time: the owners' order", `
owners: [erp, crm]
survivorship: most_recent`, `
		10:00 crm/7 name=Anne
		10:00 erp/1 name=Anna`, `name=Anna <- erp: most_recent`,
	},
	{
		"all equal: the first record by name", ``, `
		10:00 crm/8 name=Bea
		10:00 crm/7 name=Anne`, `name=Anne <- crm: most_recent`,
	},
	{
		"all equal: a later change of another field does not turn it", ``, `
		10:00 crm/8 name=Bea
		10:00 crm/7 name=Anne
		11:00 crm/8 phone=1`, `name=Anne <- crm: most_recent`,
	},

	// Effective dates.
	{
		"the old rule before the day", `
owners: [erp, crm]
fields: {email: {rules: [{until: 2026-07-01, owners: [erp]}, {from: 2026-07-01, owners: [crm]}]}}`, `
		06-30T23:00 erp/1 email=anna@erp
		06-30T23:59 crm/7 email=anna@crm`, `email=anna@erp <- erp: owner erp`,
	},
	{
		"the new rule from the day on", `
owners: [erp, crm]
fields: {email: {rules: [{until: 2026-07-01, owners: [erp]}, {from: 2026-07-01, owners: [crm]}]}}`, `
		06-30T23:00 erp/1 email=anna@erp
		07-01T00:00 crm/7 email=anna@crm`, `email=anna@crm <- crm: owner crm`,
	},
	{
		"any newer change brings the new rule, of another field too", `
owners: [erp, crm]
fields: {email: {rules: [{until: 2026-07-01, owners: [erp]}, {from: 2026-07-01, owners: [crm]}]}}`, `
		06-30T23:00 erp/1 email=anna@erp
		06-30T23:59 crm/7 email=anna@crm
		07-02T10:00 erp/1 phone=1`, `email=anna@crm <- crm: owner crm`,
	},
	{
		"in a gap the block's defaults", `
owners: [crm, erp]
fields: {email: {rules: [{until: 2026-03-01, owners: [erp]}, {from: 2026-07-01T12:00:00+02:00, owners: [erp]}]}}`, `
		10:00 erp/1 email=anna@erp
		07-01T09:59 crm/7 email=anna@crm`, `email=anna@crm <- crm: owner crm`,
	},

	// Deletions.
	{
		"the golden record lives until the last record is gone", ``, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm
		10:10 crm/7 deleted`, `email=anna@erp <- erp: most_recent`,
	},
	{
		"and is deleted then", ``, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm
		10:10 crm/7 deleted
		10:11 erp/1 deleted`, `deleted`,
	},
	{
		"a record that comes back begins anew", ``, `
		10:00 crm/7 email=anna@crm phone=1
		10:10 crm/7 deleted
		10:20 crm/7 email=bea@crm`, `
		email=bea@crm <- crm: most_recent
		phone=- <- :`,
	},
	{
		"any: one deletion deletes it", `deletes: any`, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm
		10:10 crm/7 deleted`, `deleted`,
	},
	{
		"any: a newer change of another record brings it back", `deletes: any`, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm
		10:10 crm/7 deleted
		10:20 erp/1 phone=1`, `email=anna@erp <- erp: most_recent`,
	},
	{
		"any: a reading without a change does not", `deletes: any`, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm
		10:10 crm/7 deleted
		10:20 erp/1 email=anna@erp read`, `deleted`,
	},
	{
		"any: deleted and made anew in one transaction, it lives", `deletes: any`, `
		10:00 erp/1 email=anna@erp
		10:10 erp/1 deleted
		10:10 erp/2 email=anna@erp`, `email=anna@erp <- erp: most_recent`,
	},
	{
		"any: a record that moved was not deleted", `deletes: any`, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm
		10:10 crm/7 moved`, `email=anna@erp <- erp: most_recent`,
	},
	{
		"but a golden record that all moved away from is", ``, `
		10:05 crm/7 email=anna@crm
		10:10 crm/7 moved`, `deleted`,
	},
	{
		"owner: the first owner deletes it", `{owners: [erp, crm], deletes: owner}`, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm
		10:10 erp/1 deleted
		10:20 crm/7 phone=1`, `deleted`,
	},
	{
		"owner: the second owner does not, while the first has it", `{owners: [erp, crm], deletes: owner}`, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm
		10:10 crm/7 deleted`, `email=anna@erp <- erp: owner erp`,
	},
	{
		"owner: the second owner does, where the first never had it", `{owners: [erp, crm], deletes: owner}`, `
		10:00 shop/3 email=anna@shop
		10:05 crm/7 email=anna@crm
		10:10 crm/7 deleted`, `deleted`,
	},
	{
		"owner: one of two records of the owner is left", `{owners: [erp], deletes: owner}`, `
		10:00 erp/1 email=anna@erp
		10:05 erp/2 email=bea@erp
		10:10 erp/2 deleted`, `email=anna@erp <- erp: owner erp`,
	},
	{
		"review: one deletion of two is escalated", `deletes: review`, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm
		10:10 crm/7 deleted`, `
		email=anna@erp <- erp: most_recent
		review`,
	},

	// Review.
	{
		"a conflict of the field is escalated", `fields: {email: {review: true}}`, `
		10:00 erp/1 email=anna@erp
		10:05 crm/7 email=anna@crm`, `
		email=anna@crm <- crm: most_recent
		conflict: email
		review`,
	},
	{
		"of a deleted golden record nothing is escalated", `{owners: [erp], deletes: owner, fields: {email: {review: true}}}`, `
		10:00 crm/7 email=anna@crm
		10:01 crm/8 email=bea@crm
		10:05 erp/1 deleted`, `deleted`,
	},
}

func TestCases(t *testing.T) {
	table := customer()
	golden := govern.GoldenTable(table)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := authority(t, c.rules)
			if err := a.Validate(table, systems); err != nil {
				t.Fatal(err)
			}
			p := policy(t, a, table)
			events := script(t, table, c.said)
			g := merge(p, state(events))
			for _, want := range strings.Split(strings.TrimSpace(c.golden), "\n") {
				if why := unlike(t, g, strings.TrimSpace(want)); why != "" {
					t.Errorf("%s: %s", want, why)
				}
			}
			if review := strings.Contains(c.golden, "review"); g.Review != review {
				t.Errorf("review is %v, want %v", g.Review, review)
			}
			if want := judged(a, table, events); !g.Row(nil).Equal(want) {
				t.Errorf("the oracle says %s\nand Merge %s", written(golden, want), written(golden, g.Row(nil)))
			}
			if strings.Contains(c.said, "read") {
				return // the order means something
			}
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			if other := merge(p, state(events)); !other.Row(nil).Equal(g.Row(nil)) {
				t.Errorf("in another order: %s", written(golden, other.Row(nil)))
			}
		})
	}
}

// unlike says what is not as a line of a case wants it.
func unlike(t *testing.T, g *govern.Golden, want string) string {
	table := customer()
	if want == "deleted" || g.Deleted {
		return map[bool]string{true: "", false: "it is not so"}[g.Deleted == (want == "deleted")]
	}
	if list, ok := strings.CutPrefix(want, "conflict:"); ok {
		var have []string
		for i := range g.Fields {
			if g.Fields[i].Conflict {
				have = append(have, table.Columns[i].Name)
			}
		}
		if !slices.Equal(have, strings.Fields(list)) {
			return "the conflicts are of: " + strings.Join(have, " ")
		}
		return ""
	}
	left, rule, ok := strings.Cut(want, ":")
	if !ok {
		return "" // review
	}
	left, system, _ := strings.Cut(left, " <- ")
	name, value, _ := strings.Cut(left, "=")
	i := table.Column(name)
	f := &g.Fields[i]
	if v := parse(t, &table.Columns[i], value); !f.Value.Equal(v) {
		return "the value is " + plainly(f.Value)
	}
	if f.System != strings.TrimSpace(system) || f.Rule.String() != strings.TrimSpace(rule) {
		return "it is from " + f.System + ": " + f.Rule.String()
	}
	return ""
}
