package govern

import (
	"fmt"
	"strings"
	"time"

	"sluice/schemas"
)

// Explanation says how a golden record came about, for people and as JSON. Fields
// are in the order of the table, records in that of their names.
type Explanation struct {
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
	// Deletion says why it is deleted, or why it is not although a source
	// deleted its record; else it is empty.
	Deletion string            `json:"deletion,omitempty"`
	Review   bool              `json:"review"`
	Fields   []ExplainedField  `json:"fields"`
	Records  []ExplainedRecord `json:"records"`
}

// ExplainedField is one field with all that was said of it.
type ExplainedField struct {
	Name string `json:"name"`
	// Value is null where no source has one.
	Value      *string     `json:"value"`
	System     string      `json:"system,omitempty"`
	Record     string      `json:"record,omitempty"`
	Time       time.Time   `json:"time,omitzero"`
	Rule       string      `json:"rule,omitempty"`
	Conflict   bool        `json:"conflict"`
	Review     bool        `json:"review"`
	Candidates []Candidate `json:"candidates"`
}

// Candidate is what one living source record says of a field.
type Candidate struct {
	Record string  `json:"record"`
	System string  `json:"system"`
	Value  *string `json:"value"`
	// Time is when it changed last; zero if no change of it was seen.
	Time time.Time `json:"time,omitzero"`
	Won  bool      `json:"won"`
	// Why it won or lost, in plain words.
	Why string `json:"why"`
}

// ExplainedRecord is what is kept of one source record.
type ExplainedRecord struct {
	Record string    `json:"record"`
	System string    `json:"system"`
	Time   time.Time `json:"time"`
	Offset int64     `json:"offset"`
	Rules  string    `json:"rules,omitempty"`
	// State is "lives", "deleted" or "moved to another golden record".
	State string `json:"state"`
}

// Explain merges the state and says for each field and source record why it won
// or lost. It keeps nothing of the state.
func Explain(p *Policy, id string, s *State) *Explanation {
	var g Golden
	p.Merge(s, &g)
	e := &Explanation{
		ID: id, Deleted: g.Deleted, Review: g.Review, Deletion: p.deletion(s, &g),
		Fields: []ExplainedField{}, Records: []ExplainedRecord{},
	}
	for i := range s.Contributions {
		c := &s.Contributions[i]
		r := ExplainedRecord{Record: strings.Clone(c.Record), System: strings.Clone(c.System), Time: utc(c.Time), Offset: c.Offset, Rules: strings.Clone(c.Rules), State: "lives"}
		switch {
		case c.Moved:
			r.State = "moved to another golden record"
		case c.Deleted:
			r.State = "deleted"
		}
		e.Records = append(e.Records, r)
	}
	for i, r := range p.in(g.Newest) {
		e.Fields = append(e.Fields, p.explain(s, &g, &r, i))
	}
	return e
}

// deletion says what the deletions came to.
func (p *Policy) deletion(s *State, g *Golden) string {
	switch {
	case len(g.Live) == 0 && len(g.Gone) == 0:
		return "no source has a record of it"
	case len(g.Live) == 0:
		return "no source has a record of it any more"
	case len(g.Gone) == 0:
		return ""
	}
	var gone []string
	for _, i := range g.Gone {
		c := &s.Contributions[i]
		gone = append(gone, c.Record+" was deleted at "+showTime(c.Time))
	}
	text := strings.Join(gone, ", ") + "; "
	switch {
	case p.deletes == DeleteAny && g.Deleted:
		return text + "one deletion deletes it, and nothing changed since"
	case p.deletes == DeleteAny:
		return text + "it lives, since a living record changed then or later"
	case p.deletes == DeleteOwner && g.Deleted:
		return text + "the first owner that had a record of it decides"
	case p.deletes == DeleteOwner:
		return text + "it lives, since that is not all that the first owner has"
	case p.deletes == DeleteReview:
		return text + "it lives until the last record is gone, and is to be reviewed"
	}
	return text + "it lives until the last record is gone"
}

func (p *Policy) explain(s *State, g *Golden, r *rule, field int) ExplainedField {
	// Merged again, for the candidates.
	f := &g.Fields[field]
	p.gather(s, g, r, field)
	*f = Field{Winner: -1, Losers: f.Losers[:0]}
	g.decide(s, r, f)
	t := r.at
	e := ExplainedField{
		Name: p.table.Columns[field].Name, Value: text(f.Value, t), System: strings.Clone(f.System), Record: strings.Clone(f.Record),
		Rule: f.Rule.String(), Conflict: f.Conflict, Review: f.Review, Candidates: []Candidate{},
	}
	if f.Rule.kind != ruleNone && f.Time != 0 {
		e.Time = utc(f.Time)
	}
	var winner *candidate
	for i := range g.candidates {
		if g.candidates[i].of == f.Winner {
			winner = &g.candidates[i]
		}
	}
	next := 0
	for _, i := range g.Live {
		c := &s.Contributions[i]
		k := Candidate{Record: strings.Clone(c.Record), System: strings.Clone(c.System), Value: text(c.Row[field], t)}
		if t := c.Times[field]; t != 0 {
			k.Time = utc(t)
		}
		if next < len(g.candidates) && g.candidates[next].of == i {
			k.Won, k.Why = r.why(s, g.candidates, &g.candidates[next], winner)
			next++
		} else {
			k.Why = "skipped: " + c.Row[field].Kind.String()
		}
		e.Candidates = append(e.Candidates, k)
	}
	return e
}

// why says why a candidate won or lost; there is no winner of a sum.
func (r *rule) why(s *State, all []candidate, k, winner *candidate) (won bool, why string) {
	c := &s.Contributions[k.of]
	if k.locked >= 0 {
		by := &all[k.locked]
		return false, fmt.Sprintf("lost: within the lock of %s's change at %s for %s", s.Contributions[by.of].System, showTime(by.time), shortDuration(r.Lock))
	}
	if r.Survivorship == Sum {
		return true, "counted: part of the sum"
	}
	w := &s.Contributions[winner.of]
	if k == winner {
		return true, "won: " + r.won(all, k, c)
	}
	_, by := r.compare(winner, k)
	switch {
	case by == byRank && k.rank < len(r.Owners):
		why = c.System + " is after " + w.System + " in owners"
	case by == byRank:
		why = fmt.Sprintf("%s is none of the owners %s", c.System, r.owned())
	case by == byTime && r.Survivorship == First && k.time != winner.time:
		why = fmt.Sprintf("changed at %s, after %s's at %s", showTime(k.time), w.System, showTime(winner.time))
	case by == byTime:
		why = fmt.Sprintf("changed at %s, before %s's at %s", showTime(k.time), w.System, showTime(winner.time))
	case by == byRecord:
		why = "equal to " + w.Record + ", which is first by name"
	case by == byValue && r.Survivorship == Min:
		why = "greater than the value of " + w.System
	case by == byValue:
		why = "less than the value of " + w.System
	case r.Survivorship == Longest:
		why = fmt.Sprintf("%v characters or elements, and %s has %v", max(0, k.score), w.System, winner.score)
	case r.Survivorship == MostFrequent:
		why = fmt.Sprintf("%v of %d say so, and %v say what %s says", k.score, len(all), winner.score, w.System)
	default:
		why = fmt.Sprintf("the trust in %s is %v, that in %s is %v", c.System, k.score, w.System, winner.score)
	}
	if k.value.Equal(*winner.value) {
		return false, "same value: " + why
	}
	return false, "lost: " + why
}

// won says what the winner has before the others.
func (r *rule) won(all []candidate, k *candidate, c *Contribution) string {
	if len(all) == 1 {
		return "no other source has a value"
	}
	switch r.Survivorship {
	case Owner:
		if k.rank == len(r.Owners) {
			return "no owner has a value, and it changed last"
		}
		return c.System + " is the first of the owners that has a value"
	case MostRecent:
		return "it changed last of those that count"
	case First:
		return "it has stood for the longest time"
	case Longest:
		return "it is the longest"
	case MostFrequent:
		return fmt.Sprintf("%v of %d say so", k.score, len(all))
	case HighestTrust:
		return fmt.Sprintf("the trust in %s is %v", c.System, k.score)
	case Min:
		return "it is the least"
	}
	return "it is the greatest"
}

// text is nil for null.
func text(v schemas.Value, t *schemas.Type) *string {
	if v.IsNull() {
		return nil
	}
	s := show(v, t)
	return &s
}

func utc(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// shortDuration is 10m where Go writes 10m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
