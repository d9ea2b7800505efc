package cases

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/schemas"
	"sluice/stream"
	"sluice/stream/rules"
)

// Result is how one case went.
type Result struct {
	Entity string `json:"entity"`
	Case   string `json:"case"`
	// Where is the case's place in its file.
	Where  string `json:"where,omitempty"`
	Passed bool   `json:"passed"`
	// Problems say how what came differs from what was expected.
	Problems []string `json:"problems,omitempty"`
}

// Run runs the cases of an entity over the tables of its topics.
func Run(ctx context.Context, entity string, r *rules.Rules, s *Suite, tables map[string]*schemas.Table) []Result {
	var all []Result
	for i := range s.Cases {
		c := &s.Cases[i]
		problems := c.run(ctx, r, tables)
		all = append(all, Result{Entity: entity, Case: c.title(i), Passed: len(problems) == 0, Problems: problems})
	}
	return all
}

// run returns how the case fails.
func (c *Case) run(ctx context.Context, r *rules.Rules, tables map[string]*schemas.Table) []string {
	it, problem := c.item(r, tables)
	if problem != "" {
		return []string{problem}
	}
	if err := r.Process(ctx, []*stream.Item{it}); err != nil {
		return strings.Split(err.Error(), "\n")
	}
	return c.compare(r, it)
}

// item is the change that is given.
func (c *Case) item(r *rules.Rules, tables map[string]*schemas.Table) (*stream.Item, string) {
	topic := c.Topic
	if topic == "" {
		if len(r.Topics()) != 1 {
			return nil, "the case names no topic; there are: " + strings.Join(r.Topics(), ", ")
		}
		topic = r.Topics()[0]
	}
	t := tables[topic]
	if t == nil {
		return nil, fmt.Sprintf("the columns of %s are not known: declare them under tables, or let the registry be reached", topic)
	}
	row := make(schemas.Row, len(t.Columns))
	op := ops[c.Op]
	for i := range row {
		if op == schemas.Delete && !slices.Contains(t.Key, i) {
			row[i].Kind = schemas.Absent
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Given)) {
		i := t.Column(name)
		if i < 0 {
			return nil, fmt.Sprintf("given.%s: %s has no such column; there are: %s", name, t.FullName(), columnNames(t))
		}
		v, err := valueOf(c.Given[name], t.Columns[i].Type)
		if err != nil {
			return nil, fmt.Sprintf("given.%s: %v", name, err)
		}
		row[i] = v
	}
	for _, name := range c.Unchanged {
		i := t.Column(name)
		if i < 0 {
			return nil, fmt.Sprintf("unchanged: %s has no column %s", t.FullName(), name)
		}
		row[i] = schemas.Value{Kind: schemas.Unchanged}
	}
	return change(topic, t, op, row), ""
}

func change(topic string, t *schemas.Table, op schemas.Op, row schemas.Row) *stream.Item {
	it := &stream.Item{Input: stream.Input{Topic: topic}, Change: schemas.Change{Op: op, Table: t, ID: []byte("test")}}
	if op == schemas.Delete {
		it.Change.Before = row
	} else {
		it.Change.After = row
	}
	return it
}

func columnNames(t *schemas.Table) string {
	var names []string
	for i := range t.Columns {
		names = append(names, t.Columns[i].Name)
	}
	return strings.Join(names, ", ")
}

// became says in a word or a sentence what became of an item.
func became(it *stream.Item) string {
	switch it.Fate {
	case stream.Filtered:
		return "filtered: " + it.Reason
	case stream.Parked:
		return fmt.Sprintf("parked (%s): %v", it.Reason, it.Err)
	}
	if len(it.Out) == 1 && it.Out[0].Row == nil {
		return "a tombstone"
	}
	return "an entity"
}

// compare says how what became of the item differs from what was expected.
func (c *Case) compare(r *rules.Rules, it *stream.Item) []string {
	var (
		want string
		ok   bool
	)
	entity := it.Fate == stream.Pending && len(it.Out) == 1
	switch {
	case c.Filtered != "":
		want, ok = "filtered: "+c.Filtered, it.Fate == stream.Filtered && it.Reason == c.Filtered
	case c.Parked != "":
		want = fmt.Sprintf("parked with %q", c.Parked)
		ok = it.Fate == stream.Parked && (it.Reason == c.Parked || it.Err != nil && strings.Contains(it.Err.Error(), c.Parked))
	case c.Deleted:
		want, ok = "a tombstone", entity && it.Out[0].Row == nil
	default:
		want, ok = "an entity", entity && it.Out[0].Row != nil
	}
	if !ok {
		return []string{fmt.Sprintf("want %s; got %s", want, became(it))}
	}
	var problems []string
	if entity && c.Key != "" && string(it.Out[0].Key) != c.Key {
		problems = append(problems, fmt.Sprintf("key: want %q; got %q", c.Key, it.Out[0].Key))
	}
	if c.Expect == nil {
		return problems
	}
	return append(problems, c.fields(r.Table(), it.Out[0].Row)...)
}

func (c *Case) fields(t *schemas.Table, row schemas.Row) (problems []string) {
	for _, name := range slices.Sorted(maps.Keys(c.Expect)) {
		i := t.Column(name)
		if i < 0 {
			problems = append(problems, fmt.Sprintf("%s: the entity has no such field; there are: %s", name, columnNames(t)))
			continue
		}
		want, err := valueOf(c.Expect[name], t.Columns[i].Type)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", name, err))
		} else if !row[i].Equal(want) {
			problems = append(problems, fmt.Sprintf("%s: want %s; got %s", name, rules.Show(want, t.Columns[i].Type), rules.Show(row[i], t.Columns[i].Type)))
		}
	}
	for i := range t.Columns {
		if _, named := c.Expect[t.Columns[i].Name]; c.Whole && !named && !row[i].IsNull() {
			problems = append(problems, fmt.Sprintf("%s: want null, which whole says; got %s", t.Columns[i].Name, rules.Show(row[i], t.Columns[i].Type)))
		}
	}
	return problems
}

// broken is the rule that parked an item; nil if it was none.
func broken(it *stream.Item) *rules.Broken {
	var b *rules.Broken
	errors.As(it.Err, &b)
	return b
}
