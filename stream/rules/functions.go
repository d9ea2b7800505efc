package rules

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Function is one function of our own.
type Function struct {
	// Family is what it is about: "text", "dates and times".
	Family string `json:"family"`
	Name   string `json:"name"`
	// Signature is how it is written, Doc what it gives.
	Signature string `json:"signature"`
	Doc       string `json:"doc"`
	// Examples are expressions without columns and what each gives, as text;
	// tests keep them true. What begins with "error: " is an error that has the
	// rest in it.
	Examples []Example `json:"examples"`
}

// Example is an expression and what it gives.
type Example struct {
	Expression string `json:"expression"`
	Gives      string `json:"gives"`
}

// function is a Function with what CEL needs of it.
type function struct {
	Name, Signature, Doc string
	Examples             []Example
	overloads            []cel.FunctionOpt
	// checks look at arguments that are written out in an expression, by their
	// index, when it is read: a wrong pattern is no surprise of the first row.
	checks map[int]check
	// call looks at the arguments together. An error is of the one at the index.
	call func(args []ast.Expr) (at int, err error)
	// secret is the index of an argument that no error may show; 0: none.
	secret int
}

// check says what is wrong with an argument of a call with so many arguments.
type check func(arguments int, text string) error

// family are the functions about one thing.
type family struct {
	name      string
	functions []function
}

// families are all functions. What they remember (compiled patterns, formats,
// zones) is in m and the tables they look into are in t, so that Rules share
// nothing.
func families(m *memory, t tables) []family {
	return []family{
		{"text", textFunctions()},
		{"patterns", patternFunctions(m)},
		{"dates and times", dateFunctions(m)},
		{"numbers and money", numberFunctions()},
		{"units", unitFunctions()},
		{"contacts", contactFunctions()},
		{"countries and currencies", codeFunctions()},
		{"encodings", encodingFunctions()},
		{"lookups", lookupFunctions(t)},
		{"privacy", privacyFunctions()},
	}
}

// Functions lists the functions that expressions have beside those of CEL, its
// strings extension (https://pkg.go.dev/cel.dev/cel-go/ext#Strings) and its math
// extension, by family.
func Functions() []Function {
	var all []Function
	for _, f := range families(newMemory(), nil) {
		for _, x := range f.functions {
			all = append(all, Function{Family: f.name, Name: x.Name, Signature: x.Signature, Doc: x.Doc, Examples: x.Examples})
		}
	}
	return all
}

func functionOptions(all []family) []cel.EnvOption {
	var opts []cel.EnvOption
	known := literals{}
	for _, f := range all {
		for _, x := range f.functions {
			opts = append(opts, cel.Function(x.Name, x.overloads...))
			if x.checks != nil || x.call != nil {
				known[x.Name] = x
			}
		}
	}
	return append(opts, cel.ASTValidators(known))
}

var (
	nullableString    = cel.NullableType(cel.StringType)
	nullableDouble    = cel.NullableType(cel.DoubleType)
	nullableInt       = cel.NullableType(cel.IntType)
	nullableBool      = cel.NullableType(cel.BoolType)
	nullableBytes     = cel.NullableType(cel.BytesType)
	nullableTimestamp = cel.NullableType(cel.TimestampType)
	stringList        = cel.ListType(cel.StringType)
)

// overload is one form of a function. f is never called with a null: a null
// among the arguments gives null. The arguments have the types of in.
func overload(id string, in []*cel.Type, out *cel.Type, f func(a []ref.Val) ref.Val) cel.FunctionOpt {
	return cel.Overload(id, in, out, cel.FunctionBinding(func(a ...ref.Val) ref.Val {
		for i, v := range a {
			if v == types.NullValue {
				return v
			}
			if !in[i].IsAssignableRuntimeType(v) {
				return types.NewErr("%s cannot take a %s", id, v.Type().TypeName())
			}
		}
		return f(a)
	}))
}

// ofText is a function from one string to something.
func ofText(id string, out *cel.Type, f func(string) (ref.Val, error)) cel.FunctionOpt {
	return cel.Overload(id, []*cel.Type{nullableString}, out, cel.UnaryBinding(func(v ref.Val) ref.Val {
		s, ok := v.(types.String)
		if !ok {
			return nullOr(v, id)
		}
		out, err := f(string(s))
		if err != nil {
			return types.WrapErr(err)
		}
		return out
	}))
}

// isText is a function that asks something of one string.
func isText(id string, f func(string) bool) cel.FunctionOpt {
	return ofText(id, nullableBool, func(s string) (ref.Val, error) { return types.Bool(f(s)), nil })
}

// nullOr passes null on, and says of anything else that the function has no use
// for it.
func nullOr(v ref.Val, function string) ref.Val {
	if v == types.NullValue || types.IsUnknownOrError(v) {
		return v
	}
	return types.NewErr("%s cannot take a %s", function, v.Type().TypeName())
}

// textOrErr gives a string, or the error.
func textOrErr(s string, err error) ref.Val {
	if err != nil {
		return types.WrapErr(err)
	}
	return types.String(s)
}

// argument is a string argument, which overload has checked.
func argument(v ref.Val) string { s, _ := v.(types.String); return string(s) }

// literals checks the arguments that are written out in an expression.
type literals map[string]function

// Name names it for CEL.
func (literals) Name() string { return "sluice.literals" }

// Validate reports what is wrong at the place of the argument.
func (l literals) Validate(_ *cel.Env, _ cel.ValidatorConfig, a *ast.AST, issues *cel.Issues) {
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().IsMemberFunction() {
			return
		}
		call := e.AsCall()
		f := l[call.FunctionName()]
		if f.call != nil {
			if at, err := f.call(call.Args()); err != nil {
				issues.ReportErrorAtID(call.Args()[at].ID(), "%s", err.Error())
			}
		}
		for i, check := range f.checks {
			if i >= len(call.Args()) {
				continue
			}
			for _, arg := range elements(call.Args()[i]) {
				if s, ok := literal(arg); ok {
					if err := check(len(call.Args()), s); err != nil {
						issues.ReportErrorAtID(arg.ID(), "%s", err.Error())
					}
				}
			}
		}
	}))
}

// elements are those of a list that is written out, else e itself.
func elements(e ast.Expr) []ast.Expr {
	if e.Kind() == ast.ListKind {
		return e.AsList().Elements()
	}
	return []ast.Expr{e}
}

// literal is the text of a string that is written out.
func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// secretArguments are the functions that take one, with its index.
func secretArguments(all []family) map[string]int {
	out := map[string]int{}
	for _, f := range all {
		for _, x := range f.functions {
			if x.secret > 0 {
				out[x.Name] = x.secret
			}
		}
	}
	return out
}

// oneOf checks that a written out argument is among some words.
func oneOf(what string, words ...string) check {
	return func(_ int, s string) error {
		if slices.Contains(words, s) {
			return nil
		}
		return fmt.Errorf("%q is no %s; there are: %s", s, what, strings.Join(words, ", "))
	}
}
