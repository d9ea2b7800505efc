package govern

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"sluice/schemas"
)

// Policy is an authority compiled for the entity's table. It is read-only and
// may be used by many at once.
type Policy struct {
	table *schemas.Table
	// systems are those that the authority names; a system that it does not
	// name has the number len(systems).
	systems []string
	trust   []float64
	// deleters are the block's owners, by number.
	deleters []int
	deletes  Deletes
	// epochs are in the order of time. The first begins before all time.
	epochs []epoch
}

// epoch is a time in which the rules stay the same.
type epoch struct {
	from  int64
	rules []rule // by field
}

// rule is a FieldRule compiled.
type rule struct {
	FieldRule
	at *schemas.Type
	// rank of a system, by its number: its place among the owners, or their
	// number where it is none.
	rank []int
	lock uint64 // microseconds
}

// Compile compiles an authority. The error is that of Validate, but for the
// systems, which it does not check.
func Compile(a *Authority, t *schemas.Table) (*Policy, error) {
	b := *a
	b.Defaults()
	if err := b.Validate(t, nil); err != nil {
		return nil, err
	}
	p := &Policy{table: t, deletes: b.Deletes}
	name := func(systems []string) {
		for _, s := range systems {
			if !slices.Contains(p.systems, s) {
				p.systems = append(p.systems, s)
			}
		}
	}
	name(b.Owners)
	name(slices.Sorted(maps.Keys(b.Trust)))
	starts := []int64{math.MinInt64}
	for i := range t.Columns {
		f := b.Fields[t.Columns[i].Name]
		name(f.Owners)
		for _, r := range f.Rules {
			name(r.Owners)
			from, _ := moment(r.From, math.MinInt64) // Validate has read them
			until, _ := moment(r.Until, math.MaxInt64)
			starts = append(starts, from, until)
		}
	}
	for _, s := range p.systems {
		p.trust = append(p.trust, b.Trust[s])
	}
	p.trust = append(p.trust, 0)
	for _, o := range b.Owners {
		p.deleters = append(p.deleters, slices.Index(p.systems, o))
	}
	slices.Sort(starts)
	for _, from := range slices.Compact(starts) {
		e := epoch{from: from}
		for i := range t.Columns {
			c := &t.Columns[i]
			e.rules = append(e.rules, p.rule(&c.Type, b.whole(b.Fields[c.Name].at(from))))
		}
		p.epochs = append(p.epochs, e)
	}
	return p, nil
}

// at is the rule that is in force at a time; none where the block's defaults are.
func (f FieldRules) at(t int64) FieldRule {
	if len(f.Rules) == 0 {
		return f.FieldRule
	}
	for _, r := range f.Rules {
		from, _ := moment(r.From, math.MinInt64)
		until, _ := moment(r.Until, math.MaxInt64)
		if from <= t && (t < until || r.Until == "") {
			return r.FieldRule
		}
	}
	return FieldRule{}
}

func (p *Policy) rule(t *schemas.Type, f FieldRule) rule {
	r := rule{FieldRule: f, at: t, lock: uint64(f.Lock / time.Microsecond)}
	for _, s := range p.systems {
		rank := slices.Index(f.Owners, s)
		if rank < 0 {
			rank = len(f.Owners)
		}
		r.rank = append(r.rank, rank)
	}
	r.rank = append(r.rank, len(f.Owners))
	return r
}

// Table returns the table that the policy was compiled for.
func (p *Policy) Table() *schemas.Table { return p.table }

// in returns the rules that are in force at t.
func (p *Policy) in(t int64) []rule {
	i := len(p.epochs) - 1
	for i > 0 && p.epochs[i].from > t {
		i--
	}
	return p.epochs[i].rules
}

// number is the number of a system.
func (p *Policy) number(system string) int {
	for i, s := range p.systems {
		if s == system {
			return i
		}
	}
	return len(p.systems)
}

// owned lists the owners for a person.
func (r *rule) owned() string { return strings.Join(r.Owners, ", ") }
