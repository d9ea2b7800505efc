package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/ext"

	"sluice/schemas"
)

// baseEnv has the functions, which look into the tables, and no columns.
func baseEnv(t tables) (*dialect, error) {
	all := families(newMemory(), t)
	opts := []cel.EnvOption{ext.Strings(), ext.Math(), cel.CrossTypeNumericComparisons(true)}
	env, err := cel.NewEnv(append(opts, functionOptions(all)...)...)
	return &dialect{env, secretArguments(all)}, err
}

// dialect is what expressions are written in.
type dialect struct {
	*cel.Env
	// secrets are the functions that take one, with the argument's index.
	secrets map[string]int
}

// source is one expression of a declaration, parsed.
type source struct {
	// where is its path in the entity.
	where string
	text  string
	// column is set if the text is a lone column, which is not evaluated.
	column string
	// uses are the names that the expression takes for columns.
	uses []string
	// hide are the texts that no error may show.
	hide []string
}

// typeNames are CEL's types, which an expression names as it names a column.
// One of them is a column only where it stands alone or the table has it.
var typeNames = []string{"bool", "bytes", "double", "dyn", "duration", "google", "int", "list", "map", "null_type", "string", "timestamp", "type", "uint"}

// parse reads an expression and checks all that can be checked without knowing
// the columns' types.
func parse(env *dialect, where, text string) (*source, error) {
	s := &source{where: where, text: strings.TrimSpace(text)}
	if n := len(s.text); n > 2 && s.text[0] == '`' && strings.IndexByte(s.text[1:], '`') == n-2 {
		s.column = s.text[1 : n-1]
		return s, nil
	}
	parsed, issues := env.Parse(s.text)
	if issues.Err() != nil {
		s.hide = env.quoted(s.text)
		return nil, s.fault(issues, "mend the expression; a column whose name is no identifier stands alone, in backquotes")
	}
	if root := parsed.NativeRep().Expr(); root.Kind() == ast.IdentKind {
		s.column = root.AsIdent()
		return s, nil
	}
	free(parsed.NativeRep().Expr(), nil, func(name string) {
		if !slices.Contains(s.uses, name) {
			s.uses = append(s.uses, name)
		}
	})
	s.hide = env.secretsIn(s.text, parsed.NativeRep().Expr())
	var columns []cel.EnvOption
	for _, name := range s.uses {
		if !slices.Contains(typeNames, name) {
			columns = append(columns, cel.Variable(name, cel.DynType))
		}
	}
	if _, _, err := s.check(env.Env, columns); err != nil {
		return nil, err
	}
	return s, nil
}

// check compiles the expression over the columns, and returns the base with the
// columns too.
func (s *source) check(base *cel.Env, columns []cel.EnvOption) (*cel.Env, *cel.Ast, error) {
	env, err := base.Extend(columns...)
	if err != nil {
		return nil, nil, &schemas.Fault{Where: s.where, What: s.String() + " cannot be compiled", Cure: "mend the expression", Err: err}
	}
	checked, issues := env.Compile(s.text)
	if issues.Err() != nil {
		return nil, nil, s.fault(issues, "mend the expression; types are changed by string(x), int(x), double(x), and null by coalesce(x, y)")
	}
	return env, checked, nil
}

// fault tells the first of the issues, with its line and column in the
// expression, both from 1.
func (s *source) fault(issues *cel.Issues, cure string) error {
	all := issues.Errors()
	what := s.masked(issues.Err().Error())
	if len(all) > 0 {
		first := all[0]
		what = fmt.Sprintf("%d:%d of %s: %s", first.Location.Line(), first.Location.Column()+1, s, s.masked(first.Message))
		if len(all) > 1 {
			what += fmt.Sprintf(" (and %d more)", len(all)-1)
		}
	}
	return &schemas.Fault{Where: s.where, What: what, Cure: cure}
}

// String is the expression as an error shows it.
func (s *source) String() string { return "`" + shorten(s.masked(s.text), 80) + "`" }

// masked leaves out what no error may show.
func (s *source) masked(text string) string {
	for _, secret := range s.hide {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

var quotes = regexp.MustCompile(`'[^']*|"[^"]*`)

// quoted is all that stands in quotes, in an expression that calls a function
// with a secret: which of it is the secret cannot be told.
func (d *dialect) quoted(text string) (out []string) {
	if !slices.ContainsFunc(slices.Collect(maps.Keys(d.secrets)), func(name string) bool { return strings.Contains(text, name) }) {
		return nil
	}
	for _, found := range quotes.FindAllString(text, -1) {
		if len(found) > 1 {
			out = append(out, found[1:])
		}
	}
	return out
}

// secretsIn finds the secret arguments that are written out.
func (d *dialect) secretsIn(text string, e ast.Expr) []string {
	out := secretsIn(e, d.secrets)
	if slices.ContainsFunc(out, func(secret string) bool { return !strings.Contains(text, secret) }) {
		return append(out, d.quoted(text)...) // it is written with escapes
	}
	return out
}

func secretsIn(e ast.Expr, functions map[string]int) (out []string) {
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		at, args := functions[e.AsCall().FunctionName()], e.AsCall().Args()
		if at == 0 || at >= len(args) {
			return
		}
		for _, arg := range args[at:] {
			ast.PostOrderVisit(arg, ast.NewExprVisitor(func(e ast.Expr) {
				if s, ok := literal(e); ok && s != "" {
					out = append(out, s)
				}
			}))
		}
	}))
	return out
}

// free calls found for each identifier that no comprehension binds.
func free(e ast.Expr, bound []string, found func(string)) {
	switch e.Kind() {
	case ast.IdentKind:
		if name := e.AsIdent(); !slices.Contains(bound, name) {
			found(name)
		}
	case ast.SelectKind:
		free(e.AsSelect().Operand(), bound, found)
	case ast.CallKind:
		c := e.AsCall()
		if c.IsMemberFunction() {
			// math.greatest(x) is the function of a namespace, not of a column.
			if t := c.Target(); t.Kind() != ast.IdentKind || !slices.Contains(namespaces, t.AsIdent()) {
				free(t, bound, found)
			}
		}
		for _, a := range c.Args() {
			free(a, bound, found)
		}
	case ast.ListKind:
		for _, x := range e.AsList().Elements() {
			free(x, bound, found)
		}
	case ast.MapKind:
		for _, x := range e.AsMap().Entries() {
			free(x.AsMapEntry().Key(), bound, found)
			free(x.AsMapEntry().Value(), bound, found)
		}
	case ast.StructKind:
		for _, x := range e.AsStruct().Fields() {
			free(x.AsStructField().Value(), bound, found)
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		free(c.IterRange(), bound, found)
		free(c.AccuInit(), bound, found)
		result := append(slices.Clone(bound), c.AccuVar())
		inner := append(slices.Clone(result), c.IterVar(), c.IterVar2())
		free(c.LoopCondition(), inner, found)
		free(c.LoopStep(), inner, found)
		free(c.Result(), result, found)
	}
}

// namespaces are those of functions: math.abs(x), strings.quote(s).
var namespaces = []string{"math", "strings"}

// shorten cuts a text to about n bytes, for errors.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
