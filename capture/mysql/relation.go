package mysql

import (
	"errors"
	"fmt"
	"slices"

	"sluice/schemas"
)

// relation is one version of a table: how its rows are laid out and read.
type relation struct {
	// table is nil for a table that the log carries but nobody asked for.
	table   *schemas.Table
	columns []column
	info    *tableInfo // as the catalogue has it
	body    string     // of the TABLE_MAP event that told the layout
	// source is the constant part of the rows' source block.
	source schemas.Row
}

// compile resolves a table's columns. Those without a form are *schemas.Faults.
func (d *dialect) compile(info *tableInfo, columns []logged, key []string) (*relation, error) {
	rel := &relation{table: &schemas.Table{Schema: info.schema, Name: info.name, Source: sourceTable}, info: info}
	var errs []error
	for _, l := range columns {
		var s special
		known := info.column(l.name)
		if known != nil && known.kind == l.kind {
			s = known.special
		}
		c, err := d.resolve(l, s)
		var un *unsupported
		switch {
		case errors.As(err, &un):
			f := &schemas.Fault{Where: info.fullName() + "." + l.name, What: un.what, Cure: un.cure}
			if f.Cure == "" {
				f.Cure = "take the table out of tables"
			}
			errs = append(errs, f)
			continue
		case err != nil:
			return nil, err
		}
		rel.columns = append(rel.columns, c)
		col := schemas.Column{Name: l.name, Type: c.typ, Optional: l.nullable}
		if known != nil && known.kind == l.kind {
			col.Default = d.value(known, &c)
		}
		rel.table.Columns = append(rel.table.Columns, col)
	}
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	for _, k := range key {
		if i := rel.table.Column(k); i >= 0 {
			rel.table.Key = append(rel.table.Key, i)
		}
	}
	if len(rel.table.Key) < len(key) {
		rel.table.Key = nil // of another time
	}
	return rel, nil
}

// column finds a column by name.
func (t *tableInfo) column(name string) *columnInfo {
	for i := range t.columns {
		if t.columns[i].logged.name == name {
			return &t.columns[i]
		}
	}
	return nil
}

// fromCatalog compiles a table as the catalogue has it.
func (d *dialect) fromCatalog(info *tableInfo) (*relation, error) {
	columns := make([]logged, len(info.columns))
	for i := range info.columns {
		columns[i] = info.columns[i].logged
	}
	return d.compile(info, columns, info.key)
}

// fromLog compiles a table as an event of the log describes it. What the log
// does not tell comes from the catalogue, by the columns' names.
func (d *dialect) fromLog(info *tableInfo, m *tableMap) (*relation, error) {
	var key []string
	for _, k := range m.key {
		key = append(key, m.columns[k].name)
	}
	if key == nil {
		key = info.key // of a unique key the log tells nothing
		for _, k := range key {
			i := slices.IndexFunc(m.columns, func(c logged) bool { return c.name == k })
			if i < 0 || m.columns[i].nullable {
				key = nil
				break
			}
		}
	}
	return d.compile(info, m.columns, key)
}

// same reports whether both make the same Table.
func (r *relation) same(o *relation) bool {
	return r.table != nil && o.table != nil && r.table.FullName() == o.table.FullName() && slices.Equal(r.table.Key, o.table.Key) &&
		slices.EqualFunc(r.table.Columns, o.table.Columns, sameColumn)
}

func sameColumn(a, b schemas.Column) bool {
	return a.Name == b.Name && a.Optional == b.Optional && a.Type.Name == b.Type.Name && a.Type.Meaning == b.Type.Meaning &&
		a.Type.Precision == b.Type.Precision && a.Type.Scale == b.Type.Scale && slices.Equal(a.Type.Symbols, b.Type.Symbols) &&
		a.Type.Record == b.Type.Record && (a.Default == nil) == (b.Default == nil) && (a.Default == nil || a.Default.Equal(*b.Default))
}

// valueFault says where a value is that has no form.
func valueFault(rel *relation, column int, event string, err error) error {
	f := &schemas.Fault{
		Where: rel.table.FullName() + "." + rel.table.Columns[column].Name, What: "event " + event, Err: err,
		Cure: "correct the value, or take the table out of tables",
	}
	var v *valueError
	if errors.As(err, &v) && v.cure != "" {
		f.Cure = v.cure
	}
	return f
}

// unnamed is the fault of an event that does not name its columns.
func unnamed(m *tableMap, at place) *schemas.Fault {
	return &schemas.Fault{
		Where: fmt.Sprintf("%s.%s at %s", m.schema, m.name, at),
		What:  "the event does not name its columns: it was written without binlog_row_metadata=FULL, and which columns the table had then is not known",
	}
}
