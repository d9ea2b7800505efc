package debezium

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// difference is one thing that our record says otherwise than Debezium's.
type difference struct {
	topic string
	// record counts from 1 within the topic; 0: the topic as a whole.
	record int
	// part is "key", "value", "header NAME", or one of these and " schema".
	part string
	path string
	// snapshot: the record is a row of the snapshot.
	snapshot bool
	// What each says; "" where it says nothing.
	ours, theirs string
}

func (d difference) String() string {
	say := func(s string) string {
		if s == "" {
			return "(nothing)"
		}
		if len(s) > 300 {
			return s[:300] + "..."
		}
		return s
	}
	return fmt.Sprintf("%s, record %d, %s %s\n    ours:   %s\n    theirs: %s", d.topic, d.record, d.part, d.path, say(d.ours), say(d.theirs))
}

// comparison collects differences.
type comparison struct {
	t   *testing.T
	all []difference
	// schemas that were compared already, ours and theirs.
	schemas map[[2]string]bool
}

// topics divides records by topic, in order.
func topics(all []*Record) map[string][]*Record {
	out := map[string][]*Record{}
	for _, r := range all {
		out[r.Topic] = append(out[r.Topic], r)
	}
	return out
}

func (c *comparison) topic(name string, ours, theirs []*Record) {
	if len(ours) != len(theirs) {
		c.all = append(c.all, difference{topic: name, path: "number of records", ours: fmt.Sprint(len(ours)), theirs: fmt.Sprint(len(theirs))})
	}
	for i := range min(len(ours), len(theirs)) {
		c.record(difference{topic: name, record: i + 1}, ours[i], theirs[i])
	}
}

func (c *comparison) record(at difference, ours, theirs *Record) {
	at.snapshot = says(c.t, theirs, ".op", `"r"`)
	c.part(at, "key", ours.Key, theirs.Key)
	c.part(at, "value", ours.Value, theirs.Value)
	headers := func(r *Record) map[string]*Part {
		out := map[string]*Part{}
		for _, h := range r.Headers {
			if out[h.Name] != nil {
				c.t.Errorf("%s, record %d: two headers %s", at.topic, at.record, h.Name)
			}
			out[h.Name] = h.Value
		}
		return out
	}
	a, b := headers(ours), headers(theirs)
	for name := range a {
		c.part(at, "header "+name, a[name], b[name])
	}
	for name := range b {
		if a[name] == nil {
			c.part(at, "header "+name, nil, b[name])
		}
	}
}

func (c *comparison) part(at difference, name string, ours, theirs *Part) {
	at.part = name
	if ours == nil || theirs == nil {
		say := func(p *Part) string {
			if p == nil {
				return "no " + name
			}
			return "a " + name
		}
		if (ours == nil) != (theirs == nil) {
			at.ours, at.theirs = say(ours), say(theirs)
			c.all = append(c.all, at)
		}
		return
	}
	if pair := [2]string{ours.Schema, theirs.Schema}; !c.schemas[pair] {
		c.schemas[pair] = true
		schema := at
		schema.part += " schema"
		c.leaves(schema, must(flattenSchema(ours.Schema))(c.t), must(flattenSchema(theirs.Schema))(c.t))
	}
	c.leaves(at, must(flattenValue(ours))(c.t), must(flattenValue(theirs))(c.t))
}

func (c *comparison) leaves(at difference, ours, theirs leaves) {
	for path, v := range ours {
		if at.path, at.ours, at.theirs = path, v, theirs[path]; at.ours != at.theirs {
			c.all = append(c.all, at)
		}
	}
	for path, v := range theirs {
		if _, ok := ours[path]; !ok {
			at.path, at.ours, at.theirs = path, "", v
			c.all = append(c.all, at)
		}
	}
}

func must(l leaves, err error) func(*testing.T) leaves {
	return func(t *testing.T) leaves {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
}

// unexplained are the differences that nothing accepts. What accepts nothing is
// an error of its own: the list is to be no longer than it must be.
func (c *comparison) unexplained() []difference {
	used := make([]bool, len(accepted))
	left := slices.DeleteFunc(c.all, func(d difference) bool {
		explained := false
		for i := range accepted {
			if accepted[i].covers(&d) {
				used[i], explained = true, true
			}
		}
		return explained
	})
	for i, a := range accepted {
		if !used[i] {
			c.t.Errorf("nothing differs any more as accepted (%q, %q, %q: %s): take it off the list", a.topic, a.part, a.path, a.why)
		}
	}
	return left
}

// report says each kind of difference once, by its first case; the elements of
// an array are of one kind.
func report(t *testing.T, all []difference) {
	t.Helper()
	slices.SortStableFunc(all, func(a, b difference) int {
		if c := strings.Compare(a.kind(), b.kind()); c != 0 {
			return c
		}
		return a.record - b.record
	})
	for i, d := range all {
		if i == 0 || all[i-1].kind() != d.kind() {
			t.Error(d)
		}
	}
}

var index = regexp.MustCompile(`\[\d+\]`)

func (d *difference) kind() string {
	return d.topic + " " + d.part + " " + index.ReplaceAllString(d.path, "[]")
}
