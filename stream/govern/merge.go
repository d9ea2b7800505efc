package govern

import (
	"math"
	"slices"

	"sluice/schemas"
)

// candidate is a contribution that has a say about a field.
type candidate struct {
	of     int
	value  *schemas.Value
	time   int64
	rank   int
	score  float64 // more is better: trust, length, how many say the same
	locked int     // the candidate within whose lock it is; -1: none
}

// Merge makes the golden record of a state. It is a function of the state and
// the policy alone. Once out has grown to its size, nothing is allocated but for
// decimals of more than 18 digits that are compared or added.
func (p *Policy) Merge(s *State, out *Golden) {
	p.survey(s, out)
	rules := p.in(out.Newest)
	out.Fields = slices.Grow(out.Fields[:0], len(rules))[:len(rules)]
	for i := range rules {
		f := &out.Fields[i]
		*f = Field{Winner: -1, Losers: f.Losers[:0]}
		p.gather(s, out, &rules[i], i)
		out.decide(s, &rules[i], f)
		out.Review = out.Review || f.Review
	}
	if p.deletes == DeleteReview && len(out.Gone) > 0 {
		out.Review = true
	}
	out.Review = out.Review && !out.Deleted
}

// survey looks at who is there.
func (p *Policy) survey(s *State, out *Golden) {
	out.Live, out.Gone, out.systems, out.memory = out.Live[:0], out.Gone[:0], out.systems[:0], out.memory[:0]
	out.Review, out.Newest = false, math.MinInt64
	for i := range s.Contributions {
		c := &s.Contributions[i]
		out.Newest = max(out.Newest, c.Time)
		out.systems = append(out.systems, p.number(c.System))
		switch {
		case !c.Deleted:
			out.Live = append(out.Live, i)
		case !c.Moved:
			out.Gone = append(out.Gone, i)
		}
	}
	out.Deleted = p.deleted(s, out)
}

func (p *Policy) deleted(s *State, out *Golden) bool {
	if len(out.Live) == 0 || len(out.Gone) == 0 {
		return len(out.Live) == 0
	}
	switch p.deletes {
	case DeleteAny:
		deletion, change := int64(math.MinInt64), int64(math.MinInt64)
		for _, i := range out.Gone {
			deletion = max(deletion, s.Contributions[i].Time)
		}
		for _, i := range out.Live {
			for _, t := range s.Contributions[i].Times {
				change = max(change, t)
			}
		}
		return deletion > change
	case DeleteOwner:
		for _, owner := range p.deleters {
			of := func(i int) bool { return out.systems[i] == owner }
			if slices.ContainsFunc(out.Live, of) {
				return false
			}
			if slices.ContainsFunc(out.Gone, of) {
				return true
			}
		}
	}
	return false
}

// gather finds the candidates of a field.
func (p *Policy) gather(s *State, out *Golden, r *rule, field int) {
	out.candidates = out.candidates[:0]
	for _, i := range out.Live {
		c := &s.Contributions[i]
		v := &c.Row[field]
		if r.skips(v) {
			continue
		}
		k := candidate{of: i, value: v, time: c.Times[field], rank: r.rank[out.systems[i]], locked: -1}
		switch r.Survivorship {
		case HighestTrust:
			k.score = p.trust[out.systems[i]]
		case Longest:
			k.score = length(v)
		}
		out.candidates = append(out.candidates, k)
	}
}

// vote counts for each candidate how many say the same; those that are locked
// have a voice only if all have.
func (r *rule) vote(all []candidate, everyone bool) {
	if r.Survivorship != MostFrequent {
		return
	}
	for i := range all {
		all[i].score = 0
		for j := range all {
			if (everyone || all[j].locked < 0) && all[i].value.Equal(*all[j].value) {
				all[i].score++
			}
		}
	}
}

// skips reports whether a value has no say.
func (r *rule) skips(v *schemas.Value) bool {
	if v.IsNull() {
		return r.Nulls == Skip || aggregates(r.Survivorship)
	}
	return !v.Known()
}

func aggregates(s Survivorship) bool { return s == Sum || s == Min || s == Max }

// decide chooses among the candidates.
func (g *Golden) decide(s *State, r *rule, f *Field) {
	all := g.candidates
	if len(all) == 0 {
		return
	}
	if len(all) > 1 && r.lock > 0 {
		r.locks(all)
	}
	if r.Survivorship == Sum {
		g.sum(r, f)
		return
	}
	unlocked := -1
	if r.lock > 0 {
		r.vote(all, true)
		unlocked = r.best(all, true)
	}
	r.vote(all, false)
	best := r.best(all, false)
	w := &all[best]
	c := &s.Contributions[w.of]
	f.Value, f.Winner, f.Record, f.System, f.Time = *w.value, w.of, c.Record, c.System, w.time
	switch {
	case r.Survivorship != Owner:
		f.Rule = Rule{kind: ruleWord, word: string(r.Survivorship)}
	case w.rank < len(r.Owners):
		f.Rule = Rule{kind: ruleOwner, word: c.System}
	default:
		f.Rule = Rule{kind: ruleNoOwner}
	}
	if unlocked >= 0 && all[unlocked].locked >= 0 {
		by := &all[all[unlocked].locked]
		f.Rule = Rule{kind: ruleLock, word: s.Contributions[by.of].System, number: r.until(by.time)}
	}
	for i := range all {
		if i != best && !all[i].value.Equal(f.Value) {
			f.Losers = append(f.Losers, all[i].of)
			f.Conflict = true
		}
	}
	f.Review = r.Review && f.Conflict
}

// best is the candidate that wins, or would win if there were no locks.
func (r *rule) best(all []candidate, everyone bool) int {
	best := -1
	for i := range all {
		if all[i].locked >= 0 && !everyone {
			continue
		}
		if best < 0 {
			best = i
		} else if first, _ := r.compare(&all[i], &all[best]); first < 0 {
			best = i
		}
	}
	return best
}
