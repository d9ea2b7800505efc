package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// streamed is what protocol version 2 adds to the decoder: the server sends a
// large transaction while it is in progress, in blocks between Stream Start and
// Stream Stop, each message with the id of its transaction or subtransaction
// (PostgreSQL docs, 55.9). The messages are kept as they came. Stream Commit
// replays them as one transaction, so that its events have the same positions
// whichever way they came.
type streamed struct {
	// block is the transaction of the block at hand; nil outside of blocks.
	block *pending
	// layer holds the tables as the transaction that is being replayed knew
	// them; nil outside of a replay.
	layer map[uint32]heard
	// heard is when the layout in stream.known came, by the count of relation
	// messages. The server sends a layout anew to each streamed transaction, and
	// takes it for known afterwards by all; so of two layouts of a table the one
	// that came last is what it goes on with.
	heard map[uint32]uint64
	// arrivals counts relation messages; now is the number of the one at hand.
	arrivals, now uint64
}

// heard is a table's layout and when it came.
type heard struct {
	rel *relation
	at  uint64
}

var (
	errNoBlock = errors.New("not in a block of a transaction in progress")
	errBlock   = errors.New("in a block of a transaction in progress")
	errNoStart = errors.New("the beginning of its transaction never came")
)

// inProgress takes a message of a transaction in progress, and reports whether
// it was one.
func (d *decoder) inProgress(ctx context.Context, at lsn, m []byte) (bool, error) {
	r := reader{b: m[1:]}
	store := d.stream.spill
	switch m[0] {
	case 'S':
		xid, first := r.u32(), r.u8() == 1
		switch {
		case r.short:
			return true, d.broken(m, errShort)
		case d.in || d.block != nil:
			return true, d.broken(m, errBlock)
		case first != (store.txns[xid] == nil):
			return true, d.broken(m, errNoStart)
		}
		if first {
			store.begin(xid)
		}
		d.block = store.txns[xid]
	case 'E':
		if d.block == nil {
			return true, d.broken(m, errNoBlock)
		}
		d.block = nil
	case 'A':
		xid, sub := r.u32(), r.u32()
		switch p := store.txns[xid]; {
		case r.short:
			return true, d.broken(m, errShort)
		case d.block != nil:
			return true, d.broken(m, errBlock)
		case xid == sub:
			store.drop(xid)
		case p != nil:
			return true, p.rollBack(sub)
		}
	case 'c':
		return true, d.streamCommit(ctx, m)
	default:
		if d.block == nil {
			return false, nil
		}
		return true, d.keep(at, m)
	}
	return true, nil
}

// keep keeps a message for the replay.
func (d *decoder) keep(at lsn, m []byte) error {
	switch m[0] {
	case 'O': // comes without an id, for all of the transaction
		return d.block.append(d.block.xid, at, m[0], m[1:])
	case 'R':
		d.arrivals++
		at = lsn(d.arrivals) // a layout has no place in the log
	case 'Y', 'I', 'U', 'D', 'T', 'M':
	default:
		return d.broken(m, errBlock)
	}
	if len(m) < 5 {
		return d.broken(m, errShort)
	}
	return d.block.append(binary.BigEndian.Uint32(m[1:]), at, m[0], m[5:])
}

// streamCommit replays a transaction.
func (d *decoder) streamCommit(ctx context.Context, m []byte) error {
	r := reader{b: m[1:]}
	xid := r.u32()
	r.skip(1)
	d.commit = lsn(r.u64())
	end := lsn(r.u64())
	d.time = serverTime(r.u64())
	p := d.stream.spill.txns[xid]
	switch {
	case r.short:
		return d.broken(m, errShort)
	case d.in || d.block != nil:
		return d.broken(m, errBlock)
	case p == nil:
		return d.broken(m, errNoStart)
	}
	d.tx = int64(xid)
	d.begin()
	d.layer = map[uint32]heard{}
	err := p.each(func(at lsn, m []byte) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if m[0] == 'R' {
			d.now = uint64(at)
		}
		if err := d.message(ctx, at, m); err != nil {
			return err
		}
		return d.stream.handOverFull(ctx)
	})
	if err != nil {
		return err
	}
	for oid, l := range d.layer {
		if l.at > d.heard[oid] {
			d.stream.known[oid], d.heard[oid] = l.rel, l.at
		}
	}
	d.layer = nil
	d.stream.spill.drop(xid)
	d.finish(end)
	return nil
}

// table returns the layout of a table as the transaction at hand knows it; nil
// if it is unknown.
func (d *decoder) table(oid uint32) *relation {
	if l, ok := d.layer[oid]; ok {
		return l.rel
	}
	return d.stream.known[oid]
}

// learn takes note of a table's layout.
func (d *decoder) learn(oid uint32, rel *relation) {
	if d.layer != nil {
		d.layer[oid] = heard{rel, d.now}
		return
	}
	d.stream.known[oid] = rel
}

// arrived counts a relation message outside of replays.
func (d *decoder) arrived(oid uint32) {
	if d.layer == nil {
		d.arrivals++
		d.heard[oid] = d.arrivals
	}
}

// pluginArgs are the options of START_REPLICATION.
func (s *Source) pluginArgs() []string {
	version := 1
	if s.streams() {
		version = 2
	}
	args := []string{fmt.Sprintf("proto_version '%d'", version), "publication_names " + literal(quote(s.cfg.Publication))}
	if s.streams() {
		args = append(args, "streaming 'on'")
	}
	if s.cfg.Messages.wanted() {
		args = append(args, "messages 'true'")
	}
	return args
}

// streams reports whether large transactions come while they are in progress.
func (s *Source) streams() bool { return s.server.version >= 140000 && !s.whole }
