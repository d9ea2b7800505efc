package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pglogrepl"

	"sluice/capture"
	"sluice/capture/capturetest"
	"sluice/schemas"
)

// proxy forwards connections, until it goes silent: then it swallows what comes,
// and keeps the connections open.
type proxy struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	silent   bool
	conns    []net.Conn
	joined   sync.WaitGroup
}

// behindProxy changes a dsn to go through a new proxy.
func behindProxy(t *testing.T, dsn string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, to: u.Host}
	p.joined.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		p.joined.Wait()
	})
	u.Host = l.Addr().String()
	return p, u.String()
}

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, in, out)
		p.mu.Unlock()
		p.joined.Go(func() { p.pass(in, out) })
		p.joined.Go(func() { p.pass(out, in) })
	}
}

func (p *proxy) pass(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		silent := p.silent
		p.mu.Unlock()
		if silent {
			if err != nil {
				return // the other side never hears of it
			}
			continue
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

func (p *proxy) setSilent(silent bool) {
	p.mu.Lock()
	p.silent = silent
	p.mu.Unlock()
}

// TestSilentServer is cut off without a word: the source notices, and reads on
// from where it was when the way is open again. An idle server is no silent one.
func TestSilentServer(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	c := b.config("public.items")
	p, dsn := behindProxy(t, with(c.DSN, "wal_sender_timeout=1s"))
	c.DSN, c.Snapshot.Mode = dsn, Never
	s := b.source(t, c)
	r := capturetest.Open(t, s, "")
	b.exec(t, "INSERT INTO items VALUES (1)")
	r.Read(1)
	idle, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	for {
		_, err := s.Next(idle)
		if errors.Is(err, context.DeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatalf("an idle server: %v", err)
		}
	}
	cancel()
	p.setSilent(true)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		_, err := s.Next(ctx)
		if errors.Is(err, capture.ErrLost) {
			break
		}
		if err != nil {
			t.Fatalf("a silent server: %v", err)
		}
	}
	r.Close()
	p.setSilent(false)
	b.exec(t, "INSERT INTO items VALUES (2)")
	if got := capturetest.Open(t, s, r.Last()).Read(1); got[0].Text != "c items => {id: 2}" {
		t.Errorf("after the silence came %s", got[0].Text)
	}
}

// TestHeartbeats come from a source that is idle, and each says that the slot
// may go on.
func TestHeartbeats(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	c := b.config("public.items")
	c.HeartbeatTopic, c.Heartbeat, c.Snapshot.Mode = nil, 100*time.Millisecond, Never
	s := b.source(t, c)
	r := capturetest.Open(t, s, "")
	ids := map[string]bool{}
	for len(r.Seen) < 4 {
		for _, seen := range r.Next() {
			if seen.Table != heartbeatTable || string(seen.After[0].Bytes) != "erp" || seen.After[1].Kind != schemas.Int {
				t.Fatalf("%s is no heartbeat", seen.Text)
			}
			ids[seen.ID] = true
		}
	}
	if len(ids) != 4 {
		t.Errorf("4 heartbeats have %d names", len(ids))
	}
	b.exec(t, "INSERT INTO items VALUES (1)")
	for r.Seen[len(r.Seen)-1].Table != heartbeatTable || r.Seen[len(r.Seen)-2].Table == heartbeatTable {
		r.Next() // a row, and a heartbeat behind it
	}
}

// TestNoisyNeighbour loads one database of the server, and reads another, in
// which nothing happens: its slot follows the log.
func TestNoisyNeighbour(t *testing.T) {
	noisy, b := newBed(t), newBed(t)
	noisy.exec(t, "CREATE TABLE noise (id bigserial PRIMARY KEY, pad text)")
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	c := b.config("public.items")
	c.Heartbeat, c.Snapshot.Mode = 50*time.Millisecond, Never
	s := b.source(t, c)
	r := capturetest.Open(t, s, "")
	load, loud := noisy.session(t), make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer close(loud)
		for ctx.Err() == nil {
			load("INSERT INTO noise (pad) SELECT repeat('x', 1000) FROM generate_series(1, 500)")
		}
	}()
	defer func() { stop(); <-loud }()
	place := func(sql string) lsn {
		at, err := pglogrepl.ParseLSN(b.ask(t, sql))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	// Thrice, while it goes on: what the log had reached is confirmed.
	for range 3 {
		want := place("SELECT pg_current_wal_lsn()")
		for confirmed := lsn(0); confirmed < want; {
			if got := r.Next(); len(got) > 0 {
				t.Fatalf("%s came from nowhere", got[0].Text)
			}
			r.Ack(r.Last())
			confirmed = place(fmt.Sprintf("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '%s'", b.slot))
		}
	}
}
