package compat

import (
	"fmt"
	"strings"
)

// String is the type in few words: "int", "decimal(14,2)", "record a.Value",
// "[null, string]".
func (s *Schema) String() string {
	switch {
	case s.Decimal != nil && s.Kind == Bytes:
		return fmt.Sprintf("decimal(%d,%d)", s.Decimal.Precision, s.Decimal.Scale)
	case s.Name != "":
		return string(s.Kind) + " " + s.Name
	case s.Kind == Union:
		branches := make([]string, len(s.Branches))
		for i, b := range s.Branches {
			branches[i] = b.String()
		}
		return "[" + strings.Join(branches, ", ") + "]"
	}
	return string(s.Kind)
}

// Text puts the problem into a sentence; reader and writer are what to call the
// two schemas ("the new schema", "version 3").
func (p Problem) Text(reader, writer string) string {
	where := "the schema"
	if p.Path != "" {
		where = fmt.Sprintf("field %q", p.Path)
	}
	var what string
	switch p.Reason {
	case MissingDefault:
		what = fmt.Sprintf("is in %s without a default, and %s does not have it", reader, writer)
	case MissingEnumSymbols:
		what = fmt.Sprintf("in %s lacks %s of %s, and has no default", reader, p.Writer, writer)
	case MissingUnionBranch:
		what = fmt.Sprintf("is %s in %s, which has no place for the %s of %s", p.Reader, reader, p.Writer, writer)
	case TypeMismatch:
		if p.Writer == string(Null) {
			what = fmt.Sprintf("is %s in %s, and may be null in %s", p.Reader, reader, writer)
			break
		}
		fallthrough
	default:
		what = fmt.Sprintf("is %s in %s, which cannot read the %s of %s", p.Reader, reader, p.Writer, writer)
	}
	return fmt.Sprintf("%s %s (%s)", where, what, p.Reason)
}
