package postgres

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"sort"
)

// pending is a transaction in progress: the messages that came so far. Each has
// an offset, as if all lay in one file.
//
// What a rolled-back subtransaction sent is always the end of what came so far:
// while one is open only it and its own write, and a released one is rolled back
// with the one around it. So each subtransaction is remembered by the offset of
// its first message, and to roll it back is to cut.
type pending struct {
	spill *spill
	xid   uint32
	size  int64 // the offset of what comes next

	// The beginning, on disk.
	file   *os.File
	frames []frame
	end    int64 // of the file
	// The rest, in memory.
	chunks []chunk
	held   int64

	subs  []uint32 // those with messages, by the offset of their first
	first map[uint32]int64
}

// chunk is a run of messages in memory, beginning at an offset.
type chunk struct {
	base int64
	b    []byte
}

// frame is a chunk on disk: its length, a checksum, its bytes.
type frame struct {
	base, at int64
	n        int
}

const (
	firstChunk  = 4 << 10
	frameHeader = 4 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// append adds a message of a subtransaction, or of the transaction itself. head
// and tail are its parts.
func (p *pending) append(sub uint32, at lsn, head byte, tail []byte) error {
	if _, ok := p.first[sub]; sub != p.xid && !ok {
		p.first[sub] = p.size
		p.subs = append(p.subs, sub)
		p.hold(subtransactions)
	}
	n := recordHeader + 1 + len(tail)
	c := p.room(n)
	c.b = append(append(header(c.b, at, 1+len(tail)), head), tail...)
	p.size += int64(n)
	return p.spill.relieve()
}

func (p *pending) hold(n int64) {
	p.held += n
	p.spill.held += n
}

// room returns the chunk that has room for n more bytes.
func (p *pending) room(n int) *chunk {
	want := firstChunk
	if k := len(p.chunks); k > 0 {
		if last := &p.chunks[k-1]; cap(last.b)-len(last.b) >= n {
			return last
		}
		want = min(4*cap(p.chunks[k-1].b), p.spill.usual)
	} else if p.file != nil {
		want = p.spill.usual
	}
	want = max(want, n)
	var b []byte
	if k := len(p.spill.free); k > 0 && want == p.spill.usual {
		b, p.spill.free = p.spill.free[k-1], p.spill.free[:k-1]
	} else {
		b = make([]byte, 0, want)
	}
	p.hold(int64(cap(b)))
	p.chunks = append(p.chunks, chunk{p.size, b})
	return &p.chunks[len(p.chunks)-1]
}

// giveBack frees a chunk's memory.
func (p *pending) giveBack(c chunk) {
	p.hold(-int64(cap(c.b)))
	if cap(c.b) == p.spill.usual && p.spill.held < p.spill.limit {
		p.spill.free = append(p.spill.free, c.b[:0])
	}
}

// write moves what is in memory to the end of the file.
func (p *pending) write() error {
	s := p.spill
	if p.file == nil {
		f, err := s.create(p.xid)
		if err != nil {
			return err
		}
		p.file = f
	}
	for len(p.chunks) > 0 {
		c := p.chunks[0]
		n := int64(frameHeader + len(c.b))
		if s.max > 0 && s.disk+n > s.max {
			return s.full()
		}
		var head [frameHeader]byte
		binary.BigEndian.PutUint32(head[:], uint32(len(c.b)))
		binary.BigEndian.PutUint32(head[4:], crc32.Checksum(c.b, castagnoli))
		if _, err := p.file.WriteAt(head[:], p.end); err != nil {
			return s.fault("writing "+p.file.Name(), err)
		}
		if _, err := p.file.WriteAt(c.b, p.end+frameHeader); err != nil {
			return s.fault("writing "+p.file.Name(), err)
		}
		p.frames = append(p.frames, frame{c.base, p.end, len(c.b)})
		p.end += n
		s.disk += n
		p.chunks = slices.Delete(p.chunks, 0, 1)
		p.giveBack(c)
	}
	return nil
}

// read reads a frame into buf, which grows as needed.
func (p *pending) read(f frame, buf []byte) ([]byte, error) {
	buf = slices.Grow(buf[:0], frameHeader+f.n)[:frameHeader+f.n]
	_, err := p.file.ReadAt(buf, f.at)
	if err == io.EOF {
		err = errBroken
	}
	if err == nil && (binary.BigEndian.Uint32(buf) != uint32(f.n) ||
		binary.BigEndian.Uint32(buf[4:]) != crc32.Checksum(buf[frameHeader:], castagnoli)) {
		err = errBroken
	}
	if err != nil {
		return nil, p.spill.fault("reading "+p.file.Name(), err)
	}
	return buf, nil
}

// rollBack forgets what a subtransaction sent.
func (p *pending) rollBack(sub uint32) error {
	to, ok := p.first[sub]
	if !ok {
		return nil // nothing of it was sent, or it went with the one around it
	}
	for k := len(p.subs) - 1; k >= 0 && p.first[p.subs[k]] >= to; k-- {
		delete(p.first, p.subs[k])
		p.subs = p.subs[:k]
		p.hold(-subtransactions)
	}
	return p.cut(to)
}

// cut forgets all from an offset on.
func (p *pending) cut(to int64) error {
	p.size = to
	for k := len(p.chunks) - 1; k >= 0; k-- {
		c := &p.chunks[k]
		if c.base < to {
			c.b = c.b[:to-c.base]
			return nil
		}
		p.giveBack(*c)
		p.chunks = p.chunks[:k]
	}
	k := sort.Search(len(p.frames), func(i int) bool { return p.frames[i].base+int64(p.frames[i].n) > to })
	if k == len(p.frames) {
		return nil
	}
	f := p.frames[k]
	if f.base < to { // its head goes back to memory
		b, err := p.read(f, nil)
		if err != nil {
			return err
		}
		head := b[frameHeader : frameHeader+int(to-f.base)]
		p.size = f.base
		c := p.room(len(head))
		c.b = append(c.b, head...)
		p.size = to
	}
	p.frames = p.frames[:k]
	p.spill.disk -= p.end - f.at
	p.end = f.at
	if err := p.file.Truncate(p.end); err != nil {
		return p.spill.fault("cutting "+p.file.Name(), err)
	}
	return nil
}

// each calls do with every message, in order, until it returns an error. The
// message is valid until do returns.
func (p *pending) each(do func(at lsn, m []byte) error) error {
	messages := func(b []byte) error {
		for len(b) > 0 {
			if len(b) < recordHeader {
				return p.spill.fault("reading transaction "+fmt.Sprint(p.xid), errBroken)
			}
			at, n := lsn(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint32(b[8:]))
			if n == 0 || n > int64(len(b)-recordHeader) {
				return p.spill.fault("reading transaction "+fmt.Sprint(p.xid), errBroken)
			}
			if err := do(at, b[recordHeader:recordHeader+n]); err != nil {
				return err
			}
			b = b[recordHeader+n:]
		}
		return nil
	}
	var buf []byte
	for _, f := range p.frames {
		var err error
		if buf, err = p.read(f, buf); err != nil {
			return err
		}
		if err := messages(buf[frameHeader:]); err != nil {
			return err
		}
	}
	for _, c := range p.chunks {
		if err := messages(c.b); err != nil {
			return err
		}
	}
	return nil
}

// forget frees memory and file.
func (p *pending) forget() {
	for _, c := range p.chunks {
		p.giveBack(c)
	}
	p.hold(-p.held)
	p.chunks, p.frames = nil, nil
	p.spill.disk -= p.end
	if p.file != nil {
		_ = p.file.Close() // nobody reads it again
		_ = os.Remove(p.file.Name())
		p.file = nil
	}
}
