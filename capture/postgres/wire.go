package postgres

import (
	"io"
	"time"
)

// wire reads a connection in large pieces. Of the replication connection it tells
// its owner when a read may wait, which is the moment to hand out what was decoded.
//
// There the server sends every row by itself. A reader that is quicker than the server
// would be woken for each; so where reads follow one another closely and bring
// little, the next one waits a moment for more. After a silence the first bytes
// are read at once.
type wire struct {
	r   io.Reader
	buf []byte
	// rd and wr bound what was read ahead.
	rd, wr int
	// pause and resume, where set, are called around each read from r.
	pause, resume func()
	// last is when bytes last came, timer the wait for more.
	last  time.Time
	timer *time.Timer
}

const (
	wireBuffer = 256 << 10 // of the replication connection
	copyBuffer = 64 << 10  // of a session that reads rows for the snapshot
	// littleRead is how much makes a read worth its cost.
	littleRead = 32 << 10
	// linger is how long bytes may wait for company.
	linger = time.Millisecond
)

func newWire(size int) *wire { return &wire{buf: make([]byte, size)} }

// Read implements io.Reader.
func (w *wire) Read(p []byte) (int, error) {
	if w.rd == w.wr {
		if w.pause != nil {
			w.pause()
			if w.wr < littleRead && time.Since(w.last) < linger {
				w.wait()
			}
		}
		n, err := w.r.Read(w.buf)
		if w.resume != nil {
			w.last = time.Now()
			w.resume()
		}
		w.rd, w.wr = 0, n
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, w.buf[w.rd:w.wr])
	w.rd += n
	return n, nil
}

func (w *wire) wait() {
	if w.timer == nil {
		w.timer = time.NewTimer(linger)
	} else {
		w.timer.Reset(linger)
	}
	<-w.timer.C
}
