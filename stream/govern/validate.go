package govern

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"sluice/schemas"
)

// Validate checks the block against the entity's fields and the systems that its
// source records come from (nil: not known, and not checked). Defaults must have
// been called. The errors are *schemas.Faults with paths such as
// "fields.email.owners[1]".
func (a *Authority) Validate(table *schemas.Table, systems []string) error {
	v := validation{a: a, table: table, systems: systems}
	v.owners("owners", a.Owners)
	for _, name := range slices.Sorted(maps.Keys(a.Trust)) {
		v.system("trust."+name, name)
		if t := a.Trust[name]; math.IsNaN(t) || math.IsInf(t, 0) {
			v.fault("trust."+name, "is no number", "write one, such as 0.9")
		}
	}
	v.word("survivorship", string(a.Survivorship), words(survivorships))
	v.word("deletes", string(a.Deletes), words(deletePolicies))
	if a.Deletes == DeleteOwner && len(a.Owners) == 0 {
		v.fault("deletes", "no owner can delete: the block has no owners", "list them under owners, or write deletes: last")
	}
	for _, c := range table.Columns {
		if schemas.IsProvenance(c.Name) {
			v.fault("", fmt.Sprintf("the field %s has the name of a column of provenance", c.Name), "give the field a name that does not begin with _")
		}
	}
	v.fields()
	return errors.Join(v.faults...)
}

type validation struct {
	a       *Authority
	table   *schemas.Table
	systems []string
	faults  []error
}

func (v *validation) fault(where, what, cure string) {
	v.faults = append(v.faults, &schemas.Fault{Where: where, What: what, Cure: cure})
}

func (v *validation) system(where, name string) {
	if v.systems != nil && !slices.Contains(v.systems, name) {
		v.fault(where, fmt.Sprintf("%q is no system that the entity is made from", name), known(v.systems))
	}
}

func (v *validation) owners(where string, owners []string) {
	for i, name := range owners {
		at := fmt.Sprintf("%s[%d]", where, i)
		v.system(at, name)
		if slices.Contains(owners[:i], name) {
			v.fault(at, name+" stands twice", "list each system once, the most trusted first")
		}
	}
}

func (v *validation) word(where, word string, all []string) {
	if word != "" && !slices.Contains(all, word) {
		v.fault(where, fmt.Sprintf("%q is unknown", word), "write one of: "+strings.Join(all, ", "))
	}
}

func (v *validation) fields() {
	for _, name := range slices.Sorted(maps.Keys(v.a.Fields)) {
		if v.table.Column(name) < 0 {
			v.fault("fields."+name, "the entity has no such field", known(columns(v.table)))
		}
	}
	// What is wrong with the defaults alone is said at the first field that has
	// them, since whether they fit depends on its type.
	for i := range v.table.Columns {
		c := &v.table.Columns[i]
		f, own := v.a.Fields[c.Name]
		at := "fields." + c.Name
		switch {
		case !own:
			v.defaults(c)
		case len(f.Rules) == 0:
			v.rule(at, c, f.FieldRule)
		case !f.FieldRule.empty():
			v.fault(at, "has both a rule and a list of rules", "put all of it under rules, each with from and until")
		default:
			v.dated(at+".rules", c, f.Rules)
			v.defaults(c)
		}
	}
}

// defaults checks what the block says of a field that says nothing itself.
func (v *validation) defaults(c *schemas.Column) {
	const where = "survivorship"
	before := len(v.faults)
	v.rule(where, c, FieldRule{})
	said := func(err error) bool {
		var f *schemas.Fault
		return errors.As(err, &f) && f.Where == where
	}
	if slices.ContainsFunc(v.faults[:before], said) {
		v.faults = append(v.faults[:before], slices.DeleteFunc(v.faults[before:], said)...)
	}
}

func (r FieldRule) empty() bool {
	return len(r.Owners) == 0 && r.Survivorship == "" && r.Lock == 0 && r.Nulls == "" && !r.Review
}

// rule checks one rule of a column. Where a rule of the column's own is wrong, at
// is its path.
func (v *validation) rule(at string, c *schemas.Column, r FieldRule) {
	own := !r.empty() || strings.HasPrefix(at, "fields.")
	key := func(k string) string {
		if own {
			return at + "." + k
		}
		return at
	}
	v.owners(key("owners"), r.Owners)
	v.word(key("survivorship"), string(r.Survivorship), words(survivorships))
	v.word(key("nulls"), string(r.Nulls), []string{string(Skip), string(Count)})
	w := v.a.whole(r)
	switch {
	case len(w.Owners) > 0:
	case v.a.Strict:
		v.fault("fields."+c.Name, "the field has no owner, and strict demands one", "list its owners: owners: "+list(v.systems))
	case w.Survivorship == Owner:
		v.fault(key("survivorship"), "the field "+c.Name+" has no owners to choose by", "list them: owners: "+list(v.systems))
	case r.Lock > 0:
		v.fault(key("lock"), "a lock needs owners: it keeps lower ranked sources from better ranked ones", "list them: owners: "+list(v.systems))
	}
	switch {
	case r.Lock < 0:
		v.fault(key("lock"), fmt.Sprintf("%s is no time", r.Lock), "write a time such as 10m, or leave it out")
	case r.Lock > 0 && w.Survivorship == Owner:
		v.fault(key("lock"), "the first owner wins always, so that a lock changes nothing", "write survivorship: most_recent beside it, so that the last change wins but for the lock, or take lock out")
	}
	if of := suitable(w.Survivorship); of != nil && !slices.Contains(of, c.Type.Name) {
		v.fault(key("survivorship"), fmt.Sprintf("%s cannot choose among values of the field %s, which is %s", w.Survivorship, c.Name, typeText(&c.Type)), "choose another for it: "+strings.Join(words(slices.DeleteFunc(slices.Clone(survivorships), func(s Survivorship) bool {
			of := suitable(s)
			return of != nil && !slices.Contains(of, c.Type.Name)
		})), ", "))
	}
	if w.Survivorship == HighestTrust {
		v.trust(key("survivorship"), c.Name)
	}
}

func (v *validation) trust(at, field string) {
	missing := slices.DeleteFunc(slices.Clone(v.systems), func(s string) bool { _, ok := v.a.Trust[s]; return ok })
	switch {
	case len(v.a.Trust) == 0:
		v.fault(at, "no system has a trust to choose the field "+field+" by", "write trust: with a number for each of: "+strings.Join(v.systems, ", "))
	case len(missing) > 0:
		v.fault(at, "the field "+field+" is chosen by trust, which is not said of: "+strings.Join(missing, ", "), "write a number for each under trust")
	}
}

// dated checks the rules that are in force one after another.
func (v *validation) dated(at string, c *schemas.Column, rules []DatedRule) {
	type span struct {
		from, until int64
		where       string
	}
	var before []span
	for i, r := range rules {
		where := fmt.Sprintf("%s[%d]", at, i)
		from, err := moment(r.From, math.MinInt64)
		if err != nil {
			v.fault(where+".from", err.Error(), `write a date such as 2026-01-01, or a time such as 2026-01-01T06:00:00Z`)
			continue
		}
		until, err := moment(r.Until, math.MaxInt64)
		if err != nil {
			v.fault(where+".until", err.Error(), `write a date such as 2026-07-01, or a time such as 2026-07-01T06:00:00Z`)
			continue
		}
		if from >= until {
			v.fault(where, fmt.Sprintf("ends at %s, before it begins at %s", r.Until, r.From), "let until be later than from")
			continue
		}
		for _, b := range before {
			if from < b.until && b.from < until {
				v.fault(where, "is in force at the same time as "+b.where, "let the one end where the other begins: until is not part of it")
				break
			}
		}
		before = append(before, span{from, until, where})
		v.rule(where, c, r.FieldRule)
	}
}

// suitable are the types among whose values a survivorship can choose; nil: all.
func suitable(s Survivorship) []schemas.TypeName {
	numbers := []schemas.TypeName{
		schemas.Int16Type, schemas.Int32Type, schemas.Int64Type, schemas.Float32Type, schemas.Float64Type,
		schemas.DecimalType, schemas.DurationType,
	}
	switch s {
	case Sum:
		return numbers
	case Min, Max:
		return append(numbers, schemas.DateType, schemas.TimeType, schemas.MilliTimestampType, schemas.MicroTimestampType, schemas.InstantType)
	case Longest:
		return []schemas.TypeName{schemas.StringType, schemas.BytesType, schemas.ArrayType, schemas.JSONType, schemas.XMLType}
	}
	return nil
}

func columns(t *schemas.Table) (names []string) {
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	return names
}

func words[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, w := range all {
		out[i] = string(w)
	}
	return out
}

func known(names []string) string { return "known here: " + strings.Join(names, ", ") }

func list(names []string) string {
	if len(names) == 0 {
		return "[erp, crm]"
	}
	return "[" + strings.Join(names, ", ") + "]"
}
