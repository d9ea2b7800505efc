package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/schemas"
)

func testSpill(t testing.TB, c Spill) *spill {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	return newSpill(c, "erp", "1", "slot")
}

// TestSpillIsAList compares transactions in progress with plain lists.
func TestSpillIsAList(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		s := newSpill(Spill{Dir: dir, Memory: schemas.Size(rapid.SampledFrom([]int{200, 5000, 1 << 20}).Draw(t, "memory"))}, "erp", "1", "slot")
		defer func() {
			if err := s.close(); err != nil {
				t.Fatal(err)
			}
		}()
		type message struct {
			path []uint32 // the subtransactions around it
			at   lsn
			text string
		}
		model := map[uint32][]message{}
		open := map[uint32][]uint32{} // the subtransactions open, outermost first
		next := uint32(100)
		check := func(xid uint32) {
			var got []string
			if err := s.txns[xid].each(func(at lsn, m []byte) error {
				got = append(got, fmt.Sprint(at, string(m)))
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, m := range model[xid] {
				want = append(want, fmt.Sprint(m.at, m.text))
			}
			if strings.Join(got, "|") != strings.Join(want, "|") {
				t.Fatalf("transaction %d holds\n %.300q, want\n %.300q", xid, got, want)
			}
		}
		xids := rapid.SampledFrom([]uint32{1, 2, 3})
		t.Repeat(map[string]func(*rapid.T){
			"message": func(t *rapid.T) {
				xid := xids.Draw(t, "xid")
				p := s.txns[xid]
				if p == nil {
					p = s.begin(xid)
				}
				sub := xid
				if n := len(open[xid]); n > 0 {
					sub = open[xid][n-1]
				}
				m := message{append([]uint32{}, open[xid]...), lsn(rapid.Uint32().Draw(t, "at")), "I" + strings.Repeat("x", rapid.IntRange(0, 600).Draw(t, "size"))}
				if err := p.append(sub, m.at, m.text[0], []byte(m.text[1:])); err != nil {
					t.Fatal(err)
				}
				model[xid] = append(model[xid], m)
				if s.held > s.limit && len(p.chunks) > 0 {
					t.Fatalf("%d bytes are held, of %d", s.held, s.limit)
				}
			},
			"savepoint": func(t *rapid.T) {
				xid := xids.Draw(t, "xid")
				open[xid] = append(open[xid], next)
				next++
			},
			"release": func(t *rapid.T) {
				xid := xids.Draw(t, "xid")
				if n := len(open[xid]); n > 0 {
					// Its messages stay its own; its savepoint is gone.
					open[xid] = open[xid][:n-1]
				}
			},
			"rollback to": func(t *rapid.T) {
				xid := xids.Draw(t, "xid")
				n := len(open[xid])
				if n == 0 || s.txns[xid] == nil {
					t.Skip()
				}
				sub := open[xid][rapid.IntRange(0, n-1).Draw(t, "level")]
				for i, o := range open[xid] {
					if o == sub {
						open[xid] = open[xid][:i]
						break
					}
				}
				var kept []message
				gone := map[uint32]bool{sub: true}
				for _, m := range model[xid] {
					inside := false
					for _, x := range m.path {
						inside = inside || gone[x]
					}
					if !inside {
						kept = append(kept, m)
						continue
					}
					for _, x := range m.path { // those within go with it
						if x > sub {
							gone[x] = true
						}
					}
				}
				model[xid] = kept
				for x := sub; x < next; x++ { // the server names each that was within
					if gone[x] {
						if err := s.txns[xid].rollBack(x); err != nil {
							t.Fatal(err)
						}
					}
				}
				check(xid)
			},
			"end": func(t *rapid.T) {
				xid := xids.Draw(t, "xid")
				if s.txns[xid] != nil {
					check(xid)
				}
				s.drop(xid)
				delete(model, xid)
				delete(open, xid)
			},
			"": func(t *rapid.T) {
				if len(s.txns) == 0 && (s.held != 0 || s.disk != 0) {
					t.Fatalf("with no transaction %d bytes are held and %d on disk", s.held, s.disk)
				}
			},
		})
		for xid := range s.txns {
			check(xid)
			s.drop(xid)
		}
		if s.held != 0 || s.disk != 0 {
			t.Fatalf("at the end %d bytes are held and %d on disk", s.held, s.disk)
		}
	})
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// fill appends messages until the store says no more.
func fill(s *spill, xid uint32, messages int) error {
	p := s.txns[xid]
	if p == nil {
		p = s.begin(xid)
	}
	for i := range messages {
		if err := p.append(xid, lsn(i), 'I', make([]byte, 1000)); err != nil {
			return err
		}
	}
	return nil
}

// wantSpillFault expects a fault that says what is wrong and what to do.
func wantSpillFault(t *testing.T, err error, says string) {
	t.Helper()
	var f *schemas.Fault
	if !errors.As(err, &f) || f.Where != "spill" || !strings.Contains(err.Error(), says) || !strings.Contains(f.Cure, "nothing is lost") {
		t.Errorf("the fault is %v; want one of spill that says %q and that nothing is lost", err, says)
	}
}

func TestSpillFaults(t *testing.T) {
	c := Spill{Memory: minSpillMemory}
	t.Run("over the limit", func(t *testing.T) {
		c := c
		c.Max = 1 << 20
		s := testSpill(t, c)
		wantSpillFault(t, fill(s, 1, 2000), "spill.max, 1MiB")
		if s.disk > int64(c.Max) {
			t.Errorf("%d bytes are on disk, over the limit", s.disk)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("no directory", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		c := c
		c.Dir = filepath.Join(file, "dir")
		s := testSpill(t, c)
		wantSpillFault(t, fill(s, 1, 200), "creating it")
		wantSpillFault(t, s.clean(), "not a directory")
	})
	t.Run("somebody else's directory", func(t *testing.T) {
		s := testSpill(t, c)
		if err := os.Mkdir(s.dir, 0o777); err != nil {
			t.Fatal(err)
		}
		wantSpillFault(t, fill(s, 1, 200), "file exists")
	})
	t.Run("a disk that takes no more", func(t *testing.T) {
		s := testSpill(t, c)
		if err := fill(s, 1, 200); err != nil {
			t.Fatal(err)
		}
		p := s.txns[1]
		name := p.file.Name()
		_ = p.file.Close()
		full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
		if err != nil {
			t.Skip("the system has no /dev/full:", err)
		}
		p.file = full
		wantSpillFault(t, fill(s, 1, 200), "no space left")
		p.file, err = os.OpenFile(name, os.O_RDWR, 0)
		if err := errors.Join(err, full.Close(), s.close()); err != nil {
			t.Error(err)
		}
	})
	for what, spoil := range map[string]func(f *os.File) error{
		"cut":     func(f *os.File) error { return f.Truncate(10_000) },
		"flipped": func(f *os.File) error { _, err := f.WriteAt([]byte{0xff}, 5000); return err },
		"gone":    func(f *os.File) error { return f.Close() },
	} {
		t.Run("a file that is "+what, func(t *testing.T) {
			s := testSpill(t, c)
			if err := fill(s, 1, 200); err != nil {
				t.Fatal(err)
			}
			if err := spoil(s.txns[1].file); err != nil {
				t.Fatal(err)
			}
			wantSpillFault(t, s.txns[1].each(func(lsn, []byte) error { return nil }), "reading")
		})
	}
}

// streamFrame writes a message of a block.
func (w *wal) streamFrame(xid uint32, m []byte) []byte {
	return w.frame(append(binary.BigEndian.AppendUint32([]byte{m[25]}, xid), m[26:]...))
}

func (w *wal) streamStart(xid uint32, first byte) []byte {
	return w.frame(append(binary.BigEndian.AppendUint32([]byte{'S'}, xid), first))
}

func (w *wal) streamCommit(xid uint32, commit uint64) []byte {
	b := append(binary.BigEndian.AppendUint32([]byte{'c'}, xid), 0)
	b = binary.BigEndian.AppendUint64(b, commit)
	b = binary.BigEndian.AppendUint64(b, commit+50)
	return w.frame(binary.BigEndian.AppendUint64(b, 700_000_000_000_000))
}

func (w *wal) streamAbort(xid, sub uint32) []byte {
	return w.frame(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte{'A'}, xid), sub))
}

// TestStreamMessagesOutOfPlace are no transactions, and are refused.
func TestStreamMessagesOutOfPlace(t *testing.T) {
	var w wal
	stop := w.frame([]byte{'E'})
	for what, messages := range map[string][][]byte{
		"a stop without a start":      {stop},
		"a start in a block":          {w.streamStart(7, 1), w.streamStart(7, 0)},
		"a start in a transaction":    {w.begin(1000), w.streamStart(7, 1)},
		"a block without the first":   {w.streamStart(7, 0)},
		"a second first block":        {w.streamStart(7, 1), stop, w.streamStart(7, 1)},
		"a commit of nothing":         {w.streamCommit(7, 1000)},
		"a commit in a block":         {w.streamStart(7, 1), w.streamCommit(7, 1000)},
		"an abort in a block":         {w.streamStart(7, 1), w.streamAbort(7, 7)},
		"a begin in a block":          {w.streamStart(7, 1), w.begin(1000)},
		"a row of nothing in a block": {w.streamStart(7, 1), w.frame([]byte("I\x00\x00"))},
		"half a start":                {w.frame([]byte("S\x00\x00"))},
		"half a commit":               {w.streamStart(7, 1), stop, w.frame([]byte("c\x00\x00\x00\x07\x00"))},
		"half an abort":               {w.frame([]byte("A\x00\x00\x00\x07"))},
	} {
		d := newDecoder(t)
		var err error
		for i, m := range messages {
			if err = d.copyData(t.Context(), m); err != nil && i < len(messages)-1 {
				t.Fatalf("%s: message %d: %v", what, i+1, err)
			}
		}
		var f *schemas.Fault
		if !errors.As(err, &f) {
			t.Errorf("%s: %v is no fault", what, err)
		}
	}
}

// FuzzStreamed: no blocks of transactions in progress make the decoder panic,
// and what comes out is whole. The input is a script: a letter each, with a
// transaction, and the bytes of a message.
func FuzzStreamed(f *testing.F) {
	var w wal
	row := string(w.insert(1, order...)[25:])
	f.Add("S1i1E1c1", row)
	f.Add("S1i1i2E1S3i3E1A3A1c3", row)
	f.Add("S1i1E1S1i2A2E1A1", row)
	f.Add("S1r1t1m1o1i1E1c1", "R\x00\x00\x00\x02public\x00items\x00d\x00\x01\x01id\x00\x00\x00\x00\x17\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, script, body string) {
		d := newDecoder(t)
		w := wal{}
		started := map[uint32]bool{}
		in := uint32(0)
		for i := 0; i+1 < len(script) && i < 64; i += 2 {
			xid := uint32(script[i+1])
			var m []byte
			switch script[i] {
			case 'S':
				first := byte(1)
				if started[xid] {
					first = 0
				}
				started[xid], in = true, xid
				m = w.streamStart(xid, first)
			case 'E':
				m = w.frame([]byte{'E'})
			case 'A':
				m = w.streamAbort(in, xid)
				if in == xid {
					delete(started, xid)
				}
			case 'c':
				m = w.streamCommit(xid, 1000+uint64(i))
				delete(started, xid)
			default:
				if body == "" {
					return
				}
				m = w.streamFrame(xid, w.frame([]byte(body)))
			}
			if d.copyData(t.Context(), m) != nil {
				break
			}
		}
		if err := d.stream.spill.close(); err != nil {
			t.Fatal(err)
		}
		if d.stream.spill.held != 0 || d.stream.spill.disk != 0 {
			t.Fatalf("%d bytes are held, %d on disk, of nothing", d.stream.spill.held, d.stream.spill.disk)
		}
		for _, c := range d.stream.cur.changes {
			if c.Table == nil || len(c.ID) == 0 {
				t.Fatalf("half a change came out: %+v", c)
			}
		}
	})
}
