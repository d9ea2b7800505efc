package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"sluice/schemas"
)

// catalogType is what pg_type says of a type.
type catalogType struct {
	name   string
	schema string
	kind   string // typtype: b, c, d, e, m, p, r
	// elem is set of a true array: of a type whose text is "{...}".
	elem  uint32
	delim byte // between the elements of an array
	base  uint32
	// typmod and dims are those that a domain gives its base.
	typmod int32
	dims   int
	labels []string
}

// typeCache resolves types and remembers what it asked the catalogue.
type typeCache struct {
	decimals string
	times    string
	unknown  string
	columns  *Columns
	log      *slog.Logger
	asked    map[uint32]catalogType
	// told are the types of which the log says that they come as text.
	told map[uint32]bool
	// learnt are labels that the log has and the catalogue may not have.
	learnt map[uint32][]string
}

func newTypeCache(c *Config, log *slog.Logger) typeCache {
	return typeCache{
		decimals: c.Decimals, times: c.TimePrecision, unknown: c.UnknownTypes, columns: &c.Columns, log: log,
		asked: map[uint32]catalogType{}, told: map[uint32]bool{}, learnt: map[uint32][]string{},
	}
}

// unsupportedType is a type that has no form, and that the configuration does
// not want as text.
type unsupportedType struct{ name string }

func (e *unsupportedType) Error() string {
	return "type " + e.name + " has no form of its own, and unknown_types is refuse"
}

// firstOfUsers is the first object id that is not of PostgreSQL itself (source,
// transam.h).
const firstOfUsers = 16384

// resolveOther resolves what only the catalogue knows.
func (t *typeCache) resolveOther(ctx context.Context, q querier, oid uint32, typmod int32, dims int) (schemas.Type, decodeFunc, error) {
	ct, ok := t.asked[oid]
	if !ok {
		var err error
		if ct, err = readType(ctx, q, oid); err != nil {
			return schemas.Type{}, nil, err
		}
		for _, l := range t.learnt[oid] {
			if !slices.Contains(ct.labels, l) {
				ct.labels = append(ct.labels, l)
			}
		}
		t.asked[oid] = ct
	}
	text := schemas.Type{Name: schemas.StringType}
	switch {
	case ct.kind == "d":
		if ct.typmod >= 0 {
			typmod = ct.typmod
		}
		return t.resolve(ctx, q, ct.base, typmod, max(dims, ct.dims))
	case ct.kind == "e":
		return schemas.Type{Name: schemas.EnumType, Symbols: ct.labels}, decodeEnum(oid, ct.labels), nil
	case ct.elem != 0:
		elem, decode, err := t.resolve(ctx, q, ct.elem, typmod, 0)
		if err != nil {
			return schemas.Type{}, nil, err
		}
		typ := schemas.Type{Name: schemas.ArrayType, Elem: &schemas.Column{Type: elem, Optional: true}}
		for range max(dims, 1) - 1 {
			typ = schemas.Type{Name: schemas.ArrayType, Elem: &schemas.Column{Type: typ}}
		}
		return typ, decodeArray(decode, ct.delim, max(dims, 1)), nil
	case ct.kind == "r", ct.kind == "m", oid < firstOfUsers && ct.kind == "b":
		return text, decodeText, nil
	case ct.kind == "b":
		if form, ok := extensions[ct.name]; ok {
			typ, decode := form(typmod)
			return typ, decode, nil
		}
	}
	if t.unknown == Refuse {
		return schemas.Type{}, nil, &unsupportedType{ct.name}
	}
	if !t.told[oid] {
		t.told[oid] = true
		t.log.Info("a type without a form of its own comes as text", "type", ct.schema+"."+ct.name)
	}
	return text, decodeText, nil
}

// isEnum reports whether a type that was resolved is an enum, not a domain.
func (t *typeCache) isEnum(oid uint32) bool { return t.asked[oid].kind == "e" }

// learn makes the next resolve know the label, and ask for others that are new.
func (t *typeCache) learn(e *labelError) {
	if !slices.Contains(t.learnt[e.oid], e.label) {
		t.learnt[e.oid] = append(t.learnt[e.oid], e.label)
	}
	clear(t.asked)
}

func readType(ctx context.Context, q querier, oid uint32) (catalogType, error) {
	id := strconv.FormatUint(uint64(oid), 10)
	rows, err := q.query(ctx, `
		SELECT t.typname, n.nspname, t.typtype, coalesce(e.oid, 0), t.typdelim,
		       t.typbasetype, t.typtypmod, t.typndims
		FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
		LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid
		WHERE t.oid = $1`, id)
	if err != nil {
		return catalogType{}, fmt.Errorf("reading type %d: %w", oid, err)
	}
	if len(rows) == 0 {
		return catalogType{name: fmt.Sprintf("%d, which was dropped", oid)}, nil
	}
	r := rows[0]
	ct := catalogType{
		name: r.text(0), schema: r.text(1), kind: r.text(2), elem: r.oid(3), delim: r[4][0],
		base: r.oid(5), typmod: int32(r.int(6)), dims: int(r.int(7)),
	}
	if ct.kind == "e" {
		rows, err := q.query(ctx, `SELECT enumlabel FROM pg_catalog.pg_enum WHERE enumtypid = $1 ORDER BY enumsortorder`, id)
		if err != nil {
			return catalogType{}, fmt.Errorf("reading the labels of type %s: %w", ct.name, err)
		}
		for _, l := range rows {
			ct.labels = append(ct.labels, l.text(0))
		}
	}
	return ct, nil
}
