package postgres

import (
	"context"
	"errors"

	"sluice/schemas"
)

// relation takes note of a table's layout.
func (d *decoder) relation(ctx context.Context, r *reader) error {
	logged := tableInfo{oid: r.u32(), schema: r.cstring(), name: r.cstring(), identity: string(rune(r.u8()))}
	if logged.schema == "" {
		logged.schema = "pg_catalog"
	}
	for n := int(r.u16()); n > 0 && !r.short; n-- {
		identity := r.u8()&1 != 0
		logged.attributes = append(logged.attributes, attribute{
			name: r.cstring(), oid: r.u32(), typmod: int32(r.u32()), identity: identity,
		})
	}
	if r.short {
		return nil // said by the caller
	}
	d.arrived(logged.oid)
	s := d.stream.source
	ctx, cancel := s.patient(ctx)
	defer cancel()
	var info *tableInfo
	var err error
	if s.cfg.Partitions == Leaf || s.cfg.captures(logged.schema, logged.name) { // else its name settles it
		if err = d.seen(ctx, plain{s.sql}); err == nil {
			info, err = readTable(ctx, plain{s.sql}, logged.oid)
		}
		if err != nil {
			return d.stream.fault(err)
		}
	}
	wanted := logged
	if info != nil {
		wanted.kind, wanted.partition, wanted.ancestors = info.kind, info.partition, info.ancestors
	}
	if !s.cfg.wants(&wanted) {
		if old := d.table(logged.oid); old != nil && old.table != nil {
			s.log.Warn("the table was renamed to a name that is not configured; its changes are no longer read",
				"table", old.table.FullName(), "new", logged.fullName())
		}
		d.learn(logged.oid, &relation{info: logged})
		return nil
	}
	rel, err := s.types.compile(ctx, plain{s.sql}, fit(info, &logged), sourceTable)
	if err != nil {
		var f *schemas.Fault
		if errors.As(err, &f) {
			return err
		}
		return d.stream.fault(err)
	}
	rel.info.schema, rel.info.name = logged.schema, logged.name
	rel.source = s.sourceRow(rel.table)
	if old := d.table(logged.oid); old != nil && old.table != nil {
		rel.relax(old.relaxed...)
		if old.same(rel) {
			rel = old
		}
	}
	d.learn(logged.oid, rel)
	return nil
}

// relabel makes a relation that knows an enum's label: one that was added since,
// or that the catalogue no longer has.
func (d *decoder) relabel(ctx context.Context, rel *relation, e *labelError) (*relation, error) {
	s := d.stream.source
	s.types.learn(e)
	info := rel.info
	ctx, cancel := s.patient(ctx)
	defer cancel()
	fresh, err := s.types.compile(ctx, plain{s.sql}, &info, sourceTable)
	if err != nil {
		return nil, d.stream.fault(err)
	}
	fresh.source = rel.source
	fresh.relax(rel.relaxed...)
	d.learn(rel.info.oid, fresh)
	return fresh, nil
}
