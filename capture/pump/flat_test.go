package pump_test

import (
	"testing"

	"sluice/schemas"
)

// TestFlatTablesHaveTopicsOfTheirOwn: a record without an envelope goes where
// its table says, with its key and without a tombstone, whatever its Op.
func TestFlatTablesHaveTopicsOfTheirOwn(t *testing.T) {
	r := newRig(t, newBroker(t))
	src := newTape(t, 2)
	src.ends = true
	long := schemas.Type{Name: schemas.Int64Type}
	flat := func(name, topic string) *schemas.Table {
		return &schemas.Table{
			Schema: "sluice", Name: name, Flat: true, Topic: topic, Key: []int{0}, KeyName: "io.things.Key", ValueName: "io.things.Value",
			Columns: []schemas.Column{{Name: "id", Type: long}, {Name: "ts_ms", Type: long}},
		}
	}
	tables := []*schemas.Table{flat("message", "message"), flat("heartbeat", "__debezium-heartbeat.*")}
	src.spoil = func(i int, c *schemas.Change) {
		c.Op, c.Table, c.Source, c.Before = schemas.Message, tables[i], nil, nil
		if i == 1 {
			c.Op = schemas.Delete
		}
		c.After = schemas.Row{schemas.IntOf(int64(i)), schemas.IntOf(70)}
	}
	if err := r.pump(src).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, topic := range []string{"erp.message", "__debezium-heartbeat.erp"} {
		got := r.records(topic)
		if len(got) != 1 {
			t.Fatalf("%d records in %s, want 1", len(got), topic)
		}
		if key, value := string(got[0].Key[5:]), string(got[0].Value[5:]); key != string([]byte{byte(2 * i)}) || value != key+"\x8c\x01" {
			t.Errorf("%s: key %x, value %x", topic, key, value)
		}
	}
}
