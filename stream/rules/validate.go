package rules

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"sluice/schemas"
)

// validation is a rule of validate, compiled over the entity's fields.
type validation struct {
	*source
	message string
	program cel.Program
	// field is the column that the rule is of, which is not asked where that is
	// null; -1: the rule is the entity's.
	field int
	// needs are the columns that it reads.
	needs []int
}

// compileValidations compiles the rules of the fields and then of the entity.
func (r *Rules) compileValidations(e *Entity) (faults []error) {
	r.fields = activation{table: r.table, columns: map[string]int{}}
	var columns []cel.EnvOption
	for i := range r.table.Columns {
		c := &r.table.Columns[i]
		r.fields.columns[c.Name] = i
		columns = append(columns, cel.Variable(c.Name, celType(c.Type)))
	}
	add := func(at string, field int, all []Validation) {
		for i, v := range all {
			check, err := r.validation(fmt.Sprintf("%s[%d].that", at, i), v, columns)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			check.field = field
			r.checks = append(r.checks, check)
		}
	}
	for i := range r.table.Columns {
		name := r.table.Columns[i].Name
		add("fields."+name+".validate", i, e.Fields[name].Checks)
	}
	add("validate", -1, e.Checks)
	return faults
}

func (r *Rules) validation(where string, v Validation, columns []cel.EnvOption) (validation, error) {
	s := &source{where: where, text: strings.TrimSpace(v.That)}
	out := validation{source: s, message: v.Message}
	parsed, issues := r.env.Parse(s.text)
	if issues.Err() != nil {
		s.hide = r.env.quoted(s.text)
		return out, s.fault(issues, "mend the expression")
	}
	s.hide = r.env.secretsIn(s.text, parsed.NativeRep().Expr())
	free(parsed.NativeRep().Expr(), nil, func(name string) {
		if i, ok := r.fields.columns[name]; ok && !slices.Contains(out.needs, i) {
			out.needs = append(out.needs, i)
		}
	})
	env, checked, err := s.check(r.env.Env, columns)
	if err != nil {
		if f, ok := err.(*schemas.Fault); ok && strings.Contains(f.What, "undeclared reference") {
			f.Cure = "a rule of validate is over the entity's fields: " + shorten(strings.Join(r.fieldNames(), ", "), 400)
		}
		return out, err
	}
	if err := s.want(checked.OutputType(), fits(checked.OutputType(), []types.Kind{types.BoolKind}), "true or false", "write a condition, such as: is_email(email)"); err != nil {
		return out, err
	}
	if out.program, err = env.Program(checked, cel.EvalOptions(cel.OptOptimize)); err != nil {
		return out, &schemas.Fault{Where: where, What: s.String() + " cannot be compiled", Cure: "mend the expression", Err: err}
	}
	return out, nil
}

func (r *Rules) fieldNames() []string {
	var names []string
	for i := range r.table.Columns {
		names = append(names, r.table.Columns[i].Name)
	}
	return names
}

// validate asks every rule about the entity's row. Null passes, as in SQL's
// CHECK; what cannot be evaluated breaks the rule.
func (r *Rules) validate(row schemas.Row) *failure {
	if len(r.checks) == 0 {
		return nil
	}
	r.fields.row = row
	defer func() { r.fields.row = nil }()
	for i := range r.checks {
		v := &r.checks[i]
		if v.field >= 0 && row[v.field].IsNull() {
			continue
		}
		result, _, err := v.program.Eval(&r.fields)
		if err == nil && (result == types.True || result == types.NullValue) {
			continue
		}
		return r.broken(v, row, err)
	}
	return nil
}

// broken names the rule, the field and the values.
func (r *Rules) broken(v *validation, row schemas.Row, err error) *failure {
	f := &failure{reason: ReasonValidation, rule: strings.TrimSuffix(v.where, ".that")}
	var values []string
	for n, i := range v.needs {
		if n < 4 && i != v.field {
			values = append(values, r.table.Columns[i].Name+" is "+showValue(row[i]))
		}
	}
	if v.field >= 0 {
		f.field = r.table.Columns[v.field].Name
		values = append([]string{"field " + f.field + " is " + showValue(row[v.field])}, values...)
	}
	f.text = strings.Join(append(values, "which breaks "+v.String()), ", ")
	if err != nil {
		f.text += ", since it cannot be evaluated: " + shorten(err.Error(), 200)
	}
	if v.message != "" {
		f.text = v.message + ": " + f.text
	}
	return f
}

// withoutMessages leaves out the texts for readers.
func withoutMessages(all []Validation) []Validation {
	var out []Validation
	for _, v := range all {
		out = append(out, Validation{That: v.That})
	}
	return out
}
