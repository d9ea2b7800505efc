package mysql

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"sluice/capture"
	"sluice/capture/capturetest"
	"sluice/ops/local"
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
	cfg, err := driver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, to: cfg.Addr}
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
	cfg.Addr = l.Addr().String()
	return p, cfg.FormatDSN()
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

// lost reads until the source is lost, and returns the changes that came before
// and how it says so.
func lost(t *testing.T, s capture.Source) (came []string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		b, err := s.Next(ctx)
		if err != nil {
			if !errors.Is(err, capture.ErrLost) {
				t.Fatalf("the source is not lost: %v", err)
			}
			return came, err
		}
		for i := range b.Changes {
			came = append(came, capturetest.Render(&b.Changes[i]))
		}
	}
}

// TestSilentServer is cut off without a word: the source notices, and reads on
// from where it was when the way is open again. An idle server is no silent one.
func TestSilentServer(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := newBed(t, of(t))
		b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
		c := b.config("items")
		p, dsn := behindProxy(t, c.DSN)
		c.DSN, c.Snapshot.Mode, c.Silence = dsn, Never, time.Second
		s := b.source(t, c)
		r := capturetest.Open(t, s, "")
		b.exec(t, "INSERT INTO items VALUES (1)")
		r.Until("c items => {id: 1}")
		idle, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		for idle.Err() == nil {
			if _, err := s.Next(idle); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("an idle server: %v", err)
			}
		}
		cancel()
		p.setSilent(true)
		b.exec(t, "INSERT INTO items VALUES (2)")
		came, err := lost(t, s)
		if !strings.Contains(err.Error(), "has said nothing for 1s") || len(came) != 0 {
			t.Errorf("after %v the source says %v", came, err)
		}
		r.Close()
		opening, cancel := context.WithTimeout(t.Context(), time.Minute)
		if err := s.Open(opening, r.Last()); !errors.Is(err, capture.ErrLost) {
			t.Errorf("opened while the server is silent: %v", err)
		}
		cancel()
		p.setSilent(false)
		again := capturetest.Open(t, s, r.Last())
		if got := again.Read(1)[0].Text; got != "c items => {id: 2}" {
			t.Errorf("then comes %s", got)
		}
	})
}

// TestServerThatEnds is killed in the midst of a stream, and comes back.
func TestServerThatEnds(t *testing.T) {
	both(t, func(t *testing.T, of func(testing.TB) *local.MySQL) {
		b := onOwn(t, own(t, of, nil))
		s := b.source(t, b.config("items"))
		r := capturetest.Open(t, s, "")
		r.Settle(b.harness())
		b.exec(t, "INSERT INTO crm.items VALUES (2, 'b')")
		r.Until(`c items => {id: 2, name: "b"}`)
		if err := b.server.Kill(); err != nil {
			t.Fatal(err)
		}
		if came, _ := lost(t, s); len(came) != 0 {
			t.Errorf("%v came", came)
		}
		r.Close()
		if err := s.Open(t.Context(), r.Last()); !errors.Is(err, capture.ErrLost) {
			t.Errorf("opened while the server is away: %v", err)
		}
		if err := b.server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		b = openBed(t, b.server, "")
		b.exec(t, "INSERT INTO crm.items VALUES (3, 'c')")
		again := capturetest.Open(t, s, r.Last())
		if got := again.Read(1)[0].Text; got != `c items => {id: 3, name: "c"}` {
			t.Errorf("then comes %s", got)
		}
	})
}
