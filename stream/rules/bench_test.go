package rules

import (
	"strconv"
	"testing"

	"sluice/schemas"
	"sluice/stream"
)

// BenchmarkProcess maps batches of 1000 rows of 7 columns: copied, and with
// three of the fields expressions. It reports records a second.
func BenchmarkProcess(b *testing.B) {
	table := tableOf(
		columnOf("first_name", typed(schemas.StringType)), columnOf("last_name", typed(schemas.StringType)),
		columnOf("annual_spend", numeric(14, 2)), columnOf("since", typed(schemas.DateType)),
		columnOf("updated_at", typed(schemas.ZonedTimestampType)), columnOf("active", typed(schemas.BoolType)),
	)
	fields := map[string]Field{
		"first_name": {Type: "string"}, "last_name": {Type: "string"}, "annual_spend": {Type: "decimal(14,2)"},
		"since": {Type: "date"}, "updated_at": {Type: "timestamp"}, "active": {Type: "bool"}, "id": {Type: "int", Required: true},
	}
	set := map[string]string{}
	for name := range fields {
		set[name] = name
	}
	copies := Entity{Version: 1, Fields: fields, From: []Mapping{{Topic: testTopic, Key: "id", Set: set}}}
	expressions := Entity{
		Version: 1,
		Fields: map[string]Field{
			"full_name": {Type: "string"}, "segment": {Type: "enum", Values: []string{"high", "standard"}}, "email": {Type: "string"},
			"since": {Type: "date"}, "updated_at": {Type: "timestamp"}, "active": {Type: "bool"}, "id": {Type: "int", Required: true},
		},
		From: []Mapping{{Topic: testTopic, Key: "id", Set: map[string]string{
			"full_name": "join_nonblank([first_name, last_name], ' ')",
			"segment":   "annual_spend > 50000.0 ? 'high' : 'standard'",
			"email":     "lower(first_name) + '@example.com'",
			"since":     "since", "updated_at": "updated_at", "active": "active", "id": "id",
		}}},
	}
	for name, e := range map[string]Entity{"copies": copies, "expressions=3": expressions} {
		b.Run(name, func(b *testing.B) {
			r := compiled(b, e)
			items := make([]*stream.Item, 1000)
			for i := range items {
				items[i] = item(schemas.Create, table, text("Ada "+strconv.Itoa(i)), text("Lovelace"), decimal("61234.50"),
					schemas.IntOf(19000), text("2024-02-29T12:00:00.123456Z"), schemas.BoolOf(true))
			}
			b.ReportAllocs()
			b.ResetTimer()
			records := 0
			for b.Loop() {
				for _, it := range items {
					it.Out = it.Out[:0]
				}
				process(b, r, items...)
				records += len(items)
			}
			b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
