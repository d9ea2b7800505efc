package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sluice/schemas"
)

// Spill is a capture's spill block: where the transactions go that the server
// sends before they are committed, until they are.
type Spill struct {
	// Dir holds a directory of this capture while transactions are too large
	// for Memory; default: the system's directory for temporary files.
	Dir string `yaml:"dir"`
	// Memory bounds what all of them hold in memory, beside one row; default
	// 16MiB.
	Memory schemas.Size `yaml:"memory"`
	// Max bounds what all of them hold on disk; past it the capture stops.
	// Default 0: whatever the disk holds.
	Max schemas.Size `yaml:"max"`
}

const (
	minSpillMemory  = 64 << 10
	spillMemory     = 16 << 20
	recordHeader    = 8 + 4 // place in the log, length
	subtransactions = 64    // about what one subtransaction takes in memory
)

func (c *Spill) defaults() {
	if c.Memory == 0 {
		c.Memory = spillMemory
	}
}

// spill keeps the raw messages of the transactions in progress, each by itself.
// Together they hold up to limit bytes in memory; past it the largest goes to a
// file of its own. A file holds the beginning of its transaction, memory the
// rest. It is the reader's alone.
type spill struct {
	dir        string // this capture's own; made when first needed
	limit, max int64
	txns       map[uint32]*pending
	held, disk int64
	usual      int      // bytes of a chunk
	free       [][]byte // such chunks, to be used again
	made       bool
	// begun and spilled count transactions, for the log's readers and tests.
	begun, spilled int64
}

// newSpill makes the store of a slot, which names it among all captures: no two
// read one slot.
func newSpill(c Spill, capture, system, slot string) *spill {
	dir := c.Dir
	if dir == "" {
		dir = os.TempDir()
	}
	plain := func(r rune) rune {
		if strings.ContainsRune(`/\`+"\x00", r) {
			return '_'
		}
		return r
	}
	return &spill{
		dir:   filepath.Join(dir, strings.Map(plain, "sluice-"+capture+"-"+system+"-"+slot)),
		limit: int64(c.Memory), max: int64(c.Max), txns: map[uint32]*pending{},
		usual: int(min(max(c.Memory/16, 4<<10), 256<<10)),
	}
}

// clean removes what a process left behind that was killed. The slot is ours by
// now, so nobody uses it.
func (s *spill) clean() error {
	if err := os.RemoveAll(s.dir); err != nil {
		return s.fault("removing what an earlier run left in it", err)
	}
	return nil
}

// close forgets all transactions, and their files.
func (s *spill) close() error {
	for xid := range s.txns {
		s.drop(xid)
	}
	if !s.made {
		return nil
	}
	s.made = false
	if err := os.RemoveAll(s.dir); err != nil {
		return s.fault("removing it", err)
	}
	return nil
}

// begin makes room for a transaction.
func (s *spill) begin(xid uint32) *pending {
	p := &pending{spill: s, xid: xid, first: map[uint32]int64{}}
	s.txns[xid] = p
	s.begun++
	return p
}

// drop forgets a transaction.
func (s *spill) drop(xid uint32) {
	p := s.txns[xid]
	if p == nil {
		return
	}
	p.forget()
	delete(s.txns, xid)
	if len(s.txns) == 0 {
		s.free = nil
	}
}

// relieve writes the largest transactions to disk until memory is within its
// limit.
func (s *spill) relieve() error {
	for s.held > s.limit {
		var largest *pending
		for _, p := range s.txns {
			if largest == nil || p.held > largest.held {
				largest = p
			}
		}
		if len(largest.chunks) == 0 {
			return nil // nothing but the names of subtransactions
		}
		if err := largest.write(); err != nil {
			return err
		}
	}
	return nil
}

// create makes the file of a transaction. The directory is made, never found:
// one that somebody else put there in the meantime is refused.
func (s *spill) create(xid uint32) (*os.File, error) {
	if !s.made {
		if err := os.MkdirAll(filepath.Dir(s.dir), 0o755); err != nil {
			return nil, s.fault("creating it", err)
		}
		if err := os.Mkdir(s.dir, 0o700); err != nil {
			return nil, s.fault("creating it", err)
		}
		s.made = true
	}
	f, err := os.OpenFile(filepath.Join(s.dir, fmt.Sprintf("%d.spill", xid)), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, s.fault("creating a file for transaction "+fmt.Sprint(xid), err)
	}
	s.spilled++
	return f, nil
}

// fault is what a person reads of a disk that fails.
func (s *spill) fault(what string, err error) error {
	return &schemas.Fault{
		Where: "spill", What: "directory " + s.dir + " for transactions in progress: " + what, Err: err,
		Cure: "free space there or set spill.dir to another disk; nothing is lost: started again, the server sends the transactions from their beginning",
	}
}

func (s *spill) full() error {
	return &schemas.Fault{
		Where: "spill", What: fmt.Sprintf("transactions in progress need more disk than spill.max, %s", schemas.Size(s.max)),
		Cure: "raise spill.max, or end the large transaction in the database; nothing is lost: started again, the server sends the transactions from their beginning",
	}
}

var errBroken = errors.New("its content is not what was written")

// header writes what stands before a message.
func header(b []byte, at lsn, n int) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	return binary.BigEndian.AppendUint32(b, uint32(n))
}
