package rules

import (
	"fmt"
	"strings"
)

// Reference is the list of the functions in Markdown, with an example of each.
// FUNCTIONS.md is it.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Functions of expressions

An expression is [CEL](https://cel.dev) over the columns of the row, with the operators and macros of the language, its [strings](https://pkg.go.dev/cel.dev/cel-go/ext#Strings) and [math](https://pkg.go.dev/cel.dev/cel-go/ext#Math) extensions, and these. Null gives null, where nothing else is said: a null among the arguments makes the result null. What a function cannot take is an error, which parks the record with the field, the expression and the value; nothing is guessed. Patterns, formats, zones, units and the like that are written out are checked when the file is read.

` + "`sluice check --functions`" + ` prints this list. It is made from the code; each example is tested.
`)
	last := ""
	for _, f := range Functions() {
		if f.Family != last {
			last = f.Family
			fmt.Fprintf(&b, "\n## %s%s\n", strings.ToUpper(last[:1]), last[1:])
		}
		fmt.Fprintf(&b, "\n### `%s`\n\n%s%s.\n\n| expression | gives |\n|---|---|\n", f.Signature, strings.ToUpper(f.Doc[:1]), f.Doc[1:])
		for _, e := range f.Examples {
			fmt.Fprintf(&b, "| `%s` | %s |\n", cell(e.Expression), gives(e.Gives))
		}
	}
	return b.String()
}

func gives(s string) string {
	if text, ok := strings.CutPrefix(s, "error: "); ok {
		return "an error: …" + cell(text) + "…"
	}
	return "`" + cell(s) + "`"
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
