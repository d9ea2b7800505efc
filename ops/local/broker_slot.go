package local

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// running is a file in the broker's directory while the broker runs. Found at
// the start, it says that the broker was killed. It holds the last commit that
// the broker was asked for, written before the first end marker of it: kfake
// handles one request at a time, so no other can be unfinished.
const running = "sluice-running"

// commit is what the end of a transaction makes visible beside its records.
type commit struct {
	Producer int64               `json:"producer"`
	Epoch    int16               `json:"epoch"`
	Offsets  map[string][]offset `json:"offsets,omitempty"` // by group
}

type offset struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Epoch     int32  `json:"epoch"`
	Metadata  string `json:"metadata,omitempty"`
}

// slot is the running file. kfake calls it from one goroutine at a time.
type slot struct {
	file    *os.File
	pending map[int64]*commit // offsets of open transactions, by producer
}

// openSlot makes the file, empty, and has the cluster fill it.
func openSlot(dir string, cluster *kfake.Cluster) (*slot, error) {
	f, err := os.Create(filepath.Join(dir, running))
	if err != nil {
		return nil, fmt.Errorf("writing into the broker's directory: %w", err)
	}
	s := &slot{file: f, pending: map[int64]*commit{}}
	cluster.ControlKey(int16(kmsg.TxnOffsetCommit), s.offsets)
	cluster.ControlKey(int16(kmsg.EndTxn), s.end)
	return s, nil
}

// remove says that the broker was closed in order.
func (s *slot) remove() {
	s.file.Close()
	_ = os.Remove(s.file.Name())
}

func (s *slot) offsets(r kmsg.Request) (kmsg.Response, error, bool) {
	req := r.(*kmsg.TxnOffsetCommitRequest)
	c := s.pending[req.ProducerID]
	if c == nil || c.Epoch != req.ProducerEpoch {
		c = &commit{Producer: req.ProducerID, Epoch: req.ProducerEpoch, Offsets: map[string][]offset{}}
		s.pending[req.ProducerID] = c
	}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			o := offset{Topic: t.Topic, Partition: p.Partition, Offset: p.Offset, Epoch: p.LeaderEpoch}
			if p.Metadata != nil {
				o.Metadata = *p.Metadata
			}
			c.Offsets[req.Group] = append(c.Offsets[req.Group], o)
		}
	}
	return nil, nil, false
}

func (s *slot) end(r kmsg.Request) (kmsg.Response, error, bool) {
	req := r.(*kmsg.EndTxnRequest)
	c := s.pending[req.ProducerID]
	delete(s.pending, req.ProducerID)
	if !req.Commit {
		return nil, nil, false
	}
	if c == nil || c.Epoch != req.ProducerEpoch {
		c = &commit{Producer: req.ProducerID, Epoch: req.ProducerEpoch}
	}
	text, err := json.Marshal(c)
	if err == nil {
		// One write, so that a kill leaves all of it or nothing.
		_, err = s.file.WriteAt(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...), 0)
	}
	if err != nil {
		// The connection is closed: better no commit than half of one.
		return nil, fmt.Errorf("writing the commit ahead: %w", err), true
	}
	return nil, nil, false
}

// killed reports whether the broker of dir was not closed.
func killed(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, running))
	return err == nil
}

// interrupted returns the commit that the broker of dir was killed in, nil if
// there is none.
func interrupted(dir string) (*commit, error) {
	b, err := os.ReadFile(filepath.Join(dir, running))
	if err != nil {
		return nil, fmt.Errorf("reading the last commit: %w", err)
	}
	if len(b) < 4 || len(b)-4 < int(binary.BigEndian.Uint32(b)) {
		return nil, nil
	}
	var c commit
	if err := json.Unmarshal(b[4:4+binary.BigEndian.Uint32(b)], &c); err != nil {
		return nil, fmt.Errorf("reading the last commit: %w", err)
	}
	// kfake notes a transaction's end as the last step of it, and each new
	// epoch of a producer.
	log, err := os.ReadFile(filepath.Join(dir, "pids.log"))
	if err != nil {
		return nil, fmt.Errorf("reading the producers: %w", err)
	}
	open := false
	for len(log) >= 10 {
		// An entry: length of what follows the checksum, checksum, version,
		// JSON; little endian.
		n := int(binary.LittleEndian.Uint32(log))
		if n < 2 || 8+n > len(log) {
			break
		}
		var e struct {
			Type  string `json:"type"`
			PID   int64  `json:"pid"`
			Epoch int16  `json:"epoch"`
		}
		if json.Unmarshal(log[10:8+n], &e) == nil && e.PID == c.Producer {
			open = e.Type == "init" && e.Epoch == c.Epoch
		}
		log = log[8+n:]
	}
	if !open {
		return nil, nil
	}
	return &c, nil
}
