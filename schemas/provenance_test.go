package schemas_test

import (
	"testing"

	"sluice/schemas"
)

func TestFieldsOfAGoldenRecord(t *testing.T) {
	table := func(names ...string) *schemas.Table {
		t := &schemas.Table{Name: "t"}
		for _, n := range names {
			t.Columns = append(t.Columns, schemas.Column{Name: n})
		}
		return t
	}
	golden := table("a", "b", "_a_source", "_a_time", "_a_rule", "_b_source", "_b_time", "_b_rule")
	if f := golden.Fields(); len(f.Columns) != 2 || f.Columns[1].Name != "b" || f.Name != "t" || len(golden.Columns) != 8 {
		t.Errorf("%+v", f)
	}
	for _, other := range []*schemas.Table{table(), table("a"), table("a", "b", "c", "d"), table("a", "_b", "_c", "d"), table("a", "_a_source", "_a_time")} {
		if other.Fields() != other {
			t.Errorf("%+v is no golden record", other)
		}
	}
}
