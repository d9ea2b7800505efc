package avro

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNames(t *testing.T) {
	for column, want := range map[string]string{
		"customer_id": "customer_id", "a b": "a_b", "1st": "_1st", "größe": "gr__e", "a.b": "a_b", "": "_", "\U0001f600": "__",
	} {
		if got := FieldName(column); got != want {
			t.Errorf("FieldName(%q) = %q, want %q", column, got, want)
		}
	}
	for _, c := range []struct{ capture, schema, table, want string }{
		{"erp", "public", "customers", "erp.public.customers"},
		{"erp-1", "my schema", "order items", "erp_1.my_schema.order_items"},
		{"erp", "public", "2026_sales", "erp.public._2026_sales"},
		{"erp", "public", "a.b", "erp.public.a.b"},
		{"erp", "public", "a..b.", "erp.public.a._.b._"},
		{"erp", "", "t", "erp.t"},
	} {
		if got := fullName(c.capture, c.schema, c.table); got != c.want {
			t.Errorf("fullName(%q, %q, %q) = %q, want %q", c.capture, c.schema, c.table, got, c.want)
		}
	}
}

func TestNamesAreLegal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "name")
		if got := FieldName(s); !legalName(got) || legalName(s) && got != s {
			t.Fatalf("FieldName(%q) = %q", s, got)
		}
		for part := range strings.SplitSeq(fullName("erp", s), ".") {
			if !legalName(part) {
				t.Fatalf("fullName of %q has the part %q", s, part)
			}
		}
	})
}
