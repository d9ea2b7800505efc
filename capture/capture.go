package capture

import (
	"context"
	"time"

	"sluice/schemas"
)

// Source reads one database. Its methods are called from one goroutine, except
// Ack, which may be called while Next waits.
type Source interface {
	// Open connects and resumes after from. The zero Position starts with a
	// snapshot. ctx bounds the connecting only. Errors that a person must mend
	// (privileges, settings, a position that no longer fits the source) are
	// *schemas.Fault and permanent; others may be tried again.
	Open(ctx context.Context, from schemas.Position) error
	// Next waits for the next batch. The batch and all it points to are valid
	// until the following call of Next. io.EOF: the source has ended for good.
	// ErrLost (wrapped): the connection is gone, Close and Open again from the
	// last saved position.
	Next(ctx context.Context) (Batch, error)
	// Ack tells the source that everything up to the position is durable in
	// Kafka, so that it may forget it. Positions come in order; one never seen
	// in a Batch of this Open is ignored.
	Ack(ctx context.Context, upTo schemas.Position) error
	// Close frees the connections and joins the goroutines. It may be called
	// again, and after a failed Open.
	Close(ctx context.Context) error
}

// Batch is a run of changes, in the order of the source.
type Batch struct {
	// Changes may be empty where only the position moved.
	Changes []schemas.Change
	// Position is where a source resumes to read exactly what follows the last
	// change. It need not be the end of a transaction.
	Position schemas.Position
	// Bytes is about how much memory the changes hold.
	Bytes int
	// Time is when the last change was committed in the source, by the
	// source's clock; zero where unknown.
	Time time.Time
	// Snapshot says that the changes are rows of a snapshot.
	Snapshot bool
}
