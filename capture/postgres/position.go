package postgres

import (
	"encoding/json"
	"fmt"

	"github.com/jackc/pglogrepl"

	"sluice/schemas"
)

// lsn is a place in the server's log.
type lsn = pglogrepl.LSN

// position is what a schemas.Position of this source says.
type position struct {
	// Commit is the commit record of the transaction of the last event, Row
	// how many of its row messages came before this position.
	Commit logPlace `json:"commit"`
	Row    int64    `json:"row"`
	// Messages is how many logical decoding messages of the transaction came
	// before. A message outside of transactions is a position by itself: Commit
	// is the end of its record, Row 0. A transaction whose commit record begins
	// there comes behind it.
	Messages int64 `json:"messages,omitempty"`
	// LSN is where reading starts again, and what may be confirmed to the
	// server once the position is durable: everything before it is in Kafka.
	LSN logPlace `json:"lsn"`
	// System, Timeline and Slot say which log the numbers are of.
	System   string `json:"system"`
	Timeline int32  `json:"timeline"`
	Slot     string `json:"slot"`
	// Copies is what the snapshot's engine has done and is about to do.
	Copies json.RawMessage `json:"copies,omitempty"`
	// Snapshot says that a snapshot is under way.
	Snapshot bool `json:"snapshot,omitempty"`
}

// logPlace is an lsn, in JSON as PostgreSQL writes it.
type logPlace lsn

// MarshalText writes "16/B374D848".
func (p logPlace) MarshalText() ([]byte, error) { return []byte(lsn(p).String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *logPlace) UnmarshalText(b []byte) error {
	l, err := pglogrepl.ParseLSN(string(b))
	*p = logPlace(l)
	return err
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
	if out.LSN == 0 || out.System == "" || out.Slot == "" || out.Row < 0 || out.Messages < 0 {
		return out, fmt.Errorf("position %q is not one of this source", p)
	}
	return out, nil
}
