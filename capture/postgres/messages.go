package postgres

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"sluice/schemas"
)

// Messages is a capture's messages block: which logical decoding messages, by
// pg_logical_emit_message, are captured. Their prefixes are matched by globs.
type Messages struct {
	// Include lists the prefixes; none: no message is captured.
	Include []string `yaml:"include"`
	// Exclude lists the exceptions.
	Exclude []string `yaml:"exclude"`
}

func (m *Messages) wanted() bool { return len(m.Include) > 0 }

func (m *Messages) captures(prefix string) bool {
	match := func(pattern string) bool { return matches(pattern, prefix) }
	return slices.ContainsFunc(m.Include, match) && !slices.ContainsFunc(m.Exclude, match)
}

func (m *Messages) validate() []error {
	var errs []error
	for name, list := range map[string][]string{"include": m.Include, "exclude": m.Exclude} {
		for i, p := range list {
			if _, err := path.Match(p, ""); err != nil {
				errs = append(errs, &schemas.Fault{
					Where: fmt.Sprintf("messages.%s[%d]", name, i), What: fmt.Sprintf("%q is no glob", p), Cure: `write a prefix such as audit or "audit*"`,
				})
			}
		}
	}
	if !m.wanted() && len(m.Exclude) > 0 {
		errs = append(errs, &schemas.Fault{Where: "messages.exclude", What: "there is nothing to exclude from", Cure: `name the prefixes to capture: include: ["*"]`})
	}
	return errs
}

// checkMessages refuses what a server of old cannot do.
func (s *server) checkMessages(m Messages) error {
	if m.wanted() && s.version < 140000 {
		return &schemas.Fault{
			Where: "messages", What: fmt.Sprintf("PostgreSQL %d does not send logical decoding messages by pgoutput", s.version/10000),
			Cure: "upgrade it to 14 or later, or leave messages out",
		}
	}
	return nil
}

// blockRecord is the place in a transaction, as Debezium has it.
var blockRecord = &schemas.Table{
	Schema: "event", Name: "block",
	Columns: []schemas.Column{
		{Name: "id", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "total_order", Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "data_collection_order", Type: schemas.Type{Name: schemas.Int64Type}},
	},
}

// messageTable is the topic of messages, its records as Debezium's.
var messageTable = &schemas.Table{
	Schema: "sluice", Name: "message", Flat: true, Topic: "message", Key: []int{0}, KeyOnly: true,
	KeyName: "io.debezium.connector.postgresql.MessageKey", ValueName: "io.debezium.connector.postgresql.MessageValue",
	Columns: []schemas.Column{
		{Name: "prefix", Optional: true, Type: schemas.Type{Name: schemas.StringType}},
		{Name: "op", Type: schemas.Type{Name: schemas.StringType}},
		{Name: "ts_ms", Optional: true, Type: schemas.Type{Name: schemas.Int64Type}},
		{Name: "source", Type: schemas.Type{Name: schemas.StructType, Record: sourceTable}},
		{Name: "transaction", Optional: true, Type: schemas.Type{Name: schemas.StructType, Record: blockRecord}},
		{Name: "message", Type: schemas.Type{Name: schemas.StructType, Record: &schemas.Table{
			Schema: "io.debezium.connector.postgresql", Name: "Message",
			Columns: []schemas.Column{
				{Name: "prefix", Optional: true, Type: schemas.Type{Name: schemas.StringType}},
				{Name: "content", Optional: true, Type: schemas.Type{Name: schemas.BytesType}},
			},
		}}},
	},
}

// messageCollection is what counts of transactions call the messages.
const messageCollection = "LOGICAL_DECODING_MESSAGE"

var letterM = schemas.TextOf([]byte{byte(schemas.Message)})

// logical decodes a logical decoding message. One outside of transactions comes
// when it is written, between transactions; its place in the log is the end of
// its record, and so may be where the record of the next commit begins.
func (d *decoder) logical(m []byte) error {
	r := reader{b: m[1:]}
	transactional, at := r.u8()&1 != 0, lsn(r.u64())
	prefix := r.cstring()
	content := r.bytes(int(r.u32()))
	if r.short {
		return d.broken(m, errShort)
	}
	if transactional != d.in {
		return d.broken(m, errors.New("a message on the wrong side of a transaction's ends"))
	}
	st := d.stream
	wanted := st.source.cfg.Messages.captures(prefix)
	if !transactional {
		if lsn(d.skip.Commit) < at && wanted {
			d.outside(at, prefix, content)
		}
		return nil
	}
	d.msgs++
	done := d.skip
	gone := d.commit < lsn(done.Commit) || d.commit == lsn(done.Commit) && d.msgs <= done.Messages
	if !wanted || gone && !d.recounts() {
		if !gone {
			d.mark()
		}
		return nil
	}
	b := st.cur
	n := len(b.changes)
	src := d.messageSource(b, at, d.time)
	src[colTx] = schemas.IntOf(d.tx)
	src[colOrigin], src[colOriginLSN] = d.origin, d.originL
	id := append(append(b.arena.Grow(len(d.id)+9), d.id...), 'm')
	id = appendHex(id, uint64(d.msgs), 8)
	b.arena.Keep(len(id))
	var place schemas.TransactionPlace
	if d.counts.on {
		place = d.place(b, "", messageCollection)
	}
	b.time = d.time
	appendMessage(b, prefix, content, src, place, id)
	d.decoded(n, gone)
	return nil
}

// outside hands out a message that belongs to no transaction.
func (d *decoder) outside(at lsn, prefix string, content []byte) {
	st := d.stream
	b := st.cur
	id := append(appendHex(b.arena.Grow(18), uint64(at), 16), ".m"...)
	b.arena.Keep(len(id))
	d.last = at // it is written at once, as a commit is
	d.follow()
	// The log does not say when it was written.
	now := time.Now()
	if b.time.IsZero() {
		b.time = now
	}
	appendMessage(b, prefix, content, d.messageSource(b, at, now), schemas.TransactionPlace{}, id)
	st.curAt.Commit, st.curAt.Row, st.curAt.Messages = logPlace(at), 0, 0
	st.curAt.LSN = max(st.curAt.LSN, logPlace(at))
}

// messageSource is the source block of a message, which is of no table.
func (d *decoder) messageSource(b *block, at lsn, t time.Time) schemas.Row {
	if d.messages == nil {
		d.messages = d.stream.source.sourceRow(&schemas.Table{})
	}
	src := b.arena.Row(len(d.messages))
	copy(src, d.messages)
	setTime(src, t)
	src[colLSN], src[colSequence] = schemas.IntOf(int64(at)), d.sequenceOf(b, at)
	return src
}

func appendMessage(b *block, prefix string, content []byte, src schemas.Row, place schemas.TransactionPlace, id []byte) {
	said := b.arena.Row(2)
	said[0], said[1] = schemas.TextOf(b.arena.Copy([]byte(prefix))), schemas.BytesOf(b.arena.Copy(content))
	row := b.arena.Row(len(messageTable.Columns))
	row[0], row[1], row[2] = said[0], letterM, schemas.IntOf(time.Now().UnixMilli())
	row[3], row[5] = schemas.ListOf(src), schemas.ListOf(said)
	if len(place.ID) > 0 {
		of := b.arena.Row(3)
		of[0], of[1], of[2] = schemas.TextOf(place.ID), schemas.IntOf(place.Total), schemas.IntOf(place.Collection)
		row[4] = schemas.ListOf(of)
	}
	b.changes = append(b.changes, schemas.Change{Op: schemas.Message, Table: messageTable, After: row, ID: id})
}
