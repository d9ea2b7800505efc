package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"sluice/schemas"
)

// binding is a mapping compiled against one version of a table.
type binding struct {
	// err is why it does not fit; *schemas.Faults joined.
	err   error
	table *schemas.Table
	key   step
	when  *step
	// set has a step for each column of the entity; its source is nil where the
	// mapping does not set it.
	set []step
	row activation
	// moves says that the key reads columns outside of the primary key: it may
	// change in the life of a row.
	moves bool
	// time is the index in the source block of when the change was committed,
	// or -1; timeUnit is its microseconds.
	time     int
	timeUnit int64
}

// step is the way of one source: a copied column or a program.
type step struct {
	*source
	// column is what is copied, by copy; -1: program is evaluated.
	column  int
	copy    copier
	program cel.Program
	// needs are the columns that it reads.
	needs []int
}

// bind returns the mapping's binding to t, from memory if it was asked before.
func (r *Rules) bind(m *mapping, t *schemas.Table) *binding {
	if b, ok := m.bindings[t]; ok {
		return b
	}
	b := &binding{table: t, time: -1, set: make([]step, len(m.set))}
	b.row = activation{table: t, columns: map[string]int{}}
	for i := range t.Columns {
		b.row.columns[t.Columns[i].Name] = i
	}
	var faults []error
	keep := func(err error) {
		if err != nil {
			faults = append(faults, err)
		}
	}
	keep(r.bindKey(b, m))
	if m.when != nil {
		b.when = new(step)
		keep(r.bindWhen(b, m))
	}
	for i, s := range m.set {
		if s != nil {
			keep(r.bindField(b, &b.set[i], s, &r.table.Columns[i]))
		}
	}
	if t.Source != nil {
		if b.time, b.timeUnit = t.Source.Column("ts_us"), 1; b.time < 0 {
			b.time, b.timeUnit = t.Source.Column("ts_ms"), 1000
		}
	}
	b.err = errors.Join(faults...)
	m.bindings[t] = b
	return b
}

func (r *Rules) bindField(b *binding, s *step, from *source, field *schemas.Column) error {
	out, err := r.compile(b, s, from)
	if err != nil {
		return err
	}
	if out != nil {
		return from.want(out, fitsField(out, field.Type), typeText(field.Type), conversion(field.Type, "..."))
	}
	column := &b.table.Columns[s.column]
	if s.copy = copierFor(column.Type, field.Type); s.copy == nil {
		return &schemas.Fault{
			Where: from.where,
			What:  fmt.Sprintf("the column %s of %s is %s, the field is %s", column.Name, b.table.FullName(), typeText(column.Type), typeText(field.Type)),
			Cure:  conversion(field.Type, from.text) + ", or change the field's type",
		}
	}
	return nil
}

func (r *Rules) bindWhen(b *binding, m *mapping) error {
	out, err := r.compile(b, b.when, m.when)
	if err != nil {
		return err
	}
	cure := "write a condition, such as: status != 'test'"
	if out != nil {
		return m.when.want(out, fits(out, []types.Kind{types.BoolKind}), "true or false", cure)
	}
	if column := &b.table.Columns[b.when.column]; column.Type.Name != schemas.BoolType {
		return &schemas.Fault{Where: m.when.where, What: fmt.Sprintf("the column %s of %s is %s, not bool", column.Name, b.table.FullName(), typeText(column.Type)), Cure: cure}
	}
	return nil
}

func (r *Rules) bindKey(b *binding, m *mapping) error {
	if len(b.table.Key) == 0 {
		return &schemas.Fault{
			Where: m.key.where,
			What:  fmt.Sprintf("%s (topic %s) has no primary key, so a delete does not tell which entity is gone", b.table.FullName(), m.topic),
			Cure:  fmt.Sprintf("ALTER TABLE %s ADD PRIMARY KEY (...)", b.table.FullName()),
		}
	}
	out, err := r.compile(b, &b.key, m.key)
	if err != nil {
		return err
	}
	var names []string
	for _, i := range b.table.Key {
		names = append(names, b.table.Columns[i].Name)
	}
	for _, i := range b.key.needs {
		if !slices.Contains(b.table.Key, i) {
			b.moves = true
		}
		if b.moves && !r.governed {
			return &schemas.Fault{
				Where: m.key.where,
				What:  fmt.Sprintf("the column %s is not in the primary key of %s, and a delete carries no others", b.table.Columns[i].Name, b.table.FullName()),
				Cure:  "use only: " + strings.Join(names, ", "),
			}
		}
	}
	if out != nil {
		return m.key.want(out, fits(out, []types.Kind{types.StringKind, types.IntKind}), "string or int", "write string(...)")
	}
	if column := &b.table.Columns[b.key.column]; !isKeyText(column.Type) {
		return &schemas.Fault{
			Where: m.key.where, What: fmt.Sprintf("the column %s of %s is %s, and a key is text or an integer", column.Name, b.table.FullName(), typeText(column.Type)),
			Cure: "write string(" + column.Name + ")",
		}
	}
	return nil
}

// compile fills the step and returns the expression's type; nil for a lone
// column.
func (r *Rules) compile(b *binding, s *step, from *source) (*cel.Type, error) {
	s.source, s.column = from, -1
	if from.column != "" {
		i, ok := b.row.columns[from.column]
		if !ok {
			return nil, &schemas.Fault{
				Where: from.where, What: fmt.Sprintf("%s has no column %s", b.table.FullName(), from.column),
				Cure: "there are: " + shorten(b.columnNames(), 400),
			}
		}
		s.column, s.needs = i, []int{i}
		return nil, nil
	}
	var columns []cel.EnvOption
	for _, name := range from.uses {
		if i, ok := b.row.columns[name]; ok {
			columns = append(columns, cel.Variable(name, celType(b.table.Columns[i].Type)))
			s.needs = append(s.needs, i)
		} else if !slices.Contains(typeNames, name) {
			return nil, &schemas.Fault{
				Where: from.where, What: fmt.Sprintf("%s has no column %s, which %s uses", b.table.FullName(), name, from),
				Cure: "there are: " + shorten(b.columnNames(), 400),
			}
		}
	}
	env, checked, err := from.check(r.env.Env, columns)
	if err != nil {
		return nil, err
	}
	if s.program, err = env.Program(checked, cel.EvalOptions(cel.OptOptimize)); err != nil {
		return nil, &schemas.Fault{Where: from.where, What: from.String() + " cannot be compiled", Cure: "mend the expression", Err: err}
	}
	return checked.OutputType(), nil
}

// want checks the type of the whole expression.
func (s *source) want(out *cel.Type, fits bool, wanted, cure string) error {
	if fits {
		return nil
	}
	return &schemas.Fault{
		Where: s.where, What: fmt.Sprintf("1:1 of %s: gives %s where %s is wanted", s, cel.FormatCELType(out), wanted), Cure: cure,
	}
}

func (b *binding) columnNames() string {
	var names []string
	for i := range b.table.Columns {
		names = append(names, b.table.Columns[i].Name)
	}
	return strings.Join(names, ", ")
}
