package postgres

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strings"

	"sluice/schemas"
)

// Columns is the configuration's columns block. A pattern is
// "schema.table.column", whose parts may be globs ("*.*.password"). Where
// several lists name a column, the first of exclude, mask, hash and truncate
// counts.
type Columns struct {
	// Include are the columns that are read of the tables that its patterns
	// name; other tables are read whole. Key columns are read all the same.
	Include []string `yaml:"include"`
	// Exclude are columns that are not read.
	Exclude []string `yaml:"exclude"`
	// Mask are columns whose values become "****".
	Mask []string `yaml:"mask"`
	// Hash are columns whose values become the SHA-256 of the salt and the text
	// that PostgreSQL writes, as 64 hexadecimal digits. Equal values of columns
	// of one type have equal hashes.
	Hash []string `yaml:"hash"`
	// Salt is secret: whoever knows it can guess values by their hashes. Give it
	// as ${NAME}.
	Salt string `yaml:"salt"`
	// Truncate are text columns and how many characters are kept of them.
	Truncate map[string]int `yaml:"truncate"`
}

// lists are the lists of patterns by their names in the configuration.
func (c *Columns) lists() map[string][]string {
	return map[string][]string{
		"include": c.Include, "exclude": c.Exclude, "mask": c.Mask, "hash": c.Hash,
		"truncate": slices.Sorted(maps.Keys(c.Truncate)),
	}
}

func (c *Columns) validate() error {
	var errs []error
	fault := func(where, what, cure string) {
		errs = append(errs, &schemas.Fault{Where: "columns." + where, What: what, Cure: cure})
	}
	lists := c.lists()
	for _, list := range slices.Sorted(maps.Keys(lists)) {
		for i, pattern := range lists[list] {
			where := fmt.Sprintf("%s[%d]", list, i)
			if list == "truncate" {
				where = "truncate." + pattern
				if n := c.Truncate[pattern]; n < 1 {
					fault(where, fmt.Sprintf("%d is no length", n), "give the number of characters to keep, or name the column in mask")
				}
			}
			if !isColumnPattern(pattern) {
				fault(where, fmt.Sprintf("%q is no schema.table.column", pattern), `write all three parts, such as public.customers.password or "*.*.password"`)
			}
		}
	}
	if len(c.Hash) > 0 && c.Salt == "" {
		fault("salt", "missing", "a hash without a salt can be guessed; write salt: ${HASH_SALT} and set the variable to a long random text")
	}
	return errors.Join(errs...)
}

func isColumnPattern(pattern string) bool {
	parts := strings.SplitN(pattern, ".", 3)
	for _, p := range parts {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return false
		}
	}
	return len(parts) == 3
}

// names reports whether the pattern means the column.
func names(pattern, schema, table, column string) bool {
	parts := strings.SplitN(pattern, ".", 3)
	return len(parts) == 3 && matches(parts[0], schema) && matches(parts[1], table) && matches(parts[2], column)
}

// of says what is done to a table's column. What would make rows of different
// keys look alike is a *schemas.Fault.
func (c *Columns) of(t *tableInfo, column string) (transform, error) {
	in := func(list []string) bool {
		return slices.ContainsFunc(list, func(p string) bool { return names(p, t.schema, t.name, column) })
	}
	isKey := slices.Contains(t.keyColumns(), column)
	refuse := func(list, verb string) (transform, error) {
		return transform{}, &schemas.Fault{
			Where: "columns." + list, What: fmt.Sprintf("%s.%s is part of the key and cannot be %s: its rows could not be told apart", t.fullName(), column, verb),
			Cure: "take the column out of the list, or name it in columns.hash, which keeps different keys different",
		}
	}
	switch {
	case in(c.Exclude) && isKey:
		return refuse("exclude", "left out")
	case in(c.Exclude), !isKey && c.leftOut(t, column):
		return transform{excluded: true}, nil
	case in(c.Mask) && isKey:
		return refuse("mask", "masked")
	case in(c.Mask):
		return transform{mask: true}, nil
	case in(c.Hash):
		return transform{hash: true, salt: c.Salt}, nil
	}
	least := 0
	for pattern, n := range c.Truncate {
		if names(pattern, t.schema, t.name, column) && (least == 0 || n < least) {
			least = n
		}
	}
	if least > 0 && isKey {
		return refuse("truncate", "truncated")
	}
	return transform{keep: least}, nil
}

// leftOut reports whether include names columns of the table, but not this one.
func (c *Columns) leftOut(t *tableInfo, column string) bool {
	of := false
	for _, p := range c.Include {
		if names(p, t.schema, t.name, column) {
			return false
		}
		parts := strings.SplitN(p, ".", 3)
		of = of || len(parts) == 3 && matches(parts[0], t.schema) && matches(parts[1], t.name)
	}
	return of
}

// warnUnused tells of patterns that no column has: one that was misspelt would
// let through what it should hide.
func (c *Columns) warnUnused(relations []*relation, log *slog.Logger) {
	lists := c.lists()
	for _, list := range slices.Sorted(maps.Keys(lists)) {
		for _, pattern := range lists[list] {
			used := slices.ContainsFunc(relations, func(r *relation) bool {
				return slices.ContainsFunc(r.attrs, func(a attribute) bool {
					return names(pattern, r.info.schema, r.info.name, a.name)
				})
			})
			if !used {
				log.Warn("no column of the captured tables has the name in columns."+list, "pattern", pattern)
			}
		}
	}
}
