package capture

import (
	"context"

	"sluice/schemas"
)

// Level is how bad a Finding is.
type Level string

// The levels of a Finding. Only a Problem keeps the capture from working, now
// or at its next start; a Warning may cost the database or the data later.
const (
	Fine    Level = "ok"
	Warning Level = "warning"
	Problem Level = "problem"
)

// Finding is what a look at one thing showed.
type Finding struct {
	// Check is the thing in a few words: "wal_level", "replica identity".
	Check string `json:"check"`
	// Object is what it is of, where there are several: a table, a slot.
	Object string `json:"object,omitempty"`
	Level  Level  `json:"level"`
	// Says is what was found, in one line.
	Says string `json:"says"`
	// Cure is what to do, with the command to paste; empty where all is well.
	Cure string `json:"cure,omitempty"`
}

// Doctor is a Source that can look at the health of what it reads, without
// changing anything, whether or not another process reads it.
type Doctor interface {
	// Diagnose looks at everything there is. saved is the position from which
	// the capture would go on, the zero Position where there is none or nobody
	// knows. admin is a connection string to look with instead of the source's
	// own, or empty. What cannot be asked is a Finding, too; the error is for
	// ctx alone.
	Diagnose(ctx context.Context, saved schemas.Position, admin string) ([]Finding, error)
}

// Granter is a Source that can say which rights its role needs.
type Granter interface {
	// Grants returns the least statements, ready to be run by an administrator.
	// With admin, a connection string, they name what the database has; without
	// it they follow from the configuration, and say where it is not enough.
	Grants(ctx context.Context, admin string) (string, error)
}
