package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"sluice/schemas"
)

// decoder turns the messages of pgoutput, protocol versions 1 and 2, into
// changes (PostgreSQL docs, 55.9). Begin and Commit frame each transaction; the
// transactions come whole, in the order of their commits, but for those that
// streamed keeps until they do.
type decoder struct {
	stream *stream
	skip   position // already durable: nothing up to it is handed out again

	in      bool // between Begin and Commit
	commit  lsn
	row     int64 // row messages of the transaction so far
	msgs    int64 // logical decoding messages of it
	tx      int64
	time    time.Time
	origin  schemas.Value
	originL schemas.Value
	gap     bool // the row at hand lacks values that the log left out
	emitted bool // rows of this transaction were handed out in this run
	// whole: a snapshot's engine is shown the transaction from its beginning.
	whole bool
	// last is where the commit of the transaction before ended; 0: none in this run.
	last lsn
	// id and sequence are the parts that a transaction's rows share.
	id, sequence []byte
	streamed
	counts counts
	// messages is the constant part of the source block of messages.
	messages schemas.Row
}

func newStreamDecoder(st *stream, skip position) decoder {
	d := decoder{stream: st, skip: skip, streamed: streamed{heard: map[uint32]uint64{}}}
	d.counts.on = st.source.cfg.Transactions
	return d
}

// epoch is where PostgreSQL's clock begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// serverTime reads the server's clock: microseconds since epoch.
func serverTime(micros uint64) time.Time {
	return epoch.Add(time.Duration(int64(micros)) * time.Microsecond)
}

var errShort = errors.New("the message is cut short")

// copyData takes one message of the replication stream (PostgreSQL docs, 55.4).
func (d *decoder) copyData(ctx context.Context, data []byte) error {
	if len(data) == 0 {
		return d.broken(data, errShort)
	}
	switch data[0] {
	case 'w':
		if len(data) < 25 {
			return d.broken(data, errShort)
		}
		if len(data) == 25 {
			// PostgreSQL 13 sends this in place of an origin that it no longer
			// knows (pgoutput_begin_txn).
			return nil
		}
		return d.message(ctx, lsn(binary.BigEndian.Uint64(data[1:])), data[25:])
	case 'k':
		if len(data) < 18 {
			return d.broken(data, errShort)
		}
		if !d.in && d.block == nil { // whatever committed before has been sent
			at := &d.stream.curAt
			at.LSN = max(at.LSN, logPlace(binary.BigEndian.Uint64(data[1:])))
		}
		if data[17] != 0 {
			// A server that shuts down waits until we confirm all.
			d.stream.due = true
			// Not answered from here: a reader that writes may wait for a
			// server that waits for its reader.
			d.stream.asked.Store(true)
		}
	}
	return nil
}

func (d *decoder) broken(data []byte, err error) error {
	return &schemas.Fault{
		Where: "slot", What: fmt.Sprintf("a message of the log cannot be read (%s)", excerpt(data)), Err: err,
		Cure: "please report it; nothing was passed over, and the slot keeps the log",
	}
}

// mark notes the position behind the row at hand. The reader alone calls it,
// and never while it is idle, so the consumer does not look. A position never
// goes back behind where this run began.
func (d *decoder) mark() {
	at, done := &d.stream.curAt, d.skip
	if d.commit < lsn(done.Commit) {
		return
	}
	at.Commit, at.Row, at.Messages = logPlace(d.commit), d.row, d.msgs
	if at.Commit == done.Commit {
		at.Row, at.Messages = max(at.Row, done.Row), max(at.Messages, done.Messages)
	}
}

func (d *decoder) message(ctx context.Context, at lsn, m []byte) (err error) {
	if d.layer == nil {
		if done, err := d.inProgress(ctx, at, m); done {
			return err
		}
	}
	r := reader{b: m[1:]}
	switch m[0] {
	case 'B':
		d.commit = lsn(r.u64())
		d.time = serverTime(r.u64())
		d.tx = int64(r.u32())
		d.begin()
	case 'C':
		r.skip(1 + 8)
		end := lsn(r.u64())
		if !d.in || r.short {
			return d.broken(m, errShort)
		}
		d.finish(end)
	case 'O':
		d.originL = schemas.IntOf(int64(r.u64()))
		d.origin = schemas.TextOf([]byte(r.cstring()))
	case 'R':
		err = d.relation(ctx, &r)
	case 'I', 'U', 'D', 'T':
		if !d.in {
			return d.broken(m, errors.New("a row outside a transaction"))
		}
		d.row++
		gone := d.durable()
		if gone && !d.recounts() {
			break
		}
		n := len(d.stream.cur.changes)
		if m[0] == 'T' {
			err = d.truncate(ctx, at, &r)
		} else {
			err = d.change(ctx, at, m)
		}
		d.decoded(n, gone)
	case 'M':
		err = d.logical(m)
	case 'Y':
	default:
		return d.broken(m, errors.New("unknown kind of message"))
	}
	if err == nil && r.short {
		err = d.broken(m, errShort)
	}
	return err
}

// finish ends a transaction; end is where the log goes on behind it.
func (d *decoder) finish(end lsn) {
	d.end()
	d.mark()
	st := d.stream
	st.curAt.LSN = max(st.curAt.LSN, logPlace(end))
	// Rows may be gone already with a position inside the transaction: its end
	// must not wait for a heartbeat.
	st.ended = st.ended || d.emitted && len(st.cur.changes) == 0
	d.in, d.last = false, end
}

// begin prepares what the rows of a transaction share.
func (d *decoder) begin() {
	d.in, d.row, d.msgs, d.emitted = true, 0, 0, false
	d.beginObserved()
	d.origin, d.originL = schemas.Value{}, schemas.Value{}
	d.id = append(appendHex(d.id[:0], uint64(d.commit), 16), '.')
	d.follow()
	d.count()
}

// follow begins the sequence of the events that come: where the commit before
// them ended, null if this run has seen none.
func (d *decoder) follow() {
	if d.last == 0 {
		d.sequence = append(d.sequence[:0], `[null,"`...)
		return
	}
	d.sequence = append(d.sequence[:0], `["`...)
	d.sequence = strconv.AppendUint(d.sequence, uint64(d.last), 10)
	d.sequence = append(d.sequence, `","`...)
}

// decoded is called behind the changes of an event, the first of which is number
// n of the block. Those that are gone already were decoded to be counted only.
func (d *decoder) decoded(n int, gone bool) {
	if !gone {
		d.emitted = true
		d.mark()
		return
	}
	b := d.stream.cur
	clear(b.changes[n:])
	if b.changes = b.changes[:n]; n == 0 {
		b.arena.Reset()
		b.time = time.Time{}
	}
}

// durable reports whether the row at hand is in Kafka already.
func (d *decoder) durable() bool {
	done := lsn(d.skip.Commit)
	return d.commit < done || d.commit == done && d.row <= d.skip.Row
}
