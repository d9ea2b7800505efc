package cases

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"sluice/schemas"
	"sluice/stream"
	"sluice/stream/rules"
)

// Battery is what hazardous rows become by one mapping.
type Battery struct {
	Entity string `json:"entity"`
	Topic  string `json:"topic"`
	// Rows were tried; each was delivered, filtered or parked, or crashed.
	Rows      int `json:"rows"`
	Delivered int `json:"delivered"`
	Filtered  int `json:"filtered"`
	Parked    int `json:"parked"`
	Crashed   int `json:"crashed"`
	// Plain says what the ordinary row became that all others vary; empty: an
	// entity. Where it is parked, the others tell little.
	Plain string `json:"plain,omitempty"`
	// Found are the parked and the crashed rows by field and reason, and those
	// that were delivered with invalid UTF-8.
	Found []Finding `json:"found,omitempty"`
}

// Finding is a sort of row that is not delivered as it should be.
type Finding struct {
	// Field of the entity, or the rule where it is of none.
	Field  string `json:"field"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
	// By are some of the columns and hazards that bring it about: "name: null".
	By []string `json:"by"`
	// Example is the error of the first.
	Example string `json:"example"`
}

// Reasons of findings beside those of rules.
const (
	reasonCrash   = "crash"
	reasonInvalid = "invalid UTF-8 delivered"
)

// mostBy bounds the examples of a finding.
const mostBy = 6

// RunBattery feeds each hazard to each column in turn and to all at once. base is
// a row that becomes an entity; nil: an ordinary one is made up.
func RunBattery(ctx context.Context, entity, topic string, r *rules.Rules, t *schemas.Table, base schemas.Row) Battery {
	b := &battery{ctx: ctx, rules: r, topic: topic, table: t, out: Battery{Entity: entity, Topic: topic}, found: map[[2]string]*Finding{}}
	if base == nil {
		base = make(schemas.Row, len(t.Columns))
		for i := range base {
			base[i] = plain(t.Columns[i].Type)
		}
	}
	if it, crash := b.process(slices.Clone(base)); crash != "" || it.Fate != stream.Pending {
		b.out.Plain = cmp.Or(crash, became(it))
	}
	together := map[string]schemas.Row{}
	var names []string
	for i := range t.Columns {
		for _, h := range b.hazards(i) {
			row := slices.Clone(base)
			row[i] = h.value
			b.try(t.Columns[i].Name+": "+h.name, row)
			if together[h.name] == nil {
				together[h.name] = slices.Clone(base)
				names = append(names, h.name)
			}
			together[h.name][i] = h.value
		}
	}
	for _, name := range names {
		b.try("all: "+name, together[name])
	}
	for _, f := range b.found {
		b.out.Found = append(b.out.Found, *f)
	}
	slices.SortFunc(b.out.Found, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(x.Field, y.Field), cmp.Compare(x.Reason, y.Reason))
	})
	return b.out
}

type battery struct {
	ctx   context.Context //nolint:containedctx // it lives as long as one run
	rules *rules.Rules
	topic string
	table *schemas.Table
	out   Battery
	found map[[2]string]*Finding
}

// hazards of a column: null, too, where it may be.
func (b *battery) hazards(i int) []hazard {
	c := &b.table.Columns[i]
	all := hazards(c.Type)
	if !slices.Contains(b.table.Key, i) && c.Optional {
		all = append([]hazard{{"null", schemas.Value{}}}, all...)
	}
	return all
}

// process runs one row; a panic is what crashed it.
func (b *battery) process(row schemas.Row) (it *stream.Item, crash string) {
	it = change(b.topic, b.table, schemas.Create, row)
	defer func() {
		if p := recover(); p != nil {
			crash = fmt.Sprintf("the rules crashed: %v", p)
		}
	}()
	if err := b.rules.Process(b.ctx, []*stream.Item{it}); err != nil {
		return it, err.Error()
	}
	return it, ""
}

func (b *battery) try(by string, row schemas.Row) {
	b.out.Rows++
	it, crash := b.process(row)
	switch {
	case crash != "":
		b.out.Crashed++
		b.note("", reasonCrash, by, crash)
	case it.Fate == stream.Filtered:
		b.out.Filtered++
	case it.Fate == stream.Parked:
		b.out.Parked++
		field, text := "", fmt.Sprint(it.Err)
		if rule := broken(it); rule != nil {
			field, text = cmp.Or(rule.Field, rule.Rule), rule.Text
		}
		b.note(field, it.Reason, by, text)
	default:
		b.out.Delivered++
		if field := b.invalid(it); field != "" {
			b.note(field, reasonInvalid, by, "the field has bytes that are no UTF-8; fix_utf8(s) repairs them")
		}
	}
}

// invalid names a delivered field that is no UTF-8.
func (b *battery) invalid(it *stream.Item) string {
	for _, out := range it.Out {
		for i, v := range out.Row {
			if v.Kind == schemas.Text && !utf8.Valid(v.Bytes) {
				return out.Table.Columns[i].Name
			}
		}
	}
	return ""
}

func (b *battery) note(field, reason, by, text string) {
	f := b.found[[2]string{field, reason}]
	if f == nil {
		f = &Finding{Field: field, Reason: reason, Example: text}
		b.found[[2]string{field, reason}] = f
	}
	if f.Count++; len(f.By) < mostBy {
		f.By = append(f.By, by)
	}
}

// Base is the row of the first case of the topic that expects an entity: what
// the battery varies. Nil if there is none.
func (s *Suite) Base(r *rules.Rules, topic string, tables map[string]*schemas.Table) schemas.Row {
	for i := range s.Cases {
		c := &s.Cases[i]
		if c.Expect == nil || len(c.Unchanged) > 0 {
			continue
		}
		if it, problem := c.item(r, tables); problem == "" && it.Topic == topic && it.Change.After != nil {
			return it.Change.After
		}
	}
	return nil
}
