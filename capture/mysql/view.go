package mysql

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"sluice/capture/snapshot"
)

// view is what one database snapshot sees, as a bound in the log or in GTIDs, and
// its mark: a place in the log behind the commits of all it sees.
//
//   - MySQL with GTIDs: Seen is gtid_executed from before the snapshot was opened.
//     A transaction is added to it after it is visible, so all of Seen is. Others
//     may be; for those the bound errs on the safe side: keys are left to their
//     events, and a table without a key takes the view only if no change that was
//     left out is among them.
//   - MySQL without GTIDs: UpTo is a place read while the table was locked against
//     writes, before the snapshot was opened. All that wrote the table before has
//     ended, visibly.
//   - MariaDB: UpTo is the place that the snapshot itself was taken at: the server
//     takes it between two commits, in the order of the log.
type view struct {
	// Server is whose log the places are in.
	Server string `json:"server"`
	Mark   place  `json:"mark"`
	UpTo   place  `json:"up_to,omitzero"`
	Text   string `json:"seen,omitempty"`

	seen  gtids
	other bool // the places are of another server than the stream's
}

var _ snapshot.View = (*view)(nil)

// Sees reports whether the transaction was certainly visible.
func (v *view) Sees(tx snapshot.Tx) bool {
	if v.seen != nil {
		return v.seen.sees(tx)
	}
	return !v.other && tx.Seq < placeNumber(v.UpTo)
}

// String is the view as JSON.
func (v *view) String() string {
	b, err := json.Marshal(v)
	if err != nil { // no value of these types is refused
		panic(err)
	}
	return string(b)
}

// passed reports whether a stream that came to the place has brought all that the
// view sees.
func (v *view) passed(at place) bool { return !v.other && at.compare(v.Mark) >= 0 }

// parseView reads what String wrote.
func (s *Source) parseView(text string) (*view, error) {
	v := &view{}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return nil, fmt.Errorf("%q is no view: %w", text, err)
	}
	v.other = v.Server != s.server.name
	if v.Text != "" {
		var err error
		if v.seen, err = parseGTIDs(v.Text, s.server.maria); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// placeNumber orders places in one number: files have less than 2^40 bytes and
// there are less than 2^24 of them.
func placeNumber(p place) uint64 { return p.number()<<40 | p.Pos }

// tx names the transaction in hand for the snapshot's engine: by its GTID on
// MySQL, where views are sets of them, else by where it begins.
func (d *decoder) tx() snapshot.Tx {
	if d.hand.gtid.number != 0 && !d.hand.gtid.maria {
		return d.hand.gtid.tx()
	}
	return placeTx(d.hand.first)
}

func placeTx(p place) snapshot.Tx {
	tx := snapshot.Tx{Seq: placeNumber(p)}
	binary.BigEndian.PutUint64(tx.Origin[8:], 1) // no server's UUID
	return tx
}
