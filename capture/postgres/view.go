package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pglogrepl"

	"sluice/capture/snapshot"
)

// view is a pg_current_snapshot() and its mark: a place in the log behind the
// commit records of all it sees.
type view struct {
	xmin, xmax uint64
	running    []uint64 // below xmax, ascending
	mark       atomic.Uint64
}

// parseView reads "xmin:xmax:xid,xid".
func parseView(text string, mark lsn) (*view, error) {
	v := &view{}
	parts := strings.Split(text, ":")
	bad := fmt.Errorf("%q is no pg_snapshot", text)
	if len(parts) != 3 {
		return nil, bad
	}
	var err1, err2 error
	v.xmin, err1 = strconv.ParseUint(parts[0], 10, 64)
	v.xmax, err2 = strconv.ParseUint(parts[1], 10, 64)
	if err1 != nil || err2 != nil {
		return nil, bad
	}
	for _, x := range strings.FieldsFunc(parts[2], func(c rune) bool { return c == ',' }) {
		n, err := strconv.ParseUint(x, 10, 64)
		if err != nil {
			return nil, bad
		}
		v.running = append(v.running, n)
	}
	slices.Sort(v.running)
	v.mark.Store(uint64(mark))
	return v, nil
}

// parseMarked reads what String wrote.
func parseMarked(text string) (*view, error) {
	head, place, _ := strings.Cut(text, "@")
	mark, err := pglogrepl.ParseLSN(place)
	if err != nil {
		return nil, fmt.Errorf("%q is no view: %w", text, err)
	}
	return parseView(head, mark)
}

// String writes "xmin:xmax:xid,xid@lsn".
func (v *view) String() string {
	b := fmt.Appendf(nil, "%d:%d:", v.xmin, v.xmax)
	for i, x := range v.running {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, x, 10)
	}
	return string(b) + "@" + lsn(v.mark.Load()).String()
}

// Sees reports whether the transaction had ended when the snapshot was taken.
func (v *view) Sees(tx snapshot.Tx) bool {
	x := v.widen(uint32(tx.Seq))
	if x < v.xmin {
		return true
	}
	if x >= v.xmax {
		return false
	}
	_, runs := slices.BinarySearch(v.running, x)
	return !runs
}

// widen gives a transaction id of the log its epoch: ids in use never lie more
// than 2^31 apart.
func (v *view) widen(xid uint32) uint64 {
	return uint64(int64(v.xmax) + int64(int32(xid-uint32(v.xmax))))
}

// passed reports whether a stream that came to the place has brought all that
// the view sees.
func (v *view) passed(at logPlace) bool { return uint64(at) >= v.mark.Load() }

// transaction names a transaction as pgoutput does.
func transaction(xid uint32) snapshot.Tx { return snapshot.Tx{Seq: uint64(xid)} }
