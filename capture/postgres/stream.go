package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"sluice/capture"
	"sluice/schemas"
)

// stream reads the slot. Its reader goroutine decodes into the block at hand;
// a consumer that waits gets that block whenever the reader waits for the
// network, and a full one as soon as it is full. While the consumer holds one
// block and another is full, the reader stops.
type stream struct {
	source  *Source
	conn    *pgconn.PgConn
	wire    *wire
	known   map[uint32]*relation
	started bool
	decoder decoder

	wake, room chan struct{} // one token: something to take; a block came back
	stop       context.CancelFunc
	joined     sync.WaitGroup

	mu     sync.Mutex
	cur    *block // the reader's; the consumer's to take while idle
	curAt  position
	idle   bool // the reader waits for the network
	full   *block
	fullAt position
	free   []*block
	err    error // why the reader ended

	sendMu    sync.Mutex
	confirmed lsn // durable in Kafka
	sent      lsn // told to the server
}

// statusInterval is how often the server hears from us at least; it gives up
// after wal_sender_timeout, 60 s by default.
const statusInterval = 10 * time.Second

func newStream(s *Source, conn *pgconn.PgConn, w *wire) *stream {
	st := &stream{
		source: s, conn: conn, wire: w, known: map[uint32]*relation{},
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1), cur: &block{}, stop: func() {},
	}
	for range 2 {
		st.free = append(st.free, &block{})
	}
	return st
}

// start begins to stream behind the position.
func (st *stream) start(ctx context.Context, from position) error {
	st.started = true
	s := st.source
	err := pglogrepl.StartReplication(ctx, st.conn, s.cfg.Slot, lsn(from.LSN), pglogrepl.StartReplicationOptions{
		Mode: pglogrepl.LogicalReplication, PluginArgs: []string{"proto_version '1'", "publication_names " + literal(quote(s.cfg.Publication))},
	})
	if err != nil {
		return st.fault(err)
	}
	st.confirmed, st.sent, st.curAt = lsn(from.LSN), 0, from
	st.decoder = decoder{stream: st, skip: from, end: lsn(from.LSN)}
	st.wire.pause = func() {
		st.mu.Lock()
		st.idle = true
		st.mu.Unlock()
		signal(st.wake)
	}
	st.wire.resume = func() {
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
		st.err, st.idle = err, true
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
			return st.fault(err)
		}
		switch m := msg.(type) {
		case *pgproto3.CopyData:
			if err := st.decoder.copyData(ctx, m.Data); err != nil {
				return err
			}
			if st.cur.size() >= blockBytes {
				if err := st.handOver(ctx); err != nil {
					return err
				}
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
	case "55006", "57P01", "57P02", "57P03": // in use; the server shuts down or starts
		return fmt.Errorf("%w: %s", capture.ErrLost, pe.Message)
	case "42704":
		return &schemas.Fault{Where: "slot", What: "cannot be read", Err: message(err), Cure: s.resnapshot()}
	case "58P01":
		return &schemas.Fault{Where: "slot", What: "the server no longer has the log that follows the saved position", Err: message(err), Cure: s.resnapshot()}
	}
	if pe.Code[:2] == "08" || pe.Code[:2] == "57" {
		return fmt.Errorf("%w: %s", capture.ErrLost, pe.Message)
	}
	return &schemas.Fault{Where: "slot", What: fmt.Sprintf("%q cannot be read", s.cfg.Slot), Err: message(err), Cure: "see the server's log"}
}

// handOver gives the full block to the consumer, when it has taken the one
// before.
func (st *stream) handOver(ctx context.Context) error {
	for {
		st.mu.Lock()
		if st.full == nil && len(st.free) > 0 {
			st.full, st.fullAt = st.cur, st.curAt
			st.cur = st.take()
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

// take returns a block to fill. Called under the lock, when there is one.
func (st *stream) take() *block {
	b := st.free[len(st.free)-1]
	st.free = st.free[:len(st.free)-1]
	return b
}

// giveBack takes back what Next handed out.
func (st *stream) giveBack(b *block) {
	if b == nil {
		return
	}
	b.reset()
	st.mu.Lock()
	st.free = append(st.free, b)
	st.mu.Unlock()
	signal(st.room)
}

// next waits for a block. When none came for a heartbeat and the log moved, it
// returns an empty one with the newer position.
func (st *stream) next(ctx context.Context, heartbeat time.Duration, last position) (*block, position, error) {
	beat := time.NewTimer(heartbeat)
	defer beat.Stop()
	due := false
	for {
		st.mu.Lock()
		var b *block
		var at position
		var err error
		switch {
		case st.full != nil:
			b, at = st.full, st.fullAt
			st.full = nil
		case st.idle && len(st.cur.changes) > 0:
			b, at = st.cur, st.curAt
			st.cur = st.take()
		case st.err != nil:
			err = st.err
		case st.idle && due && st.curAt.LSN > last.LSN:
			b, at = st.take(), st.curAt
		}
		st.mu.Unlock()
		if err != nil {
			return nil, at, err
		}
		if b != nil {
			signal(st.room)
			return b, at, nil
		}
		select {
		case <-st.wake:
		case <-beat.C:
			due = true
			if err := st.status(true); err != nil {
				return nil, at, err
			}
			beat.Reset(heartbeat)
		case <-ctx.Done():
			return nil, at, ctx.Err()
		}
	}
}

// confirm notes what is durable; report tells the server soon.
func (st *stream) confirm(at lsn) {
	st.sendMu.Lock()
	st.confirmed = max(st.confirmed, at)
	st.sendMu.Unlock()
}

// report tells the server what is durable, and that we live, whether or not
// anybody consumes.
func (st *stream) report(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last := time.Time{}
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		st.sendMu.Lock()
		news := st.confirmed > st.sent
		st.sendMu.Unlock()
		if !news && time.Since(last) < statusInterval {
			continue
		}
		if st.status(false) != nil {
			return // the reader meets the same end
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
	return hangUp(ctx, st.conn)
}
