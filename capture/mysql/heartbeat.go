package mysql

import (
	"time"

	"sluice/schemas"
)

// heartbeatTable is the topic of heartbeats, its records as Debezium's.
var heartbeatTable = &schemas.Table{
	Schema: "sluice", Name: "heartbeat", Flat: true, Topic: "__debezium-heartbeat.*", Key: []int{0}, KeyOnly: true,
	KeyName: "io.debezium.connector.common.ServerNameKey", ValueName: "io.debezium.connector.common.Heartbeat",
	Columns: []schemas.Column{
		{Name: "serverName", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "ts_ms", Type: schemas.Type{Name: schemas.Int64Type}},
	},
}

// heartbeat adds a heartbeat's record to a block that is handed out, if it is
// time for one. It says that all before it has come, and is named by its time:
// unlike other events it is never read again.
func (s *Source) heartbeat(b *block) {
	now := time.Now()
	if !*s.cfg.HeartbeatTopic || now.Sub(s.beaten) < s.cfg.Heartbeat {
		return
	}
	s.beaten = now
	row := b.arena.Row(len(heartbeatTable.Columns))
	row[0], row[1] = schemas.TextOf([]byte(s.capture)), schemas.IntOf(now.UnixMilli())
	id := appendHex(append(b.arena.Grow(17), 'h'), uint64(now.UnixNano()), 16)
	b.arena.Keep(len(id))
	b.changes = append(b.changes, schemas.Change{Op: schemas.Create, Table: heartbeatTable, After: row, ID: id})
}
