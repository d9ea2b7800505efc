package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"sluice/capture"
	"sluice/schemas"
)

// stream reads the slot. Its reader goroutine decodes into the block at hand;
// a consumer that waits gets that block whenever the reader waits for the
// network, and full ones, oldest first. When all blocks of the pool are full or
// held by the consumer, the reader stops; report goes on.
type stream struct {
	source  *Source
	system  string // the server's identifier
	conn    *pgconn.PgConn
	wire    *wire
	known   map[uint32]*relation
	started bool
	decoder decoder
	spill   *spill // transactions in progress

	wake, room chan struct{} // one token: something to take; a block came back
	ask        chan struct{} // one token: report shall ask how far the log has come
	stop       context.CancelFunc
	joined     sync.WaitGroup

	mu    sync.Mutex
	cur   *block // the reader's; the consumer's to take while idle
	curAt position
	ended bool     // as due, because a transaction ended; the reader's, too
	idle  bool     // the reader waits for the network
	full  []filled // oldest first
	free  []*block
	made  int // blocks there are, of at most limit
	// due asks for a batch though no change has come: the position moved, and
	// somebody waits for it.
	due bool
	// target is when a block is full, limit how many there may be.
	target, limit int
	err           error // why the reader ended

	silence   silence
	asked     atomic.Bool // the server wants to hear from us
	sendMu    sync.Mutex
	confirmed lsn // durable in Kafka
	handed    lsn // of the last position that Next returned
	sent      lsn // told to the server
}

// filled is a block that waits for the consumer, and the position behind it.
type filled struct {
	block *block
	at    position
}

// statusInterval is how often the server hears from us at least; it gives up
// after wal_sender_timeout, 60 s by default.
const statusInterval = 10 * time.Second

// answerTime is how long a heartbeat waits for the server to say how far its log
// has come.
const answerTime = time.Second

func newStream(s *Source, conn *pgconn.PgConn, w *wire) *stream {
	buffer := int(s.cfg.Buffer)
	st := &stream{
		source: s, conn: conn, wire: w, known: map[uint32]*relation{},
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1), ask: make(chan struct{}, 1), cur: &block{}, made: 1, stop: func() {},
		target: min(blockBytes, buffer/minBlocks),
	}
	st.limit = max(minBlocks, buffer/st.target)
	return st
}

// start begins to stream behind the position.
func (st *stream) start(ctx context.Context, from position) error {
	st.started = true
	s := st.source
	err := pglogrepl.StartReplication(ctx, st.conn, s.cfg.Slot, lsn(from.LSN), pglogrepl.StartReplicationOptions{
		Mode: pglogrepl.LogicalReplication, PluginArgs: s.pluginArgs(),
	})
	if err != nil {
		return st.fault(err)
	}
	st.sendMu.Lock()
	st.confirmed = max(st.confirmed, lsn(from.LSN))
	st.handed = max(st.handed, lsn(from.LSN))
	st.sendMu.Unlock()
	st.curAt = from
	st.decoder = newStreamDecoder(st, from)
	st.spill = newSpill(s.cfg.Spill, s.capture, st.system, s.cfg.Slot)
	if err := st.spill.clean(); err != nil {
		return err
	}
	st.wire.pause = func() {
		st.silence.since.Store(time.Now().UnixNano())
		st.mu.Lock()
		st.idle = len(st.cur.gaps) == 0
		st.mu.Unlock()
		signal(st.wake)
	}
	st.wire.resume = func() {
		st.silence.since.Store(0)
		st.mu.Lock()
		st.idle = false
		st.mu.Unlock()
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	st.stop = stop
	st.joined.Add(2)
	go func() {
		defer st.joined.Done()
		err := st.read(running)
		st.mu.Lock()
		st.err, st.idle = err, len(st.cur.gaps) == 0
		st.mu.Unlock()
		signal(st.wake)
	}()
	go func() {
		defer st.joined.Done()
		st.report(running)
	}()
	return nil
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// read receives and decodes until the connection ends.
func (st *stream) read(ctx context.Context) error {
	front := st.conn.Frontend()
	for ctx.Err() == nil {
		msg, err := front.Receive()
		if err != nil {
			if lost := st.lostInSilence(); lost != nil {
				return lost
			}
			return st.fault(err)
		}
		switch m := msg.(type) {
		case *pgproto3.CopyData:
			if err := st.decoder.copyData(ctx, m.Data); err != nil {
				return err
			}
			if err := st.handOverFull(ctx); err != nil {
				return err
			}
		case *pgproto3.ErrorResponse:
			return st.fault(pgconn.ErrorResponseToPgError(m))
		case *pgproto3.CopyDone, *pgproto3.CommandComplete, *pgproto3.ReadyForQuery:
			return fmt.Errorf("%w: the server ended the stream", capture.ErrLost)
		}
	}
	return ctx.Err()
}

// fault sorts an error of the connection.
func (st *stream) fault(err error) error {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return fmt.Errorf("%w: %s", capture.ErrLost, lastCause(err))
	}
	s := st.source
	switch pe.Code {
	case "53100": // disk_full: the server spills large transactions beside the slot
		return &schemas.Fault{
			Where: "slot", What: fmt.Sprintf("the database server's disk is full while it decodes for slot %q", s.cfg.Slot), Err: message(err),
			Cure: "free space where the server keeps pg_replslot, or raise logical_decoding_work_mem; nothing is lost, start the capture again",
		}
	case "55006": // in use
		return fmt.Errorf("%w: %s", capture.ErrLost, pe.Message)
	case "42704":
		return &schemas.Fault{Where: "slot", What: "cannot be read", Err: message(err), Cure: s.resnapshot()}
	case "58P01":
		return &schemas.Fault{Where: "slot", What: "the server no longer has the log that follows the saved position", Err: message(err), Cure: s.resnapshot()}
	}
	if passing(pe) || pe.Code == "57014" {
		return fmt.Errorf("%w: %s", capture.ErrLost, pe.Message)
	}
	return &schemas.Fault{Where: "slot", What: fmt.Sprintf("%q cannot be read", s.cfg.Slot), Err: message(err), Cure: "see the server's log"}
}

// handOverFull hands the block at hand over if it is full. It is called behind
// every message.
func (st *stream) handOverFull(ctx context.Context) error {
	if err := st.settle(ctx); err != nil {
		return err
	}
	if st.cur.size() < st.target || len(st.cur.changes) == 0 {
		return nil
	}
	return st.handOver(ctx)
}

// handOver puts the full block in line and takes an empty one, for which it may
// have to wait.
func (st *stream) handOver(ctx context.Context) error {
	for {
		st.mu.Lock()
		if next := st.take(); next != nil {
			st.full = append(st.full, filled{st.cur, st.curAt})
			st.cur, st.due, st.ended = next, false, false
			st.mu.Unlock()
			signal(st.wake)
			return nil
		}
		st.mu.Unlock()
		select {
		case <-st.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take returns a block to fill, nil if all are in use. Called under the lock.
func (st *stream) take() *block {
	if n := len(st.free); n > 0 {
		b := st.free[n-1]
		st.free = st.free[:n-1]
		return b
	}
	if st.made == st.limit {
		return nil
	}
	st.made++
	return &block{}
}

// giveBack takes back what Next handed out.
func (st *stream) giveBack(b *block) {
	if b == nil {
		return
	}
	b.reset(st.target)
	st.mu.Lock()
	st.free = append(st.free, b)
	st.mu.Unlock()
	signal(st.room)
}

// next waits for a block. When none came for a heartbeat and the log moved, or
// always if so told, it returns an empty one with the newer position. When also
// has a token first, it returns none.
func (st *stream) next(ctx context.Context, heartbeat time.Duration, always bool, last position, also <-chan struct{}) (*block, position, error) {
	beat := time.NewTimer(heartbeat)
	defer beat.Stop()
	idle, overdue := false, false
	for {
		st.mu.Lock()
		var b *block
		var at position
		var err error
		switch {
		case len(st.full) > 0:
			b, at = st.full[0].block, st.full[0].at
			st.full = slices.Delete(st.full, 0, 1)
		case st.idle && (len(st.cur.changes) > 0 || (st.due || st.ended || idle) && st.curAt.LSN > last.LSN || overdue && always):
			// With none in line and none held, there is another block.
			b, at = st.cur, st.curAt
			st.cur, st.due, st.ended = st.take(), false, false
		case st.err != nil:
			err = st.err
		}
		st.mu.Unlock()
		if err != nil {
			return nil, at, err
		}
		if b != nil {
			st.sendMu.Lock()
			st.handed = max(st.handed, lsn(at.LSN))
			st.sendMu.Unlock()
			return b, at, nil
		}
		select {
		case <-st.wake:
		case <-also:
			return nil, last, nil
		case <-beat.C:
			idle, overdue = true, idle
			signal(st.ask)
			beat.Reset(min(heartbeat, answerTime))
		case <-ctx.Done():
			return nil, at, ctx.Err()
		}
	}
}

// confirm notes what is durable; report tells the server soon. What Next has
// not returned cannot be durable.
func (st *stream) confirm(at lsn) {
	st.sendMu.Lock()
	if at <= st.handed {
		st.confirmed = max(st.confirmed, at)
	}
	st.sendMu.Unlock()
}

// report tells the server what is durable, and that we live, whether or not
// anybody consumes.
func (st *stream) report(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	every := statusInterval
	if t := st.source.server.senderTimeout; t > 0 {
		every = min(every, t/3)
	}
	last := time.Time{}
	for {
		select {
		case <-tick.C:
		case <-st.ask:
			if st.status(true) != nil {
				return // the reader meets the same end
			}
			continue
		case <-ctx.Done():
			return
		}
		if st.listen(time.Now()) != nil {
			return // the reader meets the same end
		}
		st.sendMu.Lock()
		news := st.confirmed > st.sent
		st.sendMu.Unlock()
		if !news && !st.asked.Swap(false) && time.Since(last) < every {
			continue
		}
		if st.status(false) != nil {
			return
		}
		last = time.Now()
	}
}

// status sends one status update. With ask the server answers with how far its
// log has come.
func (st *stream) status(ask bool) error {
	st.sendMu.Lock()
	defer st.sendMu.Unlock()
	err := pglogrepl.SendStandbyStatusUpdate(context.Background(), st.conn, pglogrepl.StandbyStatusUpdate{
		WALWritePosition: st.confirmed, ReplyRequested: ask,
	})
	if err != nil {
		return fmt.Errorf("%w: %s", capture.ErrLost, lastCause(err))
	}
	st.sent = st.confirmed
	return nil
}

// close tells the server the last that is durable, and ends the goroutines.
func (st *stream) close(ctx context.Context) error {
	st.stop()
	if st.started {
		_ = st.status(false)                                // it may be gone
		_ = st.conn.Conn().SetReadDeadline(time.Unix(1, 0)) // wakes the reader
		st.joined.Wait()
		_ = st.conn.Conn().SetReadDeadline(time.Time{})
	}
	err := hangUp(ctx, st.conn)
	if st.spill != nil {
		err = errors.Join(err, st.spill.close())
	}
	return err
}

// want asks for the newest position as soon as it moves.
func (st *stream) want() {
	st.mu.Lock()
	st.due = true
	st.mu.Unlock()
}
