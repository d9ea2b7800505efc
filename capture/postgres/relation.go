package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"sluice/schemas"
)

// relation is one version of a table: how its rows are laid out in the log and
// in the snapshot, and how they are read.
type relation struct {
	// table is nil for a table that the log carries but nobody asked for.
	table    *schemas.Table
	decode   []decodeFunc
	attrs    []attribute
	excluded []bool // by attribute; nil: none is
	full     bool   // REPLICA IDENTITY FULL
	inOld    []bool
	info     tableInfo
	nothing  bool // the log carries no old rows
	// relaxed columns held a NULL that the catalogue rules out today.
	relaxed []string
	// source is the constant part of the rows' source block.
	source schemas.Row
	// complete: a snapshot of the table needs whole rows; see Source.fills.
	complete atomic.Bool
}

// compile resolves the types of a table's columns. Columns without a form are
// *schemas.Faults.
func (t *typeCache) compile(ctx context.Context, q querier, info *tableInfo, source *schemas.Table) (*relation, error) {
	rel := &relation{
		table: &schemas.Table{Schema: info.schema, Name: info.name, Source: source},
		attrs: info.attributes, full: info.identity == "f", nothing: info.identity == "n", info: *info,
	}
	var errs []error
	for i, a := range info.attributes {
		how, err := t.columns.of(info, a.name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if how.excluded {
			if rel.excluded == nil {
				rel.excluded = make([]bool, len(info.attributes))
			}
			rel.excluded[i] = true
			continue
		}
		typ, decode, err := how.resolve(func() (schemas.Type, decodeFunc, error) {
			return t.resolve(ctx, q, a.oid, a.typmod, a.dims)
		})
		var un *unsupportedType
		var misuse *transformError
		if errors.As(err, &un) || errors.As(err, &misuse) {
			f := &schemas.Fault{Where: info.fullName() + "." + a.name, What: err.Error()}
			if f.Cure = fmt.Sprintf("exclude the column (columns.exclude: [%s.%s]), or write unknown_types: text", info.fullName(), a.name); misuse != nil {
				f.Cure = misuse.cure
			}
			errs = append(errs, f)
			continue
		}
		if err != nil {
			return nil, err
		}
		rel.table.Columns = append(rel.table.Columns, schemas.Column{
			Name: a.name, Type: typ, Optional: a.optional, Default: a.value(&typ, t.isEnum(a.oid), decode),
		})
		rel.decode = append(rel.decode, decode)
		rel.inOld = append(rel.inOld, a.identity)
	}
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	for _, k := range info.keyColumns() {
		if i := rel.table.Column(k); i >= 0 {
			rel.table.Key = append(rel.table.Key, i)
			rel.table.Columns[i].Optional = false
		}
	}
	return rel, nil
}

// same reports whether both read the same rows into the same Table.
func (r *relation) same(o *relation) bool {
	if r.table == nil || o.table == nil {
		return r.table == nil && o.table == nil
	}
	return r.table.FullName() == o.table.FullName() && r.full == o.full && r.nothing == o.nothing &&
		slices.Equal(r.attrs, o.attrs) && slices.Equal(r.table.Key, o.table.Key) &&
		slices.EqualFunc(r.table.Columns, o.table.Columns, sameColumn)
}

func sameColumn(a, b schemas.Column) bool {
	if a.Name != b.Name || a.Optional != b.Optional || a.Type.Name != b.Type.Name ||
		a.Type.Precision != b.Type.Precision || a.Type.Scale != b.Type.Scale || !slices.Equal(a.Type.Symbols, b.Type.Symbols) {
		return false
	}
	return (a.Type.Elem == nil) == (b.Type.Elem == nil) && (a.Type.Elem == nil || sameColumn(*a.Type.Elem, *b.Type.Elem))
}

// relax makes columns optional in a Table of its own: the log holds a NULL from
// before the column was declared NOT NULL.
// It returns false where nothing was to relax.
func (r *relation) relax(columns ...string) bool {
	relaxed := false
	table := *r.table
	table.Columns = slices.Clone(table.Columns)
	for _, c := range columns {
		i := table.Column(c)
		if slices.Contains(table.Key, i) && slices.Contains(r.info.unique, c) && len(r.info.primary) == 0 {
			table.Key = nil // the index is younger than the row
		}
		if i >= 0 && !slices.Contains(table.Key, i) {
			relaxed = relaxed || !table.Columns[i].Optional
			table.Columns[i].Optional = true
			if !slices.Contains(r.relaxed, c) {
				r.relaxed = append(r.relaxed, c)
			}
		}
	}
	if relaxed {
		r.table = &table
	}
	return relaxed
}

// fit lays what the catalogue says today over the columns that the log says
// were there when the row was written.
func fit(info *tableInfo, logged *tableInfo) *tableInfo {
	out := *logged
	if info == nil {
		info = &tableInfo{}
	}
	var inLog []string
	out.attributes = slices.Clone(logged.attributes)
	for i := range out.attributes {
		a := &out.attributes[i]
		a.optional = true
		for _, b := range info.attributes {
			if b.name == a.name && b.oid == a.oid {
				a.optional, a.dims, a.expression, a.generated = b.optional, b.dims, b.expression, b.generated
			}
		}
		if a.identity {
			inLog = append(inLog, a.name)
		}
	}
	out.primary, out.identityIndex, out.kind, out.oid = info.primary, info.identityIndex, info.kind, logged.oid
	// The columns that the log calls the identity are the truth of its time;
	// the catalogue only knows their order.
	if logged.identity == "d" && !sameSet(info.primary, inLog) {
		out.primary = inLog
	}
	if logged.identity == "i" && !sameSet(info.identityIndex, inLog) {
		out.identityIndex = inLog
	}
	// A key that is not published, or was not there yet, is none.
	out.primary, out.unique = out.only(out.primary), out.only(info.unique)
	return &out
}

// only returns the names if all of them are columns, else nothing.
func (t *tableInfo) only(names []string) []string {
	for _, k := range names {
		if !slices.ContainsFunc(t.attributes, func(a attribute) bool { return a.name == k }) {
			return nil
		}
	}
	return names
}

func sameSet(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.Contains(b, x) {
			return false
		}
	}
	return true
}
