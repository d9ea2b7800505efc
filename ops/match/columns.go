package match

import (
	"fmt"
	"slices"
	"strings"

	"sluice/schemas"
	"sluice/stream/match"
)

// Columns says what the columns hold: as declared ("name=kind"), else guessed.
// Those in ignored are not compared.
func Columns(f *File, declared, ignored []string) ([]match.Field, error) {
	fields := match.Guess(f.Columns, f)
	at := func(column string) *match.Field {
		return &fields[slices.IndexFunc(fields, func(m match.Field) bool { return m.Column == column })]
	}
	for _, d := range declared {
		name, kind, ok := strings.Cut(d, "=")
		if !ok {
			return nil, &schemas.Fault{Where: "--column", What: fmt.Sprintf("%q is not NAME=KIND", d), Cure: "write it as dob=date"}
		}
		if err := f.has("--column", name); err != nil {
			return nil, err
		}
		k := match.Kind(strings.ReplaceAll(kind, "-", " "))
		if !k.Known() {
			return nil, &schemas.Fault{Where: "--column", What: fmt.Sprintf("there is no kind %q", kind), Cure: "kinds are " + match.KindNames()}
		}
		*at(name) = match.Field{Column: name, Kind: k, Why: "declared"}
	}
	for _, name := range ignored {
		if name == "" {
			continue
		}
		if err := f.has("--truth", name); err != nil {
			return nil, err
		}
		*at(name) = match.Field{Column: name, Kind: match.Ignore, Why: "holds the truth"}
	}
	if !slices.ContainsFunc(fields, func(m match.Field) bool { return m.Kind != match.Ignore }) {
		return nil, &schemas.Fault{Where: f.Paths[0], What: "no column can be compared", Cure: "declare some: --column name=full-name"}
	}
	return fields, nil
}
