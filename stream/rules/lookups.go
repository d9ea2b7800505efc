package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"sluice/schemas"
)

// Lookup is a table to look values up in: a CSV file with a header, read at the
// start. All of its values are texts.
type Lookup struct {
	// File is the path, relative to the folder of the file that names it.
	File string `yaml:"file"`
	// Key is the column by whose value a row is found; by default the first.
	Key string `yaml:"key"`
	// Value is the column that lookup(table, key) gives; by default the second.
	Value string `yaml:"value"`
	// Separator is what stands between the columns; by default a comma.
	Separator string `yaml:"separator"`
}

// tables are the lookups that were read, by name.
type tables map[string]*csvTable

// csvTable is a CSV file in memory.
type csvTable struct {
	columns map[string]int
	value   int
	rows    map[string][]string
	// sum is the hash of the file, a part of the rules' version.
	sum string
}

// largestTable bounds a file: it is held in memory by each process.
const largestTable = 256 << 20

// read reads the file. The fault's Where is the key below the lookup.
func (l Lookup) read(dir string) (*csvTable, *schemas.Fault) {
	path := l.File
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, &schemas.Fault{Where: "file", What: path + " cannot be read", Cure: "paths are relative to the folder of the configuration", Err: errors.Unwrap(err)}
	}
	if info.Size() > largestTable {
		return nil, &schemas.Fault{Where: "file", What: fmt.Sprintf("%s has %d MiB", path, info.Size()>>20), Cure: fmt.Sprintf("a lookup is held in memory and has at most %d MiB", largestTable>>20)}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &schemas.Fault{Where: "file", What: path + " cannot be read", Cure: "name a CSV file that the user of this process may read", Err: errors.Unwrap(err)}
	}
	t, fault := l.parse(path, data)
	if fault != nil && fault.Where == "" {
		fault.Where = "file"
	}
	return t, fault
}

// parse reads the bytes of the file that path names in messages.
func (l Lookup) parse(path string, data []byte) (*csvTable, *schemas.Fault) {
	sum := sha256.Sum256(data)
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	if l.Separator != "" {
		r.Comma, _ = utf8.DecodeRuneInString(l.Separator)
	}
	header, err := r.Read()
	if err != nil {
		return nil, &schemas.Fault{What: path + " has no header", Cure: "write the names of the columns into its first line", Err: notEOF(err)}
	}
	t := &csvTable{columns: map[string]int{}, value: 1, rows: map[string][]string{}, sum: hex.EncodeToString(sum[:])}
	for i, name := range header {
		name = strings.TrimSpace(name)
		if _, twice := t.columns[name]; twice || name == "" {
			return nil, &schemas.Fault{What: fmt.Sprintf("%s: the column %q stands twice or has no name", path, name), Cure: "name each column once"}
		}
		t.columns[name] = i
	}
	key := 0
	for _, c := range []struct {
		name, where string
		into        *int
	}{{l.Key, "key", &key}, {l.Value, "value", &t.value}} {
		if c.name == "" {
			continue
		}
		i, ok := t.columns[c.name]
		if !ok {
			return nil, &schemas.Fault{Where: c.where, What: fmt.Sprintf("%s has no column %s", path, c.name), Cure: "there are: " + strings.Join(t.names(), ", ")}
		}
		*c.into = i
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, &schemas.Fault{What: path, Cure: "mend the file", Err: err}
		}
		line, _ := r.FieldPos(0)
		if !utf8.ValidString(strings.Join(row, "")) {
			return nil, &schemas.Fault{What: fmt.Sprintf("%s:%d is no UTF-8", path, line), Cure: "convert the file to UTF-8"}
		}
		if _, twice := t.rows[row[key]]; twice {
			return nil, &schemas.Fault{What: fmt.Sprintf("%s:%d: the key %q stands twice", path, line, shorten(row[key], 40)), Cure: "keep one row a key"}
		}
		t.rows[row[key]] = row
	}
}

// notEOF hides the end of an empty file, which the fault says itself.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (t *csvTable) names() []string { return slices.Sorted(maps.Keys(t.columns)) }

// readLookups reads all tables of the entity; the sums stand for their content.
func (e *Entity) readLookups() (tables, map[string]string, error) {
	var faults []error
	all, sums := tables{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(e.Lookups)) {
		t, fault := e.Lookups[name].read(e.Dir)
		if fault != nil {
			fault.Where = "lookups." + name + "." + fault.Where
			faults = append(faults, fault)
			continue
		}
		all[name], sums[name] = t, t.sum
	}
	return all, sums, errors.Join(faults...)
}

// lookupFunctions look into the tables.
func lookupFunctions(all tables) []function {
	known := func(_ int, name string) error { _, err := all.table(name); return err }
	column := func(args []ast.Expr) (int, error) {
		name, _ := literal(args[0])
		t := all[name]
		if t == nil {
			return 0, nil // it is not written out, or known says it
		}
		if len(args) < 3 {
			_, err := t.column(name, "")
			return 0, err
		}
		if column, ok := literal(args[2]); ok {
			_, err := t.column(name, column)
			return 2, err
		}
		return 0, nil
	}
	find := func(a []ref.Val) ref.Val {
		var key string
		switch k := a[1].(type) {
		case types.Int:
			key = strconv.FormatInt(int64(k), 10)
		default:
			key = argument(a[1])
		}
		column := ""
		if len(a) > 2 {
			column = argument(a[2])
		}
		return all.find(argument(a[0]), key, column)
	}
	var overloads []cel.FunctionOpt
	for i, key := range []*cel.Type{nullableString, nullableInt} {
		overloads = append(overloads,
			overload(fmt.Sprintf("lookup_2_%d", i), []*cel.Type{cel.StringType, key}, nullableString, find),
			overload(fmt.Sprintf("lookup_3_%d", i), []*cel.Type{cel.StringType, key, cel.StringType}, nullableString, find))
	}
	return []function{{
		Name: "lookup", Signature: "lookup(table, key[, column])",
		Doc: "the value of the row with that key, exactly, in a table of the entity's lookups: of its value column, or of the one that is named; null if there is no such row, so that coalesce(lookup('segments', code), 'other') has a default",
		Examples: []Example{
			{"lookup('segments', null)", "null"}, {"lookup('nosuch', 'a')", "error: there is no lookup"},
		},
		checks:    map[int]check{0: known},
		call:      column,
		overloads: overloads,
	}}
}

func (all tables) table(name string) (*csvTable, error) {
	if t, ok := all[name]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("there is no lookup %q; the entity's lookups: %s", name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
}

// column is the index of a column of the table with that name; without a name,
// of its value.
func (t *csvTable) column(table, column string) (int, error) {
	if column != "" {
		if i, ok := t.columns[column]; ok {
			return i, nil
		}
		return 0, fmt.Errorf("the lookup %s has no column %s; there are: %s", table, column, strings.Join(t.names(), ", "))
	}
	if t.value >= len(t.columns) {
		return 0, fmt.Errorf("the lookup %s has one column alone, and no value", table)
	}
	return t.value, nil
}

func (all tables) find(table, key, column string) ref.Val {
	t, err := all.table(table)
	if err != nil {
		return types.WrapErr(err)
	}
	at, err := t.column(table, column)
	if err != nil {
		return types.WrapErr(err)
	}
	row, ok := t.rows[key]
	if !ok {
		return types.NullValue
	}
	return types.String(row[at])
}
