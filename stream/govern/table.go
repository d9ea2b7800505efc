package govern

import (
	"slices"

	"sluice/schemas"
)

// GoldenTable returns the table of the entity's golden records: its fields, then
// of each three columns of provenance, all optional:
//
//	_<field>_source  the system that the value is from; null of a sum
//	_<field>_time    when the value changed last there
//	_<field>_rule    why it is this value: "owner erp"
//
// All three are null where no source has a value. See [schemas.IsProvenance].
func GoldenTable(entity *schemas.Table) *schemas.Table {
	t := *entity
	t.Columns = slices.Clone(entity.Columns)
	for _, c := range entity.Columns {
		t.Columns = append(t.Columns,
			provenance(c.Name, "source", schemas.StringType, "The system that "+c.Name+" is from."),
			provenance(c.Name, "time", schemas.InstantType, "When "+c.Name+" changed last in its source."),
			provenance(c.Name, "rule", schemas.StringType, "Why "+c.Name+" is what it is."),
		)
	}
	return &t
}

func provenance(field, what string, of schemas.TypeName, doc string) schemas.Column {
	return schemas.Column{Name: "_" + field + "_" + what, Type: schemas.Type{Name: of}, Optional: true, Doc: doc}
}

// IsProvenance is schemas.IsProvenance.
func IsProvenance(name string) bool { return schemas.IsProvenance(name) }
