package mysql

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"

	"sluice/capture"
	"sluice/schemas"
)

// decoder reads the events of the log into the stream's blocks. A transaction is
// in hand from its first event to its last:
//
//	GTID ─► BEGIN ─► TABLE_MAP, rows, ... ─► XID or COMMIT
//	     └► a statement that stands alone
//	     └► a compressed payload of all that follows
type decoder struct {
	stream *stream
	source *Source

	// progress is behind the last transaction that ended; shared.
	progress progress
	at       place  // behind the last event
	made     uint32 // when the file was begun

	hand  hand
	skip  position // where this run began
	found bool     // the transaction in which it began has come, or there is none
	// started: the server has told in which file it begins.
	started bool

	counts counts
	// prepared are the XA transactions that may still commit. None of them wrote a
	// captured table.
	prepared map[string]bool
	tables   map[uint64]*relation // by the number that the events carry
	payload  payload
	prefix   []byte // begins the names of the transaction's changes
	server   int64  // which wrote the event
	end      uint64 // of the event
}

// progress is how far the log was read.
type progress struct {
	mu    sync.Mutex
	place place
	set   gtids // nil: the server has none
	text  string
	known bool // text is the set's
}

// read returns a copy.
func (p *progress) read() (place, gtids) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.set == nil {
		return p.place, nil
	}
	return p.place, p.set.clone()
}

// hand is the transaction in hand.
type hand struct {
	open  bool // there is one
	begun bool // it has begun, and ends with a commit
	first place
	gtid  gtid
	name  []byte // of the gtid; empty: it has none
	row   int64
	// skip is how many of its rows are durable.
	skip   int64
	time   time.Time
	thread int64 // 0: unknown
	query  []byte
	// What the rows share, in the arena of inBlock.
	gtidVal, fileVal, queryVal schemas.Value
	inBlock                    *block
	whole                      bool // a running snapshot was told of it
	xa                         bool
}

func newDecoder(st *stream, from position) (*decoder, error) {
	d := &decoder{stream: st, source: st.source, at: from.Place, skip: from, tables: map[uint64]*relation{}, found: from.Row == 0, prepared: map[string]bool{}}
	for _, xid := range from.XA {
		d.prepared[xid] = true
	}
	d.progress.place, d.counts.on = from.Place, d.source.cfg.Transactions
	if st.source.server.named {
		set, err := parseGTIDs(from.GTIDs, st.source.server.maria)
		if err != nil {
			return nil, err
		}
		d.progress.set = set
	}
	return d, nil
}

// position is behind what was decoded; the reader must not be at work.
func (d *decoder) position() position {
	p := &d.progress
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.known && p.set != nil {
		p.text, p.known = p.set.String(), true
	}
	at := position{GTIDs: p.text, Place: p.place, Made: d.made, XA: slices.Sorted(maps.Keys(d.prepared))}
	switch {
	case d.hand.open && d.hand.row > 0:
		at.GTID, at.Row = string(d.hand.name), max(d.hand.row, d.hand.skip)
	case !d.found:
		at.GTID, at.Row = d.skip.GTID, d.skip.Row
	}
	return at
}

// ahead reports whether the position is another one than last.
func (d *decoder) ahead(last *position) bool {
	at := d.position()
	return at.Place != last.Place || at.Row != last.Row || at.GTIDs != last.GTIDs
}

// event reads one event as go-mysql hands it out: the bodies raw, checksums cut
// off.
func (d *decoder) event(ctx context.Context, e *replication.BinlogEvent) error {
	h := e.Header
	switch body := e.Event.(type) {
	case *replication.RotateEvent:
		return d.rotate(place{string(body.NextLogName), body.Position})
	case *replication.FormatDescriptionEvent:
		return d.format(h)
	case *replication.GenericEvent:
		if h.EventType == replication.HEARTBEAT_EVENT {
			d.heartbeat(string(body.Data), h.LogPos)
			return nil
		}
		if h.Flags&replication.LOG_EVENT_ARTIFICIAL_F != 0 {
			return nil // made for us, and not in the log
		}
		begins := d.at
		d.at.follow(h.LogPos, h.EventSize)
		d.server, d.end = int64(h.ServerID), d.at.Pos
		if err := d.body(ctx, h.EventType, h.Timestamp, begins, body.Data); err != nil {
			return d.broken(h.EventType, err)
		}
		if !d.hand.open {
			d.passed()
		}
		return d.full(ctx)
	}
	return nil
}

// full hands a full block over.
func (d *decoder) full(ctx context.Context) error {
	if st := d.stream; st.cur.size() >= st.target && len(st.cur.changes) > 0 {
		return st.handOver(ctx)
	}
	return nil
}

// passed notes that all up to here has come.
func (d *decoder) passed() {
	d.progress.mu.Lock()
	d.progress.place = d.at
	d.progress.mu.Unlock()
}

// broken says where an event is that cannot be read.
func (d *decoder) broken(kind replication.EventType, err error) error {
	// A question to the catalogue may find the server gone: the event is as it was.
	if _, ok := err.(*schemas.Fault); ok || isContext(err) || errors.Is(err, capture.ErrLost) {
		return err
	}
	return &schemas.Fault{
		Where: fmt.Sprintf("the log at %s", d.at), What: fmt.Sprintf("event %s cannot be read", kind), Err: err,
		Cure: "see with mysqlbinlog what it holds; " + d.source.resnapshot(),
	}
}

// rotate begins a file: at the end of the one before, or at the begin of the
// dump. Asked for GTIDs, the server looks for them from the begin of a file on.
func (d *decoder) rotate(to place) error {
	if to.File == "" {
		return nil
	}
	if !d.started && d.source.server.named || to.File != d.at.File {
		d.at = to
		d.passed()
	}
	d.started = true
	return nil
}

// format begins the events of a file. One of the name that was saved must be the
// one that was read.
func (d *decoder) format(h *replication.EventHeader) error {
	if d.at.File == d.skip.Place.File && d.skip.Made != 0 && h.Timestamp != d.skip.Made && d.source.sameServer(&d.skip) {
		return &schemas.Fault{
			Where: "the saved position", What: fmt.Sprintf("file %s is not the one that was read: the log was begun anew (RESET MASTER), or it is another server's", d.at.File),
			Cure: d.source.resnapshot(),
		}
	}
	d.made = h.Timestamp
	return nil
}

// heartbeat is a sign of life; it says how far the log has come.
func (d *decoder) heartbeat(file string, pos uint32) {
	if d.hand.open || file != d.at.File && file != "" && (place{File: file}).number() < d.at.number() {
		return
	}
	if file != "" && file != d.at.File {
		d.at = place{file, uint64(pos)}
	} else if pos != 0 && uint64(pos) > d.at.Pos {
		d.at.Pos = uint64(pos)
	}
	d.passed()
}

// Events that go-mysql has no name for, or another one (MySQL source,
// Log_event_type).
const (
	incidentEvent         = 26
	xaPrepareEvent        = 38
	mariaQueryCompressed  = 165
	mariaWriteCompressed  = 166
	mariaUpdateCompressed = 167
	mariaDeleteCompressed = 168
)

// body reads the body of an event of the log.
func (d *decoder) body(ctx context.Context, kind replication.EventType, seconds uint32, begins place, b []byte) error {
	switch kind {
	case replication.GTID_EVENT, replication.ANONYMOUS_GTID_EVENT, replication.GTID_TAGGED_LOG_EVENT, replication.MARIADB_GTID_EVENT:
		return d.begin(kind, seconds, begins, b)
	case replication.QUERY_EVENT, mariaQueryCompressed:
		return d.query(ctx, kind == mariaQueryCompressed, b)
	case replication.XID_EVENT:
		return d.finish()
	case replication.TABLE_MAP_EVENT:
		return d.tableMap(ctx, b)
	case replication.WRITE_ROWS_EVENTv1, replication.WRITE_ROWS_EVENTv2, mariaWriteCompressed,
		replication.UPDATE_ROWS_EVENTv1, replication.UPDATE_ROWS_EVENTv2, mariaUpdateCompressed,
		replication.DELETE_ROWS_EVENTv1, replication.DELETE_ROWS_EVENTv2, mariaDeleteCompressed:
		return d.rows(ctx, kind, b)
	case replication.PARTIAL_UPDATE_ROWS_EVENT:
		return d.partial()
	case replication.ROWS_QUERY_EVENT:
		d.note(b[min(1, len(b)):])
	case replication.MARIADB_ANNOTATE_ROWS_EVENT:
		d.note(b)
	case replication.TRANSACTION_PAYLOAD_EVENT:
		return d.compressed(ctx, seconds, b)
	case xaPrepareEvent:
		return d.prepare(b)
	case replication.BEGIN_LOAD_QUERY_EVENT, replication.EXECUTE_LOAD_QUERY_EVENT:
		return d.statement("LOAD DATA")
	case incidentEvent:
		return &schemas.Fault{
			Where: fmt.Sprintf("the log at %s", d.at), What: "the server says that events are missing here", Cure: d.source.resnapshot(),
		}
	}
	return nil
}

// note keeps what the configuration wants of the statement that the rows to come
// are of.
func (d *decoder) note(query []byte) {
	switch d.source.cfg.Query {
	case QueryNone:
		return
	case QueryComments:
		query = firstComments(query)
	}
	d.hand.query, d.hand.queryVal = append(d.hand.query[:0], query...), schemas.Value{}
}

// maxComments bounds the comments of a statement: each of its rows carries them.
const maxComments = 1 << 10

// firstComments are the comments that a statement begins with; those that the
// server executes are none.
func firstComments(query []byte) []byte {
	end := 0
	for rest := query; ; {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		if !bytes.HasPrefix(rest, []byte("/*")) || bytes.HasPrefix(rest, []byte("/*!")) || bytes.HasPrefix(rest, []byte("/*M!")) {
			break
		}
		n := bytes.Index(rest[2:], []byte("*/"))
		if n < 0 || len(query)-len(rest)+n+4 > maxComments {
			break
		}
		rest = rest[n+4:]
		end = len(query) - len(rest)
	}
	return query[:end]
}

// begin takes a transaction in hand.
func (d *decoder) begin(kind replication.EventType, seconds uint32, begins place, b []byte) error {
	h := hand{open: true, first: begins, time: time.Unix(int64(seconds), 0), name: d.hand.name[:0], query: d.hand.query[:0]}
	switch kind {
	case replication.MARIADB_GTID_EVENT:
		r := &reader{b: b}
		h.gtid = gtid{number: r.u64(), domain: r.u32(), server: uint32(d.server), maria: true}
		flags := r.u8()
		if r.short {
			return errShort
		}
		h.begun = flags&mariaStandalone == 0
		h.xa = flags&mariaPrepared != 0
		h.name = h.gtid.append(h.name)
	default:
		var e replication.GTIDEvent
		var err error
		if kind == replication.GTID_TAGGED_LOG_EVENT {
			var tagged replication.GtidTaggedLogEvent
			err = decodeSafely(func() error { return tagged.Decode(b) })
			e = tagged.GTIDEvent
		} else {
			err = decodeSafely(func() error { return e.Decode(b) })
		}
		if err != nil || len(e.SID) != 16 {
			return fmt.Errorf("%w: %w", errShort, err)
		}
		if e.ImmediateCommitTimestamp > 0 {
			h.time = time.UnixMicro(int64(e.ImmediateCommitTimestamp))
		}
		if kind != replication.ANONYMOUS_GTID_EVENT {
			h.gtid = gtid{sid: sid{server: [16]byte(e.SID), tag: e.Tag}, number: uint64(e.GNO)}
			h.name = h.gtid.append(h.name)
		} else if d.source.server.named {
			return &schemas.Fault{
				Where: fmt.Sprintf("the log at %s", d.at), What: "a transaction has no GTID although gtid_mode is ON", Cure: d.source.resnapshot(),
			}
		}
	}
	d.hand = h
	if !d.found {
		if d.skip.GTID != string(h.name) {
			return &schemas.Fault{
				Where: "the saved position", What: fmt.Sprintf("lies inside transaction %s, and %s comes first: this server has them in another order", d.skip.GTID, h.name),
				Cure: d.source.resnapshot(),
			}
		}
		d.found, d.hand.skip = true, d.skip.Row
	}
	d.prefix = d.appendPrefix(d.prefix[:0])
	d.count()
	if e := d.source.engine; e != nil && e.Active() && d.hand.skip == 0 {
		d.hand.whole = true
		e.Begin(d.tx())
	}
	return nil
}

// Flags of MariaDB's GTID events (MariaDB source, Gtid_log_event).
const (
	mariaStandalone = 1
	mariaPrepared   = 64
)

// decodeSafely turns a panic of go-mysql at a broken event into an error.
func decodeSafely(decode func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errShort
		}
	}()
	return decode()
}

// appendPrefix begins the names of the transaction's changes.
func (d *decoder) appendPrefix(b []byte) []byte {
	if len(d.hand.name) > 0 {
		b = append(b, d.hand.name...)
	} else {
		b = append(b, d.hand.first.String()...)
	}
	return append(b, '/')
}

// finish puts the transaction in hand away.
func (d *decoder) finish() error {
	h := &d.hand
	if !h.open {
		return nil
	}
	d.ended()
	if h.row < h.skip {
		return &schemas.Fault{
			Where: "the saved position", What: fmt.Sprintf("lies behind row %d of transaction %s, which has %d", h.skip, d.prefix, h.row),
			Cure: d.source.resnapshot(),
		}
	}
	p := &d.progress
	p.mu.Lock()
	if p.set != nil && len(h.name) > 0 {
		p.set.add(&h.gtid)
		p.known = false
	}
	p.place = d.at
	p.mu.Unlock()
	h.open, h.begun, h.row, h.skip, h.inBlock = false, false, 0, 0, nil
	return nil
}
