package rules

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"sluice/schemas"
	"sluice/stream"
)

// Process makes the entity of each pending item. The error, if any, is the
// *schemas.Faults of rules that do not fit the schema of a topic.
func (r *Rules) Process(_ context.Context, items []*stream.Item) error {
	r.arena.Reset()
	r.headers = r.headers[:0]
	for _, it := range items {
		if it.Fate != stream.Pending {
			continue
		}
		if err := r.item(it); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rules) item(it *stream.Item) error {
	c := &it.Change
	switch {
	case c.Table == nil:
		it.Filter(ReasonTombstone)
		return nil
	case c.Op == schemas.Message:
		it.Filter(ReasonMessage)
		return nil
	}
	m, ok := r.mappings[it.Topic]
	if !ok {
		it.Park(ReasonNoMapping, fmt.Errorf("entity %s: no rule maps the topic %s", r.name, it.Topic))
		return nil
	}
	if c.Op == schemas.Truncate {
		it.Park(ReasonTruncate, fmt.Errorf("entity %s: %s: %s was truncated; which entities that deletes is not in the log", r.name, m.at, c.Table.FullName()))
		return nil
	}
	b := r.bind(m, c.Table)
	if b.err != nil {
		if it.Header(schemas.HeaderDLQID) == nil {
			return fmt.Errorf("topic %s: %w", it.Topic, b.err)
		}
		it.Park(ReasonSchema, b.err)
		return nil
	}
	row := c.KeyRow()
	if len(row) != len(c.Table.Columns) {
		it.Park(ReasonKey, fmt.Errorf("entity %s: %s: the change (op %s) has no row", r.name, m.at, c.Op))
		return nil
	}
	b.row.row = row
	decide := r.make
	if r.contributes {
		decide = r.contribute
	}
	if fail := decide(it, m, b); fail != nil {
		it.Park(fail.reason, &Broken{Entity: r.name, Rule: fail.rule, Field: fail.field, Text: fail.text})
	}
	b.row.row = nil
	return nil
}

// Broken is why a record was parked: which rule it broke.
type Broken struct {
	Entity string
	// Rule is its path in the entity: "from[0].set.email".
	Rule string
	// Field is the entity's field that the rule is about; empty: none.
	Field string
	// Text says what is wrong, with the value.
	Text string
}

// Error is all of it in one line.
func (b *Broken) Error() string { return "entity " + b.Entity + ": " + b.Rule + ": " + b.Text }

// failure is why a record cannot become an entity.
type failure struct {
	reason, rule, field, text string
	// empty says that the key is null or empty, and nothing else is wrong.
	empty bool
}

func (s *step) fail(reason, format string, args ...any) *failure {
	_, field, _ := strings.Cut(s.where, "].set.")
	return &failure{reason: reason, rule: s.where, field: field, text: fmt.Sprintf(format, args...)}
}

// make decides over one item.
func (r *Rules) make(it *stream.Item, m *mapping, b *binding) *failure {
	key, fail := r.keyOf(b)
	if fail != nil {
		return fail
	}
	out := stream.Output{Topic: r.topic, Key: key, Table: r.table}
	if it.Change.Op != schemas.Delete {
		passes := true
		if b.when != nil {
			if passes, fail = b.passes(); fail != nil {
				return fail
			}
		}
		switch {
		case passes:
			if out.Row, fail = r.rowOf(b); fail != nil {
				return fail
			}
			if fail = r.validate(out.Row); fail != nil {
				return fail
			}
		case it.Change.Op != schemas.Update:
			it.Filter(ReasonWhen)
			return nil
		}
	}
	out.Headers = r.headersOf(it, m, b)
	it.Out = append(it.Out, out)
	return nil
}

// rowOf makes the entity's row.
func (r *Rules) rowOf(b *binding) (schemas.Row, *failure) {
	row := r.arena.Row(len(b.set))
	for i := range b.set {
		s, field := &b.set[i], &r.table.Columns[i]
		if s.source == nil {
			continue
		}
		v, fail := r.field(b, s, field)
		if fail != nil {
			return nil, fail
		}
		if v.IsNull() && !field.Optional {
			return nil, s.fail(ReasonRequired, "the field %s is required, and %s gave null", field.Name, s)
		}
		row[i] = v
	}
	return row, nil
}

func (r *Rules) field(b *binding, s *step, field *schemas.Column) (schemas.Value, *failure) {
	if fail := b.known(s); fail != nil {
		return schemas.Value{}, fail
	}
	if s.column >= 0 {
		v := b.row.row[s.column]
		if v.IsNull() {
			return v, nil
		}
		out, problem := s.copy(v, &field.Type, &r.arena)
		if problem != "" {
			return out, s.fail(ReasonType, "field %s (%s): %s of the column %s %s", field.Name, typeText(field.Type), showValue(v), b.table.Columns[s.column].Name, problem)
		}
		return out, nil
	}
	result, fail := b.eval(s)
	if fail != nil {
		fail.text = "field " + field.Name + ": " + fail.text
		return schemas.Value{}, fail
	}
	if result == types.NullValue {
		return schemas.Value{}, nil
	}
	out, problem := resultValue(result, &field.Type, &r.arena)
	if problem != "" {
		return out, s.fail(ReasonType, "field %s (%s): %s, what %s gave, %s", field.Name, typeText(field.Type), show(result), s, problem)
	}
	return out, nil
}

// known checks that the source sent the columns that the step reads.
func (b *binding) known(s *step) *failure {
	for _, i := range s.needs {
		switch b.row.row[i].Kind {
		case schemas.Unchanged:
			return s.fail(ReasonUnchangedToast, "the database did not send the column %s, which did not change and is stored apart (TOAST); ALTER TABLE %s REPLICA IDENTITY FULL makes it do so",
				b.table.Columns[i].Name, b.table.FullName())
		case schemas.Absent:
			return s.fail(ReasonKey, "the database did not send the column %s; %s", b.table.Columns[i].Name, unsent(b.table))
		}
	}
	return nil
}

// eval runs the step's program.
func (b *binding) eval(s *step) (ref.Val, *failure) {
	result, _, err := s.program.Eval(&b.row)
	if err == nil {
		return result, nil
	}
	text := fmt.Sprintf("%s: %s", s, shorten(err.Error(), 200))
	for n, i := range s.needs {
		name := b.table.Columns[i].Name
		if v := b.row.row[i]; v.IsNull() {
			text += fmt.Sprintf("; %s is NULL, write coalesce(%s, ...) or test %s != null", name, name, name)
		} else if n < 4 {
			text += fmt.Sprintf("; %s is %s", name, showValue(v))
		}
	}
	return nil, s.fail(ReasonExpression, "%s", text)
}

// passes evaluates the condition; null is not true.
func (b *binding) passes() (bool, *failure) {
	s := b.when
	if fail := b.known(s); fail != nil {
		return false, fail
	}
	if s.column >= 0 {
		v := b.row.row[s.column]
		return v.Kind == schemas.Bool && v.Bool(), nil
	}
	result, fail := b.eval(s)
	if fail != nil {
		return false, fail
	}
	if result == types.NullValue {
		return false, nil
	}
	if v, ok := result.(types.Bool); ok {
		return bool(v), nil
	}
	return false, s.fail(ReasonType, "%s, what %s gave, is neither true nor false", show(result), s)
}

// keyOf computes the entity's key as text.
func (r *Rules) keyOf(b *binding) ([]byte, *failure) {
	s := &b.key
	if fail := b.known(s); fail != nil {
		return nil, fail
	}
	var key []byte
	if s.column >= 0 {
		switch v := b.row.row[s.column]; v.Kind {
		case schemas.Text:
			key = v.Bytes
		case schemas.Int:
			key = strconv.AppendInt(r.arena.Grow(20), v.Int(), 10)
			r.arena.Keep(len(key))
		}
	} else {
		result, fail := b.eval(s)
		if fail != nil {
			return nil, fail
		}
		switch v := result.(type) {
		case types.String:
			key = r.arena.Copy([]byte(v))
		case types.Int:
			key = strconv.AppendInt(r.arena.Grow(20), int64(v), 10)
			r.arena.Keep(len(key))
		case types.Null:
		default:
			return nil, s.fail(ReasonKey, "%s, what %s gave, is neither a string nor an int", show(result), s)
		}
	}
	if len(key) == 0 {
		fail := s.fail(ReasonKey, "%s gave no key: it is null or empty", s)
		fail.empty = true
		return nil, fail
	}
	return key, nil
}

// microTime is RFC 3339 with microseconds.
const microTime = "2006-01-02T15:04:05.000000Z07:00"

// stamp appends the headers that every output has.
func (r *Rules) stamp(it *stream.Item, m *mapping) {
	r.headers = append(r.headers,
		stream.Header{Key: schemas.HeaderPosition, Value: it.Change.ID},
		stream.Header{Key: schemas.HeaderSource, Value: m.topic},
		stream.Header{Key: schemas.HeaderRules, Value: r.version},
	)
}

// headersOf builds the output's headers.
func (r *Rules) headersOf(it *stream.Item, m *mapping, b *binding) []stream.Header {
	start := len(r.headers)
	r.stamp(it, m)
	if src := it.Change.Source; b.time >= 0 && b.time < len(src) && src[b.time].Kind == schemas.Int {
		at := time.UnixMicro(src[b.time].Int() * b.timeUnit).UTC()
		text := at.AppendFormat(r.arena.Grow(len(microTime)+8), microTime)
		r.arena.Keep(len(text))
		r.headers = append(r.headers, stream.Header{Key: schemas.HeaderTime, Value: text})
	}
	return r.headers[start:len(r.headers):len(r.headers)]
}
