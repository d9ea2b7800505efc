package mysql

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// wire is the connection that the log comes over. It tells its owner when a read
// may wait, which is the moment to hand out what was decoded, and gives up a
// server that says nothing.
type wire struct {
	silence time.Duration
	// pause and resume are called around each read, once started.
	pause, resume func()
	started       atomic.Bool
	closed        atomic.Bool
	silent        atomic.Bool // it was given up; go-mysql does not pass on why
	conn          atomic.Pointer[net.Conn]
}

// wireConn is the connection as go-mysql has it.
type wireConn struct {
	net.Conn
	w *wire
}

var errClosed = errors.New("closed")

// dial opens the connection. Once closed it opens none: go-mysql would open
// another one to end the first, which a server that writes soon notices by itself.
func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if w.closed.Load() {
		return nil, errClosed
	}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.conn.Store(&conn)
	return &wireConn{conn, w}, nil
}

// Read implements io.Reader.
func (c *wireConn) Read(p []byte) (int, error) {
	if !c.w.started.Load() {
		return c.Conn.Read(p)
	}
	if c.w.closed.Load() {
		return 0, errClosed
	}
	c.w.pause()
	if err := c.SetReadDeadline(time.Now().Add(c.w.silence)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.w.silent.Store(true)
	}
	c.w.resume()
	return n, err
}

// close ends the connection and wakes its reader.
func (w *wire) close() {
	w.closed.Store(true)
	if conn := w.conn.Load(); conn != nil {
		_ = (*conn).Close() // the reader meets the error
	}
}
