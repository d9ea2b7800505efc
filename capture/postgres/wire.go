package postgres

import "io"

// wire reads the replication connection in large pieces and tells its owner
// when a read may wait, which is the moment to hand out what was decoded.
type wire struct {
	r   io.Reader
	buf []byte
	// rd and wr bound what was read ahead.
	rd, wr int
	// pause and resume, where set, are called around each read from r.
	pause, resume func()
}

const wireBuffer = 256 << 10

func newWire() *wire { return &wire{buf: make([]byte, wireBuffer)} }

// Read implements io.Reader.
func (w *wire) Read(p []byte) (int, error) {
	if w.rd == w.wr {
		if w.pause != nil {
			w.pause()
		}
		n, err := w.r.Read(w.buf)
		if w.resume != nil {
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
