package capture

import "context"

// Signal is what a person asks of the snapshots of a running capture.
type Signal struct {
	// Number orders the signals of a capture; it is the offset in Kafka.
	Number int64 `json:"-"`
	// Action is one of the constants below.
	Action string `json:"action"`
	// Tables are "schema.table".
	Tables []string `json:"tables,omitempty"`
	// Where is a condition in the database's SQL: copy only such rows.
	Where string `json:"where,omitempty"`
}

// Actions of a Signal.
const (
	// CopyTables copies tables, whether or not they were before.
	CopyTables = "snapshot"
	// PauseCopies, ResumeCopies: all snapshots of the capture.
	PauseCopies  = "pause"
	ResumeCopies = "resume"
	// CancelCopies ends the copies of Tables that were asked for; of none named,
	// of all. First copies cannot be cancelled.
	CancelCopies = "cancel"
)

// Snapshotter is a Source whose snapshots obey signals. Its methods may be
// called while Next waits, and between Open and Close only.
type Snapshotter interface {
	// Signal obeys. What it did is part of the positions of later batches, with
	// the signal's number: one whose number is not above Signalled is ignored.
	Signal(ctx context.Context, s Signal) error
	// Signalled is the number of the last signal obeyed; -1: none ever.
	Signalled() int64
}
