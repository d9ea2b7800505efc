package mysql

import (
	"fmt"

	"sluice/schemas"
)

// counts numbers the events of a transaction, for Debezium's transaction
// metadata. A transaction that begins again behind a restart is counted from its
// first event on, so the numbers are the same.
type counts struct {
	on    bool
	id    []byte // of the transaction; never written to again
	total int64
	// order holds those with events, by their first; last is the newest asked for.
	order []*collection
	found map[[2]string]*collection
	last  *collection
}

// collection is a table with events in a transaction.
type collection struct {
	schema, name string
	events       int64
}

// collectionRecord is one line of an END record.
var collectionRecord = &schemas.Table{
	Schema: "event", Name: "collection",
	Columns: []schemas.Column{
		{Name: "data_collection", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "event_count", Type: schemas.Type{Name: schemas.Int64Type}},
	},
}

// transactionTable is the topic of transactions, its records as Debezium's.
// Transactions without an event that is captured have none.
var transactionTable = &schemas.Table{
	Schema: "sluice", Name: "transaction", Flat: true, Topic: "transaction", Key: []int{1},
	KeyName: "io.debezium.connector.common.TransactionMetadataKey", ValueName: "io.debezium.connector.common.TransactionMetadataValue",
	Columns: []schemas.Column{
		{Name: "status", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "id", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "event_count", Optional: true, Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "data_collections", Optional: true, Type: schemas.Type{Name: schemas.ArrayType, Elem: &schemas.Column{
			Optional: true, Type: schemas.Type{Name: schemas.StructType, Record: collectionRecord},
		}}},
		{Name: "ts_ms", Type: schemas.Type{Name: schemas.Int64Type}},
	},
}

var (
	statusBegin = schemas.TextOf([]byte("BEGIN"))
	statusEnd   = schemas.TextOf([]byte("END"))
)

// count begins to count a transaction, named as Debezium's connector does: by its
// GTID, or where it begins.
func (d *decoder) count() {
	c := &d.counts
	if !c.on {
		return
	}
	if len(d.hand.name) > 0 {
		c.id = append([]byte(nil), d.hand.name...)
	} else {
		c.id = fmt.Appendf(nil, "file=%s,pos=%d", d.hand.first.File, d.hand.first.Pos)
	}
	c.total, c.order, c.last = 0, c.order[:0], nil
	clear(c.found)
}

// durable reports whether the row at hand lies before the position in which this
// run began.
func (d *decoder) durable() bool { return d.hand.row <= d.hand.skip }

// place numbers the event to come, and puts BEGIN before the first.
func (d *decoder) place(b *block, schema, name string) schemas.TransactionPlace {
	c := &d.counts
	if c.last == nil || c.last.name != name || c.last.schema != schema {
		key := [2]string{schema, name}
		if c.last = c.found[key]; c.last == nil {
			if c.found == nil {
				c.found = map[[2]string]*collection{}
			}
			c.last = &collection{schema: schema, name: name}
			c.found[key] = c.last
			c.order = append(c.order, c.last)
		}
	}
	if c.total == 0 && !d.durable() {
		d.boundary(b, statusBegin, "begin")
	}
	c.total++
	c.last.events++
	return schemas.TransactionPlace{ID: c.id, Total: c.total, Collection: c.last.events}
}

// ended puts END behind the last event. It counts as one more row, so that a
// position tells whether it is durable.
func (d *decoder) ended() {
	if d.counts.total == 0 || !d.counts.on {
		return
	}
	if d.hand.row++; !d.durable() {
		d.boundary(d.stream.cur, statusEnd, "end")
	}
}

// boundary appends a BEGIN or END record.
func (d *decoder) boundary(b *block, status schemas.Value, suffix string) {
	c := &d.counts
	row := b.arena.Row(len(transactionTable.Columns))
	row[0], row[1], row[4] = status, schemas.TextOf(c.id), schemas.IntOf(d.hand.time.UnixMilli())
	if c.total > 0 {
		row[2] = schemas.IntOf(c.total)
		list := b.arena.Row(len(c.order))
		for i, col := range c.order {
			line := b.arena.Row(2)
			line[0], line[1] = schemas.TextOf(b.arena.Copy([]byte(col.schema+"."+col.name))), schemas.IntOf(col.events)
			list[i] = schemas.ListOf(line)
		}
		row[3] = schemas.ListOf(list)
	}
	id := append(append(b.arena.Grow(len(d.prefix)+len(suffix)), d.prefix...), suffix...)
	b.arena.Keep(len(id))
	b.time = d.hand.time
	b.changes = append(b.changes, schemas.Change{Op: schemas.Create, Table: transactionTable, After: row, ID: id})
}
