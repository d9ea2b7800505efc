package mysql

import (
	"encoding/json"
	"fmt"

	"sluice/schemas"
)

// position is what a schemas.Position of this source says.
type position struct {
	// Server is whose log it is, ID its server_id.
	Server string `json:"server"`
	ID     uint32 `json:"server_id"`
	// GTIDs are the transactions that lie wholly before this position; empty
	// where the server has none.
	GTIDs string `json:"gtids,omitempty"`
	// Place is where the transaction in hand begins, or the next one will. Made
	// is when its file was begun, in seconds since the epoch.
	Place place  `json:"place"`
	Made  uint32 `json:"made,omitempty"`
	// GTID names the transaction in hand, where it has a name, and Row is how
	// many of its rows, of all tables, lie before this position; 0: none is in
	// hand.
	GTID string `json:"gtid,omitempty"`
	Row  int64  `json:"row,omitempty"`
	// XA are the transactions that were prepared before this position, and neither
	// committed nor rolled back.
	XA []string `json:"xa,omitempty"`
	// Copies is what the snapshot's engine has done and is about to do.
	Copies json.RawMessage `json:"copies,omitempty"`
	// Snapshot says that a snapshot is under way.
	Snapshot bool `json:"snapshot,omitempty"`
}

func (p *position) encode() schemas.Position {
	b, err := json.Marshal(p)
	if err != nil { // no value of these types is refused
		panic(err)
	}
	return schemas.Position(b)
}

func parsePosition(p schemas.Position) (position, error) {
	var out position
	if err := json.Unmarshal([]byte(p), &out); err != nil {
		return out, fmt.Errorf("reading position %q: %w", p, err)
	}
	if out.Server == "" || out.Place.isZero() || out.Row < 0 {
		return out, fmt.Errorf("position %q is not one of this source", p)
	}
	return out, nil
}
