package postgres

import (
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"

	"sluice/schemas"
)

// wal writes messages as the server does.
type wal struct {
	at, commit uint64
}

func (w *wal) frame(body []byte) []byte {
	w.at += 100
	b := append(make([]byte, 0, 25+len(body)), 'w')
	b = binary.BigEndian.AppendUint64(b, w.at)
	b = binary.BigEndian.AppendUint64(b, w.at)
	b = binary.BigEndian.AppendUint64(b, 0)
	return append(b, body...)
}

func (w *wal) begin(commit uint64) []byte {
	w.commit = commit
	b := binary.BigEndian.AppendUint64([]byte{'B'}, commit)
	b = binary.BigEndian.AppendUint64(b, 700_000_000_000_000)
	return w.frame(binary.BigEndian.AppendUint32(b, 77))
}

func (w *wal) end() []byte {
	b := binary.BigEndian.AppendUint64([]byte{'C', 0}, w.commit)
	b = binary.BigEndian.AppendUint64(b, w.commit+50)
	return w.frame(binary.BigEndian.AppendUint64(b, 0))
}

func (w *wal) insert(oid uint32, values ...string) []byte {
	b := binary.BigEndian.AppendUint32([]byte{'I'}, oid)
	return w.frame(appendTuple(append(b, 'N'), values...))
}

func appendTuple(b []byte, values ...string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(values)))
	for _, v := range values {
		b = append(b, 't')
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	return b
}

// newDecoder makes a decoder of a table of seven columns, without a server.
func newDecoder(t testing.TB) *decoder {
	t.Helper()
	c := Config{DSN: "postgres://localhost/erp", Tables: []string{"public.other"}}
	s, err := c.New("erp", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.types = newTypeCache(&s.cfg, s.log)
	info := &tableInfo{oid: 1, schema: "public", name: "orders", identity: "d", primary: []string{"id"}, attributes: []attribute{
		{name: "id", oid: oidInt8, typmod: -1, identity: true},
		{name: "number", oid: oidText, typmod: -1, optional: true},
		{name: "street", oid: oidText, typmod: -1, optional: true},
		{name: "note", oid: oidVarchar, typmod: -1, optional: true},
		{name: "total", oid: oidNumeric, typmod: (12<<16 | 2) + 4, optional: true},
		{name: "paid", oid: oidBool, typmod: -1, optional: true},
		{name: "at", oid: oidTimestamptz, typmod: -1, optional: true},
	}}
	rel, err := s.types.compile(t.Context(), nil, info, sourceTable)
	if err != nil {
		t.Fatal(err)
	}
	rel.source = s.sourceRow(rel.table)
	st := newStream(s, nil, newWire(wireBuffer))
	st.known[1] = rel
	st.spill = newSpill(Spill{Dir: os.DevNull, Memory: spillMemory}, "erp", "1", "slot")
	st.decoder = newStreamDecoder(st, position{})
	return &st.decoder
}

var order = []string{
	"123456", "ORD-2024-0000123456", "221B Baker Street, Marylebone, London",
	"leave it with the neighbour, please", "1234.56", "t", "2024-02-29 12:34:56.789012+00",
}

func TestDecoderSkipsWhatIsDurable(t *testing.T) {
	d := newDecoder(t)
	var w wal
	feed := func(messages ...[]byte) {
		t.Helper()
		for _, m := range messages {
			if err := d.copyData(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	keepalive := func(at uint64) []byte {
		b := binary.BigEndian.AppendUint64([]byte{'k'}, at)
		return append(binary.BigEndian.AppendUint64(b, 0), 0)
	}
	from := position{Commit: 1000, Row: 2, LSN: 500}
	d.skip, d.stream.curAt = from, from
	feed(keepalive(600))
	if at := d.stream.curAt; at.Commit != 1000 || at.Row != 2 || at.LSN != 600 {
		t.Errorf("after a keepalive the position is %+v; it must not forget the rows that are durable", at)
	}
	feed(w.begin(900), w.insert(1, order...), w.end())
	if n, at := len(d.stream.cur.changes), d.stream.curAt; n != 0 || at.Commit != 1000 || at.Row != 2 {
		t.Errorf("an older transaction gave %d changes and moved the position to %+v", n, at)
	}
	feed(w.begin(1000), w.insert(1, order...), w.insert(1, order...), w.insert(1, order...))
	if n, at := len(d.stream.cur.changes), d.stream.curAt; n != 1 || at.Commit != 1000 || at.Row != 3 || at.LSN >= 1000 {
		t.Errorf("the third row of the transaction gave %d changes, position %+v", n, at)
	}
	feed(keepalive(5000)) // inside a transaction it promises nothing
	if at := d.stream.curAt; at.LSN >= 1000 {
		t.Errorf("inside the transaction the position may be confirmed to %s", lsn(at.LSN))
	}
	feed(w.end(), w.begin(2000), w.insert(1, order...), w.end())
	if n, at := len(d.stream.cur.changes), d.stream.curAt; n != 2 || at.Commit != 2000 || at.Row != 1 || at.LSN != 2050 {
		t.Errorf("the next transaction gave %d changes in all, position %+v", n, at)
	}
	if id := string(d.stream.cur.changes[0].ID); id != "00000000000003E8.00000003" {
		t.Errorf("the change is named %s", id)
	}
}

// FuzzPgoutput: no bytes of the server make the decoder panic or allocate
// without bound.
func FuzzPgoutput(f *testing.F) {
	var w wal
	update := binary.BigEndian.AppendUint32([]byte{'U'}, 1)
	update = append(appendTuple(append(update, 'O'), order...), 'N')
	update = appendTuple(update, order...)
	remove := append(binary.BigEndian.AppendUint32([]byte{'D'}, 1), 'K')
	for _, m := range [][]byte{
		w.begin(1000), w.insert(1, order...), w.end(), w.frame(update), w.frame(appendTuple(remove, order...)),
		w.frame([]byte("R\x00\x00\x00\x02public\x00items\x00d\x00\x01\x01id\x00\x00\x00\x00\x17\xff\xff\xff\xff")),
		w.frame([]byte("T\x00\x00\x00\x01\x00\x00\x00\x00\x01")), w.frame([]byte("O\x00\x00\x00\x00\x00\x00\x00\x01node\x00")),
		append([]byte{'k'}, make([]byte, 17)...),
	} {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := newDecoder(t)
		if err := d.copyData(t.Context(), (&wal{}).begin(1000)); err != nil {
			t.Fatal(err)
		}
		if len(data) > 17 && data[0] == 'k' {
			data[17] = 0 // there is no server to answer
		}
		_ = d.copyData(t.Context(), data)
		for _, c := range d.stream.cur.changes {
			if c.Table == nil || len(c.ID) == 0 || len(c.Source) != len(sourceTable.Columns) {
				t.Fatalf("half a change came out: %+v", c)
			}
			for _, row := range []schemas.Row{c.Before, c.After} {
				if row != nil && len(row) != len(c.Table.Columns) {
					t.Fatalf("%d values for %d columns", len(row), len(c.Table.Columns))
				}
			}
		}
	})
}

// BenchmarkDecode decodes inserts of seven columns with about 90 bytes of text,
// in transactions of 1,000 rows; one operation is one row.
func BenchmarkDecode(b *testing.B) {
	d := newDecoder(b)
	var w wal
	var messages [][]byte
	messages = append(messages, w.begin(1000))
	for range 1000 {
		messages = append(messages, w.insert(1, order...))
	}
	messages = append(messages, w.end())
	size := 0
	for _, m := range messages {
		size += len(m)
	}
	blocks := []*block{d.stream.cur, {}, {}} // go round, as in a stream
	next := 0
	ctx := context.Background()
	b.SetBytes(int64(size / 1000))
	b.ReportAllocs()
	begun := processorTime(b)
	for rows := 0; b.Loop(); rows++ {
		if rows%1000 == 0 {
			d.row = 0
		}
		if i := rows % 1000; i == 0 {
			must(b, d.copyData(ctx, messages[len(messages)-1]), rows == 0)
			must(b, d.copyData(ctx, messages[0]), false)
			must(b, d.copyData(ctx, messages[1]), false)
		} else {
			must(b, d.copyData(ctx, messages[1+i]), false)
		}
		if d.stream.cur.size() >= d.stream.target {
			next = (next + 1) % len(blocks)
			blocks[next].reset(d.stream.target)
			d.stream.cur = blocks[next]
		}
	}
	b.ReportMetric(float64(b.N)/(processorTime(b)-begun).Seconds(), "rows/cpu-s")
}

// processorTime is what the process has used, so that a busy machine does not
// count.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func must(b *testing.B, err error, may bool) {
	if err != nil && !may {
		b.Fatal(err)
	}
}
