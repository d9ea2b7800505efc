package mysql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	driver "github.com/go-sql-driver/mysql"

	"sluice/capture"
	"sluice/schemas"
)

// stream reads the log. Its reader goroutine, go-mysql's, decodes into the block
// at hand; a consumer that waits gets that block whenever the reader waits for the
// network, and full ones, oldest first. When all blocks of the pool are full or
// held by the consumer, the reader stops.
type stream struct {
	source  *Source
	wire    *wire
	syncer  *replication.BinlogSyncer
	started bool
	decoder *decoder

	wake, room chan struct{} // one token: something to take; a block came back
	running    context.Context
	stop       context.CancelFunc
	joined     sync.WaitGroup

	mu   sync.Mutex
	cur  *block   // the reader's; the consumer's to take while idle
	idle bool     // the reader waits for the network
	full []filled // oldest first
	free []*block
	made int // blocks there are, of at most limit
	// target is when a block is full, limit how many there may be.
	target, limit int
	err           error // why the reader ended
}

// filled is a block that waits for the consumer, and the position behind it.
type filled struct {
	block *block
	at    position
}

// beats is how many signs of life an idle server gives in the time that it may
// be silent, but at least five a second: they tell how far its log has come.
const (
	beats    = 4
	mostBeat = 200 * time.Millisecond
)

func newStream(s *Source) *stream {
	buffer := int(s.cfg.Buffer)
	st := &stream{
		source: s, wire: &wire{silence: s.cfg.Silence}, wake: make(chan struct{}, 1), room: make(chan struct{}, 1),
		cur: &block{}, made: 1, stop: func() {}, target: min(blockBytes, buffer/minBlocks),
	}
	st.limit = max(minBlocks, buffer/st.target)
	return st
}

// start begins to stream behind the position.
func (st *stream) start(ctx context.Context, from position) error {
	s := st.source
	cfg, err := s.cfg.settings()
	if err != nil {
		return err
	}
	var secure *tls.Config
	if s.server.secure {
		secure = cfg.TLS
	}
	host, port, err := address(cfg)
	if err != nil {
		return err
	}
	flavor := gomysql.MySQLFlavor
	if s.server.maria {
		flavor = gomysql.MariaDBFlavor
	}
	st.decoder, err = newDecoder(st, from)
	if err != nil {
		return err
	}
	st.running, st.stop = context.WithCancel(context.WithoutCancel(ctx))
	st.wire.pause, st.wire.resume = st.pause, st.resume
	st.syncer = replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: s.replica, Flavor: flavor, Host: host, Port: port, User: cfg.User, Password: cfg.Passwd, Localhost: "sluice-" + s.capture,
		TLSConfig: secure, RawModeEnabled: true, HeartbeatPeriod: min(s.cfg.Silence/beats, mostBeat), DisableRetrySync: true,
		DumpCommandFlag: st.flags(), Logger: discard, Dialer: st.wire.dial, DiscardGTIDSet: true, EventCacheCount: 1,
		Option: func(c *client.Conn) error {
			// A consumer may pause for long.
			_, err := c.Execute("SET SESSION net_write_timeout = 31536000")
			return err
		},
		SynchronousEventHandler: st,
	})
	st.wire.started.Store(true)
	var events *replication.BinlogStreamer
	if s.server.named {
		events, err = st.syncer.StartSyncGTID(st.decoder.progress.set.clone())
	} else {
		events, err = st.syncer.StartSync(gomysql.Position{Name: from.Place.File, Pos: uint32(from.Place.Pos)})
	}
	st.started = true
	if err != nil {
		return st.fault(err)
	}
	st.joined.Go(func() {
		// Events go to HandleEvent; what comes here is the end.
		_, err := events.GetEvent(st.running)
		if st.running.Err() != nil {
			err = st.running.Err()
		}
		err = st.fault(err)
		st.mu.Lock()
		st.err, st.idle = err, true
		st.mu.Unlock()
		signal(st.wake)
	})
	return nil
}

// flags ask MariaDB to send the statements, too, where it logs them.
func (st *stream) flags() uint16 {
	if st.source.server.maria {
		if st.source.cfg.Query == QueryNone {
			return 0
		}
		return replication.BINLOG_SEND_ANNOTATE_ROWS_EVENT
	}
	return replication.BINLOG_DUMP_NEVER_STOP
}

// address is where the server listens; a port of 0 stands for a socket.
func address(cfg *driver.Config) (string, uint16, error) {
	if cfg.Net == "unix" {
		return cfg.Addr, 0, nil
	}
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return "", 0, dsnFault(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", 0, dsnFault(err)
	}
	return host, uint16(n), nil
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

func (st *stream) pause() {
	st.mu.Lock()
	st.idle = true
	st.mu.Unlock()
	signal(st.wake)
}

func (st *stream) resume() {
	st.mu.Lock()
	st.idle = false
	st.mu.Unlock()
}

// HandleEvent is called by go-mysql with each event, in order.
func (st *stream) HandleEvent(e *replication.BinlogEvent) error {
	return st.decoder.event(st.running, e)
}

// fault sorts an error of the reader.
func (st *stream) fault(err error) error {
	var f *schemas.Fault
	switch {
	case err == nil, errors.As(err, &f), errors.Is(err, context.Canceled):
		return err
	case st.wire.silent.Load():
		return fmt.Errorf("%w: the server has said nothing for %s", capture.ErrLost, st.source.cfg.Silence)
	}
	switch errorCode(err) {
	case codeLogReadFailed:
		return st.source.logFault(errorText(err))
	case codeSpecificDenied, codeTableDenied:
		return &schemas.Fault{Where: "dsn", What: "the user may not replicate", Err: errors.New(errorText(err)), Cure: st.source.grantCure("REPLICATION SLAVE")}
	case 1045, 1698:
		cfg, bad := st.source.cfg.settings()
		if bad != nil {
			return bad
		}
		return connectFault(cfg, err)
	}
	return fmt.Errorf("%w: %s", capture.ErrLost, errorText(err))
}

// handOver puts the full block in line and takes an empty one, for which it may
// have to wait.
func (st *stream) handOver(ctx context.Context) error {
	at := st.decoder.position()
	for {
		st.mu.Lock()
		if next := st.take(); next != nil {
			st.full = append(st.full, filled{st.cur, at})
			st.cur = next
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
// has a token first, it returns none. While soon, the newer position is returned
// as soon as it is known.
func (st *stream) next(ctx context.Context, heartbeat time.Duration, always, soon bool, last position, also <-chan struct{}) (*block, position, error) {
	beat := time.NewTimer(heartbeat)
	defer beat.Stop()
	due := false
	for {
		st.mu.Lock()
		var b *block
		at := last
		var err error
		switch {
		case len(st.full) > 0:
			b, at = st.full[0].block, st.full[0].at
			st.full = slices.Delete(st.full, 0, 1)
		case st.idle && (len(st.cur.changes) > 0 || (due || soon) && st.decoder.ahead(&last) || due && always):
			// With none in line and none held, there is another block.
			b, at = st.cur, st.decoder.position()
			st.cur = st.take()
		case st.err != nil:
			err = st.err
		}
		st.mu.Unlock()
		if err != nil {
			return nil, at, err
		}
		if b != nil {
			return b, at, nil
		}
		select {
		case <-st.wake:
		case <-also:
			return nil, last, nil
		case <-beat.C:
			due = true
			beat.Reset(heartbeat)
		case <-ctx.Done():
			return nil, at, ctx.Err()
		}
	}
}

// close ends the goroutines.
func (st *stream) close() {
	st.stop()
	st.wire.close()
	if st.syncer != nil {
		st.syncer.Close()
	}
	st.joined.Wait()
}
