package snapshot

import (
	"context"
	"errors"

	"sluice/schemas"
)

// Tx names a transaction: PostgreSQL's transaction id, or MySQL's server UUID
// and sequence number. It is only compared, and shown to a View.
type Tx struct {
	Origin [16]byte
	Seq    uint64
}

// View is what one database snapshot sees. A view taken later sees all that an
// earlier one saw. Its methods are safe for concurrent use.
type View interface {
	// Sees reports whether the transaction had ended, visibly, when the view was
	// taken.
	Sees(Tx) bool
	// String is the view and its mark as text, for Database.ParseView.
	String() string
}

// Key is the text of a key's values, in key order.
type Key []string

// Database opens sessions for the workers. Its methods are safe for concurrent
// use.
type Database interface {
	// Connect opens a session. An error that wraps capture.ErrLost, or a
	// *schemas.Fault, ends the snapshot's run.
	Connect(ctx context.Context) (Reader, error)
	// ParseView reads what View.String wrote.
	ParseView(text string) (View, error)
	// Free takes back a chunk that nobody will read.
	Free(*Chunk)
}

// Reader is a session of one worker, used by one goroutine.
type Reader interface {
	// Split says how the table is laid out and cuts it into about that many
	// ranges, fewer where it is small.
	Split(ctx context.Context, table string, parts int) (Layout, error)
	// Read reads rows of one range in key order, in a database snapshot of its
	// own, up to about the chunk size.
	Read(ctx context.Context, r Request) (*Chunk, error)
	// ReadAll reads a whole table in one database snapshot and hands out its
	// rows in chunks; More is false on the last one, which may be empty.
	ReadAll(ctx context.Context, r Request, out func(*Chunk) error) error
	// Suspects lists the transactions that hold a transaction id and are not
	// visible yet.
	Suspects(ctx context.Context) ([]Suspect, error)
	// Settle lowers the mark of a view that has waited long for the log to reach
	// it, if it may.
	Settle(ctx context.Context, v View) error
	Close(ctx context.Context) error
}

// Errors of a Reader.
var (
	// ErrAgain: the same read may succeed a little later.
	ErrAgain = errors.New("read again")
	// ErrLayout: the table has another key than Split found.
	ErrLayout = errors.New("the table's key changed")
	// ErrGone: the table is no longer there; its snapshot ends.
	ErrGone = errors.New("the table is gone")
)

// Layout is what Split found.
type Layout struct {
	// Keyless tables are read whole.
	Keyless bool
	// Rows is an estimate; 0 where unknown.
	Rows int64
	// Bounds are the last keys of all ranges but the last, in key order.
	Bounds []Key
}

// Request is what a Reader is to read.
type Request struct {
	Table string
	// Where is a condition in SQL; "" for all rows.
	Where string
	// After and UpTo bound the range: key > After, key <= UpTo; nil: no bound.
	After, UpTo Key
	// ID begins the ID of each row; the row's number follows, in 16 digits of
	// hexadecimal. First is the number of the first row.
	ID    string
	First int64
	// Incremental says that the rows were asked for by a person, and are not
	// part of the table's first copy.
	Incremental bool
	// Usable is called with the view before rows are read; its error is
	// returned by the read at once.
	Usable func(View) error
}

// Chunk is a run of rows read in one view.
type Chunk struct {
	View View
	// Changes have Op Read.
	Changes []schemas.Change
	// Rows is how many were read; Engine.Ready takes some out of Changes.
	Rows int
	// Last is the key of the last row read; unset where none was.
	Last Key
	// More says that the range may hold more rows.
	More bool
	// Memory belongs to the Database.
	Memory any

	// Set by Engine.Ready: Incremental is as in the Request;
	Incremental bool
	// FirstOfTable, LastOfTable, FirstOfAll and LastOfAll say which edges of
	// the snapshot the first and the last of Changes are.
	FirstOfTable, LastOfTable, FirstOfAll, LastOfAll bool
}

// Suspect is a transaction that may have its commit in the log and is not
// visible yet.
type Suspect struct {
	Tx Tx
	// Name says who it is, for the log.
	Name string
	// Running: it certainly has not begun to commit.
	Running bool
}
